"""Random forest whose trees balance the classes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._balanced import BalancedModel
from toxiclf.models._binary import Floats, write_against_negative
from toxiclf.models._trees import of_sklearn, shares_of, write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class BalancedRandomForestOptions(ModelOptions):
    """Options of ``balanced_random_forest``."""

    name: Literal["balanced_random_forest"] = "balanced_random_forest"
    trees: Count = 300
    """Number of trees."""
    max_depth: Count | Literal["none"] = "none"
    """Splits from the root to a leaf, at most; "none" for any number."""
    min_samples_leaf: Count = 3
    """Training rows in a leaf, at least."""


@register(
    "model", "balanced_random_forest", order=40, extra="train", options=BalancedRandomForestOptions, balances_itself=True,
    summary="Random forest over averaged word vectors, each tree with as many comments of each class",
)  # fmt: skip
class BalancedRandomForest(BalancedModel):
    """Random forest each of whose trees draws as many comments of each class (Chen, Liaw and Breiman 2004).

    Its raw output is the log-odds of the trees' mean share, each class raised by half a tree's vote.
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
        return fitted.set_params(n_jobs=1)  # threads would add the trees' shares in any order

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
