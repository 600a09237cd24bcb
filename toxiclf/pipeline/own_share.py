"""Metrics of evaluated rows if scores are corrected to the share of toxic comments among these rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.calibration import shifted
from toxiclf.bundle.manifest import Manifest
from toxiclf.errors import UsageError
from toxiclf.evaluation.bootstrap import evaluate
from toxiclf.evaluation.prevalence import differs
from toxiclf.evaluation.sections import Curve, OwnShare, OwnShareDecision
from toxiclf.pipeline.decision import choose_threshold

_Scores = NDArray[np.float32]


def own_shares(
    manifest: Manifest,
    scores: _Scores,
    targets: NDArray[np.uint8],
    curves: Mapping[str, Curve] | None,
) -> list[OwnShare]:
    """Compare ways to decide about rows in which labels are more or less common than in training.

    They are: as the bundle decides; with scores corrected to the share in the rows; with this correction and the
    threshold that the bundle's objective has at this share on held-out rows of training; and with the threshold that is
    best for the rows themselves, which is tuned on them. Only the last one looks at more of the labels than their share.

    Parameters
    ----------
    manifest : manifest of the bundle, whose scores are not corrected to a production prevalence.
    scores, targets : scores and targets of the rows, (n, n_labels).
    curves : threshold curves of the bundle's training; None if they are unknown.

    Returns
    -------
    One entry for each label whose share differs by more than chance explains; empty if scores cannot be corrected.
    """
    rates = [float(f"{share:.3g}") for share in targets.mean(axis=0)]
    labels = [
        label
        for label, here, there in zip(manifest.labels, rates, manifest.rates, strict=bool(manifest.rates))
        if differs(there, here, there * (1 - there) / len(targets))
    ]
    if not labels:
        return []
    try:
        corrected = manifest.at(
            {label: rate for label, rate in zip(manifest.labels, rates, strict=True) if label in labels}
        )
    except UsageError:  # scores are not calibrated, or a class is missing
        return []
    shifts = np.array([label.shift for label in corrected.calibration.labels])
    own = shifted(scores.astype(np.float64), shifts, exclusive=corrected.calibration.exclusive).astype(np.float32)
    objective = manifest.objective or "f1"

    def decided(how: str, rows: _Scores, label: str, moved: float | None = None) -> OwnShareDecision:
        """Compute the metrics of a label; ``moved`` is its threshold in place of the bundle's."""
        thresholds = dict(zip(manifest.labels, manifest.thresholds, strict=True))
        thresholds |= {} if moved is None else {label: moved}
        evaluation = evaluate(
            rows, targets, list(thresholds.values()), manifest.labels, seed=0, arg_max=manifest.arg_max, resamples=0
        )
        values = {name: evaluation.value(name, label) or 0.0 for name in ("accuracy", "precision", "recall", "f1")}
        return {"how": how, "threshold": None if manifest.arg_max else thresholds[label], **values}  # type: ignore[typeddict-item]

    found: list[OwnShare] = []
    for j, label in enumerate(manifest.labels):
        if label not in labels:
            continue
        rate = rates[j]
        prior = f"{label}={rate:g}" if len(rates) > 1 else f"{rate:g}"
        decisions = [decided("as the bundle decides", scores, label), decided(f"--prior {prior}", own, label)]
        if not manifest.arg_max and isinstance(objective, str):
            if curves is not None:
                cut = np.array([[threshold_at(curves[label], objective, rate)]])
                words = f"--prior {prior}, threshold by {objective} at this share on held-out rows of training"
                moved = float(shifted(cut, shifts[[j]], exclusive=False).astype(np.float32)[0, 0])
                decisions.append(decided(words, own, label, moved))
            words = f"--prior {prior}, threshold by {objective} on these rows (tuned on them, so too optimistic)"
            decisions.append(decided(words, own, label, choose_threshold(own[:, j], targets[:, j], objective)[0]))
        share = float(targets[:, j].mean())
        found.append(
            {
                "label": label, "share": share, "calibrated_at": manifest.rates[j], "prior": prior,
                "decisions": decisions,
            }
        )  # fmt: skip
    return found


def threshold_at(curve: Curve, objective: str, share: float) -> float:
    """Choose a threshold by the counts of a curve, weighted to another share of toxic comments."""
    cuts, positives, others = np.array(curve["threshold"]), curve["toxic"], curve["others"]
    prevalence = positives / (positives + others)
    weights = np.concatenate(
        [
            -np.diff(np.append(curve["tp"], 0)) * share / prevalence,
            -np.diff(np.append(curve["fp"], 0)) * (1 - share) / (1 - prevalence),
        ]
    )
    scores, targets = np.tile(cuts, 2).astype(np.float32), np.repeat(np.array([1, 0], dtype=np.uint8), len(cuts))
    some = weights > 0
    between, _ = choose_threshold(scores[some], targets[some], objective, weights[some].astype(np.float64))
    return float(cuts[min(int(np.searchsorted(cuts, between)), len(cuts) - 1)])
