"""Ensembles of imbalanced-learn that balance the classes themselves, over averaged word vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.errors import DataError
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems, write_against_negative
from toxiclf.models._trees import Tree, of_sklearn, shares_of, write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class BalancedModel(Model):
    """Base class of models with one balanced ensemble per binary problem; class weights are ignored."""

    libraries = ("imblearn", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> BalancedModel:
        """Fit one ensemble per binary problem to feature vectors (n, width).

        Raises
        ------
        DataError : a binary problem has rows of only one class, or the first tree of ``rusboost`` is worse than
            guessing.
        """
        self.exclusive_ = task.exclusive
        self.estimators_ = []
        for y, _ in binary_problems(task):
            if len(np.unique(y)) < 2:
                raise DataError(
                    f"{self.options.name} draws the same number of rows of each class, but a fit has rows of "
                    "only one class; label more comments of the other class, or lower decision.folds"
                )
            self.estimators_.append(self._fitted(features, y, task.seed))
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return raw outputs, (n, n_labels): log-odds of a forest, or votes of boosted trees; higher is more toxic."""
        columns = [self._margins(estimator, features) for estimator in self.estimators_]
        return against_negative(np.column_stack(columns), exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees to the graph; return the name of the raw outputs (batch, n_labels)."""
        margins = [self._write(graph, features, estimator) for estimator in self.estimators_]
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        """Return the ensemble fitted to one binary problem."""
        return self._estimator(seed).fit(features, y)

    @abstractmethod
    def _estimator(self, seed: int) -> Any:
        """Return an unfitted ensemble of imbalanced-learn."""

    @abstractmethod
    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        """Return the raw outputs of one binary problem, (n,)."""

    @abstractmethod
    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        """Add the ensemble of one binary problem to the graph; return the name of its raw outputs (batch, 1)."""


def votes(boosted: Any, factor: float) -> list[Tree]:
    """Convert a fitted AdaBoost ensemble to trees whose leaves hold votes (SAMME; Hastie et al. 2009).

    A leaf holds the weight of its tree, with a minus sign if the leaf votes for class 0.

    Parameters
    ----------
    factor : the weights of all trees are scaled so that they sum to 2 · factor.
    """
    weights = boosted.estimator_weights_[: len(boosted.estimators_)]
    # 2, because scikit-learn's decision function sums votes for each class and returns the difference of the sums
    weights = 2 * factor * weights / weights.sum()
    trees = []
    for one, weight in zip(boosted.estimators_, weights, strict=True):
        counts = one.tree_.value[:, 0, :]  # not divided by their sum: rounding could make two counts equal
        only = one.classes_[0] if len(one.classes_) == 1 else None  # the tree saw one class only
        wins = np.full(len(counts), only == 1) if only is not None else counts[:, 1] > counts[:, 0]
        trees.append(of_sklearn(one.tree_, np.where(wins, weight, -weight)[:, None]))
    return trees


class BalancedRandomForestOptions(ModelOptions):
    """Options of ``balanced_random_forest``."""

    name: Literal["balanced_random_forest"] = "balanced_random_forest"
    trees: Count = 300
    """Number of trees."""
    max_depth: Count | Literal["none"] = "none"
    """Maximum depth of a tree; "none" for no limit."""
    min_samples_leaf: Count = 3
    """Minimum number of training rows in a leaf."""


@register(
    "model", "balanced_random_forest", order=40, options=BalancedRandomForestOptions, balances_itself=True,
    summary="Random forest over averaged word vectors, each tree with equally many comments of each class",
)  # fmt: skip
class BalancedRandomForest(BalancedModel):
    """Random forest in which each tree is fitted to equally many comments of each class (Chen, Liaw and Breiman 2004).

    Its raw output is the log-odds of the trees' mean class shares, after half a tree's vote is added to each class.
    """

    options: BalancedRandomForestOptions

    def _estimator(self, seed: int) -> Any:
        from imblearn.ensemble import BalancedRandomForestClassifier

        options = self.options
        return BalancedRandomForestClassifier(
            options.trees, max_depth=None if options.max_depth == "none" else options.max_depth,
            min_samples_leaf=options.min_samples_leaf, sampling_strategy="all", replacement=True, bootstrap=False,
            n_jobs=-1, random_state=seed,
        )  # fmt: skip

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        fitted = super()._fitted(features, y, seed)
        return fitted.set_params(n_jobs=1)  # threads would add shares in varying order, with varying rounding

    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
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


class EasyEnsembleOptions(ModelOptions):
    """Options of ``easy_ensemble``."""

    name: Literal["easy_ensemble"] = "easy_ensemble"
    ensembles: Count = 10
    """Number of boosted ensembles, each with its own random draw of rows."""
    trees: Count = 30
    """Number of trees in each ensemble."""
    max_depth: Count = 1
    """Maximum depth of a tree."""


@register(
    "model", "easy_ensemble", order=41, options=EasyEnsembleOptions, balances_itself=True,
    summary="Boosted trees over averaged word vectors, each ensemble with equally many comments of each class",
)  # fmt: skip
class EasyEnsemble(BalancedModel):
    """EasyEnsemble (Liu, Wu and Zhou 2009): AdaBoost ensembles, each fitted to equally many comments of each class.

    Its raw output is the mean of the ensembles' votes, in [-2, 2].
    """

    options: EasyEnsembleOptions

    def _estimator(self, seed: int) -> Any:
        from imblearn.ensemble import EasyEnsembleClassifier
        from sklearn.ensemble import AdaBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=self.options.max_depth)
        boost = AdaBoostClassifier(tree, n_estimators=self.options.trees)
        return EasyEnsembleClassifier(self.options.ensembles, estimator=boost, n_jobs=1, random_state=seed)

    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        margins = [pipeline[-1].decision_function(features) for pipeline in estimator.estimators_]
        return np.asarray(np.mean(margins, axis=0))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        share = 1 / len(estimator.estimators_)
        return write_trees(graph, features, [tree for one in estimator.estimators_ for tree in votes(one[-1], share)])


class RusboostOptions(ModelOptions):
    """Options of ``rusboost``."""

    name: Literal["rusboost"] = "rusboost"
    trees: Count = 200
    """Number of trees."""
    max_depth: Count = 4
    """Maximum depth of a tree."""
    learning_rate: Positive = 0.1
    """Learning rate, which scales the weight of each tree."""


@register(
    "model", "rusboost", order=42, options=RusboostOptions, balances_itself=True,
    summary="AdaBoost over averaged word vectors, each tree with equally many comments of each class",
)  # fmt: skip
class Rusboost(BalancedModel):
    """RUSBoost (Seiffert et al. 2010): AdaBoost in which each tree is fitted to equally many comments of each class.

    Its raw output is the weighted vote of the trees, in [-2, 2]. The initial row weights have the same total for each
    class; in the paper, they are equal for all rows. With the paper's weights, the errors of a tree on the frequent
    class alone soon make it count as "worse than guessing", because the tree is grown on equally many rows of each
    class. Boosting then ends. On the corpus ``curse`` subsampled to 2 % toxic comments, it ended after 1 to 3 trees,
    with an average precision of .41 to .47 on the validation set. With the same total for each class, the average
    precision was .49 to .52 (trees of depth 4 and less, two seeds).
    """

    options: RusboostOptions

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        from sklearn.utils.class_weight import compute_sample_weight

        try:
            return self._estimator(seed).fit(features, y, compute_sample_weight("balanced", y))
        except ValueError as error:
            raise DataError(
                "rusboost: its first tree is worse than guessing, so there is nothing to boost; raise model.max_depth, or use "
                f"balanced_random_forest ({error})"
            ) from error

    def _estimator(self, seed: int) -> Any:
        from imblearn.ensemble import RUSBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        options = self.options
        tree = DecisionTreeClassifier(max_depth=options.max_depth)
        return RUSBoostClassifier(
            tree, n_estimators=options.trees, learning_rate=options.learning_rate, random_state=seed
        )

    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        return np.asarray(estimator.decision_function(features))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        return write_trees(graph, features, votes(estimator, 1.0))
