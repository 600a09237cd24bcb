"""Gradient-boosted trees over averaged word vectors, by LightGBM and XGBoost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems, write_against_negative
from toxiclf.models._trees import Tree, write_margin
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph

_FEW = 10_000


class BoostingOptions(ModelOptions):
    """Options that ``lightgbm`` and ``xgboost`` share; class weights are passed to both as ``scale_pos_weight``."""

    trees: Count = 300
    """Number of trees."""
    learning_rate: Positive = 0.05
    """Learning rate, which scales the output of each tree."""
    min_samples_leaf: Count = 20
    """Minimum number of training rows in a leaf."""
    row_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the training rows that each tree sees."""
    feature_share: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of the vector's dimensions that each tree sees."""


def threads_for(rows: int) -> int:
    """Return the number of threads for a fit: 1 for fewer than 10,000 rows, else one per core.

    With few rows, a second thread gains little, and costs much time if the cores are busy. Measured with 300 trees of
    3,800 rows on two cores: LightGBM takes 0.8 s with one thread and 0.5 s with two; beside two busy processes, 1.0 s
    and 5.2 s. XGBoost takes 1.0 s and 0.6 s; beside two busy processes, 1.5 s and 24.6 s.
    """
    from joblib import cpu_count

    return 1 if rows < _FEW else int(cpu_count())


