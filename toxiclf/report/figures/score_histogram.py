"""The histogram of scores by class, with the decision threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.report.chart import Axis, Chart, Panel, Rule, class_bars, class_names, scores_of

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_EDGES = np.linspace(0, 1, 41)


@register(
    "figure", summary="Scores of each class, with the threshold", order=40, by_label=True, title="Scores by class",
    note="Where the two hills overlap, no threshold separates the classes.",
    needs="scores of comments of both classes in predictions.csv",
)  # fmt: skip
def score_histogram(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    given = scores_of(scored, label)
    if given is None:
        return None
    scores, toxic = given
    counts = [np.histogram(scores[toxic == value], bins=_EDGES)[0] for value in (False, True)]
    threshold = report.thresholds[report.labels[label]]
    panel = Panel(
        Axis("score"), Axis("share of the class", percent=True), class_bars(counts, _EDGES, class_names(report, label)),
        rules=[] if report.arg_max else [Rule(threshold, f"threshold {threshold:.3f}")],
    )  # fmt: skip
    return Chart([panel])
