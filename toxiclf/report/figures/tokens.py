"""The figure of the tokens that raise or lower scores most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import BLUE, RED, Axis, Chart, Panel, Series, shortened

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

_SIDES = (("raise the score", 1, RED), ("lower the score", -1, BLUE))


@register(
    "figure", summary="Tokens that raise or lower the score most", order=80, by_label=True, wide=True, quotes_comments=True,
    title="Most influential tokens",
    note="The mean change of the score by a token (the score minus the score without the token) in a random sample "
        "of comments.",
    needs="a run with a bundle, saved with the texts of comments",
)  # fmt: skip
def tokens(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    rows = report.analysis.get("tokens")
    if rows is None and scored is not None and scored.can_explain:
        rows = scored.tokens
    of_label = [row for row in rows or () if row["label"] == report.labels[label]]
    if not of_label:
        return None
    panels = []
    for title, sign, colour in _SIDES:
        shown = sorted((row for row in of_label if row["effect"] * sign > 0), key=lambda row: abs(row["effect"]))
        bars = Series(
            "bars", [row["effect"] for row in shown], list(range(len(shown))), colour=colour, lying=True,
            hover=[f"{row['comments']} comments" for row in shown],
        )  # fmt: skip
        names = Axis(ticks=[shortened(row["token"], 20) for row in shown])
        panels.append(Panel(Axis("mean change"), names, [bars], title=title))
    return Chart(panels, height=460, legend=False, gap=0.14)
