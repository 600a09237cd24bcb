"""Static figures of a run, by scikit-learn's displays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, precision_recall_curve

_KOREAN_FONTS = (
    "Noto Sans CJK KR",
    "NanumGothic",
    "Nanum Gothic",
    "Malgun Gothic",
    "AppleGothic",
    "UnDotum",
    "Baekmuk Gulim",
)
_Scores = NDArray[np.float32]
_Targets = NDArray[np.uint8]


def write_figures(
    folder: Path, scores: _Scores, targets: _Targets, thresholds: Sequence[float], labels: Sequence[str]
) -> list[str]:
    """Draw each figure with one panel a label.

    Parameters
    ----------
    scores, targets : of the evaluated rows, (n, n_labels).

    Returns
    -------
    The names of the PNG files in ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    titles = _drawable(labels)
    with matplotlib.rc_context(_text()):
        for name, draw in _FIGURES.items():
            columns = min(3, len(labels))
            rows = -(-len(labels) // columns)
            figure, axes = _panels(rows, columns)
            for j, axis in enumerate(axes):
                if j < len(labels) and 0 < targets[:, j].sum() < len(targets):
                    draw(axis, scores[:, j], targets[:, j], thresholds[j])
                    axis.set_title(f"{name.replace('_', ' ')}: {titles[j]}", fontsize=10)
                else:
                    axis.set_axis_off()
            figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
            names.append(f"{name}.png")
    return names


def _panels(rows: int, columns: int) -> tuple[Figure, NDArray[Any]]:
    """A figure of equal panels, with room for what stands around each: a layout that measures it takes as long as all drawing."""
    width, height = 5.0 * columns, 4.2 * rows
    figure = Figure(figsize=(width, height))
    room = {"left": 0.95 / width, "right": 1 - 0.15 / width, "bottom": 0.6 / height, "top": 1 - 0.4 / height}
    axes = figure.subplots(rows, columns, squeeze=False, gridspec_kw={**room, "wspace": 0.3, "hspace": 0.35})
    return figure, axes.ravel()


def write_history_figures(folder: Path, history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw loss and the figure of the validation part by epoch, one picture a network.

    Parameters
    ----------
    history : one row an epoch: epoch, loss, and what was measured on the validation part; of an ensemble the member, too.

    Returns
    -------
    The names of the PNG files in ``folder``.
    """
    names = []
    folder.mkdir(parents=True, exist_ok=True)
    for member in dict.fromkeys(row.get("member") for row in history):
        rows = [row for row in history if row.get("member") == member]
        name = "history.png" if member is None else f"history_{member.replace(' ', '_')}.png"
        _history(rows).savefig(folder / name, dpi=110, metadata={"Software": None})
        names.append(name)
    return names


def _history(history: Sequence[Mapping[str, Any]]) -> Figure:
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    losses = figure.subplots()
    losses.plot(epochs, [row["loss"] for row in history], "o-", color="tab:blue", label="training loss")
    losses.set(xlabel="epoch", ylabel="training loss")
    losses.xaxis.set_major_locator(MaxNLocator(integer=True))
    column = next(key for key in history[0] if key not in ("member", "epoch", "loss"))
    named = column.replace("_", " ")
    measured = losses.twinx()
    values = [row[column] for row in history]
    measured.plot(epochs, values, "s--", color="tab:orange", label=named)
    measured.set(ylabel=named)
    if np.isfinite(values).any():
        best = np.nanargmin(values) if column.endswith("error") else np.nanargmax(values)
        measured.axvline(epochs[best], linestyle=":", color="grey", label=f"best epoch, {epochs[best]}")
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return figure


def write_balance_figure(folder: Path, stages: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[str]:
    """Draw how many training rows hold each label before and after each remedy, and how many do not; a panel a label.

    Parameters
    ----------
    stages : name, rows and, by label, classes.

    Returns
    -------
    The name of the PNG file in ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    titles = _drawable(labels)
    with matplotlib.rc_context(_text()):
        columns = min(3, len(labels))
        figure, axes = _panels(-(-len(labels) // columns), columns)
        for axis in axes[len(labels) :]:
            axis.set_axis_off()
        places = np.arange(len(stages))
        for axis, label, title in zip(axes, labels, titles, strict=False):
            toxic = [stage["classes"][label] for stage in stages]
            others = [stage["rows"] - count for stage, count in zip(stages, toxic, strict=True)]
            for shift, counts, name in ((-0.2, others, "without"), (0.2, toxic, "with")):
                axis.bar_label(axis.bar(places + shift, counts, 0.4, label=name), fmt="{:,.0f}", fontsize=8)
            axis.set_xticks(places, [stage["name"] for stage in stages], fontsize=8)
            axis.set(ylabel="training rows")
            axis.set_title(f"class balance: {title}", fontsize=10)
            axis.set_ylim(top=1.2 * max(*toxic, *others))  # room for the legend
            axis.legend(fontsize=8, loc="upper center", ncols=2)
        figure.savefig(folder / "class_balance.png", dpi=110, metadata={"Software": None})
    return ["class_balance.png"]


def _confusion(axis: Axes, scores: _Scores, targets: _Targets, threshold: float) -> None:
    ConfusionMatrixDisplay.from_predictions(
        targets,
        scores >= np.float32(threshold),
        display_labels=["not toxic", "toxic"],
        cmap="Blues",
        ax=axis,
        colorbar=False,
    )


def _precision_recall(axis: Axes, scores: _Scores, targets: _Targets, threshold: float) -> None:
    PrecisionRecallDisplay.from_predictions(targets, scores, ax=axis, plot_chance_level=True, name="model")
    flagged, toxic = scores >= np.float32(threshold), targets == 1
    if flagged.any():
        hits = (flagged & toxic).sum()
        axis.plot(hits / toxic.sum(), hits / flagged.sum(), "o", label=f"threshold {threshold:.3f}")
    axis.set(xlabel="recall", ylabel="precision")
    axis.legend(fontsize=8)


def _threshold(axis: Axes, scores: _Scores, targets: _Targets, threshold: float) -> None:
    precision, recall, cuts = precision_recall_curve(targets, scores)
    axis.plot(cuts, precision[:-1], label="precision")
    axis.plot(cuts, recall[:-1], label="recall")
    axis.axvline(threshold, linestyle="--", color="grey", label=f"threshold {threshold:.3f}")
    axis.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1.02))
    axis.legend(fontsize=8)


def _calibration(axis: Axes, scores: _Scores, targets: _Targets, threshold: float) -> None:
    CalibrationDisplay.from_predictions(targets, scores, n_bins=10, strategy="quantile", ax=axis, name="model")
    axis.set(xlabel="mean score", ylabel="share of toxic comments")
    axis.legend(fontsize=8)


def _histogram(axis: Axes, scores: _Scores, targets: _Targets, threshold: float) -> None:
    bins = np.linspace(0, 1, 31).tolist()
    for value, name in ((0, "not toxic"), (1, "toxic")):
        axis.hist(scores[targets == value], bins=bins, alpha=0.6, density=True, label=name)
    axis.axvline(threshold, linestyle="--", color="grey", label=f"threshold {threshold:.3f}")
    axis.set(xlabel="score", ylabel="density")
    axis.legend(fontsize=8)


_FIGURES: dict[str, Callable[[Axes, _Scores, _Targets, float], None]] = {
    "confusion": _confusion,
    "precision_recall": _precision_recall,
    "threshold": _threshold,
    "calibration": _calibration,
    "score_histogram": _histogram,
}


def _text() -> dict[str, Any]:
    """How text is drawn: Hangul where a font has it, and no formulas."""
    return {"font.family": [*_korean_fonts(), "DejaVu Sans"], "axes.unicode_minus": False, "text.parse_math": False}


def _korean_fonts() -> list[str]:
    present = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in _KOREAN_FONTS if name in present]


def _drawable(labels: Sequence[str]) -> list[str]:
    """Names as they can be drawn: where no font has Hangul, a label is called by its number in the report's tables."""
    if _korean_fonts():
        return list(labels)
    return [label if label.isascii() else f"label {j}" for j, label in enumerate(labels, start=1)]
