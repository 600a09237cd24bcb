"""Tables of metrics at the share of toxic comments among the evaluated rows."""

from __future__ import annotations

from toxiclf.bundle.prevalence import percent
from toxiclf.evaluation.report import Report

_METRICS = ("accuracy", "precision", "recall", "f1")


def own_share_tables(report: Report) -> list[list[list[str]]]:
    """Return a table for each label that is more or less common in the evaluated rows than in training."""
    tables = []
    for entry in report.analysis.get("own_share", ()):
        here, there = (percent(round(share, 3)) for share in (entry["share"], entry["calibrated_at"]))
        lines = [
            [
                decision["how"],
                "highest score" if decision["threshold"] is None else f"{decision['threshold']:.3f}",
                *(f"{value:.3f}" for name, value in decision.items() if name in _METRICS),
            ]
            for decision in entry["decisions"]
        ]
        title = f"{entry['label']}: {here} of these rows, {there} of calibration rows"
        tables.append([[title, "threshold", *_METRICS], *lines])
    return tables
