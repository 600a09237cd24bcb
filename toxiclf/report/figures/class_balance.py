"""The figure of training rows by class, before and after each technique."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import CLASS_COLOURS, Axis, Chart, Panel, Series, class_names

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Training rows of each class, before and after each technique", order=90, by_label=True,
    title="Training rows", note="By class, before and after each technique.",
    needs="the report of a training",
)  # fmt: skip
def class_balance(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    stages = report.data.get("stages")
    if not stages:
        return None
    toxic = [stage["classes"][report.labels[label]] for stage in stages]
    others = [stage["rows"] - count for stage, count in zip(stages, toxic, strict=True)]
    series = [
        Series(
            "bars", [stage["name"] for stage in stages], counts, name, colour, labels=[f"{count:,}" for count in counts]
        )
        for name, counts, colour in zip(class_names(report, label), (others, toxic), CLASS_COLOURS, strict=True)
    ]
    return Chart([Panel(y=Axis("rows"), series=series, bars_overlap=False)])
