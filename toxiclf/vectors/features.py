"""From ids to what models learn from: averaged word vectors, or rows of distinct n-grams."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from toxiclf.bundle.scorer import Scorer
from toxiclf.graph import Graph
from toxiclf.text.encoder import Encoded
from toxiclf.vectors.word_vectors import WordVectors

WORDS = "words"
_SIF_A = 1e-3


class AverageVectors:
    """One vector a comment: the (weighted) mean of its tokens' vectors; all zeros where no token is known.

    The mean is computed by the very graph that later scores, so that training and scoring see the same bits.

    Parameters
    ----------
    vectors : of the tokens; ids count from 1 in their order.
    pooling : "mean"; "tfidf", weights ln((1 + n) / (1 + df)) + 1; or "sif" (Arora, Liang, Ma 2017), weights a / (a + p) with
        a = 0.001, then the first principal direction of the training vectors is taken out.

    Attributes
    ----------
    weights_ : float32 (len(tokens) + 1,), weight of each id, 0 for padding.
    direction_ : float32 (size,), the direction taken out; None but for "sif".
    """

    def __init__(self, vectors: WordVectors, pooling: str = "mean") -> None:
        self.vectors = vectors
        self.pooling = pooling

    def fit(self, encoded: Encoded) -> AverageVectors:
        """Learn the weights from the training rows."""
        ids = encoded.views[WORDS]
        weights = np.ones(len(self.vectors.tokens) + 1)
        self.direction_: NDArray[np.float32] | None = None
        if self.pooling == "tfidf":
            rows = np.repeat(np.arange(len(ids)), ids.lengths)
            seen = np.unique(rows * np.int64(len(weights)) + ids.flat) % len(weights)
            frequency = np.bincount(seen, minlength=len(weights))
            weights = np.log((1 + len(ids)) / (1 + frequency)) + 1
        elif self.pooling == "sif":
            weights[1:] = _SIF_A / (_SIF_A + self.vectors.frequencies)
        weights[0] = 0.0
        self.weights_ = weights.astype(np.float32)
        if self.pooling == "sif":
            self._make_scorer()
            pooled = self.transform(encoded).astype(np.float64)
            self.direction_ = np.linalg.svd(pooled, full_matrices=False)[2][0].astype(np.float32)
        self._make_scorer()
        return self

    def transform(self, encoded: Encoded) -> NDArray[np.float32]:
        """Averaged vectors, float32 (n, size)."""
        return self._scorer.run(encoded)

    def write(self, graph: Graph) -> str:
        """Add the pooling to a graph; returns the name of the averaged vectors (batch, size)."""
        ids = graph.ids(WORDS)
        matrix = np.vstack([np.zeros((1, self.vectors.matrix.shape[1]), np.float32), self.vectors.matrix])
        gathered = graph.add("Gather", graph.constant(matrix * self.weights_[:, None]), ids)
        total = graph.sum_over_time(gathered)
        if self.pooling == "tfidf":
            weight = graph.add("Gather", graph.constant(self.weights_), ids)
            count = graph.sum_over_time(weight, keepdims=True)
        else:
            lengths = graph.add("Cast", graph.lengths(WORDS), to=1)
            count = graph.add("Unsqueeze", lengths, graph.constant([1], np.int64))
        mean = graph.add(
            "Div", total, graph.add("Max", count, graph.constant([1e-6 if self.pooling == "tfidf" else 1.0]))
        )
        if self.direction_ is None:
            return mean
        column = graph.constant(self.direction_[:, None])
        along = graph.add("MatMul", mean, column)
        return graph.add("Sub", mean, graph.add("MatMul", along, graph.constant(self.direction_[None, :])))

    def _make_scorer(self) -> None:
        graph = Graph()
        self._scorer = Scorer(graph.build(self.write(graph), self.vectors.matrix.shape[1]))


NgramRows = dict[str, sp.csr_matrix]
"""By view, float32 (n, number of n-grams): 1 where the comment holds the n-gram."""


def ngram_rows(encoded: Encoded, sizes: Mapping[str, int]) -> NgramRows:
    """Sparse rows of ones; id 1 is column 0.

    Parameters
    ----------
    sizes : number of n-grams of each view that is wanted.
    """
    rows = {}
    for view, size in sizes.items():
        ids = encoded.views[view]
        ones = np.ones(len(ids.flat), dtype=np.float32)
        rows[view] = sp.csr_matrix((ones, ids.flat - 1, ids.starts), shape=(len(ids), size))
    return rows
