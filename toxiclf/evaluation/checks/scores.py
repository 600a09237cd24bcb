"""Checks of the scores: whether they separate toxic from other comments, and whether they are calibrated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.bundle.calibration import shifted
from toxiclf.bundle.prevalence import percent
from toxiclf.bundle.verdicts import flags
from toxiclf.evaluation.checks._run import CheckedRun, Finding


@register("finding", "constant_scores", summary="Every comment gets the same score", order=7)
@register(
    "finding",
    "majority_only",
    summary="The model separates toxic from not toxic comments poorly, whatever its accuracy",
    order=7,
)
def tells_nothing_apart(run: CheckedRun) -> Iterator[Finding]:
    if run.scores is None or run.targets is None or run.evaluation is None:
        return
    shares = flags(run.scores, run.thresholds, arg_max=run.arg_max).mean(axis=0)
    for j, label in enumerate(run.labels):
        column, share, flagged = run.scores[:, j], float(run.targets[:, j].mean()), float(shares[j])
        if share in (0.0, 1.0):
            continue  # evaluated comments of one class do not show whether the model tells two apart
        precision = run.evaluation.row("average_precision", label)
        if float(np.ptp(column)) < 1e-6:
            yield Finding(
                "constant_scores", "error", f"label '{label}': every comment gets the score {column[0]:.3f}.",
                "The model learned nothing: try a smaller learning rate, another activation, or the ngram_logistic model.",
            )  # fmt: skip
        elif flagged in (0.0, 1.0):
            what = "every comment is" if flagged else "no comment is"
            where = "by the highest score" if run.arg_max else f"at threshold {run.thresholds[j]:.3f}"
            yield Finding(
                "majority_only", "error", f"label '{label}': {where} {what} flagged.",
                "Accuracy then only repeats the class shares: look at average precision, and "
                + (
                    "set decision.exclusive = thresholds, or choose another model."
                    if run.arg_max
                    else "choose another objective or model."
                ),
            )  # fmt: skip
        elif precision.value is not None and precision.low is not None and precision.low <= share:
            yield Finding(
                "majority_only", "error" if precision.value <= share else "warning",
                f"label '{label}': average precision {precision.value:.3f} ({precision.low:.3f} to "
                f"{precision.high:.3f}) does not beat guessing, which reaches {share:.3f}, the share of "
                "comments with the label.",
                "The model separates comments poorly, whatever its accuracy: train on more comments, or use the "
                "ngram_logistic model.",
            )  # fmt: skip


@register(
    "finding",
    "uncalibrated",
    summary="Scores are not calibrated, or their mean is far from the share of toxic test rows",
    order=12,
)
def uncalibrated(run: CheckedRun) -> Iterator[Finding]:
    """Report that scores are not calibrated, or that their mean is far from the share of toxic rows.

    Far means more than 0.05 and more than chance explains. With ``run.weights``, mean and share are weighted, and the
    limit is 0.05 or half of the share, whichever is less. Labels whose weights are NaN are skipped.
    """
    if run.calibration == "none":
        yield Finding(
            "uncalibrated", "info", "scores are not calibrated, so 0.8 does not mean that 80 % of such comments are toxic.",
            "Set decision.calibrate to platt or isotonic.",
        )  # fmt: skip
        return
    if run.scores is None or run.targets is None:
        return
    for j, label in enumerate(run.labels):
        scores, targets = run.scores[:, j], run.targets[:, j]
        if run.weights is not None:
            yield from _uncalibrated_in_production(scores.astype(np.float64), targets == 1, run.weights[:, j], label)
            continue
        mean, share = float(scores.mean()), float(targets.mean())
        if abs(mean - share) > max(0.05, 4 * math.sqrt(share * (1 - share) / len(scores))):
            rows = "these" if run.saved else "test"
            yield Finding(
                "uncalibrated", "warning",
                f"label '{label}': the mean score is {mean:.1%}, but {share:.1%} of {rows} rows have it.",
                _next_step(run, j, share),
            )  # fmt: skip


def _next_step(run: CheckedRun, j: int, share: float) -> str:
    """Return what helps where scores of label ``j`` are off: the prevalence of the rows, if that explains it."""
    label, rate = run.labels[j], run.rates[j] if run.rates else 0.0
    assert run.scores is not None  # checked by the caller
    if 0 < rate < 1 and 0 < share < 1:
        shift = np.array([math.log(share / (1 - share)) - math.log(rate / (1 - rate))])
        mean = float(shifted(run.scores[:, [j]].astype(np.float64), shift, exclusive=False).mean())
        if abs(mean - share) <= max(0.05, 4 * math.sqrt(share * (1 - share) / len(run.scores))):
            prior = f"{share:.3g}" if len(run.labels) == 1 else f"{label}={share:.3g}"
            return (
                f"The share of the label in these rows explains it: with --prior {prior} the mean score is {mean:.1%}."
            )
    return (
        "These rows differ from the calibration rows in more than the share of the label, so --prior does not "
        "correct the scores: only rank by them, or run toxiclf calibrate on a few hundred labeled comments like these."
    )


def _uncalibrated_in_production(
    scores: NDArray[np.float64], toxic: NDArray[np.bool_], weights: NDArray[np.float64], label: str
) -> Iterator[Finding]:
    if np.isnan(weights).any():
        return
    total = weights.sum()
    mean, share = float(weights @ scores / total), float(weights @ toxic / total)
    # the weights fix the share, so only the scores vary by chance, within toxic rows and within the others
    chance = math.sqrt(sum(float((weights[rows] ** 2).sum() * scores[rows].var()) for rows in (toxic, ~toxic))) / total
    if abs(mean - share) > max(min(0.05, share / 2), 4 * chance):
        yield Finding(
            "uncalibrated", "warning",
            f"label '{label}': the mean score is {percent(mean)}; expected {percent(share)}, the production "
            "prevalence of the corrected scores and weighted test rows.",
            "Use scores only as a ranking, because the test rows differ from the calibration rows in more than "
            "prevalence.",
        )  # fmt: skip
