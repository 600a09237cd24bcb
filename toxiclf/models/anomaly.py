"""Networks that learn what comments without the label are like; what they cannot give back is unusual."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.backend import keras, seeded, tf
from toxiclf.features.pooling import WORDS
from toxiclf.features.sequences import Sequences
from toxiclf.graph import Graph
from toxiclf.models import _training_loop as training_loop
from toxiclf.models._base import HeldOut, Task
from toxiclf.models._blocks import Activation, Block, Dense, Dropout, Embedding, Recurrent, Words
from toxiclf.models._keras_model import Network
from toxiclf.models._training_loop import IdRows, Monitor, Rows, TrainingLoop, VectorRows
from toxiclf.models.classic import Scaling
from toxiclf.models.outliers import unlabelled_rows
from toxiclf.recipe import AutoencoderOptions, LstmAutoencoderOptions, OvercompleteAutoencoderOptions, VaeOptions

ops = keras.ops
_LOG_VARIANCE = 8.0  # either way: beyond it, a code is a number, or says nothing
_FLOAT = 1  # onnx.TensorProto's number


def _sum_of_outputs(outputs: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """The network says its error itself, and beside it the penalty on its code."""
    return tf.reduce_sum(outputs, axis=-1), weights[:, 0]


class _Reconstruction(Network):
    """What all of them share: the network's outputs are a comment's error and a penalty, which counts while it trains.

    Attributes
    ----------
    network_ : from a comment to (error, penalty).
    """

    monitor = Monitor("validation error", lower_is_better=True, losses=_sum_of_outputs)

    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> _Reconstruction:
        """Learn from the training rows without the label; stops by the error of such rows of the validation part."""
        assert held_out is not None  # the registry says that it watches the validation part
        tf.config.experimental.enable_op_determinism()
        own, watched = (
            unlabelled_rows(task.targets, "the training part"),
            unlabelled_rows(held_out.targets, "the validation part"),
        )
        plan = self._plan(Task(task.targets[own], False, task.weights, task.seed, context=task.context))
        self._say_plan(plan, task, len(own), len(watched))
        self._scale(features, own)
        once = np.ones((len(own), 1))
        with seeded(task.seed):
            self.network_ = self._build()
            loop = TrainingLoop(self.network_, plan, lambda outputs: float(outputs[:, 0].mean()), self.monitor)
            loop.run(self._some(features, own), once, once, self._some(held_out.features, watched), task.context)
        self.history_, self.divergence_ = loop.history, loop.divergence
        return self

    def raw(self, features: Any) -> NDArray[np.float64]:
        """The error of each comment, (n, 1): the mean square of what is wrong with its numbers, in standard deviations."""
        forward = training_loop.compiled_forward(self.network_)
        return training_loop.predicted(forward, self._rows(features))[:, :1]

    @abstractmethod
    def _scale(self, features: Any, rows: NDArray[np.intp]) -> None:
        """Learn standardization from rows without the label."""

    @abstractmethod
    def _build(self) -> keras.Model:
        """The network."""

    @abstractmethod
    def _rows(self, features: Any) -> Rows:
        """Features as the network takes them."""

    @abstractmethod
    def _some(self, features: Any, rows: NDArray[np.intp]) -> Rows:
        """Some rows as the network takes them."""


class Autoencoder(_Reconstruction):
    """Autoencoder of standardized comment vectors: plain, overcomplete or variational."""

    options: AutoencoderOptions | OvercompleteAutoencoderOptions | VaeOptions
    most_epochs = 100

    def write(self, graph: Graph, features: str) -> str:
        """Add the way there and back, and the error."""
        x = self.scaling_.write(graph, features)
        given = _write(graph, self.encoder_, x)
        returned = _write(graph, self.decoder_, given)
        wrong = graph.add("Sub", returned, x)
        return graph.add("ReduceMean", graph.add("Mul", wrong, wrong), axes=[1], keepdims=1)

    def _scale(self, features: NDArray[np.float32], rows: NDArray[np.intp]) -> None:
        self.scaling_ = Scaling(features[rows], standardize=True)

    def _rows(self, features: NDArray[np.float32]) -> Rows:
        return VectorRows(self.scaling_.apply(features).astype(np.float32))

    def _some(self, features: NDArray[np.float32], rows: NDArray[np.intp]) -> Rows:
        return self._rows(features[rows])

    def _build(self) -> keras.Model:
        options, width = self.options, len(self.scaling_.mean)
        x = keras.Input((width,), name="vector")
        dropout = options.dropout if isinstance(options, AutoencoderOptions) else 0.0
        layers = partial(_layers, activation=options.activation, dropout=dropout)
        there: list[Block] = layers(options.units)
        back: list[Block] = layers(options.units[-2::-1])
        penalty: Any = ops.zeros_like(x[:, :1])
        if isinstance(options, VaeOptions):
            hidden = _applied(there, x)
            code = Dense(options.latent)
            there, back = [*there, code], layers(options.units[::-1])
            mean = code.apply(hidden, None)
            spread = keras.layers.Dense(options.latent)(hidden)
            log_variance = ops.clip(spread, -_LOG_VARIANCE, _LOG_VARIANCE)
            drawn = _Draw()([mean, log_variance])
            divergence = ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=1, keepdims=True) / 2
            penalty = options.beta / width * divergence
        elif isinstance(options, OvercompleteAutoencoderOptions):
            drawn = _applied(there, keras.layers.Dropout(options.noise)(x))
            penalty = options.sparsity * ops.mean(ops.abs(drawn), axis=1, keepdims=True)
        else:
            drawn = _applied(there, x)
        self.encoder_, self.decoder_ = there, [*back, Dense(width)]
        wrong = _applied(self.decoder_, drawn) - x
        return keras.Model(x, ops.concatenate([ops.mean(ops.square(wrong), axis=1, keepdims=True), penalty], axis=1))


class _Draw(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A code drawn from the normal distribution that it says, while the network trains; its mean else."""

    def __init__(self) -> None:
        super().__init__()
        self._seeds = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Two tensors (batch, latent), mean and log-variance, to one."""
        mean, log_variance = inputs
        if not training:
            return mean
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self._seeds)


class LstmAutoencoder(_Reconstruction):
    """Autoencoder of sequences: an LSTM reads a comment's word vectors to one vector, another writes them from it."""

    options: LstmAutoencoderOptions

    def write(self, graph: Graph, features: str) -> str:
        """Add both LSTMs and the mean error over a comment's tokens; 0 for a comment without tokens."""
        words = Words.of(graph, WORDS)
        vectors = self.embedding_.write(graph, words.ids, words)
        code = graph.add("Unsqueeze", self.reader_.write(graph, vectors, words), graph.constant([0], np.int64))
        time = graph.add("Slice", graph.add("Shape", words.ids), *(graph.constant([i], np.int64) for i in (0, 1)))
        shape = graph.add("Concat", time, graph.constant([1, 1], np.int64), axis=0)
        states = self.writer_.write(graph, graph.add("Expand", code, shape), words)
        kernel, bias = (graph.constant(np.asarray(weight)) for weight in self.last_.get_weights())
        wrong = graph.add("Sub", graph.add("Add", graph.add("MatMul", states, kernel), bias), vectors)
        squares = graph.add("ReduceMean", graph.add("Mul", wrong, wrong), axes=[2], keepdims=0)
        there = graph.add("Cast", words.mask(graph), to=_FLOAT)
        total = graph.sum_over_time(graph.add("Mul", squares, there), axis=0)
        count = graph.add("Max", graph.add("Cast", words.lengths, to=_FLOAT), graph.constant([1.0]))
        return graph.add("Unsqueeze", graph.add("Div", total, count), graph.constant([1], np.int64))

    def _scale(self, features: Sequences, rows: NDArray[np.intp]) -> None:
        seen = features.ids.take(rows).flat
        scaling = Scaling(features.matrix[seen if len(seen) else slice(None)], standardize=True)
        self.matrix_ = scaling.apply(features.matrix).astype(np.float32)
        self.matrix_[0] = 0.0

    def _rows(self, features: Sequences) -> Rows:
        return IdRows(features.ids)

    def _some(self, features: Sequences, rows: NDArray[np.intp]) -> Rows:
        return IdRows(features.ids.take(rows))

    def _build(self) -> keras.Model:
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


def _layers(units: Sequence[int], *, activation: str, dropout: float) -> list[Block]:
    return [block for n in units for block in (Dense(n), Activation(activation), Dropout(dropout))]


def _applied(blocks: Sequence[Block], x: Any) -> Any:
    for block in blocks:
        x = block.apply(x, None)
    return x


def _write(graph: Graph, blocks: Sequence[Block], x: str) -> str:
    for block in blocks:
        x = block.write(graph, x, None)
    return x
