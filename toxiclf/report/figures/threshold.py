"""The figure of precision and recall at each threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.report.chart import BLUE, ORANGE, UNIT, UNIT_UP, Axis, Chart, Panel, Rule, Series

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Precision and recall at each threshold", order=60, by_label=True,
    title="Precision and recall by threshold",
    rows="decision", note="The line moves with the slider above.",
    needs="the scores that thresholds were chosen on, which a bundle without its run does not have",
)  # fmt: skip
def threshold(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    curve = report.analysis.get("thresholds", {}).get("labels", {}).get(report.labels[label])
    if curve is None:
        return None
    cuts, tp, fp = (np.asarray(curve[key], dtype=np.float64) for key in ("threshold", "tp", "fp"))
    with np.errstate(invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / (tp + fp), np.nan)
    series = [
        Series("step", cuts, precision, "precision", BLUE),
        Series("step", cuts, tp / max(1, curve["toxic"]), "recall", ORANGE),
    ]
    rule = Rule(report.thresholds[report.labels[label]])  # first, as the page's slider moves the first shape
    return Chart([Panel(Axis("threshold", UNIT), Axis("", UNIT_UP), series, rules=[rule])])
