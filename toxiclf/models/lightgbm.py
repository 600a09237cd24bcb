"""LightGBM over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems, write_against_negative
from toxiclf.models._boosting import BoostingOptions, positive_weight, threads_for
from toxiclf.models._trees import Tree, write_margin

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class LightgbmOptions(BoostingOptions):
    """Options of ``lightgbm``."""

    name: Literal["lightgbm"] = "lightgbm"
    leaves: Annotated[int, Field(ge=2)] = 15
    """Leaves of a tree, at most."""


@register(
    "model", "lightgbm", order=15, extra="boost", options=LightgbmOptions,
    summary="Gradient-boosted trees of LightGBM over averaged word vectors",
)  # fmt: skip
class Lightgbm(Model):
    """Gradient-boosted trees that grow leaf by leaf (Ke et al. 2017), one booster of LightGBM a binary problem.

    Class weights reach it as its own ``scale_pos_weight``; its raw output is the log-odds.
    """

    options: LightgbmOptions
    libraries = ("lightgbm", "sklearn")

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Lightgbm:
        """Learn from dense vectors."""
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
        """Log-odds."""
        margins = np.column_stack([booster.predict(features, raw_score=True) for booster in self.boosters_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add each booster's trees."""
        margins = []
        for booster in self.boosters_:
            trees = [_tree(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]
            margins.append(write_margin(graph, features, trees))
        return write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)


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
