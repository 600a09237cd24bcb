"""Checks of the result: diverged training, no bundle, no gain over the baseline, false positive gaps of subgroups."""

from __future__ import annotations

from collections.abc import Iterator

from toxiclf._registry import register
from toxiclf.evaluation.bootstrap import paired_difference
from toxiclf.evaluation.checks._run import CheckedRun, Finding
from toxiclf.evaluation.slices import NO_PEOPLE, NOBODY, negatives_name


@register("finding", "diverged", summary="Training diverged, so there is no model", order=1)
def diverged(run: CheckedRun) -> Iterator[Finding]:
    if run.divergence is not None:
        what, cure = run.divergence
        yield Finding("diverged", "error", f"{what}; no bundle was made.", f"{cure[0].upper()}{cure[1:]}.")


@register("finding", "no_bundle", summary="The network cannot be exported to ONNX, so there is no bundle", order=2)
def no_bundle(run: CheckedRun) -> Iterator[Finding]:
    if run.no_graph:
        yield Finding(
            "no_bundle", "warning", f"no bundle was made: {run.no_graph}.",
            "The metrics are valid for the trained network; choose another activation to get a bundle.",
        )  # fmt: skip


@register("finding", "below_baseline", summary="Average precision is not above that of ngram_logistic", order=8)
def below_baseline(run: CheckedRun) -> Iterator[Finding]:
    """Warn if the model's average precision is not significantly above that of ngram_logistic on the same rows."""
    if run.evaluation is None or run.baseline is None:
        return
    ours, theirs = run.evaluation.value("average_precision"), run.baseline.value("average_precision")
    interval = paired_difference(run.evaluation, run.baseline, "average_precision")
    if ours is None or theirs is None or interval is None or interval[0] > 0:
        return
    verdict = "is below" if interval[1] < 0 else "is not clearly above"
    yield Finding(
        "below_baseline", "warning",
        f"average precision {ours:.3f} {verdict} the ngram_logistic baseline's {theirs:.3f} "
        f"(difference {ours - theirs:+.3f}, 95 % interval {interval[0]:+.3f} to {interval[1]:+.3f}).",
        "Use the baseline (the default recipe): no model is simpler or faster, so keep this one only for "
        "another reason.",
    )  # fmt: skip


@register(
    "finding",
    "false_positive_gap",
    summary="Some subgroups of comments have more false positives than other comments",
    order=17,
)
def false_positive_gap(run: CheckedRun) -> Iterator[Finding]:
    """Warn if the false positive rate of a subgroup is significantly above that of all other comments.

    The warning names the three subgroups with the largest difference. Subgroups by length or spelling are skipped, and
    so is the subgroup of comments that name no group of people.
    """
    gaps = [
        row
        for row in run.slices
        if row["notable"] and row["gap"] > 0 and row["by"] not in NO_PEOPLE and (row["by"], row["name"]) != NOBODY
    ]
    gaps.sort(key=lambda row: -row["gap"])
    if not gaps:
        return
    named = "; ".join(
        f"'{row['by']}: {row['name']}' (label '{row['label']}') {row['false_positive_rate']:.1%} against "
        f"{row['false_positive_rate'] - row['gap']:.1%}"
        for row in gaps[:3]
    )
    more = f"; and {len(gaps) - 3} more in the report" if len(gaps) > 3 else ""
    negatives = negatives_name(run.labels)
    yield Finding(
        "false_positive_gap", "warning", f"in some subgroups {negatives} are flagged more often than in others: {named}{more}.",
        f"Read the false alarms of these subgroups in report.html, then label more {negatives} like them, or let "
        "people review them.",
    )  # fmt: skip
