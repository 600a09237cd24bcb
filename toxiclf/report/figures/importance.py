"""The figure of the most important dimensions of a comment's vector, according to a random forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import BLUE, PALE, Axis, Chart, Panel, Series

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_MOST_BARS = 30


@register(
    "figure", summary="Most important dimensions of a comment's vector", order=140, title="Most important dimensions",
    rows="training rows",
    note="Importance in a random forest fitted to the training rows.",
    needs="features.select",
)  # fmt: skip
def importance(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    selection = report.data.get("details", {}).get("selection")
    if selection is None:
        return None
    shown = selection["importances"][:_MOST_BARS][::-1]
    bars = Series(
        "bars", [entry["importance"] for entry in shown], list(range(len(shown))), lying=True,
        colour=[BLUE if entry["kept"] else PALE for entry in shown],
    )  # fmt: skip
    x = Axis("importance in the random forest (kept: blue)")
    y = Axis(ticks=[f"dimension {entry['number'] + 1}" for entry in shown])
    return Chart([Panel(x, y, [bars])], height=600, legend=False)
