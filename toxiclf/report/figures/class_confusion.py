"""The confusion matrix of exclusive labels: predicted against labeled classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, short_name

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_ROW = 90  # pixels


@register(
    "figure", summary="Confusion matrix of exclusive labels", order=9, title="Confusion of classes",
    note="Labeled class in rows, class with the highest score in columns; each row adds up to the comments of its class.",
    needs="labels that exclude each other, with the highest score as the verdict",
)  # fmt: skip
def class_confusion(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    if report.class_confusion is None:
        return None
    names, counts = [*map(short_name, report.class_confusion["classes"])], report.class_confusion["counts"]
    shares = [[cell / max(1, sum(row)) for cell in row] for row in counts]
    texts = [
        [f"{cell:,}\n{share:.1%}" for cell, share in zip(*pair, strict=True)]
        for pair in zip(counts, shares, strict=True)
    ]
    axes = Axis("predicted", ticks=names), Axis("labeled", ticks=names, reversed=True)
    return Chart([Panel(*axes, heat_map=HeatMap(shares, texts))], height=max(420, 120 + _ROW * len(names)))
