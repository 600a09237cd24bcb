"""Findings: coded results of checks that every run goes through, each with what it means and what to do next."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.weights import ClassWeights
from toxiclf.bundle.live_rate import percent
from toxiclf.evaluation.metrics import Evaluation, paired_difference
from toxiclf.evaluation.naming import harmless
from toxiclf.evaluation.slices import NO_PEOPLE, NOBODY

Severity = Literal["error", "warning", "info"]


Code = Literal[
    "below_baseline", "constant_scores", "diverged", "double_weighting", "duplicate_leak", "false_positive_gap", "few_copies",
    "gan_collapse",
    "majority_only",
    "no_bundle",
    "no_effect", "no_known_tokens", "objective_unreached", "prevalence_shift", "rejected_rows", "small_validation", "truncated",
    "uncalibrated",
]  # fmt: skip
"""Every finding there is; ``docs/your-own-csv.md`` explains each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: its code, a sentence, and the next step."""

    code: Code
    severity: Severity
    message: str
    next_step: str


def check_scores(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], thresholds: Sequence[float], evaluation: Evaluation,
    labels: Sequence[str],
) -> Iterator[Finding]:  # fmt: skip
    """majority_only, constant_scores: a model that tells nothing apart, whatever its accuracy."""
    for j, label in enumerate(labels):
        column, share = scores[:, j], float(targets[:, j].mean())
        precision = evaluation.row("average_precision", label)
        flagged = float((column >= np.float32(thresholds[j])).mean())
        if float(np.ptp(column)) < 1e-6:
            yield Finding(
                "constant_scores", "error", f"label '{label}': every comment gets the score {column[0]:.3f}.",
                "The model learned nothing: try a smaller learning rate, another activation, or the ngram_logistic model.",
            )  # fmt: skip
        elif flagged in (0.0, 1.0):
            what = "every comment is" if flagged else "no comment is"
            yield Finding(
                "majority_only", "error", f"label '{label}': at threshold {thresholds[j]:.3f} {what} called toxic.",
                "Accuracy then only repeats the class shares: look at average precision, and choose another objective or model.",
            )  # fmt: skip
        elif precision.value is not None and precision.low is not None and precision.low <= share:
            yield Finding(
                "majority_only", "error" if precision.value <= share else "warning",
                f"label '{label}': average precision {precision.value:.3f} ({precision.low:.3f} to {precision.high:.3f}) does not "
                f"beat {share:.3f}, the share of such comments, which guessing reaches.",
                "The model tells little apart, whatever its accuracy: train on more comments, or use the ngram_logistic model.",
            )  # fmt: skip


def check_prevalence(
    train: NDArray[np.uint8], test: NDArray[np.uint8], labels: Sequence[str], corrected: Container[str] = ()
) -> Iterator[Finding]:
    """prevalence_shift: the share of a label differs between training and test by more than chance (z > 3) and two points.

    Labels that are ``corrected`` to a live rate are left out: what share of the rows holds them has no say in scores.
    """
    for j, label in enumerate(labels):
        if label in corrected:
            continue
        a, b = train[:, j].mean(), test[:, j].mean()
        pooled = (train[:, j].sum() + test[:, j].sum()) / (len(train) + len(test))
        spread = math.sqrt(max(pooled * (1 - pooled) * (1 / len(train) + 1 / len(test)), 1e-12))
        if abs(a - b) > max(3 * spread, 0.02):
            yield Finding(
                "prevalence_shift", "warning", f"label '{label}': {a:.1%} of training rows hold it, {b:.1%} of test rows.",
                "Scores and thresholds are fitted to the training share; collect training rows the way live ones arrive, or name "
                "the live share with decision.prior.",
            )  # fmt: skip


def check_decision_rows(targets: NDArray[np.uint8], labels: Sequence[str], source: str) -> Iterator[Finding]:
    """small_validation: calibration and threshold rest on few toxic comments."""
    for label, count in zip(labels, targets.sum(axis=0).tolist(), strict=True):
        if count < 50:
            better = ', or set decision.source = "out_of_fold"' if source == "validation" else ""
            yield Finding(
                "small_validation", "warning",
                f"label '{label}': calibration and threshold rest on {count} toxic comments ({source.replace('_', '-')}).",
                f"Expect the live precision and recall to differ from the report; label more toxic comments{better}.",
            )  # fmt: skip


def check_objective(reached: Sequence[bool], labels: Sequence[str], objective: str | float) -> Iterator[Finding]:
    """objective_unreached: no threshold gives the precision or recall that was asked for."""
    for label, fits in zip(labels, reached, strict=True):
        if not fits:
            yield Finding(
                "objective_unreached", "warning",
                f"label '{label}': no threshold reaches {objective} on the rows it is chosen on; the nearest was taken.",
                "Ask for less, label more comments, or choose a stronger model.",
            )  # fmt: skip


def check_baseline(model: Evaluation, baseline: Evaluation) -> Iterator[Finding]:
    """below_baseline: the model does not beat ngram_logistic by average precision on the same test rows."""
    ours, theirs = model.value("average_precision"), baseline.value("average_precision")
    interval = paired_difference(model, baseline, "average_precision")
    if ours is None or theirs is None or interval is None or interval[0] > 0:
        return
    verdict = "is below" if interval[1] < 0 else "is not clearly above"
    yield Finding(
        "below_baseline", "warning",
        f"average precision {ours:.3f} {verdict} the ngram_logistic baseline's {theirs:.3f} "
        f"(difference {ours - theirs:+.3f}, 95 % interval {interval[0]:+.3f} to {interval[1]:+.3f}).",
        "The baseline is the default recipe, and no model is simpler or faster: use it, unless this one earns its place otherwise.",
    )  # fmt: skip


def check_weighting(weights: Sequence[ClassWeights], loss: str, *, by_hand: bool, resampled: bool) -> Iterator[Finding]:
    """double_weighting: class weights and the loss both favour the rare class, or weights given by hand and resampling do.

    Parameters
    ----------
    by_hand : whether weights were given by class; others follow what resampling leaves.
    """
    if by_hand and resampled and any(len(set(entry.weights)) > 1 for entry in weights):
        yield Finding(
            "double_weighting", "warning",
            "class weights were given by hand and rows were resampled, so rare classes are favoured twice.",
            "Choose one: balance.class_weight = none, or no balance.resample.",
        )  # fmt: skip
    if loss != "crossentropy" and any(len(set(entry.weights)) > 1 for entry in weights):
        yield Finding(
            "double_weighting", "warning",
            f"class weights and the {loss.replace('_', '-')} loss are both on, so rare classes are favoured twice.",
            "Choose one: balance.class_weight = none, or balance.loss = crossentropy.",
        )  # fmt: skip


def check_loss(loss: str, calibrate: str) -> Iterator[Finding]:
    """no_effect: a loss that moves outputs by a constant, which calibration takes back (each network has a bias to do so)."""
    if loss == "logit_adjusted" and calibrate != "none":
        yield Finding(
            "no_effect", "info",
            "the logit-adjusted loss moves all outputs for a label by one number, and calibration moves them back: ranks, scores "
            "and verdicts are those of cross-entropy.",
            "It matters to uncalibrated scores and a fixed threshold alone; for verdicts, the tuned threshold does the same.",
        )  # fmt: skip


def check_copies(made: int, asked: int) -> Iterator[Finding]:
    """few_copies: less than nine tenths of the copies that augmentation was asked for could be made."""
    if made < 0.9 * asked:
        yield Finding(
            "few_copies", "warning",
            f"augmentation wrote {made:,} of the {asked:,} copies that it was asked for: the others would have been like comments "
            "that there are.",
            "Ask for fewer copies, a higher rate, or another method; --keep-augmented shows what was written.",
        )  # fmt: skip


def check_gan(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """gan_collapse: generated rows are all alike, or their training fell apart."""
    if facts.get("collapsed"):
        yield Finding(
            "gan_collapse", "warning", f"the GAN collapsed: {facts['reason']}.",
            "Do not trust these rows: use balance.resample = smote or the tuned threshold alone; or try a lower "
            "balance.gan_learning_rate, fewer balance.gan_steps, or label more of the rarer class.",
        )  # fmt: skip


def check_learned(known: int | None, comments: int) -> Iterator[Finding]:
    """duplicate_leak: a bundle is measured on comments that it has learned from; None where that is not known."""
    if known:
        which = "these are comments" if known == comments else f"{known:,} of {comments:,} comments are among those"
        yield Finding(
            "duplicate_leak", "warning", f"{which} that the model has learned from, so the figures flatter it.",
            "Leave them out (learned.csv in the run's folder has their lines), or use comments that came in since.",
        )  # fmt: skip


def check_slices(slices: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Iterator[Finding]:
    """false_positive_gap: harmless comments that name some people, or come from somewhere, are flagged more often than others.

    Of several such kinds the three with the largest gaps are named.
    """
    found = [
        row
        for row in slices
        if row["notable"] and row["gap"] > 0 and row["by"] not in NO_PEOPLE and (row["by"], row["name"]) != NOBODY
    ]
    found.sort(key=lambda row: -row["gap"])
    if not found:
        return
    named = "; ".join(
        f"'{row['by']}: {row['name']}' (label '{row['label']}') {row['false_positive_rate']:.1%} against "
        f"{row['false_positive_rate'] - row['gap']:.1%}"
        for row in found[:3]
    )
    more = f"; and {len(found) - 3} more in the report" if len(found) > 3 else ""
    yield Finding(
        "false_positive_gap", "warning", f"{harmless(labels)} of some kinds are flagged more often than others: {named}{more}.",
        f"Read the false alarms of these kinds in report.html; label more {harmless(labels)} like them, or leave them to people.",
    )  # fmt: skip


def check_calibration(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], labels: Sequence[str], method: str,
    weights: NDArray[np.float64] | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """uncalibrated: scores were left as they came, or their mean is far from the share of toxic test rows.

    With ``weights`` (n, n_labels) of a live rate, both are those of live comments, and half the share is far at most; a label
    whose weights are not defined is left out.
    """
    if method == "none":
        yield Finding(
            "uncalibrated", "info", "scores are not calibrated, so 0.8 does not mean that 80 % of such comments are toxic.",
            "Set decision.calibrate to platt or isotonic.",
        )  # fmt: skip
        return
    for j, label in enumerate(labels):
        if weights is not None:
            yield from _check_live_calibration(
                scores[:, j].astype(np.float64), targets[:, j] == 1, weights[:, j], label
            )
            continue
        mean, share = float(scores[:, j].mean()), float(targets[:, j].mean())
        if abs(mean - share) > max(0.05, 4 * math.sqrt(share * (1 - share) / len(scores))):
            yield Finding(
                "uncalibrated", "warning", f"label '{label}': the mean score is {mean:.1%}, but {share:.1%} of test rows hold it.",
                "Read scores as a ranking; the test rows differ from the rows that calibration was fitted on.",
            )  # fmt: skip


def _check_live_calibration(
    scores: NDArray[np.float64], toxic: NDArray[np.bool_], weights: NDArray[np.float64], label: str
) -> Iterator[Finding]:
    if np.isnan(weights).any():
        return
    total = weights.sum()
    mean, share = float(weights @ scores / total), float(weights @ toxic / total)
    # the rate is given, so chance is in the scores alone: among toxic rows, and among the others
    chance = math.sqrt(sum(float((weights[of] ** 2).sum() * scores[of].var()) for of in (toxic, ~toxic))) / total
    if abs(mean - share) > max(min(0.05, share / 2), 4 * chance):
        yield Finding(
            "uncalibrated", "warning",
            f"label '{label}': the mean score is {percent(mean)} where it should be the live rate, {percent(share)}, to which "
            "scores are corrected and test rows weighted.",
            "Read scores as a ranking; the test rows differ from the rows that calibration was fitted on in more than that rate.",
        )  # fmt: skip


def check_rows(rejected: int, total: int, leaked: int, truncated: int, unknown: int, texts: int) -> Iterator[Finding]:
    """rejected_rows, duplicate_leak, truncated, no_known_tokens: what happened to rows on their way in."""
    if rejected:
        yield Finding(
            "rejected_rows", "warning", f"{rejected:,} of {total:,} rows were set aside.",
            "See rejected.csv for line numbers and reasons.",
        )  # fmt: skip
    if leaked:
        yield Finding(
            "duplicate_leak", "warning",
            f"{leaked:,} training rows hold the same comment as a test row and were left out of training.",
            "Nothing to do here; figures published elsewhere on this split may be too high by such rows.",
        )  # fmt: skip
    if truncated:
        yield Finding(
            "truncated", "info", f"{truncated:,} of {texts:,} comments are longer than the limit and were cut.",
            "Raise text.max_chars or text.max_tokens if the ends of long comments matter.",
        )  # fmt: skip
    if unknown:
        yield Finding(
            "no_known_tokens", "info", f"{unknown:,} of {texts:,} comments hold nothing that was seen in training.",
            "They get the model's default score; name more texts with vectors.unlabeled, or train on comments like these.",
        )  # fmt: skip
