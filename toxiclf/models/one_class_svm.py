"""One-class support vector machine over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, Scaling
from toxiclf.models._kernel import write_kernel_expansion
from toxiclf.models._negatives import unlabelled_rows
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class OneClassSvmOptions(ModelOptions):
    """Options of ``one_class_svm``."""

    name: Literal["one_class_svm"] = "one_class_svm"
    nu: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the comments without the label that lie outside of the border, at most."""
    gamma: Positive | Literal["scale"] = "scale"
    """How fast the RBF kernel falls with squared distance; "scale" is 1 / (features · variance)."""
    standardize: bool = True
    """Whether each number of a vector is brought to mean 0 and deviation 1 first."""


@register(
    "model", "one_class_svm", order=61, extra="train", options=OneClassSvmOptions,
    learns_from_negatives=True, multi_label=False, raw_name="anomaly score",
    summary="One-class support vector machine over averaged word vectors of comments without the label",
)  # fmt: skip
class OneClassSvm(Model):
    """A border around comments without the label (Schölkopf et al. 2001); its raw output is the distance beyond it."""

    options: OneClassSvmOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> OneClassSvm:
        """Learn from the training rows without the label."""
        from sklearn.svm import OneClassSVM

        rows = unlabelled_rows(task.targets, "the training part")
        self.scaling_ = Scaling(features[rows], standardize=self.options.standardize)
        scaled = self.scaling_.apply(features[rows])
        self.estimator_ = OneClassSVM(nu=self.options.nu, gamma=self.options.gamma, cache_size=500).fit(scaled)
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """How far beyond the border, (n, 1); inside it is below zero."""
        return np.asarray(-self.estimator_.decision_function(self.scaling_.apply(features))[:, None])

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling and the kernel expansion."""
        scaled = self.scaling_.write(graph, graph.double(features), np.float64)
        return graph.single(graph.add("Neg", write_kernel_expansion(graph, scaled, self.estimator_)))
