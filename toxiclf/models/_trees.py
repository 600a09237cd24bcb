"""Decision trees of any library as one node of an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toxiclf.graph import Graph

Floats = NDArray[np.float64]
_LEAF = -1
_BITS = 24  # of a float32's integers


@dataclass(frozen=True)
class Tree:
    """A decision tree as arrays with one entry per node; the root is the first.

    Attributes
    ----------
    feature : the number of a row's vector that is looked at; -1 in a leaf.
    threshold : that it is compared with.
    left, right : the node that a row goes to where the comparison holds, and where not.
    values : what a leaf says, (nodes, columns).
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: Floats


def of_sklearn(tree: Any, values: Floats) -> Tree:
    """Convert a tree of scikit-learn (``estimator.tree_``) whose leaves give ``values`` (nodes, columns)."""
    leaf = tree.children_left == _LEAF
    feature = np.where(leaf, _LEAF, tree.feature).astype(np.int64)
    return Tree(
        feature, tree.threshold, tree.children_left.astype(np.int64), tree.children_right.astype(np.int64), values
    )


def shares_of(tree: Any) -> Floats:
    """The share of each class in each node of a tree of scikit-learn, (nodes, classes)."""
    counts = tree.value[:, 0, :]
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def float32_below(thresholds: Floats) -> NDArray[np.float32]:
    """The highest float32 that is no higher: ``x <= t`` is then decided alike for each float32 x.

    >>> float(float32_below(np.array([0.1]))[0]) <= 0.1
    True
    """
    rounded = thresholds.astype(np.float32)
    above = rounded.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype(np.float32)


def write_trees(
    graph: Graph, features: str, trees: Sequence[Tree], *, compare: Literal["BRANCH_LEQ", "BRANCH_LT"] = "BRANCH_LEQ"
) -> str:
    """Add trees to an ONNX graph; return the name of the sums of their leaf values, float32 (batch, columns).

    They are added in float32, which does where all sums are small, as those of shares are.

    Parameters
    ----------
    compare : what sends a row to the left: "BRANCH_LEQ" (scikit-learn, LightGBM) or "BRANCH_LT" (XGBoost).
    """
    sizes = [len(tree.feature) for tree in trees]
    columns = trees[0].values.shape[1]
    number = np.repeat(np.arange(len(trees)), sizes)
    node = np.concatenate([np.arange(size) for size in sizes])
    feature, threshold, left, right = (
        np.concatenate([getattr(tree, name) for tree in trees]) for name in ("feature", "threshold", "left", "right")
    )
    leaf = feature == _LEAF
    values = np.concatenate([tree.values for tree in trees])[leaf]
    thresholds = float32_below(threshold) if compare == "BRANCH_LEQ" else threshold.astype(np.float32)
    return graph.add(
        "TreeEnsembleRegressor",
        features,
        domain="ai.onnx.ml",
        n_targets=columns,
        aggregate_function="SUM",
        nodes_treeids=number.tolist(),
        nodes_nodeids=node.tolist(),
        nodes_featureids=np.where(leaf, 0, feature).tolist(),
        nodes_modes=np.where(leaf, "LEAF", compare).tolist(),
        nodes_values=np.where(leaf, np.float32(0), thresholds).tolist(),
        nodes_truenodeids=np.where(leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
        nodes_hitrates=[1.0] * len(node),
        nodes_missing_value_tracks_true=[0] * len(node),
        target_treeids=np.repeat(number[leaf], columns).tolist(),
        target_nodeids=np.repeat(node[leaf], columns).tolist(),
        target_ids=np.tile(np.arange(columns), int(leaf.sum())).tolist(),
        target_weights=values.astype(np.float32).ravel().tolist(),
    )


def write_margin(
    graph: Graph, features: str, trees: Sequence[Tree], *, compare: Literal["BRANCH_LEQ", "BRANCH_LT"] = "BRANCH_LEQ"
) -> str:
    """Add trees of one column whose sum may be large: the same as :func:`write_trees`, as exact as in double precision.

    ONNX Runtime adds in float32, for one row in another order than for many: 300 trees of LightGBM were off by 9e-6 where the
    rarer class is 1 % and weighs as much. So each leaf says two numbers, whole steps and the rest: sums of whole steps are exact
    in any order, and rests are too small to matter.
    """
    largest = sum(float(np.abs(tree.values[tree.feature == _LEAF]).max()) for tree in trees)
    step = 2.0 ** (np.ceil(np.log2(max(largest, 1e-30))) - _BITS)
    steps = [np.round(tree.values / step) * step for tree in trees]
    parts = [
        replace(tree, values=np.hstack([whole, tree.values - whole])) for tree, whole in zip(trees, steps, strict=True)
    ]
    sums = graph.double(write_trees(graph, features, parts, compare=compare))
    total = graph.add("ReduceSum", sums, graph.integers(1), keepdims=1)
    return graph.single(total)
