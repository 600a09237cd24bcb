"""Conversion of decision trees from any library to one node of an ONNX graph."""

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
_BITS = 24  # a float32 holds every integer of up to this many bits exactly


@dataclass(frozen=True)
class Tree:
    """A decision tree as arrays with one entry per node; node 0 is the root.

    Attributes
    ----------
    feature : index of the feature that the node compares; -1 in a leaf.
    threshold : value that the feature is compared with.
    left, right : index of the next node if the comparison is true (left) or false (right).
    values : output of each leaf, (nodes, columns); ignored in other nodes.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: Floats


def of_sklearn(tree: Any, values: Floats) -> Tree:
    """Convert a scikit-learn tree (``estimator.tree_``); ``values`` (nodes, columns) are the outputs of its leaves."""
    leaf = tree.children_left == _LEAF
    feature = np.where(leaf, _LEAF, tree.feature).astype(np.int64)
    return Tree(
        feature, tree.threshold, tree.children_left.astype(np.int64), tree.children_right.astype(np.int64), values
    )


def shares_of(tree: Any) -> Floats:
    """Return the share of each class in each node of a scikit-learn tree (``estimator.tree_``), (nodes, classes)."""
    counts = tree.value[:, 0, :]
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def float32_below(thresholds: Floats) -> NDArray[np.float32]:
    """Round each threshold ``t`` down to a float32. For every float32 ``x``, the result of ``x <= t`` stays the same.

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

    The sums are computed in float32, which is exact enough for class shares. For larger sums use :func:`write_margin`.

    Parameters
    ----------
    compare : "BRANCH_LEQ" if rows with feature ≤ threshold go left (scikit-learn, LightGBM); "BRANCH_LT" if rows with
        feature < threshold go left (XGBoost).
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
    """Add trees with one column to an ONNX graph; return the name of the sum of their leaf values, float32 (batch, 1).

    ONNX Runtime adds in float32, in an order that depends on the number of rows. To make large sums as exact as in
    double precision, each leaf value is split into two parts that are summed separately: a multiple of a fixed step
    (sums of such multiples are exact in any order) and a small rest. Without the split, the sum of 300 LightGBM trees
    was off by 9e-6 (the rarer class was 1 % of the rows, and both classes had equal total weight).
    ``compare`` is as in :func:`write_trees`.
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
