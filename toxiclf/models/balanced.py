"""Trees that draw as many rows of each class themselves, by imbalanced-learn."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier, RUSBoostClassifier
from numpy.typing import NDArray
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from toxiclf.errors import DataError
from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._trees import Tree, of_sklearn, shares_of, write_trees
from toxiclf.models.classic import against_negative, binary_problems, write_against_negative
from toxiclf.recipe import BalancedRandomForestOptions, EasyEnsembleOptions, RusboostOptions

Floats = NDArray[np.float64]


class _Balanced(Model):
    """One ensemble a binary problem. They take no class weights, since they balance classes."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> _Balanced:
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
        columns = [self._said(estimator, features) for estimator in self.estimators_]
        return against_negative(np.column_stack(columns), exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees."""
        margins = [self._write(graph, features, estimator) for estimator in self.estimators_]
        joined = graph.add("Concat", *margins, axis=1) if len(margins) > 1 else margins[0]
        return write_against_negative(graph, joined, len(margins), exclusive=self.exclusive_)

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        """The estimator of one problem."""
        return self._made(seed).fit(features, y)

    @abstractmethod
    def _made(self, seed: int) -> Any:
        """An unfitted estimator."""

    @abstractmethod
    def _said(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        """Of one problem, (n,)."""

    @abstractmethod
    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        """Of one problem, (batch, 1)."""


class BalancedRandomForest(_Balanced):
    """Balanced random forest (Chen, Liaw and Breiman 2004); log-odds of the mean share, each class raised by half a tree's vote."""

    options: BalancedRandomForestOptions

    def _made(self, seed: int) -> Any:
        options = self.options
        return BalancedRandomForestClassifier(
            options.trees, max_depth=None if options.max_depth == "none" else options.max_depth,
            min_samples_leaf=options.min_samples_leaf, sampling_strategy="all", replacement=True, bootstrap=False,
            n_jobs=-1, random_state=seed,
        )  # fmt: skip

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        fitted = super()._fitted(features, y, seed)
        return fitted.set_params(n_jobs=1)  # threads would add the trees' shares in any order

    def _said(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        logs = np.log(estimator.predict_proba(features) + 0.5 / self.options.trees)
        return np.asarray(logs[:, 1] - logs[:, 0])

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        trees = [
            of_sklearn(one.tree_, shares_of(one.tree_) / len(estimator.estimators_)) for one in estimator.estimators_
        ]
        logs = graph.add(
            "Log", graph.add("Add", write_trees(graph, features, trees), graph.constant(0.5 / self.options.trees))
        )
        return write_against_negative(graph, logs, 2, exclusive=True)


class EasyEnsemble(_Balanced):
    """EasyEnsemble (Liu, Wu and Zhou 2009): the mean vote of its AdaBoosts, in [-2, 2]."""

    options: EasyEnsembleOptions

    def _made(self, seed: int) -> Any:
        tree = DecisionTreeClassifier(max_depth=self.options.max_depth)
        boost = AdaBoostClassifier(tree, n_estimators=self.options.trees)
        return EasyEnsembleClassifier(self.options.ensembles, estimator=boost, n_jobs=1, random_state=seed)

    def _said(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        votes = [pipeline[-1].decision_function(features) for pipeline in estimator.estimators_]
        return np.asarray(np.mean(votes, axis=0))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        share = 1 / len(estimator.estimators_)
        return write_trees(graph, features, [tree for one in estimator.estimators_ for tree in _votes(one[-1], share)])


class Rusboost(_Balanced):
    """RUSBoost (Seiffert et al. 2010): its vote, in [-2, 2].

    Boosting begins with classes of equal weight. With rows of equal weight, as in the paper, a tree grown on as many rows of each
    class is soon "worse than guessing" by the frequent class alone, and boosting ends: on curse thinned to 2 %, after 1 to 3 trees,
    with a validation average precision of .41 to .47 against .49 to .52 (trees of depth 4 and less, two seeds).
    """

    options: RusboostOptions

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        try:
            return self._made(seed).fit(features, y, compute_sample_weight("balanced", y))
        except ValueError as error:
            raise DataError(
                "rusboost: its first tree is worse than guessing, so there is nothing to boost; raise model.max_depth, or use "
                f"balanced_random_forest ({error})"
            ) from error

    def _made(self, seed: int) -> Any:
        options = self.options
        tree = DecisionTreeClassifier(max_depth=options.max_depth)
        return RUSBoostClassifier(
            tree, n_estimators=options.trees, learning_rate=options.learning_rate, random_state=seed
        )

    def _said(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        return np.asarray(estimator.decision_function(features))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        return write_trees(graph, features, _votes(estimator, 1.0))


def _votes(boosted: AdaBoostClassifier, factor: float) -> list[Tree]:
    """Trees whose leaves say the weight of their tree, above zero for class 1 (SAMME; Hastie et al. 2009).

    Parameters
    ----------
    factor : of all that they say, whose sum it bounds.
    """
    weights = boosted.estimator_weights_[: len(boosted.estimators_)]
    # scikit-learn's decision function takes a vote for each class, and then their difference: hence the 2
    weights = 2 * factor * weights / weights.sum()
    trees = []
    for one, weight in zip(boosted.estimators_, weights, strict=True):
        said = one.tree_.value[:, 0, :]  # as they are: divided by their sum, two may become equal
        only = one.classes_[0] if len(one.classes_) == 1 else None  # it was fitted to one class
        wins = np.full(len(said), only == 1) if only is not None else said[:, 1] > said[:, 0]
        trees.append(of_sklearn(one.tree_, np.where(wins, weight, -weight)[:, None]))
    return trees
