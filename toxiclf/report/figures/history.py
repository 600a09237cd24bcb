"""The figure of training loss and validation metric by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from toxiclf._registry import register
from toxiclf.report.chart import BLUE, ORANGE, Axis, Chart, Panel, Series

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_DASHES: tuple[Literal["solid", "dash", "dot", "dashdot"], ...] = ("solid", "dash", "dot", "dashdot")


@register(
    "figure", summary="Training loss and validation metric by epoch", order=110, wide=True, title="Training",
    rows="training and validation set",
    note="Loss on the training set, and the metric on the validation set that stops training.",
    needs="a network",
)  # fmt: skip
def history(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    if not report.history:
        return None
    series = []
    for number, member in enumerate(dict.fromkeys(row.get("member") for row in report.history)):
        rows = [row for row in report.history if row.get("member") == member]
        measured = next(key for key in rows[0] if key not in ("member", "epoch", "loss"))
        prefix, dash = f"{member}: " if member else "", _DASHES[number % 4]
        for key, name, colour in (("loss", "training loss", BLUE), (measured, measured.replace("_", " "), ORANGE)):
            values = [None if row[key] is None or not np.isfinite(row[key]) else row[key] for row in rows]
            line = Series(
                "line", [row["epoch"] for row in rows], values, prefix + name, colour, dash, markers=True,
                second_axis=key != "loss",
            )  # fmt: skip
            series.append(line)
    return Chart([Panel(Axis("epoch", whole=True), Axis("training loss"), series, second_y="on the validation set")])
