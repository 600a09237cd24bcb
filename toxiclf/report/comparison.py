"""Render a comparison of runs, as tables and as a Markdown page."""

from __future__ import annotations

from toxiclf._registry import register
from toxiclf.evaluation.bootstrap import SUMMARY
from toxiclf.evaluation.comparison import ComparedRun, Comparison, Difference, setting
from toxiclf.evaluation.metrics import lower_is_better, main_metrics, metric_names
from toxiclf.evaluation.report import estimate
from toxiclf.report.markdown import markdown_table
from toxiclf.report.tables import cell


@register("format", "comparison_tables", summary="Tables of a comparison as rows of text")
def tables(comparison: Comparison) -> list[list[list[str]]]:
    """Return the tables of a comparison, each with its heading first.

    They show the runs, their metrics, the differences of metrics and, for several labels, the differences by label.
    """
    later = [run.name for run in comparison.runs[1:]]
    mean = f" of {len(comparison.labels)} labels" if len(comparison.labels) > 1 else ""
    headline = main_metrics(comparison.kind)
    figures = [["metric" + mean, comparison.reference, *later]]
    for metric in headline:
        name = f"{metric} (lower is better)" if lower_is_better(metric) else metric
        figures.append([name, *(cell(estimate(run.rows, metric)) for run in comparison.runs)])
    cells = {(row.run, row.label, row.metric): _cells(row) for row in comparison.differences}
    results = [f"Δ vs {comparison.reference}", "95 % interval", "resamples better", "verdict"]
    differences = [["run", "metric" + mean, *results]]
    differences += [[run, metric, *cells[run, SUMMARY, metric]] for run in later for metric in headline]
    if len(comparison.labels) == 1:
        return [_facts(comparison), figures, differences]
    by_label = [["run", "label", "metric", *results[:-1]]]
    for run in later:
        by_label += [
            [run, label, m, *cells[run, label, m][:-1]] for label in comparison.labels for m in metric_names("by_label")
        ]
    return [_facts(comparison), figures, differences, by_label]


@register("format", "comparison", summary="A comparison as a Markdown page")
def markdown(comparison: Comparison) -> str:
    """Return the tables and notes of a comparison as a Markdown page."""
    titles = ("Runs", "Figures", "Differences", "Differences by label")
    parts = [f"# {' · '.join(run.name for run in comparison.runs)}", "", f"Reference: {comparison.reference}."]
    for title, table in zip(titles, tables(comparison), strict=False):
        parts += ["", f"## {title}", "", *markdown_table(table)]
    return "\n".join([*parts, "", *(f"- {note}" for note in comparison.notes())]) + "\n"


def _facts(comparison: Comparison) -> list[list[str]]:
    reports = [run.report for run in comparison.runs]
    return [
        ["run", *(run.name for run in comparison.runs)],
        ["model", *(report.model for report in reports)],
        ["seed", *(str(report.seed) if report.recipe else "–" for report in reports)],
        *(
            [key, *(setting(values[run.name]) for run in comparison.runs)]
            for key, values in comparison.recipe().items()
        ),
        *(
            [
                f"threshold of {label}",
                *("–" if report.arg_max else f"{report.thresholds[label]:.4f}" for report in reports),
            ]
            for label in comparison.labels
        ),
        ["baseline", *(_baseline(run) for run in comparison.runs)],
        ["findings", *(", ".join(dict.fromkeys(report.codes())) or "none" for report in reports)],
    ]


def _baseline(run: ComparedRun) -> str:
    place = run.baseline()
    if place is None:
        return "not measured" if run.report.baseline_rows or not run.report.recipe else "the run itself"
    value, above = place
    return f"average precision {value:.4f}, {abs(above):.4f} {'above' if above > 0 else 'below'} the run"


def _cells(row: Difference) -> list[str]:
    if row.value is None:
        return ["–", "–", "–", row.verdict]
    return [f"{row.value:+.4f}", f"{row.low:+.4f} to {row.high:+.4f}", f"{row.better:.0%}", row.verdict]
