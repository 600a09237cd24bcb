"""Tables of a report as rows of text, heading first; the terminal, Markdown, HTML and LaTeX show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toxiclf._registry import components, register
from toxiclf.evaluation.bootstrap import SUMMARY, MetricRow
from toxiclf.evaluation.metrics import main_metrics, metric_names
from toxiclf.evaluation.report import BASELINE, Report, estimate
from toxiclf.report.population import population

Table = list[list[str]]

_MOST_IMPORTANCES = 30
_COUNTS = {"toxic": "with the label", "found": "found", "missed": "missed", "false_alarms": "false alarms"}


@register("format", "table", summary="The result table as rows of text")
def headline_table(report: Report) -> Table:
    """Return the main metrics of the evaluated rows, a line each, by the model and by the baseline."""
    return _metrics_table(report, main_metrics(report.kind), report.rows, report.baseline_rows)


def summary_table(report: Report) -> Table:
    """Return the metrics of the comments that the summary is about, a line each, by the model and by the baseline."""
    shown = population(report)
    return _metrics_table(report, shown.metrics, shown.rows, shown.baseline_rows)


def labels_table(report: Report) -> Table:
    """Return the outcome of the verdicts on each label in the comments that the summary is about, with main metrics.

    The table is empty for a single label, and for a run that diverged.
    """
    shown = population(report)
    if len(report.labels) == 1 or not shown.rows:
        return []
    metrics = metric_names("by_label")
    lines = []
    for label in report.labels:
        outcome = shown.outcomes.get(label)
        counts = ["–"] * len(_COUNTS) if outcome is None else [f"{getattr(outcome, key):,}" for key in _COUNTS]
        values = [estimate(shown.rows, metric, label).value for metric in metrics]
        threshold = [] if report.arg_max else [f"{report.thresholds[label]:.4f}"]
        lines.append([label, *threshold, *counts, *("–" if value is None else f"{value:.3f}" for value in values)])
    names = [metric.replace("_", " ") for metric in metrics]
    return [["label", *([] if report.arg_max else ["threshold"]), *_COUNTS.values(), *names], *lines]


def class_confusion_table(report: Report) -> Table:
    """Return the number of comments of each class by the class of the verdict; empty unless labels exclude each other."""
    if report.class_confusion is None:
        return []
    names, counts = report.class_confusion["classes"], report.class_confusion["counts"]
    lines = [[name, *(f"{count:,}" for count in row)] for name, row in zip(names, counts, strict=True)]
    return [["labeled / predicted", *names], *lines]


def result_tables(report: Report) -> list[Table]:
    """Return the tables of the summary: metrics and, for several labels, the counts of each.

    The list is empty for a run that diverged.
    """
    tables = [summary_table(report), labels_table(report)] if report.rows else []
    return [table for table in tables if table]


def every_metric_table(report: Report) -> Table:
    """Return all metrics, a line per metric and a column per label; metrics unknown to this version come last.

    A metric of all labels together has no value for each.
    """
    names = [SUMMARY, *report.labels] if len(report.labels) > 1 else [SUMMARY]
    known = [name for name in metric_names() if name in report.summary]
    metrics = dict.fromkeys([*known, *report.summary])
    lines = [[metric, *(cell(report.estimate(metric, name)) for name in names)] for metric in metrics]
    return [["", "all labels", *report.labels] if len(names) > 1 else ["", *report.labels], *lines]


def decisions_table(report: Report) -> Table:
    """Return the decision threshold and confusion matrix of each label; empty for a run that diverged.

    The thresholds of exclusive labels are left out if the highest score decides.
    """
    if not report.rows:
        return []
    keys = ("tn", "fp", "fn", "tp")
    lines = [
        [
            label,
            "–" if report.arg_max else f"{report.thresholds[label]:.4f}",
            *(str(report.confusion[label][key]) for key in keys),
        ]
        for label in report.labels
    ]
    return [["label", "threshold", *keys], *lines]


def sets_table(report: Report) -> Table:
    """Return the number of rows in each set, and how many of them have each label.

    The report of an evaluated bundle has only one set, the evaluated rows.
    """
    lines = [[name, *_counts(rows)] for name, rows in report.data["sets"].items()]
    return [["set", "rows", *report.labels], *lines]


def stages_table(report: Report) -> Table:
    """Return the number of training rows before and after each technique; empty without a technique."""
    stages = report.data.get("stages", ())
    lines = [[stage["name"], *_counts(stage)] for stage in stages]
    return [["training rows", "all", *report.labels], *lines] if len(stages) > 1 else []


def class_weights_table(report: Report) -> Table:
    """Return the number of training rows and the class weight of each class; empty for an evaluated bundle."""
    lines = [
        [entry["problem"], entry["class"], f"{entry['rows']:,}", f"{entry['weight']:.3f}"]
        for entry in report.data["class_weights"]
    ]
    return [["label", "class", "training rows", "class weight"], *lines] if lines else []


def importances_table(report: Report) -> Table:
    """Return up to 30 of the most important dimensions of comment vectors; empty without feature selection."""
    selection = report.data.get("details", {}).get("selection")
    if selection is None:
        return []
    lines = [
        [f"dimension {entry['number'] + 1}", f"{entry['importance']:.4f}", "yes" if entry["kept"] else ""]
        for entry in selection["importances"][:_MOST_IMPORTANCES]
    ]
    return [["", "importance", "kept"], *lines]


def generated_rows_table(report: Report) -> Table:
    """Return the results of comparing a GAN's generated rows with real rows; empty without a GAN."""
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
    """Return a line with weights and average precision for each member of an ensemble, then a line for the ensemble.

    The table is empty for other models.
    """
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
    """Return the name of a member's weight in this ensemble, such as "weight" or "coefficient"."""
    entry = components("model").get(report.model)  # None if the package that adds the model is not installed
    return "weight" if entry is None else str(entry["weight_name"])


def search_table(report: Report) -> Table:
    """Return the trials of a search of recipes, best first."""
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
    """Return a metric with its interval as text, "value (low–high)"; "–" if it has no value."""
    if row.value is None:
        return "–"
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f}–{row.high:.3f})"


def _metrics_table(
    report: Report, metrics: Sequence[str], rows: Sequence[MetricRow], baseline: Sequence[MetricRow]
) -> Table:
    models = [(report.model, rows)] if rows else []
    if baseline:
        models.append((f"{BASELINE} (baseline)", baseline))
    lines = [[metric, *(cell(estimate(of_model, metric)) for _, of_model in models)] for metric in metrics if models]
    return [["metric", *(name for name, _ in models)], *lines]


def _counts(rows: Mapping[str, Any]) -> list[str]:
    return [f"{rows['rows']:,}", *(f"{count:,}" for count in rows["classes"].values())]
