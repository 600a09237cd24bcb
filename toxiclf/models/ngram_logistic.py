"""Logistic regression over TF-IDF n-grams of jamo and syllables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Floats, against_negative, binary_problems
from toxiclf.models._ngram_regression import ScaledRows, fit_regressions
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, Positive
from toxiclf.text.encoder import LONGEST_NGRAM

if TYPE_CHECKING:
    from toxiclf.features.ngrams import NgramRows
    from toxiclf.graph import Graph


NgramLength = Annotated[int, Field(ge=1, le=LONGEST_NGRAM)]


class NgramLogisticOptions(ModelOptions):
    """Options of ``ngram_logistic``."""

    name: Literal["ngram_logistic"] = "ngram_logistic"
    C: Positive = 3.0
    """Inverse strength of the L2 penalty."""
    jamo: NgramLength = 6
    """Longest n-gram of jamo."""
    syllable: NgramLength = 4
    """Longest n-gram of syllables."""
    min_comments: Count = 3
    """Minimum number of comments with an n-gram; rarer n-grams are left out."""
    log_count_ratio: bool = True
    """Whether each n-gram is weighted by how much more often it occurs in one class than in the other."""


@register(
    "model", "ngram_logistic", order=10, options=NgramLogisticOptions, takes="ngrams",
    summary="Logistic regression over TF-IDF n-grams of jamo and syllables; the baseline of every report",
)  # fmt: skip
class NgramLogistic(Model):
    """Logistic regression over TF-IDF n-grams of jamo and syllables.

    The TF-IDF vectors of a comment's jamo and of its syllables are scaled to the same length. With
    ``log_count_ratio``, each n-gram is then multiplied by its log-count ratio (Wang and Manning 2012). The raw output
    is the log-odds. The model is fast and strong, and reports compare every other model with it.
    """

    options: NgramLogisticOptions

    def fit(self, features: NgramRows, task: Task, held_out: HeldOut | None = None) -> NgramLogistic:
        """Fit IDF weights and one regression per binary problem to the 0/1 matrices of jamo and of syllable n-grams."""
        self.idf_ = {
            view: np.log((1 + rows.shape[0]) / (1 + np.bincount(rows.indices, minlength=rows.shape[1]))) + 1
            for view, rows in features.items()
        }
        problems = binary_problems(task)
        classes = np.column_stack([targets for targets, _ in problems])
        factors = np.repeat(np.concatenate(list(self.idf_.values()))[:, None], len(problems), axis=1)
        if self.options.log_count_ratio:
            factors *= _log_count_ratios(features, classes)
        costs = self.options.C * np.column_stack([weights for _, weights in problems])
        coefficients, intercepts = fit_regressions(self._scaled(features), factors, classes, costs, task.seed)
        self.coefficients_ = against_negative(coefficients, exclusive=task.exclusive)
        self.intercepts_ = against_negative(intercepts[None], exclusive=task.exclusive)[0]
        return self

    def raw(self, features: NgramRows) -> Floats:
        """Return log-odds, (n, n_labels)."""
        return np.asarray(self._scaled(features) @ self.coefficients_ + self.intercepts_)

    def write(self, graph: Graph, features: str = "") -> str:
        """Add the model, which reads ids instead of ``features``; return the name of the log-odds (batch, n_labels)."""
        columns = self.coefficients_.shape[1]
        axis, ends = (
            graph.integers(1),
            [graph.integers(end) for end in (0, columns, columns + 1)],
        )
        total = graph.constant(self.intercepts_)
        begin = 0
        for view, idf in self.idf_.items():
            block = self.coefficients_[begin : begin + len(idf)] / np.sqrt(len(self.idf_))
            begin += len(idf)
            table = np.vstack([np.zeros(columns + 1), np.column_stack([block, idf**2])])
            sums = graph.sum_over_time(graph.add("Gather", graph.constant(table), graph.ids(view)))
            dots = graph.add("Slice", sums, ends[0], ends[1], axis)
            squares = graph.add("Slice", sums, ends[1], ends[2], axis)
            norm = graph.add("Max", graph.add("Sqrt", squares), graph.constant([1e-6]))
            total = graph.add("Add", total, graph.add("Div", dots, norm))
        return total

    def _scaled(self, features: NgramRows) -> ScaledRows:
        """Scale the TF-IDF vector of each unit to the same length; the IDF weights are left to the columns' factors."""
        norms = [np.sqrt(features[view] @ idf**2) for view, idf in self.idf_.items()]
        scales = [1 / np.sqrt(len(norms)) / np.maximum(norm, 1e-6) for norm in norms]
        return ScaledRows([features[view] for view in self.idf_], scales)


def _log_count_ratios(features: NgramRows, classes: NDArray[np.intp]) -> Floats:
    """Return |log(s1 / s0)| of each n-gram for each column of the 0/1 ``classes``, (n-grams, columns).

    An n-gram's count in a class is the number of comments of the class that hold the n-gram, plus 1. s1 and s0 are the
    counts in classes 1 and 0, each divided by the sum of the class's counts of all n-grams of the same unit (jamo or
    syllables).
    """
    ratios = []
    for rows in features.values():
        ones = (rows.T @ classes.astype(np.float32)).astype(np.float64)  # float32 is exact below 2**24 comments
        zeros = np.bincount(rows.indices, minlength=rows.shape[1])[:, None] - ones
        shares = [(1 + counts) / (1 + counts).sum(axis=0) for counts in (zeros, ones)]
        ratios.append(np.abs(np.log(shares[1] / shares[0])))
    return np.concatenate(ratios)
