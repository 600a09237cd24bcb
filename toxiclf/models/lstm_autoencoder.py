"""Autoencoder of sequences of word vectors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.models._binary import Scaling
from toxiclf.models._block import Words
from toxiclf.models._options import NetworkOptions
from toxiclf.models._reconstruction import Reconstruction
from toxiclf.models._rows import IdRows, Rows
from toxiclf.recipe.types import Count, Positive

if TYPE_CHECKING:
    from toxiclf.features.sequences import Sequences
    from toxiclf.graph import Graph


class LstmAutoencoderOptions(NetworkOptions):
    """Options of ``lstm_autoencoder``."""

    name: Literal["lstm_autoencoder"] = "lstm_autoencoder"
    units: Count = 64
    """Dimensions of the code of a comment."""
    learning_rate: Positive = 3e-3
    """Learning rate of the optimizer."""
    patience: Count = 3
    """Epochs without a smaller error on the validation set before training stops."""


@register(
    "model", "lstm_autoencoder", order=53, options=LstmAutoencoderOptions, takes="sequences",
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Autoencoder over sequences of word vectors, trained only on comments without the label",
)  # fmt: skip
class LstmAutoencoder(Reconstruction):
    """LSTM autoencoder (Srivastava, Mansimov and Salakhutdinov 2015) of the standardized word vectors of a comment.

    One LSTM encodes them as one vector, and another LSTM decodes that vector. The raw output is the reconstruction
    error: the mean squared difference between the word vectors and their reconstructions.
    """

    options: LstmAutoencoderOptions

    def write(self, graph: Graph, features: str) -> str:
        """Add both LSTMs; return the name of the errors (batch, 1), which are 0 for comments without tokens."""
        from toxiclf.features.pooling import WORDS

        words = Words.of(graph, WORDS)
        vectors = self.embedding_.write(graph, words.ids, words)
        code = graph.add("Unsqueeze", self.reader_.write(graph, vectors, words), graph.integers(0))
        time = graph.add("Slice", graph.add("Shape", words.ids), *(graph.integers(i) for i in (0, 1)))
        shape = graph.add("Concat", time, graph.integers(1, 1), axis=0)
        states = self.writer_.write(graph, graph.add("Expand", code, shape), words)
        kernel, bias = (graph.constant(np.asarray(weight)) for weight in self.last_.get_weights())
        wrong = graph.add("Sub", graph.add("Add", graph.add("MatMul", states, kernel), bias), vectors)
        squares = graph.add("ReduceMean", graph.add("Mul", wrong, wrong), axes=[2], keepdims=0)
        there = graph.single(words.mask(graph))
        total = graph.sum_over_time(graph.add("Mul", squares, there), axis=0)
        count = graph.add("Max", graph.single(words.lengths), graph.constant([1.0]))
        return graph.add("Unsqueeze", graph.add("Div", total, count), graph.integers(1))

    def _scale(self, features: Sequences, rows: NDArray[np.intp]) -> None:
        seen = features.ids.take(rows).flat
        scaling = Scaling(features.matrix[seen if len(seen) else slice(None)], standardize=True)
        self.matrix_ = scaling.apply(features.matrix).astype(np.float32)
        self.matrix_[0] = 0.0

    def _rows(self, features: Sequences) -> Rows:
        return IdRows(features.ids)

    def _some(self, features: Sequences, rows: NDArray[np.intp]) -> Rows:
        return IdRows(features.ids.take(rows))

    def _build(self) -> Any:
        from toxiclf.backend import keras
        from toxiclf.models._blocks import Embedding, Recurrent

        ops = keras.ops
        layer = partial(
            Recurrent, self.options.units, bidirectional=False, activation="tanh", recurrent_activation="sigmoid",
            recurrent_dropout=0.0,
        )  # fmt: skip
        self.embedding_ = Embedding(self.matrix_, trainable=False)
        self.reader_, self.writer_ = layer(last=True), layer(last=False)
        self.last_ = keras.layers.Dense(self.matrix_.shape[1])
        ids = keras.Input((None,), dtype="int32", name="ids")
        mask = ops.cast(ops.not_equal(ids, 0), "float32")
        vectors = self.embedding_.apply(ids, mask)
        code = self.reader_.apply(vectors, mask)
        states = self.writer_.apply(ops.expand_dims(code, 1) * ops.expand_dims(mask, -1), mask)
        squares = ops.mean(ops.square(self.last_(states) - vectors), axis=-1) * mask
        count = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
        error = ops.sum(squares, axis=1, keepdims=True) / count
        return keras.Model(ids, ops.concatenate([error, ops.zeros_like(error)], axis=1))
