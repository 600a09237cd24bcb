"""The precision-recall curve, with precision and recall at the decision threshold and their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import GREY, RED, UNIT, UNIT_UP, Axis, Chart, Panel, Series, decides, scores_of, subsampled

if TYPE_CHECKING:
    from toxiclf.evaluation.bootstrap import MetricRow
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Precision against recall, with 95 % intervals of the verdicts", order=20, by_label=True,
    title="Precision and recall",
    note="The share of flags that are right against the share of toxic comments that are found. The dot marks the "
        "verdicts.",
    needs="scores of comments of both classes in predictions.csv",
)  # fmt: skip
def precision_recall(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    given = scores_of(scored, label)
    if given is None:
        return None
    from sklearn.metrics import precision_recall_curve

    scores, toxic = given
    precision, recall, _ = precision_recall_curve(toxic, scores)
    visible, share = subsampled(recall), float(toxic.mean())
    series = [
        Series("line", recall[visible], precision[visible], "model"),
        Series("line", [0, 1], [share, share], f"guessing, {share:.3f}", GREY, "dot"),
    ]
    name = report.labels[label]
    at_recall, at_precision = report.estimate("recall", name), report.estimate("precision", name)
    if at_recall.value is not None and at_precision.value is not None:
        dot = Series(
            "points", [at_recall.value], [at_precision.value], f"{decides(report, name)}, 95 % intervals",
            RED, size=9, error_x=_reach(at_recall), error_y=_reach(at_precision),
        )  # fmt: skip
        series.append(dot)
    return Chart([Panel(Axis("recall", UNIT), Axis("precision", UNIT_UP), series)])


def _reach(row: MetricRow) -> tuple[list[float], list[float]]:
    """Return how far the ends of an interval are below and above its value; 0 if the interval is undefined."""
    if row.value is None or row.low is None or row.high is None:
        return [0.0], [0.0]
    return [max(0.0, row.value - row.low)], [max(0.0, row.high - row.value)]
