"""Render a report as the lines and tables that ``toxiclf train`` and ``toxiclf evaluate`` print."""

from __future__ import annotations

from toxiclf._registry import register
from toxiclf.evaluation.report import Report
from toxiclf.report import tables
from toxiclf.report.own_share import own_share_tables
from toxiclf.report.population import estimated, population, rows_and_rate, title, verdicts

_MOST_TRIALS = 5  # the report has all of them


@register("format", "terminal", summary="What train and evaluate print")
def terminal_parts(report: Report) -> list[str | tables.Table]:
    """Return the lines and tables to print, in order; each table follows a line that says which comments it is about.

    They are the best trials of a search, training rows, class weights, members of an ensemble, and the summary.
    """
    best = tables.search_table(report)[: 1 + _MOST_TRIALS] if report.search else []
    parts: list[str | tables.Table] = []
    for heading, table in (
        ("Best trials of the search", best),
        ("Training rows before and after each technique", tables.stages_table(report)),
        ("Class weights of the training rows", tables.class_weights_table(report)),
        ("Members of the ensemble, by out-of-fold scores", tables.members_table(report)),
    ):
        if table:
            parts += [heading, table]
    shown = population(report)
    parts += [title(report), ""]
    if report.rows:
        parts.append(shown.heading)
        if len(report.labels) == 1:
            parts += [verdicts(report, *item) for item in shown.outcomes.items()]
        parts += ["", *tables.result_tables(report)]
        if report.class_confusion is not None and not report.production_prevalence:
            parts.append(tables.class_confusion_table(report))
        parts.append(f"In parentheses: 95 % bootstrap intervals.{estimated(report)}")
    for table in own_share_tables(report):
        parts += ["", f"Corrected to the prevalence of {rows_and_rate(report)}", table]
    if report.findings:
        parts += ["", f"Findings on the data, the training and {rows_and_rate(report)}", *finding_lines(report)]
    return parts


def finding_lines(report: Report) -> list[str]:
    """Return each finding as one line of text."""
    return [f"{finding.severity}: {finding.code}: {finding.message} {finding.next_step}" for finding in report.findings]
