"""Classic models of what comments without the label are like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble
from sklearn.svm import OneClassSVM as OneClassSVC

from toxiclf.errors import DataError
from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._trees import of_sklearn, write_trees
from toxiclf.models.classic import Scaling, write_kernel_expansion
from toxiclf.recipe import IsolationForestOptions, OneClassSvmOptions

Floats = NDArray[np.float64]
_FLOAT, _DOUBLE = 1, 11  # onnx.TensorProto's numbers
_FEWEST = 2


def unlabelled_rows(targets: NDArray[np.uint8], where: str) -> NDArray[np.intp]:
    """Rows without the label.

    Parameters
    ----------
    targets : (n, 1).
    where : which part they are of, in words.

    Raises
    ------
    DataError : there are hardly any.
    """
    rows = np.flatnonzero(targets[:, 0] == 0)
    if len(rows) < _FEWEST:
        raise DataError(
            f"this model learns from comments without the label, and {where} holds {len(rows)} of them; add such comments, or "
            "choose a model that learns from both kinds"
        )
    return rows


class IsolationForest(Model):
    """Isolation forest (Liu, Ting and Zhou 2008); its raw output is the paper's anomaly score, in (0, 1]."""

    def __init__(self, options: IsolationForestOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> IsolationForest:
        """Learn from the training rows without the label."""
        rows = unlabelled_rows(task.targets, "the training part")
        samples = min(self.options.samples, len(rows))
        forest = ensemble.IsolationForest(
            n_estimators=self.options.trees, max_samples=samples, n_jobs=-1, random_state=task.seed
        )
        self.forest_ = forest.fit(features[rows]).set_params(n_jobs=1)  # threads would add depths in any order
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Anomaly scores, (n, 1)."""
        return np.asarray(-self.forest_.score_samples(features)[:, None], dtype=np.float64)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees, whose leaves say how deep they lie, and the score."""
        forest = self.forest_
        expected = float(_path_length(np.array([forest.max_samples_]))[0]) * len(forest.estimators_)
        trees = [
            of_sklearn(one.tree_, -(_depths(one.tree_) + _path_length(one.tree_.n_node_samples))[:, None] / expected)
            for one in forest.estimators_
        ]
        return graph.add("Pow", graph.constant(2.0), write_trees(graph, features, trees))


def _depths(tree: object) -> Floats:
    """Edges from the root to each node."""
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]  # scikit-learn's Tree has no types
    depths = np.zeros(len(left))
    for node in range(len(left)):  # a child comes after its parent
        if left[node] != -1:
            depths[left[node]] = depths[right[node]] = depths[node] + 1
    return depths


def _path_length(samples: NDArray[np.int64]) -> Floats:
    """Mean depth at which a search in a tree of so many rows ends in vain: 2 (ln(n - 1) + γ) - 2 (n - 1) / n."""
    n = np.maximum(samples, 3).astype(np.float64)
    lengths = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, lengths))


class OneClassSvm(Model):
    """One-class support vector machine (Schölkopf et al. 2001); its raw output is the distance beyond the border."""

    def __init__(self, options: OneClassSvmOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> OneClassSvm:
        """Learn from the training rows without the label."""
        rows = unlabelled_rows(task.targets, "the training part")
        self.scaling_ = Scaling(features[rows], standardize=self.options.standardize)
        scaled = self.scaling_.apply(features[rows])
        self.estimator_ = OneClassSVC(nu=self.options.nu, gamma=self.options.gamma, cache_size=500).fit(scaled)
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """How far beyond the border, (n, 1); inside it is below zero."""
        return np.asarray(-self.estimator_.decision_function(self.scaling_.apply(features))[:, None])

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling and the kernel expansion."""
        scaled = self.scaling_.write(graph, graph.add("Cast", features, to=_DOUBLE), np.float64)
        return graph.add("Cast", graph.add("Neg", write_kernel_expansion(graph, scaled, self.estimator_)), to=_FLOAT)
