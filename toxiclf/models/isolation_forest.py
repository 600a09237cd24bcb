"""Isolation forest over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task, unlabelled_rows
from toxiclf.models._binary import Floats
from toxiclf.models._trees import of_sklearn, write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class IsolationForestOptions(ModelOptions):
    """Options of ``isolation_forest``."""

    name: Literal["isolation_forest"] = "isolation_forest"
    trees: Count = 300
    """Number of trees."""
    samples: Count = 256
    """Number of comments without the label that each tree sees."""


@register(
    "model", "isolation_forest", order=60, options=IsolationForestOptions,
    learns_from_negatives=True, multi_label=False, raw_name="anomaly score",
    summary="Isolation forest over averaged word vectors, trained only on comments without the label",
)  # fmt: skip
class IsolationForest(Model):
    """Forest that isolates an unusual comment with fewer random splits than a usual one (Liu, Ting and Zhou 2008).

    Its raw output is the paper's anomaly score, in (0, 1]; higher is more unusual.
    """

    options: IsolationForestOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> IsolationForest:
        """Fit the forest to the training rows that do not have the label."""
        from sklearn import ensemble

        rows = unlabelled_rows(task.targets, "the training set")
        samples = min(self.options.samples, len(rows))
        forest = ensemble.IsolationForest(
            n_estimators=self.options.trees, max_samples=samples, n_jobs=-1, random_state=task.seed
        )
        self.forest_ = forest.fit(features[rows]).set_params(n_jobs=1)  # threads would add depths in varying order
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return anomaly scores, (n, 1); higher is more unusual."""
        return np.asarray(-self.forest_.score_samples(features)[:, None], dtype=np.float64)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees, whose leaves hold scaled path lengths; return the name of the anomaly scores (batch, 1)."""
        forest = self.forest_
        expected = float(_path_length(np.array([forest.max_samples_]))[0]) * len(forest.estimators_)
        trees = [
            of_sklearn(one.tree_, -(_depths(one.tree_) + _path_length(one.tree_.n_node_samples))[:, None] / expected)
            for one in forest.estimators_
        ]
        return graph.add("Pow", graph.constant(2.0), write_trees(graph, features, trees))


def _depths(tree: object) -> Floats:
    """Return each node's depth, its number of edges from the root, (nodes,)."""
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]  # scikit-learn has no types
    depths = np.zeros(len(left))
    for node in range(len(left)):  # a child has a higher number than its parent
        if left[node] != -1:
            depths[left[node]] = depths[right[node]] = depths[node] + 1
    return depths


def _path_length(samples: NDArray[np.int64]) -> Floats:
    """Return mean path lengths in random trees of n = ``samples`` rows: 2 (ln(n - 1) + γ) - 2 (n - 1) / n for n > 2,
    1 for n = 2, and 0 for n = 1."""
    n = np.maximum(samples, 3).astype(np.float64)
    lengths = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, lengths))
