"""What ``toxiclf train`` and ``toxiclf evaluate`` print of a report: tables first, then findings."""

from __future__ import annotations

from toxiclf._registry import register
from toxiclf.evaluation.report import Report
from toxiclf.report import tables

_MOST_TRIALS = 5  # all of them stand in the report


@register("format", "terminal", summary="The tables that train and evaluate print")
def terminal_tables(report: Report) -> list[tables.Table]:
    """Tables, each heading first: trials, training rows, class weights, members and results; empty ones are left out."""
    sections = [
        tables.search_table(report)[: 1 + _MOST_TRIALS] if report.search else [],
        tables.stages_table(report),
        tables.class_weights_table(report),
        tables.members_table(report),
        *tables.result_tables(report),
    ]
    return [table for table in sections if table]


def finding_lines(report: Report) -> list[str]:
    """The findings, a line each."""
    return [f"{finding.severity}: {finding.code}: {finding.message} {finding.next_step}" for finding in report.findings]
