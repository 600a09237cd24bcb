"""Shared parts of classic models: one-vs-rest problems, standardization and logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.weights import problems

if TYPE_CHECKING:
    from toxiclf.graph import Graph
    from toxiclf.models._base import Task

Floats = NDArray[np.float64]


def binary_problems(task: Task) -> list[tuple[NDArray[np.intp], Floats]]:
    """Return the one-vs-rest problems, one per label: each is a pair of 0/1 targets and row weights, both (n,).

    If labels are exclusive, the first problem is an additional one, for the negative value (not toxic).
    """
    result = []
    for classes, weights in zip(problems(task.targets, exclusive=task.exclusive), task.weights, strict=True):
        rows = np.array(weights.weights)[classes]
        chosen = range(len(weights.names)) if task.exclusive else [1]
        result += [((classes == c).astype(np.intp), rows) for c in chosen]
    return result


def against_negative(margins: Floats, *, exclusive: bool) -> Floats:
    """Subtract the first column, the margin of the negative value (not toxic), from the other columns; return these.

    If labels are not exclusive, return the margins unchanged.
    """
    return margins[:, 1:] - margins[:, :1] if exclusive else margins


def write_against_negative(graph: Graph, margins: str, columns: int, *, exclusive: bool) -> str:
    """Add nodes that subtract the first column of ``margins`` from the others; return the name of the result.

    The first column is the margin of the negative value (not toxic). If labels are not exclusive, return ``margins``.
    ``columns`` is the number of columns of ``margins`` (batch, columns).
    """
    if not exclusive:
        return margins
    one = graph.integers(1)
    rest = graph.add("Slice", margins, one, graph.integers(columns), one)
    first = graph.add("Slice", margins, graph.integers(0), one, one)
    return graph.add("Sub", rest, first)


class Scaling:
    """Standardization with the mean and standard deviation of the training set, or no scaling.

    Parameters
    ----------
    features : feature matrix of the training set, float32 (n, width).
    standardize : whether to standardize; if False, :meth:`apply` does not change the values.

    Attributes
    ----------
    mean, deviation : mean and standard deviation of each dimension, float64 (width,). A deviation of 1e-8 or less is
        replaced by 1. Without standardization, all means are 0 and all deviations are 1.
    """

    def __init__(self, features: NDArray[np.float32], *, standardize: bool) -> None:
        self.mean = features.mean(axis=0, dtype=np.float64) if standardize else np.zeros(features.shape[1])
        deviation = features.std(axis=0, dtype=np.float64) if standardize else np.ones(features.shape[1])
        self.deviation = np.where(deviation > 1e-8, deviation, 1.0)

    def apply(self, features: NDArray[np.float32]) -> Floats:
        """Return the scaled features, float64 (n, width)."""
        return (features - self.mean) / self.deviation

    def write(self, graph: Graph, features: str, dtype: Any = np.float32) -> str:
        """Add nodes that scale ``features``, which have the type ``dtype``; return the name of the result."""
        centred = graph.add("Sub", features, graph.constant(self.mean, dtype))
        return graph.add("Div", centred, graph.constant(self.deviation, dtype))


class Linear:
    """One-vs-rest logistic regressions: one per label, and one for the negative value (not toxic) of exclusive labels.

    Parameters
    ----------
    C : inverse strength of the L2 penalty.

    Attributes
    ----------
    coefficients_, intercepts_ : coefficients (features, n_labels) and intercepts (n_labels,). For exclusive labels,
        those of the negative value (not toxic) are subtracted from those of each label.
    """

    def __init__(self, C: float) -> None:
        self._C = C

    def fit(self, features: Any, task: Task) -> Linear:
        """Fit the logistic regressions."""
        from sklearn.linear_model import LogisticRegression

        columns, intercepts = [], []
        for classes, weights in binary_problems(task):
            estimator = LogisticRegression(C=self._C, solver="liblinear", max_iter=2000, random_state=task.seed).fit(
                features, classes, sample_weight=weights
            )
            columns.append(estimator.coef_[0])
            intercepts.append(estimator.intercept_[0])
        self.coefficients_ = against_negative(np.column_stack(columns), exclusive=task.exclusive)
        self.intercepts_ = against_negative(np.array([intercepts]), exclusive=task.exclusive)[0]
        return self

    def raw(self, features: Any) -> Floats:
        """Return the log-odds, float64 (n, n_labels)."""
        return np.asarray(features @ self.coefficients_ + self.intercepts_)
