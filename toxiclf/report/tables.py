"""Tables of a report as text, each with its heading first; terminal, Markdown and HTML show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toxiclf._registry import components, register
from toxiclf.bundle.prevalence import in_words
from toxiclf.evaluation.bootstrap import SUMMARY, MetricRow
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.report import BASELINE, Report, estimate

Table = list[list[str]]

_MOST_IMPORTANCES = 30


@register("format", "table", summary="The result table as rows of text")
def headline_table(report: Report) -> Table:
    """The model and the baseline, then each label where there are several."""
    metrics = metric_names("headline")
    heading = ["", *metrics]
    if not report.rows:
        return [heading]
    lines = [[report.model, *_cells(report.rows, SUMMARY, metrics)]]
    if report.baseline_rows:
        lines.append([f"{BASELINE} (baseline)", *_cells(report.baseline_rows, SUMMARY, metrics)])
    return [heading, *_with_labels(lines, report, report.rows, metrics)]


def production_table(report: Report) -> Table:
    """Figures at the production prevalence: the model, then each label where there are several."""
    metrics = metric_names("production")
    lines = [[report.model, *_cells(report.production_rows, SUMMARY, metrics)]]
    heading = [f"at the {in_words(report.production_prevalence)}", *metrics]
    return [heading, *_with_labels(lines, report, report.production_rows, metrics)]


def result_tables(report: Report) -> list[Table]:
    """Results as they are and, where one is set, at the production prevalence; none of a run that diverged."""
    if not report.rows:
        return []
    return (
        [headline_table(report), production_table(report)] if report.production_prevalence else [headline_table(report)]
    )


def every_metric_table(report: Report) -> Table:
    """A line for each metric, a column for each label; unknown metrics of another version come last."""
    names = [SUMMARY, *report.labels] if len(report.labels) > 1 else [report.labels[0]]
    metrics = dict.fromkeys([*metric_names(), *report.summary])
    lines = [[metric, *(cell(report.estimate(metric, name)) for name in names)] for metric in metrics]
    return [["", *(name or "mean of labels" for name in names)], *lines]


def decisions_table(report: Report) -> Table:
    """Threshold and counts of each label; empty for a run that diverged."""
    if not report.rows:
        return []
    keys = ("tn", "fp", "fn", "tp")
    lines = [
        [label, f"{report.thresholds[label]:.4f}", *(str(report.confusion[label][key]) for key in keys)]
        for label in report.labels
    ]
    return [["label", "threshold", *keys], *lines]


def sets_table(report: Report) -> Table:
    """Rows of the training, validation and test set, or those that were evaluated, and how many hold each label."""
    lines = [[name, *_counts(rows)] for name, rows in report.data["sets"].items()]
    return [["set", "rows", *report.labels], *lines]


def stages_table(report: Report) -> Table:
    """Rows that a model was fitted to, before and after each technique; empty where there was none."""
    stages = report.data.get("stages", ())
    lines = [[stage["name"], *_counts(stage)] for stage in stages]
    return [["training rows", "all", *report.labels], *lines] if len(stages) > 1 else []


def class_weights_table(report: Report) -> Table:
    """The weight of a training row of each class; empty for a bundle that was evaluated."""
    lines = [
        [entry["problem"], entry["class"], f"{entry['rows']:,}", f"{entry['weight']:.3f}"]
        for entry in report.data["class_weights"]
    ]
    return [["problem", "class", "training rows", "weight"], *lines] if lines else []


def importances_table(report: Report) -> Table:
    """The most important dimensions of a comment's vector; empty where none were selected."""
    selection = report.data.get("details", {}).get("selection")
    if selection is None:
        return []
    lines = [
        [f"dimension {entry['number'] + 1}", f"{entry['importance']:.4f}", "yes" if entry["kept"] else ""]
        for entry in selection["importances"][:_MOST_IMPORTANCES]
    ]
    return [["", "importance", "kept"], *lines]


def generated_rows_table(report: Report) -> Table:
    """The check of generated against real rows; empty without a GAN."""
    checked = report.data.get("details", {}).get("gan")
    if checked is None:
        return []
    lines = [
        [key.replace("_", " "), f"{value:,.4g}" if isinstance(value, float) else str(value)]
        for key, value in checked.items()
        if isinstance(value, bool | int | float | str) and value != ""
    ]
    return [["", "value"], *lines]


def members_table(report: Report) -> Table:
    """The members of an ensemble with their weights, and the figures of each alone; empty for other models."""
    ensemble = report.data.get("details", {}).get("ensemble")
    if ensemble is None:
        return []
    lines = [
        [m["name"], ", ".join(f"{weight:.3f}" for weight in m["weights"]), f"{m['average_precision']:.3f}"]
        for m in ensemble["members"]
    ]
    heading = ["member", weight_name(report), "average precision"]
    return [heading, *lines, ["together", "", f"{ensemble['average_precision']:.3f}"]]


def weight_name(report: Report) -> str:
    """The name of a member's weight."""
    entry = components("model").get(report.model)  # none for the model of a package that is not installed here
    return "weight" if entry is None else str(entry["weight_name"])


def search_table(report: Report) -> Table:
    """The trials, best first."""
    search: Mapping[str, Any] = report.search
    trials = sorted(search["trials"], key=lambda trial: -(trial["value"] or 0.0))
    keys = list(dict.fromkeys(key for trial in trials for key in trial["settings"]))
    heading = ["trial", *keys, search["metric"].replace("_", " "), "deviation", "seconds"]
    lines = []
    for trial in trials:
        settings = [str(trial["settings"].get(key, "")) for key in keys]
        figures = (
            [trial["failure"], ""] if trial["value"] is None else [f"{trial[k]:.4f}" for k in ("value", "deviation")]
        )
        lines.append([str(trial["number"]), *settings, *figures, f"{trial['seconds']:.1f}"])
    return [heading, *lines]


def cell(row: MetricRow) -> str:
    """A figure as tables show it: value (low–high)."""
    if row.value is None:
        return "–"
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f}–{row.high:.3f})"


def _with_labels(lines: Table, report: Report, rows: Sequence[MetricRow], metrics: Sequence[str]) -> Table:
    if len(report.labels) == 1:
        return lines
    lines[0][0] += ", mean of labels"
    return [*lines, *([f"  {label}", *_cells(rows, label, metrics)] for label in report.labels)]


def _cells(rows: Sequence[MetricRow], label: str, metrics: Sequence[str]) -> list[str]:
    return [cell(estimate(rows, metric, label)) for metric in metrics]


def _counts(rows: Mapping[str, Any]) -> list[str]:
    return [f"{rows['rows']:,}", *(f"{count:,}" for count in rows["classes"].values())]
