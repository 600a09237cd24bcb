"""Checks of the rows: too few, of different prevalence in training and test set, rejected, leaked or truncated."""

from __future__ import annotations

from collections.abc import Iterator

from toxiclf._registry import register
from toxiclf.evaluation.checks._run import CheckedRun, Finding
from toxiclf.evaluation.prevalence import differs


@register("finding", "objective_unreached", summary="No threshold reaches the requested precision or recall", order=9)
def objective_unreached(run: CheckedRun) -> Iterator[Finding]:
    for label, reached in zip(run.labels, run.reached, strict=bool(run.reached)):
        if not reached:
            yield Finding(
                "objective_unreached", "warning",
                f"label '{label}': no threshold reaches {run.objective} on the rows on which thresholds are "
                "chosen, so the threshold that comes nearest was taken.",
                "Ask for less, label more comments, or choose a stronger model.",
            )  # fmt: skip


@register("finding", "small_validation", summary="Calibration and threshold rest on few toxic comments", order=10)
def small_validation(run: CheckedRun) -> Iterator[Finding]:
    if run.decision_targets is None:
        return
    what = "calibration rests" if run.arg_max else "calibration and threshold rest"
    for label, count in zip(run.labels, run.decision_targets.sum(axis=0).tolist(), strict=True):
        if count < 50:
            better = ', or set decision.source = "out_of_fold"' if run.decision_source == "validation" else ""
            yield Finding(
                "small_validation", "warning",
                f"label '{label}': {what} on {count} toxic comments "
                f"({run.decision_source.replace('_', '-')}).",
                f"Expect precision and recall in production to differ from the report; label more toxic comments{better}.",
            )  # fmt: skip


@register(
    "finding", "prevalence_shift", summary="A label is more or less common in the test set than in training", order=11
)
def prevalence_shift(run: CheckedRun) -> Iterator[Finding]:
    """Warn if the share of a label in the evaluated rows differs from that in training.

    A difference counts if it is over 0.02 and more than chance explains (z > 3). Labels whose scores are corrected to a
    production prevalence are skipped: their scores do not depend on the share in the training set. For a saved bundle,
    whose training rows are not at hand, the share is that of the calibration rows, and counts as known exactly.
    """
    train, test = run.train_targets, run.test_targets
    if test is None or (train is None and not (run.saved and run.rates)):
        return
    for j, label in enumerate(run.labels):
        if label in run.corrected:
            continue
        a, b = run.rates[j] if train is None else float(train[:, j].mean()), float(test[:, j].mean())
        pooled = a if train is None else (train[:, j].sum() + test[:, j].sum()) / (len(train) + len(test))
        rows = 1 / len(test) + (0 if train is None else 1 / len(train))
        if differs(a, b, pooled * (1 - pooled) * rows):
            which = "calibration" if train is None else "training"
            yield Finding(
                "prevalence_shift", "warning",
                f"label '{label}': {a:.1%} of {which} rows have it, but {b:.1%} of {'these' if run.saved else 'test'} rows.",
                f"Scores{'' if run.arg_max else ' and thresholds'} fit the share in training. {_where_share_is(b, label, run)}",
            )  # fmt: skip


def _where_share_is(share: float, label: str, run: CheckedRun) -> str:
    """Return a sentence on how to correct scores to a share."""
    if run.calibration == "none":
        return "Set decision.calibrate and decision.prior in training, or collect training rows as comments arrive."
    if share in (0.0, 1.0):
        return "Comments of one class do not show how well both are told apart: evaluate comments drawn at random."
    number = f"{share:.3g}"
    flag = f"{label}={number}" if len(run.labels) > 1 else number
    value = f'{{"{label}": {number}}}' if len(run.labels) > 1 else number
    where = f"If production is like these rows, use --prior {flag} (Python: prior={value})"
    if run.saved and run.arg_max:
        return f"{where}."
    if run.saved:
        return f"{where}; toxiclf estimate-prevalence estimates the share there without labels."
    thresholds = "" if run.arg_max else ", which sets thresholds, too"
    return f"{where}, or train with decision.prior={number if len(run.labels) == 1 else value}{thresholds}."


@register("finding", "rejected_rows", summary="Rows could not be read and were rejected", order=13)
def rejected_rows(run: CheckedRun) -> Iterator[Finding]:
    if run.n_rejected:
        yield Finding(
            "rejected_rows", "warning", f"{run.n_rejected:,} of {run.n_read:,} rows were rejected.",
            "See rejected.csv for line numbers and reasons.",
        )  # fmt: skip


@register("finding", "duplicate_leak", summary="Comments were used both for training and for evaluation", order=14)
def duplicate_leak(run: CheckedRun) -> Iterator[Finding]:
    """Warn if a bundle is evaluated on its training comments, or if training rows repeat the comment of a test row."""
    n_rows = 0 if run.scores is None else len(run.scores)
    if run.n_learned_from:
        which = (
            "all of these comments"
            if run.n_learned_from == n_rows
            else f"{run.n_learned_from:,} of these {n_rows:,} comments"
        )
        yield Finding(
            "duplicate_leak", "warning", f"the model was trained or calibrated on {which}, so the metrics are too optimistic.",
            "Remove them (learned.csv in the run's folder has their lines), or use newer comments.",
        )  # fmt: skip
    if run.n_leaked:
        yield Finding(
            "duplicate_leak", "warning",
            f"{run.n_leaked:,} training rows have the same comment as a test row and were removed from training.",
            "You need not do anything; metrics that others publish on this split may be too high because of "
            "such rows.",
        )  # fmt: skip


@register("finding", "truncated", summary="Comments are longer than the limit and were cut", order=15)
def truncated(run: CheckedRun) -> Iterator[Finding]:
    if run.n_truncated and run.scores is not None:
        yield Finding(
            "truncated", "info", f"{run.n_truncated:,} of {len(run.scores):,} comments are longer than the limit and were cut.",
            "Raise text.max_chars or text.max_tokens if the ends of long comments matter.",
        )  # fmt: skip


@register("finding", "no_known_tokens", summary="Comments hold no token or n-gram that was seen in training", order=16)
def no_known_tokens(run: CheckedRun) -> Iterator[Finding]:
    if run.n_unknown and run.scores is not None:
        yield Finding(
            "no_known_tokens", "info",
            f"{run.n_unknown:,} of {len(run.scores):,} comments hold no token or n-gram that was seen in training.",
            "These comments get the model's default score; add texts with vectors.unlabeled, or train on similar comments.",
        )  # fmt: skip


@register(
    "finding", "personal_strings", summary="Comments contain personal strings, such as telephone numbers", order=18
)
def personal_strings(run: CheckedRun) -> Iterator[Finding]:
    """Count the comments with personal strings, and say whether the model saw these strings."""
    if not run.personal:
        return
    counts = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in run.personal.items())
    if run.masked:
        yield Finding(
            "personal_strings", "info",
            f"personal strings were masked, so the bundle does not contain them; comments with each kind: {counts}.",
            "Names, postal addresses and passwords are not masked; remove them before training if the bundle is given away.",
        )  # fmt: skip
    else:
        yield Finding(
            "personal_strings", "warning",
            f"the bundle may contain personal strings of training comments; comments with each kind: {counts}.",
            "Set text.mask_personal = true and train again before you share the bundle.",
        )  # fmt: skip
