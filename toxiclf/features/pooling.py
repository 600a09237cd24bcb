"""Pool word vectors into one vector per comment by weighted means, with one class per weighting."""

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
"""The graph's input of token ids."""
_SIF_A = 1e-3


class Pooling(ABC):
    """The (weighted) mean of a comment's word vectors; all zeros where no token is known.

    The mean is computed by the very graph that later scores, so that training and scoring see the same bits.

    Parameters
    ----------
    vectors : of the tokens; ids count from 1 in their order.

    Attributes
    ----------
    weights_ : float32 (len(tokens) + 1,), weight of each id, 0 for padding.
    """

    weights_: NDArray[np.float32]

    def __init__(self, vectors: WordVectors) -> None:
        self.vectors = vectors

    def fit(self, encoded: Encoded) -> Pooling:
        """Learn the weights from the training rows."""
        weights = self._weights(encoded)
        weights[0] = 0.0
        self.weights_ = weights.astype(np.float32)
        self._make_scorer()
        return self

    def transform(self, encoded: Encoded) -> NDArray[np.float32]:
        """Averaged vectors, float32 (n, size)."""
        return self._scorer.run(encoded)

    def write(self, graph: Graph) -> str:
        """Add the pooling to a graph; returns the name of the averaged vectors (batch, size)."""
        ids = graph.ids(WORDS)
        if self.vectors.packed is None:
            matrix = np.vstack([np.zeros_like(self.vectors.matrix[:1]), self.vectors.matrix])
            gathered = graph.add("Gather", graph.constant(matrix * self.weights_[:, None]), ids)
        else:  # a quarter of the bundle
            numbers, scales = self.vectors.packed
            packed = graph.add("Gather", graph.constant(np.vstack([np.zeros_like(numbers[:1]), numbers]), np.int8), ids)
            scale = graph.constant(np.append(np.float32(0), scales)[:, None] * self.weights_[:, None])
            gathered = graph.add("Mul", graph.single(packed), graph.add("Gather", scale, ids))
        return self._write_mean(graph, ids, graph.sum_over_time(gathered))

    @abstractmethod
    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        """Weight of each id, (len(tokens) + 1,); the weight of padding has no effect."""

    def _write_mean(self, graph: Graph, ids: str, total: str) -> str:
        """Divide the weighted sums (batch, size): here by the number of tokens."""
        lengths = graph.single(graph.lengths(WORDS))
        count = graph.add("Unsqueeze", lengths, graph.integers(1))
        return graph.add("Div", total, graph.add("Max", count, graph.constant([1.0])))

    def _make_scorer(self) -> None:
        from toxiclf.graph import Graph

        graph = Graph()
        self._scorer = Scorer(graph.build(self.write(graph), self.vectors.matrix.shape[1]))


@register("pooling", summary="the mean of a comment's word vectors", order=1)
class Mean(Pooling):
    """Each token counts once."""

    def _weights(self, encoded: Encoded) -> NDArray[np.float64]:
        return np.ones(len(self.vectors.tokens) + 1)


@register("pooling", summary="their mean weighted by inverse document frequency", order=2)
class Tfidf(Pooling):
    """Tokens that few training comments hold count more: weights ln((1 + n) / (1 + df)) + 1 (Spärck Jones 1972, smoothed)."""

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
    "pooling", summary="smooth inverse frequency without the vectors' common direction (Arora et al. 2017)", order=3
)
class Sif(Pooling):
    """Weights a / (a + p) with a = 0.001 and p the token's frequency; then the vectors' common direction is removed.

    Arora, Liang and Ma 2017. The direction is the first principal one of the training comments' vectors.

    Attributes
    ----------
    direction_ : float32 (size,), the direction that is removed.
    """

    direction_: NDArray[np.float32] | None = None

    def fit(self, encoded: Encoded) -> Pooling:
        """Learn the weights, then the common direction of the weighted means."""
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
    """An unfitted pooling by name.

    Raises
    ------
    UsageError : there is none of that name.
    """
    made: Pooling = component("pooling", name).target(vectors)
    return made
