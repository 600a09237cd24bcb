"""Checks of the techniques: class weights, losses, resampling and augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from toxiclf._registry import register
from toxiclf.evaluation.checks._run import CheckedRun, Finding


@register("finding", "double_weighting", summary="Two techniques favor the rare class at once", order=3)
def double_weighting(run: CheckedRun) -> Iterator[Finding]:
    """Warn if two techniques favor the rare class at once.

    This happens if class weights are used with a loss other than cross-entropy, or if class weights given by hand are
    used with resampling. Class weights that are not given by hand are computed after resampling, so they do not favor
    the rare class again.
    """
    weighted = any(len(set(entry.weights)) > 1 for entry in run.class_weights)
    if run.weights_by_hand and run.resampled and weighted:
        yield Finding(
            "double_weighting", "warning",
            "class weights were given by hand and rows were resampled, so rare classes are favored twice.",
            "Choose one: balance.class_weight = none, or no balance.resample.",
        )  # fmt: skip
    if run.loss != "crossentropy" and weighted:
        yield Finding(
            "double_weighting", "warning",
            f"class weights and the {run.loss.replace('_', '-')} loss are both on, so rare classes are favored "
            "twice.",
            "Choose one: balance.class_weight = none, or balance.loss = crossentropy.",
        )  # fmt: skip


@register("finding", "few_copies", summary="Augmentation wrote fewer copies than requested", order=4)
def few_copies(run: CheckedRun) -> Iterator[Finding]:
    """Warn if augmentation made less than nine tenths of the requested copies."""
    if run.copies is None:
        return
    made, asked = run.copies
    if made < 0.9 * asked:
        yield Finding(
            "few_copies", "warning",
            f"augmentation wrote {made:,} of the {asked:,} requested copies, because the others would repeat "
            "existing comments.",
            "Ask for fewer copies, a higher rate, or another method; --keep-augmented shows what was written.",
        )  # fmt: skip


@register(
    "finding", "gan_collapse", summary="Generated rows are all alike, or the training of the GAN diverged", order=5
)
def gan_collapse(run: CheckedRun) -> Iterator[Finding]:
    if run.gan.get("collapsed"):
        yield Finding(
            "gan_collapse", "warning", f"the GAN collapsed: {run.gan['reason']}.",
            "Do not use these rows: set balance.resample = smote, or use the tuned threshold alone. Or try a "
            "lower balance.gan_learning_rate or fewer balance.gan_steps, or label more comments of the rarer "
            "class.",
        )  # fmt: skip


@register("finding", "no_effect", summary="Calibration cancels the effect of the loss", order=6)
def no_effect(run: CheckedRun) -> Iterator[Finding]:
    """Report that calibration cancels the effect of the logit-adjusted loss.

    This loss only shifts all outputs of a label by a constant, and calibration shifts them back.
    """
    if run.loss == "logit_adjusted" and run.calibration != "none":
        yield Finding(
            "no_effect", "info",
            "the logit-adjusted loss shifts all outputs of a label by a constant and calibration shifts them "
            "back, so ranks, scores and verdicts equal those of cross-entropy.",
            "Set balance.loss = crossentropy; the logit-adjusted loss changes only uncalibrated scores with a "
            "fixed threshold.",
        )  # fmt: skip
