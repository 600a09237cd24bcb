"""Draws the figures of the documentation: docs/images/*.svg from docs/results/*.csv.

    python scripts/draw_figures.py                           # all figures
    python scripts/draw_figures.py imbalance-threshold       # some of them
    python scripts/draw_figures.py --check                   # fail if a committed figure differs from its CSV file
    python scripts/draw_figures.py --to /tmp/figures         # into another folder

A figure is a function that takes nothing and returns a matplotlib figure; its name in `FIGURES` is the name of its file. Each shows
one claim, which is its title. The same CSV files and matplotlib version give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import figures_of_models
import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

ROOT = Path(__file__).parent.parent
RESULTS, IMAGES = ROOT / "docs/results", ROOT / "docs/images"

# -- style: 8 inches are 800 pixels of a page; a font size of 10 points is then 14 pixels high
WIDTH = 8.0
STYLE = {
    "svg.hashsalt": "toxiclf",  # ids in the SVG do not depend on chance
    "svg.fonttype": "path",  # letters are outlines, so that no reader's font makes names overlap
    "font.family": "DejaVu Sans",  # comes with matplotlib; has no Hangul
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "legend.frameon": False,
}
BLUE, RED, ORANGE, PURPLE, GREEN, GREY = "#2f6db3", "#c8442f", "#d98a1f", "#7a5bb0", "#3a8f5c", "#8a8f98"
INTERVAL = "95 % interval, n = 5 seeds"
MODELS = {"ngram_logistic": BLUE, "logistic": RED, "svm": ORANGE, "cnn": PURPLE, "dnn": GREEN}
TECHNIQUES = {  # names of entries in words
    "balanced weights": "class weights",
    "random_over": "oversampling",
    "random_under": "undersampling",
    "smote": "SMOTE",
    "wgan": "GAN",
    "triplet": "metric learning, triplets",
    "supervised_contrastive": "metric learning, contrastive",
    "eda": "EDA copies",
    "obfuscate": "obfuscated copies",
    "focal": "focal loss",
}


@dataclass(frozen=True)
class Value:
    """A mean, or a mean difference, with the half of its 95 % interval."""

    mean: float
    half: float


def canvas(title: str, height: float, columns: int = 1, rows: int = 1, **grid: object) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a page, its claim on top, and its panels."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False, **grid)
    return figure, list(panels.flat)


def short(value: float, _: int = 0) -> str:
    """A number as tables have it: .25, −.1, +0 as 0."""
    text = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    text = text.removeprefix("0") if text.startswith("0.") else text
    return text if value >= 0 or text == "0" else f"−{text}"


def numbers(axis: Axis) -> None:
    """Tick labels without the zero before the point."""
    axis.set_major_formatter(FuncFormatter(short))


def intervals(
    panel: Axes, values: Sequence[Value | None], places: Sequence[float], *, color: str, marker: str = "o", label: str
) -> None:
    """Means as markers with their intervals, one a row of a panel; a row without a value stays empty."""
    shown = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
    panel.errorbar(
        [value.mean for _, value in shown],
        [place for place, _ in shown],
        xerr=[value.half for _, value in shown],
        color=color,
        marker=marker,
        linestyle="none",
        markersize=5,
        elinewidth=1.2,
        capsize=2.5,
        label=label,
    )


def name_rows(panel: Axes, names: Sequence[str]) -> None:
    """Names down the left side, the first on top, with a zero line."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.axvline(0, color=GREY, linewidth=1, zorder=0)
    panel.grid(axis="x", color="#e6e8eb", linewidth=0.8)
    numbers(panel.xaxis)


def curves(panel: Axes, x: Sequence[float], values: Sequence[Value], *, color: str, marker: str, label: str) -> None:
    """Means over x with their intervals, connected."""
    panel.errorbar(
        x,
        [value.mean for value in values],
        yerr=[value.half for value in values],
        color=color,
        marker=marker,
        markersize=5,
        linewidth=1.5,
        elinewidth=1,
        capsize=2.5,
        label=label,
    )


