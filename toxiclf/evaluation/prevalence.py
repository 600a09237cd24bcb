"""Weight rows to the production prevalence, and compute F-measures of weighted counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reweighted_counts(counts: Floats, classes: NDArray[np.intp], prevalence: Floats) -> Floats:
    """Reweight rows so that each class has its production prevalence.

    Parameters
    ----------
    counts : how often each row was drawn in each resample, (resamples, n).
    classes : class number of each row, (n,).
    prevalence : production prevalence of each class, (n_classes,); the sum is 1.

    Returns
    -------
    Weighted counts (resamples, n), whose row sums equal those of ``counts``; NaN in a resample that lacks a class whose
    prevalence is not 0.
    """
    drawn = counts @ (classes[:, None] == np.arange(len(prevalence)))
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(prevalence > 0, prevalence * counts.sum(axis=1, keepdims=True) / drawn, 0.0)
    factors[~np.isfinite(factors).all(axis=1)] = np.nan
    return np.asarray(counts * factors[:, classes])


def classes_and_prevalence(
    targets: NDArray[np.uint8], prior: Sequence[float], j: int, *, exclusive: bool
) -> tuple[NDArray[np.intp], Floats]:
    """Return the class of each row, (n,), and the production prevalence of each class, (n_classes,), for label ``j``.

    If labels are not exclusive, there are two classes: rows without the label (0) and with it (1). If they are, each
    label is a class, and class 0 are rows without any label. Thus the rows without label ``j`` have the same mix of
    classes as in production.
    """
    if exclusive:
        classes = np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)
        return classes.astype(np.intp), np.array([1.0 - sum(prior), *prior])
    return targets[:, j].astype(np.intp), np.array([1.0 - prior[j], prior[j]])


def prevalence_weights(targets: NDArray[np.uint8], prior: Sequence[float], *, exclusive: bool) -> Floats:
    """Compute row weights for each label, such that the label's weighted share of rows is its production prevalence.

    Parameters
    ----------
    targets : 0/1 targets, (n, n_labels).
    prior : production prevalence of each label.

    Returns
    -------
    Weights (n, n_labels), whose mean is 1 for each label: prior / share for rows with the label, and
    (1 - prior) / (1 - share) for rows without it. If labels are exclusive: production prevalence / share of the row's
    class. NaN for a label if a class has no rows.
    """
    once = np.ones((1, len(targets)))
    columns = [
        reweighted_counts(once, *classes_and_prevalence(targets, prior, j, exclusive=exclusive))[0]
        for j in range(targets.shape[1])
    ]
    return np.column_stack(columns)


def differs(share: float, other: float, variance: float) -> bool:
    """Return whether two shares differ by more than 0.02 and more than chance explains (z > 3).

    ``variance`` is the variance of their difference by chance.
    """
    return abs(share - other) > max(3 * math.sqrt(max(variance, 1e-12)), 0.02)


def f_beta(tp: Floats, fp: Floats, fn: Floats, beta: float) -> Floats:
    """Compute the F-measure (van Rijsbergen 1979) from counts; 0 if no row is toxic and none is flagged."""
    weight = beta**2
    return (1 + weight) * tp / np.maximum((1 + weight) * tp + weight * fn + fp, 1e-12)
