"""Statistical tests: Holm's correction, and intervals and p values over seeds whose test sets overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct several p values by Holm's step-down method (Holm 1979).

    Returns
    -------
    list of float
        Corrected p values, in the order of ``p_values``.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = largest
    return corrected


def mean_interval(values: Floats, test_share: float) -> tuple[float, float]:
    """Return the 95 % interval of a mean over seeds, by Student's t.

    Parameters
    ----------
    values : array of shape (n_seeds,)
        The value at each seed.
    test_share : float
        The share of the comments that each seed draws as its test set; 0 if all seeds have the same test set. Test sets
        drawn from the same comments overlap, and the variance is corrected for this (Nadeau and Bengio 2003).
    """
    mean, half = float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1)) * _error(values, test_share)
    return mean - half, mean + half


def paired_p(differences: Floats, test_share: float) -> float:
    """Return the two-sided p value of a mean paired difference, by Student's t as in :func:`mean_interval`."""
    error, mean = _error(differences, test_share), abs(float(differences.mean()))
    if mean == 0.0:
        return 1.0
    if error <= 1e-12 * mean:  # all seeds have the same difference
        return 0.0
    return float(2 * stats.t.sf(mean / error, len(differences) - 1))


def _error(values: Floats, test_share: float) -> float:
    """Return the standard error of the mean over seeds, corrected for test sets that overlap."""
    return float(values.std(ddof=1) * np.sqrt(1 / len(values) + test_share / (1 - test_share)))