# -- results


@cache
def results(name: str) -> dict[tuple[str, str, str, str], dict[str, str]]:
    """Rows of docs/results/NAME.csv by corpus, entry, metric and rows."""
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {(row["corpus"], row["entry"], row["metric"], row["rows"]): row for row in csv.DictReader(file)}


def row_of(name: str, corpus: str, entry: str, metric: str) -> dict[str, str] | None:
    """The row at the prevalence of training where there is one, else the row of the test set as it is."""
    rows = results(name)
    at_prevalence = rows.get((corpus, entry, metric, "at the training prevalence"))
    return at_prevalence or rows.get((corpus, entry, metric, "unweighted"))


def mean(name: str, corpus: str, entry: str, metric: str = "average_precision") -> Value | None:
    """A mean over seeds."""
    row = row_of(name, corpus, entry, metric)
    if row is None or not row["mean"]:
        return None
    return Value(float(row["mean"]), float(row["high"]) - float(row["mean"]) if row.get("high") else 0.0)


def difference(name: str, corpus: str, entry: str, metric: str = "average_precision") -> Value | None:
    """A mean difference to the entry's baseline, paired by seed."""
    row = row_of(name, corpus, entry, metric)
    if row is None or not row["difference"]:
        return None
    return Value(float(row["difference"]), float(row["difference_high"]) - float(row["difference"]))


def known(value: Value | None) -> Value:
    """A value that the CSV file must have."""
    if value is None:
        raise LookupError("a figure needs a value that its CSV file lacks")
    return value


# -- figures, one claim each


def imbalance_techniques() -> Figure:
    """What each technique adds at 5 % toxic comments, by model."""
    figure, (panel,) = canvas("No weights, resampling, GAN or augmentation beats a tuned threshold", 6.8)
    techniques = {
        "ngram_logistic": ("balanced weights", "eda", "obfuscate"),
        "cnn": ("balanced weights", "focal", "eda", "obfuscate"),
        "svm": ("balanced weights", "random_under", "smote"),
        "logistic": (
            "balanced weights", "random_over", "random_under", "smote", "wgan", "eda", "obfuscate", "triplet",
            "supervised_contrastive",
        ),
    }  # fmt: skip
    entries = [(model, technique) for model, found in techniques.items() for technique in found]
    for corpus, marker, color, shift in (("curse", "o", BLUE, -0.16), ("unsmile, any hate", "s", RED, 0.16)):
        values = [difference("imbalance", f"{corpus}, 5 %", f"{model}, {technique}") for model, technique in entries]
        intervals(panel, values, [i + shift for i in range(len(entries))], color=color, marker=marker, label=corpus)
    name_rows(panel, [f"{model}: {TECHNIQUES[technique]}" for model, technique in entries])
    for i, (one, other) in enumerate(pairwise(model for model, _ in entries)):
        if one != other:
            panel.axhline(i + 0.5, color="#c9ccd1", linewidth=0.8)
    panel.set_xlabel(f"Δ average precision vs the same model with a tuned threshold\n5 % toxic; {INTERVAL}")
    panel.legend(loc="upper right")
    return figure


