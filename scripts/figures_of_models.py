"""Figures of docs/studies/models.md, notes.md and korean-text.md; scripts/draw_figures.py draws them. Each shows one claim."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs/results"
STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.w_pad": 0.08, "figure.constrained_layout.h_pad": 0.08,
}  # fmt: skip
BLUE, RED, ORANGE, GRAY = "#2f6db3", "#b3562f", "#d98a1f", "#6b7280"
RIVALS = ("tfidf_svm", "fasttext", "korcen", "majority")
ONE_CLASS = (
    "autoencoder", "overcomplete_autoencoder", "vae", "lstm_autoencoder", "isolation_forest", "one_class_svm",
)  # fmt: skip


def results(name: str) -> list[dict[str, str]]:
    """Rows of a file of docs/results."""
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def models_difference() -> Figure:
    """No model beats n-grams by much: differences in average precision to the baseline, by corpus."""
    rows = [row for row in results("models") if row["metric"] == "average_precision" and row["difference"]]
    by = {(row["corpus"], row["entry"]): row for row in rows}
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    left_out = (*ONE_CLASS, "majority", "korcen")  # so far behind that they would press the others together
    entries = [entry for entry in dict.fromkeys(row["entry"] for row in rows) if entry not in left_out]
    entries.sort(key=lambda entry: -sum(float(by[corpus, entry]["difference"]) for corpus in corpora))
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    panels = figure.subplots(1, len(corpora), sharey=True)
    for panel, corpus in zip(panels, corpora, strict=True):
        for place, entry in enumerate(entries):
            difference_bar(panel, by[corpus, entry], place, RED if entry in RIVALS else BLUE)
        difference_axis(panel, corpus)
        panel.set_xlim(-0.28, 0.05)
    panels[0].set_yticks(range(len(entries)), entries)
    panels[0].invert_yaxis()
    figure.supxlabel("Δ average precision vs ngram_logistic, 95 % interval", fontsize=9)
    figure.legend(
        [marker(BLUE), marker(RED), marker(GRAY), marker(GRAY, hollow=True)],
        ["model of toxiclf", "rival", "statistically significant (Holm)", "not significant"],
        loc="outside upper center", ncols=4, frameon=False,
    )  # fmt: skip
    return figure


def models_cost() -> Figure:
    """Ensembles buy little for much training time: average precision against the time to fit, on curse."""
    rows = [row for row in results("models") if row["metric"] == "average_precision" and row["corpus"] == "curse"]
    majority = next(float(row["mean"]) for row in rows if row["entry"] == "majority")
    rows = [row for row in rows if row["entry"] not in (*ONE_CLASS, "majority")]
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.axhline(majority, color=GRAY, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.5, 300)
    axes.set_ylim(0.3, 0.95)
    axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.minorticks_off()
    axes.set_xlabel("time to fit on one core, s (median, out-of-fold scores included)")
    axes.set_ylabel("average precision, 95 % interval")
    points = []
    for row in rows:
        x, y = float(row["fit_seconds"]), float(row["mean"])
        color = RED if row["entry"] in RIVALS else BLUE
        axes.errorbar(
            x, y, yerr=y - float(row["low"]), marker="o", markersize=4, capsize=2, elinewidth=0.8, color=color
        )
        points.append((x, y, row["entry"]))
    axes.legend([marker(BLUE), marker(RED)], ["model of toxiclf", "rival"], loc=(0.75, 0.25), frameon=False)
    figure.draw_without_rendering()
    axes.text(0.55, majority + 0.008, f"majority class, {majority:.3f}".replace("0.", "."), color=GRAY)
    taken = []
    for row in rows:
        ends = [(float(row["fit_seconds"]), float(row[key])) for key in ("low", "high")]
        (x, low), (_, high) = axes.transData.transform(ends)
        taken.append(Bbox.from_extents(x - 6, low - 2, x + 6, high + 2))
    for x, y, text in sorted(points, key=lambda point: -point[1]):
        place_name(axes, text, (x, y), taken)
    figure.set_layout_engine("none")
    return figure


def notes() -> Figure:
    """Each published accuracy is met: ours with its interval beside that of the notes."""
    rows = [row for row in results("notes") if row["metric"] == "accuracy" and row["published"]]
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        ours, theirs = float(row["mean"]), float(row["published"])
        axes.errorbar(
            ours, place, xerr=ours - float(row["low"]), marker="o", markersize=5, capsize=3, elinewidth=1, color=BLUE
        )
        axes.plot(theirs, place, marker="D", markersize=5, color=RED, markerfacecolor="white")
    axes.set_yticks(range(len(rows)), [row["entry"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0.6, 0.9)
    axes.set_xticks([0.6, 0.7, 0.8, 0.9], [".6", ".7", ".8", ".9"])
    toxic = next(row for row in results("models") if row["corpus"] == "curse" and row["entry"] == "majority")
    majority = 1 - float(toxic["mean"])  # its average precision is the share of toxic comments
    axes.axvline(majority, color=GRAY, linestyle="--", linewidth=1)
    axes.text(majority + 0.004, 0.5, f"majority class, {majority:.3f}".replace("0.", "."), color=GRAY, va="center")
    axes.set_xlabel("accuracy on curse")
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(
        [Line2D([], [], color=RED, marker="D", markerfacecolor="white", linestyle=""), marker(BLUE)],
        ["notes, one run", "ours, mean of five seeds with 95 % interval"],
        loc="outside upper center", ncols=2, frameon=False,
    )  # fmt: skip
    return figure


def korean_text_vectors() -> Figure:
    """The shipped word vectors are ahead: differences of other vectors to them."""
    rows = [row for row in results("korean-text") if row["table"] == "vectors" and row["difference"]]
    return korean_text_differences(rows, "Δ average precision vs ko-comments, 95 % interval", (-0.14, 0.03), 3.2)


def korean_text_tokenizers() -> Figure:
    """Single characters lead and whole words trail where texts are few: differences to mecab."""
    rows = [row for row in results("korean-text") if row["table"] == "tokenizer" and row["difference"]]
    rows.sort(key=lambda row: (row["corpus"] != "curse", -float(row["difference"])))
    return korean_text_differences(rows, "Δ average precision vs mecab, 95 % interval", (-0.26, 0.1), 3.4)


def korean_text_disguised() -> Figure:
    """Views win back what disguised words take: differences to the comments as written."""
    rows = [row for row in results("korean-text") if row["table"] == "disguised" and row["difference"]]
    figure = Figure(figsize=(8, 3.0), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    models = list(dict.fromkeys(row["model"] for row in rows))
    colors = {"disguised, no view": RED, "disguised, all views": BLUE}
    for panel, corpus in zip(panels, ("curse", "beep"), strict=True):
        for row in rows:
            if row["corpus"] == corpus:
                aside = -0.14 if row["row"] == "disguised, no view" else 0.14
                difference_bar(panel, row, models.index(row["model"]) + aside, colors[row["row"]], filled=True)
        difference_axis(panel, corpus)
        panel.set_xlim(-0.07, 0.07)
    panels[0].set_yticks(range(len(models)), models)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    figure.supxlabel("Δ average precision vs comments as written, 95 % interval", fontsize=9)
    figure.legend(
        [marker(color) for color in colors.values()], list(colors), loc="outside upper center", ncols=2, frameon=False
    )
    return figure


def korean_text_differences(
    rows: Sequence[Mapping[str, str]], label: str, limits: tuple[float, float], high: float
) -> Figure:
    """Two panels, curse and beep; a line for each row, by model where there are several."""
    several = len({row["model"] for row in rows}) > 1
    names = [f"{row['row']}, {row['model']}" if several else row["row"] for row in rows]
    lines = list(dict.fromkeys(names))
    figure = Figure(figsize=(8, high), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, corpus in zip(panels, ("curse", "beep"), strict=True):
        for name, row in zip(names, rows, strict=True):
            if row["corpus"] == corpus:
                difference_bar(panel, row, lines.index(name), ORANGE if row["model"] == "cnn" else BLUE, filled=True)
        difference_axis(panel, corpus)
        panel.set_xlim(*limits)
    panels[0].set_yticks(range(len(lines)), lines)
    panels[0].set_ylim(len(lines) - 0.5, -0.5)
    figure.supxlabel(label, fontsize=9)
    return figure


def difference_bar(axes: Axes, row: Mapping[str, str], place: float, color: str, *, filled: bool | None = None) -> None:
    """A difference with its interval; hollow where it is not statistically significant."""
    if filled is None:
        filled = bool(row["holm"]) and float(row["holm"]) < 0.05
    middle, low, high = (float(row[key]) for key in ("difference", "difference_low", "difference_high"))
    axes.errorbar(
        middle, place, xerr=[[middle - low], [high - middle]], marker="o", markersize=5, capsize=3, elinewidth=1,
        color=color, markerfacecolor=color if filled else "white",
    )  # fmt: skip


def difference_axis(axes: Axes, title: str) -> None:
    """A line at zero, and light lines for the rows."""
    axes.axvline(0, color=GRAY, linewidth=1)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(title)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.2f}".replace("0.", ".") if abs(value) > 1e-9 else "0")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))


def marker(color: str, *, hollow: bool = False) -> Line2D:
    """A point for a legend."""
    return Line2D([], [], color=color, marker="o", linestyle="", markerfacecolor="white" if hollow else color)


def place_name(axes: Axes, text: str, point: tuple[float, float], taken: list[Any]) -> None:
    """Write `text` at the nearest free place around `point`; a thin line leads to it where it is far."""
    turns = [(cos(turn * pi / 6), sin(turn * pi / 6)) for turn in (0, 6, 1, 5, 11, 7, 2, 4, 10, 8)]
    for far in (7, 14, 24, 36, 50, 65, 80):
        for x, y in turns:
            label = axes.annotate(
                text, point, (x * far, y * far), textcoords="offset points", fontsize=8, va="center",
                ha="left" if x > 0 else "right",
            )  # fmt: skip
            box = label.get_window_extent()
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.figure.bbox.x1 and axes.bbox.y0 <= box.y0
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                if far > 7:
                    line = {"arrowstyle": "-", "linewidth": 0.4, "color": GRAY}
                    axes.annotate("", point, (x * far, y * far), textcoords="offset points", arrowprops=line)
                return
            label.remove()


FIGURES: dict[str, Callable[[], Figure]] = {
    "models-difference": models_difference,
    "models-cost": models_cost,
    "notes": notes,
    "korean-text-vectors": korean_text_vectors,
    "korean-text-tokenizers": korean_text_tokenizers,
    "korean-text-disguised": korean_text_disguised,
}
