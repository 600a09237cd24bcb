"""RUSBoost: AdaBoost whose trees balance the classes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.errors import DataError
from toxiclf.models._balanced import BalancedModel, votes
from toxiclf.models._binary import Floats
from toxiclf.models._trees import write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class RusboostOptions(ModelOptions):
    """Options of ``rusboost``."""

    name: Literal["rusboost"] = "rusboost"
    trees: Count = 200
    """Number of trees."""
    max_depth: Count = 4
    """Splits from the root to a leaf, at most."""
    learning_rate: Positive = 0.1
    """Share of each tree's weight that counts."""


@register(
    "model", "rusboost", order=42, extra="train", options=RusboostOptions, balances_itself=True,
    summary="AdaBoost over averaged word vectors, each tree with as many comments of each class",
)  # fmt: skip
class Rusboost(BalancedModel):
    """AdaBoost each of whose trees draws as many comments of each class (Seiffert et al. 2010); its raw output lies in [-2, 2].

    Boosting begins with classes of equal weight. With rows of equal weight, as in the paper, a tree grown on as many rows of each
    class is soon "worse than guessing" by the frequent class alone, and boosting ends: on curse subsampled to 2 %, after 1 to 3
    trees, with a validation average precision of .41 to .47 against .49 to .52 (trees of depth 4 and less, two seeds).
    """

    options: RusboostOptions

    def _fitted(self, features: NDArray[np.float32], y: NDArray[np.intp], seed: int) -> Any:
        from sklearn.utils.class_weight import compute_sample_weight

        try:
            return self._estimator(seed).fit(features, y, compute_sample_weight("balanced", y))
        except ValueError as error:
            raise DataError(
                "rusboost: its first tree is worse than guessing, so there is nothing to boost; raise model.max_depth, or use "
                f"balanced_random_forest ({error})"
            ) from error

    def _estimator(self, seed: int) -> Any:
        from imblearn.ensemble import RUSBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        options = self.options
        tree = DecisionTreeClassifier(max_depth=options.max_depth)
        return RUSBoostClassifier(
            tree, n_estimators=options.trees, learning_rate=options.learning_rate, random_state=seed
        )

    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        return np.asarray(estimator.decision_function(features))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        return write_trees(graph, features, votes(estimator, 1.0))
