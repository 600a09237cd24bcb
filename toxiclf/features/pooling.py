"""Poolings: weighted means of a comment's word vectors, with one class for each kind of weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import component, register
from toxiclf.bundle.scorer import Scorer
from toxiclf.text.vocabulary import distinct

if TYPE_CHECKING:
    from toxiclf.embeddings.word_vectors import WordVectors
    from toxiclf.graph import Graph
    from toxiclf.text.encoder import Encoded

WORDS = "words"
"""Name of the graph input that holds token ids."""
_SIF_A = 1e-3


class Pooling(ABC):
    """Base class of poolings, which give the weighted mean of a comment's word vectors; zeros if no token is known.

    An ONNX graph computes the mean in training too, so that training and scoring get exactly the same numbers.

    Parameters
    ----------
    vectors : word vectors of the tokens; the first token has id 1.

    Attributes
    ----------
    weights_ : weight of each id, float32 (len(tokens) + 1,); the weight of id 0 (padding) is 0.
    """

    weights_: NDArray[np.float32]

    def __init__(self, vectors: WordVectors) -> None:
        self.vectors = vectors

    def fit(self, encoded: Encoded) -> Pooling:
        """Learn the weights from the encoded training rows."""
        weights = self._weights(encoded)
        weights[0] = 0.0
        self.weights_ = weights.astype(np.float32)
        self._make_scorer()
        return self

    def transform(self, encoded: Encoded) -> NDArray[np.float32]:
        """Return averaged word vectors, float32 (n, size)."""
        return self._scorer.run(encoded)

    def write(self, graph: Graph) -> str:
        """Add the pooling to a graph; return the name of the averaged word vectors (batch, size)."""
        ids = graph.ids(WORDS)
        if self.vectors.packed is None:
            matrix = np.vstack([np.zeros_like(self.vectors.matrix[:1]), self.vectors.matrix])
            gathered = graph.add("Gather", graph.constant(matrix * self.weights_[:, None]), ids)
        else:  # int8 takes a quarter of the space in a bundle
            numbers, scales = self.vectors.packed
            packed = graph.add("Gather", graph.constant(np.vstack([np.zeros_like(numbers[:1]), numbers]), np.int8), ids)
            scale = graph.constant(np.append(np.float32(0), scales)[:, None] * self.weights_[:, None])
            gathered = graph.add("Mul", graph.single(packed), graph.add("Gather", scale, ids))
        return self._write_mean(graph, ids, graph.sum_over_time(gathered))

    @abstractmethod
    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        """Return the weight of each id, (len(tokens) + 1,); the weight of id 0 (padding) is ignored."""

    def _write_mean(self, graph: Graph, ids: str, total: str) -> str:
        """Add the division of the weighted sums (batch, size) by the number of tokens; return the name of the means."""
        lengths = graph.single(graph.lengths(WORDS))
        count = graph.add("Unsqueeze", lengths, graph.integers(1))
        return graph.add("Div", total, graph.add("Max", count, graph.constant([1.0])))

    def _make_scorer(self) -> None:
        from toxiclf.graph import Graph

        graph = Graph()
        self._scorer = Scorer(graph.build(self.write(graph), self.vectors.matrix.shape[1]))


@register("pooling", summary="the mean of a comment's word vectors", order=1)
class Mean(Pooling):
    """Mean of a comment's word vectors, in which all tokens have the same weight."""

    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        return np.ones(len(self.vectors.tokens) + 1)


@register("pooling", summary="the mean of word vectors, weighted by inverse document frequency", order=2)
class Tfidf(Pooling):
    """Mean weighted by inverse document frequency, ln((1 + n) / (1 + df)) + 1 (Spärck Jones 1972, smoothed).

    n is the number of training comments, and df the number of them that hold the token.
    """

    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        ids, count = encoded.views[WORDS], len(self.vectors.tokens) + 1
        rows = np.repeat(np.arange(len(ids)), ids.lengths)
        seen = distinct(rows * np.int64(count) + ids.flat) % count
        frequency = np.bincount(seen, minlength=count)
        return np.asarray(np.log((1 + len(ids)) / (1 + frequency)) + 1)

    def _write_mean(self, graph: Graph, ids: str, total: str) -> str:
        weight = graph.add("Gather", graph.constant(self.weights_), ids)
        count = graph.sum_over_time(weight, keepdims=True)
        return graph.add("Div", total, graph.add("Max", count, graph.constant([1e-6])))


@register(
    "pooling", order=3,
    summary="the mean weighted by smooth inverse frequency, without the comments' common direction (Arora et al. 2017)",
)  # fmt: skip
class Sif(Pooling):
    """Mean weighted by a / (a + p), without its part along the comments' common direction (Arora, Liang and Ma 2017).

    a is 0.001, and p is the token's frequency. The common direction is the first right singular vector of the training
    comments' means.

    Attributes
    ----------
    direction_ : the common direction, float32 (size,).
    """

    direction_: NDArray[np.float32] | None = None

    def fit(self, encoded: Encoded) -> Pooling:
        """Learn the weights, then the common direction of the training rows' weighted means."""
        self.direction_ = None
        super().fit(encoded)
        pooled = self.transform(encoded).astype(np.float64)
        self.direction_ = np.linalg.svd(pooled, full_matrices=False)[2][0].astype(np.float32)
        self._make_scorer()
        return self

    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        return np.append(0.0, _SIF_A / (_SIF_A + self.vectors.frequencies))

    def _write_mean(self, graph: Graph, ids: str, total: str) -> str:
        mean = super()._write_mean(graph, ids, total)
        if self.direction_ is None:
            return mean
        column = graph.constant(self.direction_[:, None])
        along = graph.add("MatMul", mean, column)
        return graph.add("Sub", mean, graph.add("MatMul", along, graph.constant(self.direction_[None, :])))


def pooling(name: str, vectors: WordVectors) -> Pooling:
    """Return an unfitted pooling by its registered name.

    Raises
    ------
    UsageError : no pooling has this name.
    """
    made: Pooling = component("pooling", name).target(vectors)
    return made
