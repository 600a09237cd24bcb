"""The figure of false positive rates by subgroup, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.evaluation.slices import negatives_name
from toxiclf.report.chart import GREY, Axis, Chart, Panel, Rule, Series, short_name, shortened

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="False positive rate of each subgroup of comments", order=70, by_label=True, wide=True,
    title="False alarms by subgroup", note="The share of comments that are flagged although they are not toxic.",
    needs="subgroups that hold comments without the label",
)  # fmt: skip
def slices(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    rows = [
        row
        for row in report.analysis.get("slices", ())
        if row["label"] == report.labels[label] and row["false_positive_rate"] is not None
    ]
    if not rows:
        return None
    rates, lows, highs = ([row[key] or 0.0 for row in rows] for key in ("false_positive_rate", "low", "high"))
    below = [rate - low for rate, low in zip(rates, lows, strict=True)]
    above = [high - rate for rate, high in zip(rates, highs, strict=True)]
    points = Series(
        "points", rates, list(range(len(rows))), size=8, error_x=(below, above), error_colour=GREY,
        hover=[f"{row['rows'] - row['toxic']:,} {negatives_name(report.labels)}" for row in rows],
    )  # fmt: skip
    counts = report.confusion[report.labels[label]]
    overall = counts["fp"] / max(1, counts["fp"] + counts["tn"])
    panel = Panel(
        Axis("false positive rate, 95 % intervals"),
        Axis(ticks=[f"{short_name(row['by'])}: {shortened(row['name'], 40)}" for row in rows], reversed=True),
        [points],
        rules=[Rule(overall, f"all comments, {overall:.3f}")],
    )
    return Chart([panel], height=80 + 26 * len(rows), legend=False)