def imbalance_threshold() -> Figure:
    """F1 that a threshold of .5 loses, with and without class weights."""
    figure, (panel,) = canvas("A threshold of .5 loses F1 when toxic comments are rare", 5.6)
    corpora = {
        "curse": "curse, 35 % (as it is)", "curse, 14 %": "curse, 14 %", "curse, 5 %": "curse, 5 %",
        "curse, 1 %": "curse, 1 %", "unsmile, any hate": "unsmile, any hate, 75 % (as it is)",
        "unsmile, any hate, 14 %": "unsmile, any hate, 14 %", "unsmile, any hate, 5 %": "unsmile, any hate, 5 %",
        "unsmile, any hate, 1 %": "unsmile, any hate, 1 %",
        "unsmile, 기타 혐오": "unsmile, other hate, 3.8 % (as it is)",
        "unsmile, 기타 혐오, 1 %": "unsmile, other hate, 1 %", "unsmile, 기타 혐오, 0.6 %": "unsmile, other hate, 0.6 %",
    }  # fmt: skip
    for entry, label, marker, color, shift in (
        ("ngram_logistic, threshold .5", "threshold .5", "o", RED, -0.2),
        ("ngram_logistic, balanced weights, threshold .5", "threshold .5, class weights", "s", ORANGE, 0),
        ("ngram_logistic, balanced weights", "tuned threshold, class weights", "D", BLUE, 0.2),
    ):
        values = [difference("imbalance", corpus, entry, "f1") for corpus in corpora]
        intervals(panel, values, [i + shift for i in range(len(corpora))], color=color, marker=marker, label=label)
    name_rows(panel, list(corpora.values()))
    panel.set_xlabel(f"Δ F1 of ngram_logistic vs a tuned threshold without class weights\n{INTERVAL}")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def imbalance_metric_learning() -> Figure:
    """Average precision of a linear model with and without metric learning, and of n-grams, by prevalence."""
    title = "A learned metric lifts a linear model over word vectors, but not to n-grams"
    figure, panels = canvas(title, 4.0, columns=2, sharey=True)
    series = {
        "ngram_logistic": ("ngram_logistic", BLUE, "o"),
        "logistic, supervised_contrastive": ("logistic, contrastive metric", GREEN, "s"),
        "logistic, triplet": ("logistic, triplets", ORANGE, "D"),
        "logistic": ("logistic", RED, "^"),
    }
    for panel, corpus, whole in zip(panels, ("curse", "unsmile, any hate"), (35, 75), strict=True):
        names = {1: f"{corpus}, 1 %", 5: f"{corpus}, 5 %", 14: f"{corpus}, 14 %", whole: corpus}
        for i, (entry, (label, color, marker)) in enumerate(series.items()):
            found = {x: mean("imbalance", name, entry) for x, name in names.items()}
            points = {x * 1.05 ** (i - 1.5): value for x, value in found.items() if value is not None}
            curves(panel, list(points), list(points.values()), color=color, marker=marker, label=label)
        panel.set_xscale("log")
        panel.set_xticks(list(names), [f"{x} %" for x in names])
        panel.minorticks_off()
        panel.set_title(corpus)
        panel.set_xlabel("prevalence")
        panel.set_ylim(0, 1)
        panel.grid(axis="y", color="#e6e8eb", linewidth=0.8)
        numbers(panel.yaxis)
    panels[0].set_ylabel(f"average precision\n{INTERVAL}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def augmentation() -> Figure:
    """Augmented copies of toxic comments alone and of all comments, for n-grams and a network."""
    title = "Augmenting toxic comments alone harms n-grams; augmenting all does not"
    figure, panels = canvas(title, 4.6, columns=2, sharex=True, sharey=True)
    methods = ("eda", "spacing", "repeat", "keyboard", "jamo", "aeda", "obfuscate")
    for panel, model in zip(panels, ("ngram_logistic", "cnn"), strict=True):
        for suffix, label, marker, color, shift in (
            (" × 4", "four copies of each toxic comment", "o", RED, -0.14),
            (", of all", "one copy of each comment", "s", BLUE, 0.14),
        ):
            values = [difference("balance", "curse, 5 %", f"{model}, {method}{suffix}") for method in methods]
            intervals(panel, values, [i + shift for i in range(len(methods))], color=color, marker=marker, label=label)
        name_rows(panel, methods)
        panel.set_title(f"{model}, curse at 5 % toxic")
        panel.set_xlabel(f"Δ average precision vs no augmentation\n{INTERVAL}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def rare_trees() -> Figure:
    """Tree models and nearest neighbors beside a plain forest, at 35 and 1 % toxic comments."""
    title = "At 1 % toxic, a balanced forest and boosting beat a plain forest, not n-grams"
    figure, panels = canvas(title, 4.6, columns=2, sharex=True, sharey=True)
    entries = {
        "random_forest, balanced weights": "forest, class weights", "balanced_random_forest": "balanced_random_forest",
        "easy_ensemble": "easy_ensemble", "rusboost": "rusboost", "lightgbm": "lightgbm",
        "lightgbm, balanced weights": "lightgbm, class weights", "xgboost": "xgboost",
        "xgboost, balanced weights": "xgboost, class weights", "knn": "knn",
    }  # fmt: skip
    for panel, corpus, share in zip(panels, ("curse", "curse, 1 %"), ("35 % (as it is)", "1 %"), strict=True):
        values = [difference("rare", corpus, entry) for entry in entries]
        intervals(panel, values, range(len(entries)), color=GREEN, label="trees or nearest neighbors")
        name_rows(panel, list(entries.values()))
        forest, ngrams = known(mean("rare", corpus, "random_forest")), known(mean("rare", corpus, "ngram_logistic"))
        panel.axvline(ngrams.mean - forest.mean, color=BLUE, linestyle="--", linewidth=1.5, label="ngram_logistic")
        panel.set_title(f"curse, {share}; forest {short(forest.mean)}")
        panel.set_xlabel(f"Δ average precision vs random_forest\n{INTERVAL}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def rare_metric_learning() -> Figure:
    """A learned metric before a linear model, a dense network and a support vector machine."""
    title = "A learned metric helps a linear model and harms nonlinear ones"
    figure, panels = canvas(title, 3.9, columns=2, sharex=True, sharey=True)
    entries = {
        "logistic, supervised_contrastive": "logistic: contrastive", "logistic, triplet": "logistic: triplets",
        "dnn, supervised_contrastive, balanced weights": "dnn: contrastive, class weights",
        "dnn, triplet": "dnn: triplets", "svm, supervised_contrastive": "svm: contrastive", "svm, triplet": "svm: triplets",
    }  # fmt: skip
    for panel, corpus, share in zip(panels, ("curse", "curse, 1 %"), ("35 % (as it is)", "1 %"), strict=True):
        for i, entry in enumerate(entries):
            color = MODELS[entry.partition(",")[0]]
            intervals(panel, [difference("rare", corpus, entry)], [i], color=color, label=entry)
        name_rows(panel, list(entries.values()))
        panel.set_title(f"curse, {share}")
        panel.set_xlabel(f"Δ average precision vs no metric\n{INTERVAL}")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "imbalance-techniques": imbalance_techniques,
    "imbalance-threshold": imbalance_threshold,
    "imbalance-metric-learning": imbalance_metric_learning,
    "augmentation": augmentation,
    "rare-trees": rare_trees,
    "rare-metric-learning": rare_metric_learning,
    **figures_of_models.FIGURES,
}


def svg(name: str) -> bytes:
    """A figure as SVG, the same bytes each time."""
    stream = io.BytesIO()
    with matplotlib.rc_context(STYLE | (figures_of_models.STYLE if name in figures_of_models.FIGURES else {})):
        FIGURES[name]().savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return b"\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + b"\n"


def main() -> None:
    """Draw or check the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(FIGURES)} (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a figure differs")
    parser.add_argument("--to", type=Path, default=IMAGES, help="folder of the figures")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(FIGURES)):
        parser.error(f"no figure is named {', '.join(unknown)}; expected some of {', '.join(FIGURES)}")
    stale = []
    for name in options.names or FIGURES:
        path, drawn = options.to / f"{name}.svg", svg(name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(drawn)
        elif not path.exists() or path.read_bytes() != drawn:
            stale.append(path.name)
    if stale:
        sys.exit(
            f"{', '.join(stale)}: not what docs/results gives. Run `python scripts/draw_figures.py` and commit the result."
        )


if __name__ == "__main__":
    main()
