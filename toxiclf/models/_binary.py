"""What classic models share: problems of one class against the rest, scaling, and linear models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.weights import problems

if TYPE_CHECKING:
    from toxiclf.graph import Graph
    from toxiclf.models._base import Task

Floats = NDArray[np.float64]


def binary_problems(task: Task) -> list[tuple[NDArray[np.intp], Floats]]:
    """Split the targets into one-vs-rest problems with row weights: one per label, or one per value (the negative one first) of
    exclusive labels."""
    result = []
    for classes, weights in zip(problems(task.targets, exclusive=task.exclusive), task.weights, strict=True):
        rows = np.array(weights.weights)[classes]
        chosen = range(len(weights.names)) if task.exclusive else [1]
        result += [((classes == c).astype(np.intp), rows) for c in chosen]
    return result


def against_negative(margins: Floats, *, exclusive: bool) -> Floats:
    """Subtract the margin of the negative value (the first column) from the margins (n, values) of exclusive labels; other
    margins stay unchanged."""
    return margins[:, 1:] - margins[:, :1] if exclusive else margins


def write_against_negative(graph: Graph, margins: str, columns: int, *, exclusive: bool) -> str:
    """Add :func:`against_negative` to a graph, of margins (batch, columns)."""
    if not exclusive:
        return margins
    one = graph.integers(1)
    rest = graph.add("Slice", margins, one, graph.integers(columns), one)
    first = graph.add("Slice", margins, graph.integers(0), one, one)
    return graph.add("Sub", rest, first)


class Scaling:
    """Standardization by the training rows, or none.

    Parameters
    ----------
    features : float32 (n, width), the training rows.

    Attributes
    ----------
    mean, deviation : float64 (width,).
    """

    def __init__(self, features: NDArray[np.float32], *, standardize: bool) -> None:
        self.mean = features.mean(axis=0, dtype=np.float64) if standardize else np.zeros(features.shape[1])
        deviation = features.std(axis=0, dtype=np.float64) if standardize else np.ones(features.shape[1])
        self.deviation = np.where(deviation > 1e-8, deviation, 1.0)

    def apply(self, features: NDArray[np.float32]) -> Floats:
        """Rows, scaled."""
        return (features - self.mean) / self.deviation

    def write(self, graph: Graph, features: str, dtype: Any = np.float32) -> str:
        """Add the same function to a graph."""
        centred = graph.add("Sub", features, graph.constant(self.mean, dtype))
        return graph.add("Div", centred, graph.constant(self.deviation, dtype))


class Linear:
    """Coefficients (features, columns) and intercepts (columns) of one logistic regression a binary problem.

    Parameters
    ----------
    C : inverse strength of the L2 penalty.
    dual : solve the dual problem, for more features than rows.
    """

    def __init__(self, C: float, *, dual: bool) -> None:
        self._C, self._dual = C, dual

    def fit(self, features: Any, task: Task, scales: Callable[[NDArray[np.intp]], Floats] | None = None) -> Linear:
        """Learn; ``scales`` gives, for the 0/1 classes of a problem, a factor for each feature, (features,)."""
        import scipy.sparse as sp
        from sklearn.linear_model import LogisticRegression

        columns, intercepts = [], []
        for classes, weights in binary_problems(task):
            factors = None if scales is None else scales(classes)
            scaled = features if factors is None else features @ sp.diags(factors)
            estimator = LogisticRegression(
                C=self._C, solver="liblinear", dual=self._dual, max_iter=2000, random_state=task.seed
            ).fit(scaled, classes, sample_weight=weights)
            columns.append(estimator.coef_[0] if factors is None else estimator.coef_[0] * factors)
            intercepts.append(estimator.intercept_[0])
        coefficients = np.column_stack(columns)
        self.coefficients_ = against_negative(coefficients, exclusive=task.exclusive)
        self.intercepts_ = against_negative(np.array([intercepts]), exclusive=task.exclusive)[0]
        return self

    def raw(self, features: Any) -> Floats:
        """Log-odds, (n, n_labels)."""
        return np.asarray(features @ self.coefficients_ + self.intercepts_)
