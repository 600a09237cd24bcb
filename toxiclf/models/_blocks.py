"""What networks are built of: each block adds its layers to a Keras model, and the same function to an ONNX graph.

Sequences are (batch, time, numbers) in Keras and (time, batch, numbers) in the graph, as ONNX's LSTM takes them. Padding never
counts: it is zero after the embedding, recurrent layers skip it, and what pools over time leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf.backend import keras
from toxiclf.graph import Graph
from toxiclf.models._block import Block, Words
from toxiclf.models._options import SequenceOptions

Floats = NDArray[np.float32]
ops = keras.ops
_LOWEST = -1e30  # below any number that is pooled, and finite: infinity times zero is no number


class Embedding(Block):
    """Ids to word vectors.

    Parameters
    ----------
    matrix : float32 (tokens + 1, size), the first row being zeros.
    trainable : whether the vectors are trained further.
    dropout : rate at which numbers of the vectors are dropped, each in the whole comment.
    """

    def __init__(self, matrix: Floats, *, trainable: bool, dropout: float = 0.0) -> None:
        self._matrix, self._trainable, self._dropout = matrix, trainable, dropout

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, time) to (batch, time, size)."""
        rows, size = self._matrix.shape
        self.layer = keras.layers.Embedding(rows, size, trainable=self._trainable)
        x = self.layer(x)
        self.layer.set_weights([self._matrix])
        return keras.layers.SpatialDropout1D(self._dropout)(x) * ops.expand_dims(mask, -1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """(time, batch) to (time, batch, size)."""
        matrix = np.array(self.layer.get_weights()[0])
        matrix[0] = 0.0
        return graph.add("Gather", graph.constant(matrix), x)


class Recurrent(Block):
    """An LSTM layer, forward or in both directions.

    Parameters
    ----------
    last : give the last state of each direction, and not the states of all tokens.
    """

    def __init__(
        self, units: int, *, bidirectional: bool, last: bool, activation: str, recurrent_activation: str,
        recurrent_dropout: float,
    ) -> None:  # fmt: skip
        self._last = last
        self._activations = (recurrent_activation, activation, activation)  # in the order of ONNX: gates, cell, state
        self._directions = 2 if bidirectional else 1
        self.layer = keras.layers.LSTM(
            units, activation=activation, recurrent_activation=recurrent_activation,
            recurrent_dropout=recurrent_dropout, return_sequences=not last,
        )  # fmt: skip
        if bidirectional:
            self.layer = keras.layers.Bidirectional(self.layer)

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, time, size) to (batch, time, directions · units), or (batch, directions · units)."""
        # Keras's cuDNN kernels refuse a row that is masked whole, so an empty comment has one step of zeros, which is not pooled
        steps = ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)
        states = self.layer(x, mask=ops.cast(steps, "bool"))
        return states * ops.max(mask, axis=1, keepdims=True) if self._last else states

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """ONNX's fused operator; it leaves states beyond a comment's end at zero, and so all of an empty comment's."""
        assert words is not None
        layers = [self.layer.forward_layer, self.layer.backward_layer] if self._directions == 2 else [self.layer]
        parts = [_in_order_of_onnx(*layer.get_weights()) for layer in layers]
        kernel, recurrent, bias = (graph.constant(np.stack(arrays)) for arrays in zip(*parts, strict=True))
        names = [ONNX_ACTIVATIONS[name] for name in self._activations] * self._directions
        states = graph.add(
            "LSTM", x, kernel, recurrent, bias, words.lengths,
            place=1 if self._last else 0,
            hidden_size=layers[0].units,
            direction="bidirectional" if self._directions == 2 else "forward",
            activations=[name for name, *_ in names],
            **_given(
                activation_alpha=[alpha for _, *numbers in names for alpha in numbers[:1]],
                activation_beta=[beta for _, *numbers in names for beta in numbers[1:]],
            ),
        )  # fmt: skip
        width = self._directions * layers[0].units
        if self._last:  # (directions, batch, units)
            states = graph.add("Transpose", states, perm=[1, 0, 2])
            return graph.add("Reshape", states, graph.integers(-1, width))
        states = graph.add("Transpose", states, perm=[0, 2, 1, 3])  # (time, directions, batch, units)
        return graph.add("Reshape", states, graph.integers(0, 0, width))


ONNX_ACTIVATIONS: dict[str, tuple[Any, ...]] = {
    "tanh": ("Tanh",),
    "sigmoid": ("Sigmoid",),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "relu": ("Relu",),
    "elu": ("Elu", 1.0),
    "softsign": ("Softsign",),
}
"""What ONNX Runtime's LSTM can compute, by Keras's name: its name and, where it takes them, alpha and beta; no softmax."""


