"""The ROC curve: recall against the false positive rate, with the decision threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toxiclf._registry import register
from toxiclf.report.chart import GREY, RED, UNIT, UNIT_UP, Axis, Chart, Panel, Series, decides, scores_of, subsampled

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows


@register(
    "figure", summary="Recall against the false positive rate", order=30, by_label=True, title="ROC",
    note="Toxic comments found against other comments flagged. The curve looks too good if toxic comments are rare, "
        "so look at precision first.",
    needs="scores of comments of both classes in predictions.csv",
)  # fmt: skip
def roc(report: Report, scored: ScoredRows | None, label: int) -> Chart | None:
    given = scores_of(scored, label)
    if given is None:
        return None
    from sklearn.metrics import roc_curve

    scores, toxic = given
    false_positives, recall, _ = roc_curve(toxic, scores)
    visible = subsampled(false_positives + recall)
    name = report.labels[label]
    counts = report.confusion[name]
    at = counts["fp"] / (counts["fp"] + counts["tn"]), counts["tp"] / (counts["tp"] + counts["fn"])
    series = [
        Series("line", false_positives[visible], recall[visible], "model"),
        Series("line", [0, 1], [0, 1], "guessing", GREY, "dot"),
        Series("points", [at[0]], [at[1]], decides(report, name), RED, size=9),
    ]
    return Chart([Panel(Axis("false positive rate", UNIT), Axis("recall (true positive rate)", UNIT_UP), series)])
