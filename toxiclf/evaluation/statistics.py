"""Significance of differences: several at once, and over splits that share comments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of several p values (Holm 1979).

    Returns
    -------
    list of float
        In the order of ``p_values``.

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
    """95 % interval of a mean over seeds, by Student's t.

    Parameters
    ----------
    values : array of shape (n_seeds,)
        One figure a seed.
    test_share : float
        The share of the comments that each seed draws as its test set; 0 if the test set is the same for all seeds. Test sets
        drawn from the same comments overlap, and the variance is corrected for that (Nadeau and Bengio 2003).
    """
    mean, half = float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1)) * _error(values, test_share)
    return mean - half, mean + half


def paired_p(differences: Floats, test_share: float) -> float:
    """p value of a mean of paired differences, by Student's t with the variance of :func:`mean_interval`."""
    error, mean = _error(differences, test_share), abs(float(differences.mean()))
    if mean == 0.0:
        return 1.0
    if error <= 1e-12 * mean:  # the same at each seed
        return 0.0
    return float(2 * stats.t.sf(mean / error, len(differences) - 1))


def _error(values: Floats, test_share: float) -> float:
    """Standard error of the mean."""
    return float(values.std(ddof=1) * np.sqrt(1 / len(values) + test_share / (1 - test_share)))
