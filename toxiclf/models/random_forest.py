"""Random forest over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.balance.weights import problems
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, write_against_negative
from toxiclf.models._trees import of_sklearn, shares_of, write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class RandomForestOptions(ModelOptions):
    """Options of ``random_forest``."""

    name: Literal["random_forest"] = "random_forest"
    trees: Count = 300
    """Number of trees."""
    max_depth: Count | Literal["none"] = "none"
    """Maximum depth of a tree; "none" for no limit."""
    min_samples_leaf: Count = 3
    """Minimum number of training rows in a leaf."""
    min_samples_split: Annotated[int, Field(ge=2)] = 2
    """Minimum number of training rows in a node for a split."""


@register(
    "model", "random_forest", order=13, options=RandomForestOptions,
    summary="Random forest over averaged word vectors",
)  # fmt: skip
class RandomForest(Model):
    """Random forest (Breiman 2001) by scikit-learn.

    Its raw output is the log-odds of the trees' mean class shares, after half a tree's vote is added to each class.
    """

    options: RandomForestOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> RandomForest:
        """Fit one forest per label, or one for all exclusive labels, to feature vectors (n, width)."""
        from sklearn.ensemble import RandomForestClassifier

        options = self.options
        self.exclusive_ = task.exclusive
        self.estimators_ = []
        for classes, weights in zip(problems(task.targets, exclusive=task.exclusive), task.weights, strict=True):
            forest = RandomForestClassifier(
                n_estimators=options.trees,
                max_depth=None if options.max_depth == "none" else options.max_depth,
                min_samples_leaf=options.min_samples_leaf,
                min_samples_split=options.min_samples_split,
                n_jobs=-1,
                random_state=task.seed,
            )
            forest.fit(features, classes, sample_weight=np.array(weights.weights)[classes])
            self.estimators_.append(forest.set_params(n_jobs=1))  # threads would add shares in varying order
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return the log-odds of the trees' mean class shares, (n, n_labels)."""
        return np.column_stack([self._log_odds(forest.predict_proba(features)) for forest in self.estimators_])

    def _log_odds(self, shares: Floats) -> Floats:
        logs = np.log(shares + 0.5 / self.options.trees)
        return logs[:, 1:] - logs[:, :1]

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees and the log-odds to the graph; return the name of the log-odds (batch, n_labels)."""
        outputs = []
        for forest in self.estimators_:
            trees = [of_sklearn(tree.tree_, shares_of(tree.tree_) / len(forest)) for tree in forest.estimators_]
            shares = write_trees(graph, features, trees)
            logs = graph.add("Log", graph.add("Add", shares, graph.constant(0.5 / self.options.trees)))
            outputs.append(write_against_negative(graph, logs, forest.n_classes_, exclusive=True))
        return graph.concat(outputs)
