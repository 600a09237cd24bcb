"""The calibration figure: mean score against the share of toxic comments, in groups of similar scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import GREY, UNIT, UNIT_UP, Axis, Chart, Panel, Series

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_AT_PRODUCTION = (
    "Scores are corrected to the production prevalence, but these rows are not weighted to it, so the line "
    "leaves the diagonal."
)


@register(
    "figure", summary="Mean score against the share of toxic comments, in ten groups", order=50, by_label=True,
    title="Calibration",
    note="Of comments with a score of 0.8, eight in ten should be toxic: then the line lies on the diagonal.",
    needs="a report with a calibration curve",
)  # fmt: skip
def calibration(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    name = report.labels[label]
    curve = report.analysis.get("calibration", {}).get(name)
    if curve is None:
        return None
    groups = curve["bins"]
    series = [
        Series("line", [0, 1], [0, 1], "calibrated", GREY, "dot"),
        Series(
            "line", [group["score"] for group in groups], [group["share"] for group in groups], "model", markers=True,
            hover=[f"{group['rows']:,} comments" for group in groups],
        ),
    ]  # fmt: skip
    brier = report.estimate("brier", name).value
    lines = [] if brier is None else [f"Brier score {brier:.4f}"]
    lines.append(f"expected calibration error {curve['ece']:.4f}")
    x, y = Axis("mean score of a group", UNIT), Axis("share of toxic comments in it", UNIT_UP)
    return Chart(
        [Panel(x, y, series, note="\n".join(lines))], note=_AT_PRODUCTION if report.production_prevalence else ""
    )
