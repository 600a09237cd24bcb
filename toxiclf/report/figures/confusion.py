"""The confusion matrix: verdicts of the model against the labels that people gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, class_names

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Confusion matrix at the threshold", order=10, by_label=True, title="Confusion",
    note="The model's verdicts by the labels that people gave; each row adds up to all comments of its class.",
    needs="a run with scores",
)  # fmt: skip
def confusion(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    counts = report.confusion.get(report.labels[label])
    if counts is None:
        return None
    rows = [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]]
    shares = [[cell / max(1, sum(row)) for cell in row] for row in rows]
    texts = [
        [f"{cell:,}\n{share:.1%} of the row" for cell, share in zip(*pair, strict=True)]
        for pair in zip(rows, shares, strict=True)
    ]
    x = Axis("by the model", ticks=("not flagged", "flagged"))
    y = Axis("labeled", ticks=class_names(report, label), reversed=True)
    return Chart([Panel(x, y, heat_map=HeatMap(shares, texts))])
