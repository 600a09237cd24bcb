"""EasyEnsemble: boosted trees on balanced draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._balanced import BalancedModel, votes
from toxiclf.models._binary import Floats
from toxiclf.models._trees import write_trees
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class EasyEnsembleOptions(ModelOptions):
    """Options of ``easy_ensemble``."""

    name: Literal["easy_ensemble"] = "easy_ensemble"
    ensembles: Count = 10
    """Ensembles of boosted trees, each on a draw of its own."""
    trees: Count = 30
    """Trees of each ensemble."""
    max_depth: Count = 1
    """Splits from the root to a leaf, at most."""


@register(
    "model", "easy_ensemble", order=41, extra="train", options=EasyEnsembleOptions, balances_itself=True,
    summary="Boosted trees over averaged word vectors, each ensemble with as many comments of each class",
)  # fmt: skip
class EasyEnsemble(BalancedModel):
    """EasyEnsemble (Liu, Wu and Zhou 2009): several AdaBoosts, each on as many comments of each class.

    Its raw output is their mean vote, in [-2, 2].
    """

    options: EasyEnsembleOptions

    def _estimator(self, seed: int) -> Any:
        from imblearn.ensemble import EasyEnsembleClassifier
        from sklearn.ensemble import AdaBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=self.options.max_depth)
        boost = AdaBoostClassifier(tree, n_estimators=self.options.trees)
        return EasyEnsembleClassifier(self.options.ensembles, estimator=boost, n_jobs=1, random_state=seed)

    def _margins(self, estimator: Any, features: NDArray[np.float32]) -> Floats:
        margins = [pipeline[-1].decision_function(features) for pipeline in estimator.estimators_]
        return np.asarray(np.mean(margins, axis=0))

    def _write(self, graph: Graph, features: str, estimator: Any) -> str:
        share = 1 / len(estimator.estimators_)
        return write_trees(graph, features, [tree for one in estimator.estimators_ for tree in votes(one[-1], share)])
