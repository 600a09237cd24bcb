"""Two-sample tests: check whether two samples of rows come from the same distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]
MOST_ROWS = 1000
"""Largest number of rows used from a sample. The memory that a kernel needs is quadratic in this number."""
_PERMUTATIONS = 200


@dataclass(frozen=True)
class Kernel:
    """An RBF kernel, exp(-d² / width), whose width is the median squared distance between real rows."""

    width: float

    @classmethod
    def of(cls, real: Floats) -> Kernel:
        squares = squared_distances(real[:MOST_ROWS], real[:MOST_ROWS])
        return cls(float(max(np.median(squares[np.triu_indices(len(squares), 1)]), 1e-12)))

    def __call__(self, a: Floats, b: Floats) -> Floats:
        return np.asarray(np.exp(-squared_distances(a, b) / self.width))

    def discrepancy(self, a: Floats, b: Floats) -> float:
        """Return the unbiased estimate of the squared maximum mean discrepancy of two samples (Gretton et al. 2012)."""
        a, b = a[:MOST_ROWS], b[:MOST_ROWS]
        return _mmd(self(a, a), self(b, b), self(a, b))


def _mmd(within_a: Floats, within_b: Floats, between: Floats) -> float:
    def mean(square: Floats) -> float:
        count = len(square)
        return float((square.sum() - np.trace(square)) / (count * (count - 1)))

    return mean(within_a) + mean(within_b) - 2 * float(between.mean())


def squared_distances(a: Floats, b: Floats) -> Floats:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0))


def told_apart(a: Floats, b: Floats, rng: np.random.Generator) -> float | None:
    """Return the cross-validated ROC AUC of a classifier that separates two samples.

    The larger sample is randomly cut to the size of the smaller one. Returns None if a sample has fewer than four rows.
    """
    count = min(len(a), len(b))
    if count < 4:
        return None
    rows = np.concatenate([part[rng.permutation(len(part))[:count]] for part in (a, b)])
    classes = np.repeat([0, 1], count)
    folds = StratifiedKFold(min(5, count), shuffle=True, random_state=int(rng.integers(2**31 - 1)))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    scores = cross_val_predict(classifier, rows, classes, cv=folds, method="decision_function")
    return round(float(roc_auc_score(classes, scores)), 4)


def permuted(kernel: Kernel, a: Floats, b: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Return the discrepancy of two samples (see ``Kernel.discrepancy``) and its p value by a permutation test."""
    together = kernel(*[np.concatenate([a, b])] * 2)
    first = np.arange(len(together)) < len(a)

    def parted(chosen: NDArray[np.bool_]) -> float:
        return _mmd(together[chosen][:, chosen], together[~chosen][:, ~chosen], together[chosen][:, ~chosen])

    discrepancy = parted(first)
    others = [parted(rng.permutation(first)) for _ in range(_PERMUTATIONS)]
    return discrepancy, (1 + sum(other >= discrepancy for other in others)) / (1 + _PERMUTATIONS)