def _given(**attributes: list[Any]) -> dict[str, Any]:
    """Lists that hold something: ONNX has no empty ones."""
    return {name: values for name, values in attributes.items() if values}


def _in_order_of_onnx(kernel: Floats, recurrent: Floats, bias: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights of Keras (gates input, forget, cell, output) as ONNX wants them (input, output, forget, cell; a second bias)."""

    def ordered(weights: Floats) -> Floats:
        i, f, c, o = np.split(weights, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1)

    return ordered(kernel).T, ordered(recurrent).T, np.concatenate([ordered(bias), np.zeros_like(bias)])


class Pooling(Block):
    """Pools the states of all tokens into one vector: maximum, mean, or both; zeros for a comment without tokens."""

    def __init__(self, kind: Literal["max_mean", "max", "mean"]) -> None:
        self._kind = kind

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, time, width) to (batch, width), or twice that."""
        weights = ops.expand_dims(mask, -1)
        pooled = []
        if "max" in self._kind:
            pooled.append(masked_max(x, weights))
        if "mean" in self._kind:
            there = ops.where(weights > 0, x, 0.0)  # and not times 0: an infinite state beyond the end must not count
            pooled.append(ops.sum(there, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0))
        return ops.concatenate(pooled, axis=-1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """(time, batch, width) to (batch, width), or twice that."""
        assert words is not None
        pooled = []
        if "max" in self._kind:
            mask = graph.add("Unsqueeze", words.mask(graph), graph.integers(2))
            pooled.append(_write_masked_max(graph, x, mask, words, axis=0))
        if "mean" in self._kind:  # what lies beyond the end is zero already
            count = graph.add("Max", graph.single(words.lengths), graph.constant([1.0]))
            column = graph.add("Unsqueeze", count, graph.integers(1))
            pooled.append(graph.add("Div", graph.sum_over_time(x, axis=0), column))
        return graph.add("Concat", *pooled, axis=1) if len(pooled) > 1 else pooled[0]


class Convolutions(Block):
    """Parallel convolutions of several widths, with global max pooling over a comment's tokens."""

    def __init__(self, widths: Sequence[int], filters: int, activation: str) -> None:
        self._activation = activation
        # TensorFlow adds up the gradients of what they share in the order of names, and Keras counts its own on from network to
        # network: conv1d_10 comes before conv1d_9
        self.layers = [
            keras.layers.Conv1D(filters, width, padding="same", activation=activation, name=f"convolution_{i}")
            for i, width in enumerate(widths)
        ]

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, time, size) to (batch, widths · filters)."""
        weights = ops.expand_dims(mask, -1)
        return ops.concatenate([masked_max(layer(x), weights) for layer in self.layers], axis=-1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """(time, batch, size) to (batch, widths · filters)."""
        assert words is not None
        channels = graph.add("Transpose", x, perm=[1, 2, 0])
        mask = graph.add("Unsqueeze", graph.add("Transpose", words.mask(graph), perm=[1, 0]), graph.integers(1))
        pooled = []
        for layer in self.layers:
            kernel, bias = (np.asarray(weight) for weight in layer.get_weights())
            width = len(kernel)
            convolved = graph.add(
                "Conv", channels, graph.constant(kernel.transpose(2, 1, 0)), graph.constant(bias),
                pads=[(width - 1) // 2, width // 2],
            )  # fmt: skip
            pooled.append(
                _write_masked_max(graph, activate(graph, convolved, self._activation, axis=1), mask, words, axis=2)
            )
        return graph.add("Concat", *pooled, axis=1) if len(pooled) > 1 else pooled[0]


def masked_max(x: Any, weights: Any) -> Any:
    """The maximum of each dimension over a comment's tokens, (batch, width); 0 for a comment without tokens."""
    return ops.max(ops.where(weights > 0, x, _LOWEST), axis=1) * ops.max(weights, axis=1)


def _write_masked_max(graph: Graph, x: str, mask: str, words: Words, *, axis: int) -> str:
    highest = graph.add("ReduceMax", graph.add("Where", mask, x, graph.constant(_LOWEST)), axes=[axis], keepdims=0)
    return graph.add("Mul", highest, words.any(graph))


class Flattening(Block):
    """Concatenates the vectors of a comment, padded with zeros to the length of the longest comment.

    Parameters
    ----------
    time : number of vectors of the longest comment.
    """

    def __init__(self, time: int) -> None:
        self._time = time

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, time, size) to (batch, time · size)."""
        return ops.reshape(x, (-1, self._time * x.shape[-1]))

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """(time, batch, size) to (batch, longest time · size)."""
        x = graph.add("Transpose", x, perm=[1, 0, 2])
        missing = graph.add(
            "Sub", graph.integers(0, self._time, 0),
            graph.add("Mul", graph.add("Shape", x), graph.integers(0, 1, 0)),
        )  # fmt: skip
        pads = graph.add("Concat", graph.integers(0, 0, 0), missing, axis=0)
        whole = graph.add("Pad", x, pads)
        return graph.add("Flatten", whole, axis=1)


class Dense(Block):
    """A dense layer.

    Parameters
    ----------
    bias : to begin with, (units,); zeros unless given.
    """

    def __init__(self, units: int, bias: NDArray[np.float64] | None = None) -> None:
        start = "zeros" if bias is None else keras.initializers.Constant(bias.tolist())
        self.layer = keras.layers.Dense(units, bias_initializer=start)

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, width) to (batch, units)."""
        return self.layer(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """One matrix product."""
        kernel, bias = (np.asarray(weight) for weight in self.layer.get_weights())
        return graph.add("Gemm", x, graph.constant(kernel), graph.constant(bias))


class Normalization(Block):
    """Batch normalization (Ioffe and Szegedy 2015) or layer normalization (Ba, Kiros, Hinton 2016) of a vector."""

    def __init__(self, kind: Literal["batch", "layer"]) -> None:
        self.layer = keras.layers.BatchNormalization() if kind == "batch" else keras.layers.LayerNormalization()

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, width) to the same."""
        return self.layer(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Of a batch, a product and a sum; of a layer, the vector's own mean and deviation."""
        weights = [np.asarray(weight, dtype=np.float64) for weight in self.layer.get_weights()]
        if isinstance(self.layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = weights
            slope = gamma / np.sqrt(variance + self.layer.epsilon)
            return graph.add("Add", graph.add("Mul", x, graph.constant(slope)), graph.constant(beta - mean * slope))
        gamma, beta = weights
        return graph.add(
            "LayerNormalization", x, graph.constant(gamma), graph.constant(beta), axis=-1, epsilon=self.layer.epsilon
        )


class Activation(Block):
    """An activation by its name in Keras."""

    def __init__(self, name: str) -> None:
        self._name = name

    def apply(self, x: Any, mask: Any) -> Any:
        """Any shape to the same."""
        return keras.layers.Activation(self._name)(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """One node or a few."""
        return activate(graph, x, self._name, axis=-1)


class Dropout(Block):
    """Dropout (Srivastava et al. 2014), which a graph does not have."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def apply(self, x: Any, mask: Any) -> Any:
        """Any shape to the same."""
        return keras.layers.Dropout(self._rate)(x) if self._rate else x

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Nothing."""
        return x


class Draw(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Draws a code from a normal distribution in training, and gives its mean otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._seeds = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Two tensors (batch, latent), mean and log-variance, to one."""
        mean, log_variance = inputs
        if not training:
            return mean
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self._seeds)


def activate(graph: Graph, x: str, name: str, *, axis: int) -> str:
    """An activation by its name in Keras; ``axis`` is the one of a softmax."""
    if name == "softmax":
        return graph.add("Softmax", x, axis=axis)
    return _gelu(graph, x) if name == "gelu" else graph.add(_OPERATORS[name], x)


def _gelu(graph: Graph, x: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(2**-0.5)))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), graph.add("Add", erf, graph.constant(1.0)))


_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "elu": "Elu", "selu": "Selu"}


def embedding_of(options: SequenceOptions, matrix: Floats) -> Block:
    """Word vectors, float32 (tokens + 1, size), as a network's first block."""
    return Embedding(matrix, trainable=options.embedding != "frozen", dropout=options.spatial_dropout)


def top_of(options: SequenceOptions) -> Sequence[Block]:
    """Blocks between the vector of a comment and the logits."""
    blocks: list[Block] = [] if options.normalization == "none" else [Normalization(options.normalization)]
    blocks.append(Dropout(options.dropout))
    for units in options.dense:
        blocks += dense_layer(units, "relu", "none", options.dropout)
    return blocks


def dense_layer(units: int, activation: str, normalization: str, dropout: float) -> list[Block]:
    """A dense layer with what follows it."""
    normalize: list[Block] = [] if normalization == "none" else [Normalization(normalization)]  # type: ignore[arg-type]
    return [Dense(units), *normalize, Activation(activation), Dropout(dropout)]
