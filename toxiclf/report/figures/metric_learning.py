"""The t-SNE maps of comments before and after a learned metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.report.chart import CLASS_COLOURS, CLASS_NAMES, Axis, Chart, Panel, Series, comment_texts

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Maps (t-SNE) of comments before and after the learned metric", order=130, wide=True,
    title="Comments before and after the metric",
    note="A t-SNE map: near comments are similar, but distances between groups mean nothing.",
    needs="a learned metric; older runs did not save its points",
)  # fmt: skip
def metric_learning(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    points = report.points("metric")
    if points is None:
        return None
    classes, numbers = np.asarray(points["classes"]), np.asarray(points["rows"])
    panels = []
    for side in ("before", "after"):
        places = np.round(np.asarray(points[side], dtype=np.float64), 2)
        series = []
        for value, name in enumerate(CLASS_NAMES):
            rows = np.flatnonzero(classes == value)
            dots = Series(
                "points", places[rows, 0], places[rows, 1], name, CLASS_COLOURS[value], size=5, opacity=0.6,
                hover=comment_texts(scored, numbers[rows]), hover_is_comments=True,
            )  # fmt: skip
            series.append(dots)
        title = f"{side} the metric, {points['wide'][side]} dimensions"
        panels.append(Panel(Axis(hidden=True), Axis(hidden=True), series, title=title))
    return Chart(panels)
