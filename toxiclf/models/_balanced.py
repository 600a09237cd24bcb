"""What models share that draw as many rows of each class themselves, by imbalanced-learn."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import DataError
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems, write_against_negative
from toxiclf.models._trees import Tree, of_sklearn

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class BalancedModel(Model):
    """One ensemble a binary problem. They take no class weights, since they balance classes."""

    libraries = ("imblearn", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> BalancedModel:
        """Learn from dense vectors.

        Raises
        ------
        DataError : a problem has no rows of one class.
        """
        self.exclusive_ = task.exclusive
        self.estimators_ = []
        for y, _ in binary_problems(task):
            if len(np.unique(y)) < 2:
                raise DataError(
                    f"{self.options.name} draws as many rows of each class, and a fit learns from rows of one class alone; label "
                    "more of the other, or set decision.folds lower"
                )
            self.estimators_.append(self._fitted(features, y, task.seed))
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Log-odds of the trees' mean share, or votes."""
        columns = [self._margins(estimator, features) for estimator in self.estimators_]
        return against_negative(np.column_stack(columns), exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees."""
        margins = [self._write(graph, features, estimator) for estimator in self.estimators_]
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        """The estimator of one problem."""
        return self._estimator(seed).fit(features, y)

    @abstractmethod
    def _estimator(self, seed: int) -> Any:
        """An unfitted estimator."""

    @abstractmethod
    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        """Of one problem, (n,)."""

    @abstractmethod
    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        """Of one problem, (batch, 1)."""


def votes(boosted: Any, factor: float) -> list[Tree]:
    """Trees of an AdaBoost whose leaves hold the weight of their tree, above zero for class 1 (SAMME; Hastie et al. 2009).

    Parameters
    ----------
    factor : of all weights, whose sum it bounds.
    """
    weights = boosted.estimator_weights_[: len(boosted.estimators_)]
    # scikit-learn's decision function takes a vote for each class, and then their difference: hence the 2
    weights = 2 * factor * weights / weights.sum()
    trees = []
    for one, weight in zip(boosted.estimators_, weights, strict=True):
        counts = one.tree_.value[:, 0, :]  # as they are: divided by their sum, two may become equal
        only = one.classes_[0] if len(one.classes_) == 1 else None  # it was fitted to one class
        wins = np.full(len(counts), only == 1) if only is not None else counts[:, 1] > counts[:, 0]
        trees.append(of_sklearn(one.tree_, np.where(wins, weight, -weight)[:, None]))
    return trees
