"""Render the tables and findings of a report that ``toxiclf train`` and ``toxiclf evaluate`` print."""

from __future__ import annotations

from toxiclf._registry import register
from toxiclf.evaluation.report import Report
from toxiclf.report import tables

_MOST_TRIALS = 5  # the report has all of them


@register("format", "terminal", summary="The tables that train and evaluate print")
def terminal_tables(report: Report) -> list[tables.Table]:
    """Return the tables to print, each with its heading first; empty tables are left out.

    They show the best trials of a search, training rows, class weights, members of an ensemble, and results.
    """
    sections = [
        tables.search_table(report)[: 1 + _MOST_TRIALS] if report.search else [],
        tables.stages_table(report),
        tables.class_weights_table(report),
        tables.members_table(report),
        *tables.result_tables(report),
    ]
    return [table for table in sections if table]


def finding_lines(report: Report) -> list[str]:
    """Return each finding as one line of text."""
    return [f"{finding.severity}: {finding.code}: {finding.message} {finding.next_step}" for finding in report.findings]
