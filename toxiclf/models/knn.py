"""k-nearest neighbors over comment vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.errors import DataError
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, Scaling, against_negative, binary_problems, write_against_negative
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count

if TYPE_CHECKING:
    from toxiclf.graph import Graph

_NEAR = 1e-3  # added to squared distances, as a share of the mean squared length of a training row
_APART = 1e-3  # rise of squared distances from the first training row to the last, as a share of what _NEAR adds


class KnnOptions(ModelOptions):
    """Options of ``knn``."""

    name: Literal["knn"] = "knn"
    neighbours: Count = 50
    """Number of nearest training comments that vote."""
    weighting: Literal["distance", "uniform"] = "distance"
    """Whether votes are weighted by inverse squared distance, or all equal."""
    standardize: bool = False
    """Whether each dimension is first scaled to mean 0 and standard deviation 1."""


@register(
    "model", "knn", order=14, options=KnnOptions,
    summary="Vote of the nearest training comments by averaged word vectors",
)  # fmt: skip
class Knn(Model):
    """k-nearest neighbors; the raw output is the log-odds of the vote, with half a mean vote added to each class.

    A neighbor's vote is its class weight, divided by its squared distance if ``weighting`` is "distance". A constant
    is added to the squared distances. Without it, a training comment that equals the scored comment would outvote all
    others, because its distance is only a rounding error.

    If more than ``neighbours`` training rows are equal, the first of them vote: what is added to a row's squared
    distance rises slightly from each training row to the next. Otherwise, rounding errors would decide which of the
    equal rows vote, and Python and the ONNX graph could decide differently.
    """

    options: KnnOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Knn:
        """Store the training rows and their votes.

        Raises
        ------
        DataError : there are fewer training rows than ``neighbours``.
        """
        from sklearn.neighbors import NearestNeighbors

        count = self.options.neighbours
        if len(features) < count:
            raise DataError(
                f"model.neighbours is {count}, but a fit has only {len(features)} comments; lower it, or label "
                "more comments"
            )
        self.exclusive_ = task.exclusive
        self.scaling_ = Scaling(features, standardize=self.options.standardize)
        rows = self.scaling_.apply(features)
        self.floor_ = float(_NEAR * max((rows**2).sum(axis=1).mean(), 1e-12))
        order = np.sqrt(np.linspace(0, _APART * self.floor_, len(rows)))
        self.rows_: Floats = np.column_stack([rows, order])
        self.search_ = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(self.rows_)
        problems = binary_problems(task)
        # each row's votes against and for class 1 of each binary problem: (rows, 2 · problems)
        self.votes_ = np.column_stack([column for y, w in problems for column in (w * (1 - y), w * y)])
        self.half_ = np.tile([0.5 * float(w.mean()) for _, w in problems], (2, 1)).T.ravel()
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return the log-odds of the votes, (n, n_labels)."""
        scaled = self.scaling_.apply(features)
        distances, nearest = self.search_.kneighbors(np.column_stack([scaled, np.zeros(len(scaled))]))
        weights = self._weights(distances**2)
        votes = np.einsum("nk,nkc->nc", weights, self.votes_[nearest])
        logs = np.log(votes + self.half_ * weights.mean(axis=1, keepdims=True))
        return against_negative(logs[:, 1::2] - logs[:, ::2], exclusive=self.exclusive_)

    def _weights(self, squares: Floats) -> Floats:
        return np.ones_like(squares) if self.options.weighting == "uniform" else 1 / (squares + self.floor_)

    def write(self, graph: Graph, features: str) -> str:
        """Add distances, in double precision, and the votes of the nearest rows; return the name of the log-odds."""

        def constant(value: Floats | float) -> str:
            return graph.constant(value, np.float64)

        scaled = self.scaling_.write(graph, graph.double(features), np.float64)
        one = graph.integers(1)
        own = graph.add("ReduceSum", graph.add("Mul", scaled, scaled), one, keepdims=1)
        products = graph.add("MatMul", scaled, constant(2 * self.rows_[:, :-1].T))
        squares = graph.add("Sub", graph.add("Add", own, constant((self.rows_**2).sum(axis=1))), products)
        count = graph.integers(self.options.neighbours)
        distances, rows = graph.add_many("TopK", [squares, count], 2, axis=1, largest=0, sorted=1)
        nearest = graph.add("Max", distances, constant(0.0))
        if self.options.weighting == "uniform":
            weights = graph.add("Add", graph.add("Mul", nearest, constant(0.0)), constant(1.0))
        else:
            weights = graph.add("Reciprocal", graph.add("Add", nearest, constant(self.floor_)))
        votes = graph.add("Gather", constant(self.votes_), rows)  # (batch, neighbours, 2 · problems)
        column = graph.add("Unsqueeze", weights, graph.integers(2))
        total = graph.add("ReduceSum", graph.add("Mul", votes, column), one, keepdims=0)
        mean = graph.add("ReduceMean", weights, axes=[1], keepdims=1)
        logs = graph.add("Log", graph.add("Add", total, graph.add("Mul", mean, constant(self.half_))))
        problems = len(self.half_) // 2
        against, toward = (
            graph.add("Gather", logs, graph.constant(np.arange(problems) * 2 + side, np.int64), axis=1)
            for side in (0, 1)
        )
        odds = graph.add("Sub", toward, against)
        return graph.single(write_against_negative(graph, odds, problems, exclusive=self.exclusive_))
