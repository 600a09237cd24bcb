"""Rows weighted to the prevalence in production, and F-measures of the weighted counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reweighted_counts(counts: Floats, classes: NDArray[np.intp], prevalence: Floats) -> Floats:
    """Reweight rows so that each class has its production prevalence.

    Parameters
    ----------
    counts : how often each row was drawn, (draws, n).
    classes : the class of each row, (n,).
    prevalence : in production, of each class; sums to 1.

    Returns
    -------
    (draws, n), with the row sums of ``counts``; NaN in a draw that holds no row of a class.
    """
    drawn = counts @ (classes[:, None] == np.arange(len(prevalence)))
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(prevalence > 0, prevalence * counts.sum(axis=1, keepdims=True) / drawn, 0.0)
    factors[~np.isfinite(factors).all(axis=1)] = np.nan
    return np.asarray(counts * factors[:, classes])


def classes_and_prevalence(
    targets: NDArray[np.uint8], prior: Sequence[float], j: int, *, exclusive: bool
) -> tuple[NDArray[np.intp], Floats]:
    """The class of each row, (n,), and the production prevalence of each class, for one label.

    There are two classes, without and with the label; of exclusive labels, the rest too is mixed as in production.
    """
    if exclusive:
        classes = np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)
        return classes.astype(np.intp), np.array([1.0 - sum(prior), *prior])
    return targets[:, j].astype(np.intp), np.array([1.0 - prior[j], prior[j]])


def prevalence_weights(targets: NDArray[np.uint8], prior: Sequence[float], *, exclusive: bool) -> Floats:
    """Weight of each row for each label that gives labels their production prevalence.

    Parameters
    ----------
    targets : (n, n_labels).
    prior : the production prevalence of each label.

    Returns
    -------
    (n, n_labels), of mean 1: prior / share for rows with the label, (1 - prior) / (1 - share) for those without; for exclusive
    labels one such ratio a class. NaN where the rows hold no comment of a class.
    """
    once = np.ones((1, len(targets)))
    columns = [
        reweighted_counts(once, *classes_and_prevalence(targets, prior, j, exclusive=exclusive))[0]
        for j in range(targets.shape[1])
    ]
    return np.column_stack(columns)


def f_beta(tp: Floats, fp: Floats, fn: Floats, beta: float) -> Floats:
    """F-measure (van Rijsbergen 1979) of counts; 0 where nothing is toxic and nothing is flagged."""
    weight = beta**2
    return (1 + weight) * tp / np.maximum((1 + weight) * tp + weight * fn + fp, 1e-12)
