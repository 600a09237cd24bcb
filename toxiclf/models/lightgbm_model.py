"""LightGBM over comment vectors."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._trees import Tree, write_margin
from toxiclf.models.classic import against_negative, binary_problems, write_against_negative
from toxiclf.recipe import LightgbmOptions

_FEW = 10_000


class Lightgbm(Model):
    """Gradient-boosted trees of LightGBM, one booster a binary problem; its raw output is the log-odds.

    Class weights reach it as its own ``scale_pos_weight``.
    """

    def __init__(self, options: LightgbmOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Lightgbm:
        """Learn from dense vectors."""
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

    def raw(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds."""
        margins = np.column_stack([booster.predict(features, raw_score=True) for booster in self.boosters_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add each booster's trees."""
        margins = []
        for booster in self.boosters_:
            trees = [_tree(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]
            margins.append(write_margin(graph, features, trees))
        joined = graph.add("Concat", *margins, axis=1) if len(margins) > 1 else margins[0]
        return write_against_negative(graph, joined, len(margins), exclusive=self.exclusive_)


def threads_for(rows: int) -> int:
    """One for few rows, where more gain little and wait long for each other on cores that are busy; else all.

    300 trees of 3,800 rows on two cores: LightGBM takes 0.8 s with one thread and 0.5 s with two, beside two busy processes 1.0 s
    and 5.2 s; XGBoost 1.0 s and 0.6 s, then 1.5 s and 24.6 s.
    """
    return 1 if rows < _FEW else int(cpu_count())


def positive_weight(y: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """How much more a row of class 1 weighs than one of class 0, on average.

    Parameters
    ----------
    y, weights : class and weight of each row, (n,).
    """
    return float(weights[y == 1].mean() / weights[y == 0].mean()) if 0 < y.sum() < len(y) else 1.0


def _tree(root: dict[str, Any]) -> Tree:
    """A tree as LightGBM's dump has it: each node holds its children."""
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
