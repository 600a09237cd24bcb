"""The histogram of comment lengths by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toxiclf._registry import register
from toxiclf.evaluation.figure_data import LONGEST
from toxiclf.report.chart import Axis, Chart, Panel, class_bars, class_names

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Lengths of comments of each class", order=100, by_label=True, title="Length of comments",
    note="In characters, by class.",
    needs="lengths of comments, which older runs did not save",
)  # fmt: skip
def lengths(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    counted = report.points("lengths")
    if counted is None:
        return None
    counts = [np.asarray(of_class) for of_class in counted["labels"][report.labels[label]]]
    edges = np.asarray(counted["edges"], dtype=np.float64)
    x = Axis(f"characters ({LONGEST}: or more)")
    y = Axis("share of the class", percent=True)
    return Chart([Panel(x, y, class_bars(counts, edges, class_names(report, label)))])