def positive_weight(y: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """Return the mean weight of the rows of class 1, divided by that of class 0; 1 if only one class has rows.

    Parameters
    ----------
    y, weights : class and weight of each row, (n,).
    """
    return float(weights[y == 1].mean() / weights[y == 0].mean()) if 0 < y.sum() < len(y) else 1.0


class LightgbmOptions(BoostingOptions):
    """Options of ``lightgbm``."""

    name: Literal["lightgbm"] = "lightgbm"
    leaves: Annotated[int, Field(ge=2)] = 15
    """Maximum number of leaves of a tree."""


@register(
    "model", "lightgbm", order=15, extra="boost", options=LightgbmOptions,
    summary="Gradient-boosted trees of LightGBM over averaged word vectors",
)  # fmt: skip
class Lightgbm(Model):
    """Gradient-boosted trees that grow leaf by leaf (Ke et al. 2017): one LightGBM booster per binary problem.

    Class weights are passed to LightGBM as ``scale_pos_weight``. The raw output is the log-odds.
    """

    options: LightgbmOptions
    libraries = ("lightgbm", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Lightgbm:
        """Fit one booster per binary problem to feature vectors (n, width)."""
        import lightgbm

        options = self.options
        self.exclusive_ = task.exclusive
        self.boosters_ = []
        for y, weights in binary_problems(task):
            parameters = {
                "objective": "binary", "learning_rate": options.learning_rate, "num_leaves": options.leaves,
                "min_data_in_leaf": options.min_samples_leaf, "bagging_fraction": options.row_share, "bagging_freq": 1,
                "feature_fraction": options.feature_share, "scale_pos_weight": positive_weight(y, weights),
                "seed": task.seed, "deterministic": True, "force_row_wise": True, "verbosity": -1,
                "num_threads": threads_for(len(y)),
            }  # fmt: skip
            self.boosters_.append(lightgbm.train(parameters, lightgbm.Dataset(features, y), options.trees))
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return log-odds, (n, n_labels)."""
        margins = np.column_stack([booster.predict(features, raw_score=True) for booster in self.boosters_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees of all boosters; return the name of the log-odds (batch, n_labels)."""
        margins = []
        for booster in self.boosters_:
            trees = [_of_lightgbm(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]
            margins.append(write_margin(graph, features, trees))
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)


def _of_lightgbm(root: dict[str, Any]) -> Tree:
    """Convert a tree of LightGBM's dump, in which each node holds its child nodes, to a ``Tree``."""
    feature: list[int] = []
    threshold: list[float] = []
    children: list[list[int]] = []
    values: list[float] = []
    waiting = [(root, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        number = len(feature)
        if parent >= 0:
            children[parent][side] = number
        leaf = "split_feature" not in node
        feature.append(-1 if leaf else node["split_feature"])
        threshold.append(0.0 if leaf else node["threshold"])
        children.append([0, 0])
        values.append(node["leaf_value"] if leaf else 0.0)
        if not leaf:
            waiting += [(node["left_child"], number, 0), (node["right_child"], number, 1)]
    left, right = np.array(children, dtype=np.int64).T
    return Tree(np.array(feature), np.array(threshold), left, right, np.array(values)[:, None])


class XgboostOptions(BoostingOptions):
    """Options of ``xgboost``."""

    name: Literal["xgboost"] = "xgboost"
    max_depth: Count = 4
    """Maximum depth of a tree."""
    min_samples_leaf: Count = 5
    """Minimum sum of second derivatives in a leaf (XGBoost's `min_child_weight`)."""


@register(
    "model", "xgboost", order=16, extra="boost", options=XgboostOptions,
    summary="Gradient-boosted trees of XGBoost over averaged word vectors",
)  # fmt: skip
class Xgboost(Model):
    """Gradient-boosted trees that grow level by level (Chen and Guestrin 2016): one XGBoost booster per binary problem.

    Class weights are passed to XGBoost as ``scale_pos_weight``. The raw output is the log-odds. XGBoost only
    finds the leaf of each tree for a row; the leaf values are summed here in double precision. XGBoost's own float32
    sums are less exact: with 1 % toxic rows and balanced class weights, they are off by up to 9e-6.
    """

    options: XgboostOptions
    libraries = ("xgboost", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Xgboost:
        """Fit one booster per binary problem to feature vectors (n, width)."""
        import xgboost

        options = self.options
        self.exclusive_ = task.exclusive
        self.boosters_, self.trees_, self.starts_ = [], [], []
        for y, weights in binary_problems(task):
            parameters = {
                "objective": "binary:logistic", "tree_method": "hist", "learning_rate": options.learning_rate,
                "max_depth": options.max_depth, "min_child_weight": options.min_samples_leaf,
                "subsample": options.row_share, "colsample_bytree": options.feature_share,
                "scale_pos_weight": positive_weight(y, weights), "seed": task.seed, "verbosity": 0,
                "nthread": threads_for(len(y)),
            }  # fmt: skip
            booster = xgboost.train(parameters, xgboost.DMatrix(features, y), options.trees)
            learner = json.loads(bytes(booster.save_raw("json")))["learner"]
            base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
            self.boosters_.append(booster)
            self.trees_.append([_of_xgboost(tree) for tree in learner["gradient_booster"]["model"]["trees"]])
            self.starts_.append(float(np.log(base) - np.log1p(-base)))
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return log-odds, (n, n_labels)."""
        import xgboost

        rows = xgboost.DMatrix(features)
        margins = np.empty((len(features), len(self.boosters_)))
        for column, (booster, trees, start) in enumerate(zip(self.boosters_, self.trees_, self.starts_, strict=True)):
            leaves = booster.predict(rows, pred_leaf=True, strict_shape=True).reshape(len(features), -1).astype(np.intp)
            margins[:, column] = start + sum(tree.values[leaf, 0] for tree, leaf in zip(trees, leaves.T, strict=True))
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees and initial log-odds of all boosters; return the name of the log-odds (batch, n_labels)."""
        margins = []
        for trees, start in zip(self.trees_, self.starts_, strict=True):
            margin = write_margin(graph, features, trees, compare="BRANCH_LT")
            margins.append(graph.add("Add", margin, graph.constant([[start]])))
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)


def _of_xgboost(tree: dict[str, Any]) -> Tree:
    """Convert a tree of XGBoost's JSON, which holds the values of leaves in its list of thresholds, to a ``Tree``."""
    left, right = (np.array(tree[key], dtype=np.int64) for key in ("left_children", "right_children"))
    leaf = left == -1
    conditions = np.array(tree["split_conditions"], dtype=np.float64)
    feature = np.where(leaf, -1, np.array(tree["split_indices"], dtype=np.int64))
    return Tree(feature, conditions, left, right, np.where(leaf, conditions, 0.0)[:, None])
