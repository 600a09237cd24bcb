"""Logistic regression over averaged word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, Linear, Scaling
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


class LogisticOptions(ModelOptions):
    """Options of ``logistic``."""

    name: Literal["logistic"] = "logistic"
    C: Positive = 1.0
    """Inverse strength of the L2 penalty."""


@register(
    "model", "logistic", order=11, options=LogisticOptions,
    summary="Logistic regression over averaged word vectors",
)  # fmt: skip
class Logistic(Model):
    """Logistic regression over standardized comment vectors, by scikit-learn; its raw output is the log-odds."""

    options: LogisticOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Logistic:
        """Fit the standardization and one regression per binary problem to feature vectors (n, width)."""
        self.scaling_ = Scaling(features, standardize=True)
        self.linear_ = Linear(self.options.C).fit(self.scaling_.apply(features), task)
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return log-odds, (n, n_labels)."""
        return self.linear_.raw(self.scaling_.apply(features))

    def write(self, graph: Graph, features: str) -> str:
        """Add the standardization and the linear function; return the name of the log-odds (batch, n_labels)."""
        product = graph.add("MatMul", self.scaling_.write(graph, features), graph.constant(self.linear_.coefficients_))
        return graph.add("Add", product, graph.constant(self.linear_.intercepts_))
