"""Support vector machine over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, Scaling, against_negative, binary_problems, write_against_negative
from toxiclf.models._kernel import write_kernel_expansion
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import NoEffect, Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class SvmOptions(ModelOptions):
    """Options of ``svm``."""

    name: Literal["svm"] = "svm"
    kernel: Literal["rbf", "linear"] = "rbf"
    """Shape of the boundary: curved (rbf) or straight (linear)."""
    C: Positive = 1.0
    """Penalty on training rows on the wrong side of the margin; higher fits them more closely."""
    gamma: Positive | Literal["scale"] = "scale"
    """How fast the RBF kernel falls with squared distance; "scale" is 1 / (features · variance)."""
    standardize: bool = True
    """Whether each number of a vector is brought to mean 0 and deviation 1 first."""

    def without_effect(self) -> list[NoEffect]:
        """``gamma`` is of the RBF kernel."""
        return [NoEffect("model", ["gamma"], "while model.kernel is 'linear'")] if self.kernel == "linear" else []


@register(
    "model", "svm", order=12, extra="train", options=SvmOptions,
    summary="Support vector machine with an RBF kernel over averaged word vectors",
)  # fmt: skip
class Svm(Model):
    """Support vector machine (Cortes and Vapnik 1995) by scikit-learn, one a binary problem.

    Its raw output is the signed distance to the boundary, which the graph computes in double precision.
    """

    options: SvmOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Svm:
        """Learn from dense vectors."""
        from sklearn.svm import SVC

        self.exclusive_ = task.exclusive
        self.scaling_ = Scaling(features, standardize=self.options.standardize)
        scaled = self.scaling_.apply(features)
        self.estimators_ = [
            SVC(
                kernel=self.options.kernel, C=self.options.C, gamma=self.options.gamma,
                cache_size=500, random_state=task.seed,
            ).fit(scaled, y, sample_weight=weights)
            for y, weights in binary_problems(task)
        ]  # fmt: skip
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Signed distances."""
        scaled = self.scaling_.apply(features)
        margins = np.column_stack([estimator.decision_function(scaled) for estimator in self.estimators_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling and kernel expansions."""
        scaled = self.scaling_.write(graph, graph.double(features), np.float64)
        margins = [write_kernel_expansion(graph, scaled, estimator) for estimator in self.estimators_]
        raw = write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)
        return graph.single(raw)
