"""What an anomaly model finds unusual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.evaluation.figure_data import MOST_POINTS
from toxiclf.report.figures._chart import CLASS_COLOURS, CLASS_NAMES, Axis, Chart, Panel, Rule, Series, comment_texts

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Raw scores of an anomaly model, with the threshold", order=120, wide=True,
    title="What the model finds unusual", note="Each comment by its raw score; flagged above the line. Unusual is not toxic.",
    needs="a model that learns from comments without the label alone, such as autoencoder; runs of toxiclf 0.1 did not save its points",
)  # fmt: skip
def errors(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    points = report.points("errors")
    if points is None:
        return None
    raw, classes = np.asarray(points["raw"]), np.asarray(points["classes"])
    shown = np.arange(len(raw))
    if len(shown) > MOST_POINTS:
        shown = np.random.default_rng(report.seed).choice(shown, MOST_POINTS, replace=False)
    edges = np.linspace(raw.min(), raw.max() + 1e-9, 41)
    dots, bars = [], []
    for value, name in enumerate(CLASS_NAMES):
        rows = np.sort(shown[classes[shown] == value])
        texts = comment_texts(scored, [points["rows"][i] for i in rows])
        dots.append(
            Series(
                "points",
                rows,
                raw[rows],
                name,
                CLASS_COLOURS[value],
                size=5,
                opacity=0.6,
                hover=texts,
                hover_is_comments=True,
            )
        )
        of_class = raw[classes == value]
        counts = np.histogram(of_class, bins=edges)[0] / max(1, len(of_class))
        middle = (edges[1:] + edges[:-1]) / 2
        bars.append(Series("bars", counts, middle, colour=CLASS_COLOURS[value], lying=True, opacity=0.6))
    rules = []
    if points["threshold"] is not None and raw.min() <= points["threshold"] <= raw.max():
        rules = [Rule(points["threshold"], lying=True)]
    panels = [
        Panel(Axis("comment"), Axis(points["called"]), dots, rules=rules, width=0.65),
        Panel(Axis("share of comments"), Axis(), bars, rules=rules, width=0.35),
    ]
    return Chart(panels, share_y=True, gap=0.02)
