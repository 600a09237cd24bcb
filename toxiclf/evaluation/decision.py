"""Weights of rows at the live rate, and the F-measure of counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def live_counts(counts: Floats, classes: NDArray[np.intp], live: Floats) -> Floats:
    """How often each row counts, once each class counts as often as among live comments.

    Parameters
    ----------
    counts : how often each row was drawn, (draws, n).
    classes : the class of each row, (n,).
    live : the live rate of each class; sums to 1.

    Returns
    -------
    (draws, n), with the row sums of ``counts``; NaN in a draw that holds no row of a class.
    """
    drawn = counts @ (classes[:, None] == np.arange(len(live)))
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(live > 0, live * counts.sum(axis=1, keepdims=True) / drawn, 0.0)
    factors[~np.isfinite(factors).all(axis=1)] = np.nan
    return np.asarray(counts * factors[:, classes])


def live_classes(
    targets: NDArray[np.uint8], prior: Sequence[float], j: int, *, exclusive: bool
) -> tuple[NDArray[np.intp], Floats]:
    """For a label: the class of each row, (n,), and the live rate of each class.

    There are two classes, without and with the label; of exclusive labels, the rest too is as mixed as among live comments.
    """
    if exclusive:
        classes = np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)
        return classes.astype(np.intp), np.array([1.0 - sum(prior), *prior])
    return targets[:, j].astype(np.intp), np.array([1.0 - prior[j], prior[j]])


def live_weights(targets: NDArray[np.uint8], prior: Sequence[float], *, exclusive: bool) -> Floats:
    """How often each row counts for each label, so that labels are as common as among live comments.

    Parameters
    ----------
    targets : (n, n_labels).
    prior : the live rate of each label.

    Returns
    -------
    (n, n_labels), of mean 1: live rate / share for rows with the label, (1 - live rate) / (1 - share) for those without; by
    exclusive labels one such ratio a class. NaN where the rows hold no comment of a class.
    """
    once = np.ones((1, len(targets)))
    columns = [
        live_counts(once, *live_classes(targets, prior, j, exclusive=exclusive))[0] for j in range(targets.shape[1])
    ]
    return np.column_stack(columns)


def f_beta(tp: Floats, fp: Floats, fn: Floats, beta: float) -> Floats:
    """F-measure (van Rijsbergen 1979) of counts; 0 where nothing is toxic and nothing is flagged."""
    weight = beta**2
    return (1 + weight) * tp / np.maximum((1 + weight) * tp + weight * fn + fp, 1e-12)
