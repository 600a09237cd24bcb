"""XGBoost over averaged word vectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems, write_against_negative
from toxiclf.models._boosting import BoostingOptions, positive_weight, threads_for
from toxiclf.models._trees import Tree, write_margin
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class XgboostOptions(BoostingOptions):
    """Options of ``xgboost``."""

    name: Literal["xgboost"] = "xgboost"
    max_depth: Count = 4
    """Splits from the root to a leaf, at most."""
    min_samples_leaf: Count = 5
    """The least sum of second derivatives in a leaf (XGBoost's `min_child_weight`)."""


@register(
    "model", "xgboost", order=16, extra="boost", options=XgboostOptions,
    summary="Gradient-boosted trees of XGBoost over averaged word vectors",
)  # fmt: skip
class Xgboost(Model):
    """Gradient-boosted trees that grow level by level (Chen and Guestrin 2016), one booster of XGBoost a binary problem.

    Class weights reach it as its own ``scale_pos_weight``; its raw output is the log-odds. XGBoost tells which leaves a row falls
    into, and their values are added up here, in double precision: its own sums, in float32, are off by up to 9e-6 where the rarer
    class is 1 % and weighs as much.
    """

    options: XgboostOptions
    libraries = ("xgboost", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Xgboost:
        """Learn from dense vectors."""
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
            self.trees_.append([_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]])
            self.starts_.append(float(np.log(base) - np.log1p(-base)))
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Log-odds."""
        import xgboost

        rows = xgboost.DMatrix(features)
        margins = np.empty((len(features), len(self.boosters_)))
        for column, (booster, trees, start) in enumerate(zip(self.boosters_, self.trees_, self.starts_, strict=True)):
            leaves = booster.predict(rows, pred_leaf=True, strict_shape=True).reshape(len(features), -1).astype(np.intp)
            margins[:, column] = start + sum(tree.values[leaf, 0] for tree, leaf in zip(trees, leaves.T, strict=True))
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add each booster's trees and the log-odds that it begins with."""
        margins = []
        for trees, start in zip(self.trees_, self.starts_, strict=True):
            margin = write_margin(graph, features, trees, compare="BRANCH_LT")
            margins.append(graph.add("Add", margin, graph.constant([[start]])))
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)


def _tree(tree: dict[str, Any]) -> Tree:
    """A tree as XGBoost's JSON has it; a leaf's value stands where an inner node has its threshold."""
    left, right = (np.array(tree[key], dtype=np.int64) for key in ("left_children", "right_children"))
    leaf = left == -1
    conditions = np.array(tree["split_conditions"], dtype=np.float64)
    feature = np.where(leaf, -1, np.array(tree["split_indices"], dtype=np.int64))
    return Tree(feature, conditions, left, right, np.where(leaf, conditions, 0.0)[:, None])
