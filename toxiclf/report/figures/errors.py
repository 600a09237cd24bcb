"""The figure of an anomaly model's raw outputs by class, with the threshold that flagged comments reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.report.chart import CLASS_COLOURS, CLASS_NAMES, Axis, Chart, Panel, Rule, Series, comment_texts

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Raw scores of an anomaly model, with the threshold", order=120, wide=True,
    title="What the model finds unusual",
    note="Comments with a raw score above the line are flagged. Unusual comments need not be toxic.",
    needs="an anomaly model, such as autoencoder; older runs did not save its points",
)  # fmt: skip
def errors(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    points = report.points("errors")
    if points is None:
        return None
    raw, classes, numbers = (np.asarray(points[key]) for key in ("raw", "classes", "rows"))
    edges = np.linspace(raw.min(), raw.max() + 1e-9, 41)
    middles = (edges[1:] + edges[:-1]) / 2
    dots, bars = [], []
    for value, (name, colour) in enumerate(zip(CLASS_NAMES, CLASS_COLOURS, strict=True)):
        rows, outputs = numbers[classes == value], raw[classes == value]
        shares = np.histogram(outputs, bins=edges)[0] / max(1, len(outputs))
        dot = Series(
            "points", rows, outputs, name, colour, size=5, opacity=0.6,
            hover=comment_texts(scored, rows), hover_is_comments=True,
        )  # fmt: skip
        dots.append(dot)
        bars.append(Series("bars", shares, middles, colour=colour, lying=True, opacity=0.6))
    rules: list[Rule] = []
    if points["threshold"] is not None and raw.min() <= points["threshold"] <= raw.max():
        rules = [Rule(points["threshold"], lying=True)]
    panels = [
        Panel(Axis("comment"), Axis(points["called"]), dots, rules=rules, width=0.65),
        Panel(Axis("share of comments"), Axis(), bars, rules=rules, width=0.35),
    ]
    return Chart(panels, share_y=True, gap=0.02)
