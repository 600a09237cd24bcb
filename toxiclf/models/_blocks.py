"""The blocks of networks: each adds layers to a Keras model, and nodes that compute the same to an ONNX graph.

Sequences are (batch, time, width) in Keras and (time, batch, width) in ONNX graphs, the order of ONNX's LSTM operator.
Padding does not change outputs: its word vectors are zero, recurrent layers skip it, and pooling leaves it out.
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
_LOWEST = -1e30  # below every pooled value; finite, because infinity times zero is NaN


class Embedding(Block):
    """Embedding layer, which maps token ids to word vectors.

    Parameters
    ----------
    matrix : word vectors, float32 (tokens + 1, size); row 0 is for padding and all zeros.
    trainable : whether the vectors are trained further.
    dropout : rate of spatial dropout, which drops a dimension in all word vectors of a comment.
    """

    def __init__(self, matrix: Floats, *, trainable: bool, dropout: float = 0.0) -> None:
        self._matrix, self._trainable, self._dropout = matrix, trainable, dropout

    def apply(self, x: Any, mask: Any) -> Any:
        """Map ids (batch, time) to word vectors (batch, time, size); vectors of padding are zero."""
        rows, size = self._matrix.shape
        self.layer = keras.layers.Embedding(rows, size, trainable=self._trainable)
        x = self.layer(x)
        self.layer.set_weights([self._matrix])
        return keras.layers.SpatialDropout1D(self._dropout)(x) * ops.expand_dims(mask, -1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add a look-up of ids (time, batch) in the word vectors; return the name of the result (time, batch, size)."""
        matrix = np.array(self.layer.get_weights()[0])
        matrix[0] = 0.0
        return graph.add("Gather", graph.constant(matrix), x)


class Recurrent(Block):
    """An LSTM layer, forward or bidirectional.

    Parameters
    ----------
    last : whether to return only the last state of each direction, instead of the states of all tokens.
    """

    def __init__(
        self, units: int, *, bidirectional: bool, last: bool, activation: str, recurrent_activation: str,
        recurrent_dropout: float,
    ) -> None:  # fmt: skip
        self._last = last
        self._activations = (recurrent_activation, activation, activation)  # in ONNX's order: gates, cell, hidden state
        self._directions = 2 if bidirectional else 1
        self.layer = keras.layers.LSTM(
            units, activation=activation, recurrent_activation=recurrent_activation,
            recurrent_dropout=recurrent_dropout, return_sequences=not last,
        )  # fmt: skip
        if bidirectional:
            self.layer = keras.layers.Bidirectional(self.layer)

    def apply(self, x: Any, mask: Any) -> Any:
        """Map vectors (batch, time, size) to states (batch, time, width); with ``last``, to last states (batch, width).

        The width is the number of units, or twice that number if the layer is bidirectional.
        """
        # Keras's cuDNN kernels reject a fully masked row: an empty comment gets a step of zeros, whose state is unused
        steps = ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)
        states = self.layer(x, mask=ops.cast(steps, "bool"))
        return states * ops.max(mask, axis=1, keepdims=True) if self._last else states

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add an LSTM operator; return the name of the states. The states of padding and of empty comments are zero."""
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
"""LSTM activations by their names in Keras: the name in ONNX, followed by alpha and beta if the activation has them.
Softmax is missing, because ONNX Runtime does not support it."""


def _given(**attributes: list[Any]) -> dict[str, Any]:
    """Return the attributes without those that are empty lists, which ONNX does not allow."""
    return {name: values for name, values in attributes.items() if values}


def _in_order_of_onnx(kernel: Floats, recurrent: Floats, bias: Floats) -> tuple[Floats, Floats, Floats]:
    """Convert LSTM weights from Keras to ONNX: reorder gates (input, forget, cell, output) to (input, output, forget,
    cell), transpose the kernels, and append a second bias of zeros."""

    def ordered(weights: Floats) -> Floats:
        i, f, c, o = np.split(weights, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1)

    return ordered(kernel).T, ordered(recurrent).T, np.concatenate([ordered(bias), np.zeros_like(bias)])


class Pooling(Block):
    """Pools the states of a comment's tokens into one vector: maximum, mean or both; an empty comment gets zeros."""

    def __init__(self, kind: Literal["max_mean", "max", "mean"]) -> None:
        self._kind = kind

    def apply(self, x: Any, mask: Any) -> Any:
        """Pool states (batch, time, width) to (batch, width), or to (batch, 2 · width) for maximum and mean."""
        weights = ops.expand_dims(mask, -1)
        pooled = []
        if "max" in self._kind:
            pooled.append(masked_max(x, weights))
        if "mean" in self._kind:
            there = ops.where(weights > 0, x, 0.0)  # a product with 0 would turn infinite states of padding into NaN
            pooled.append(ops.sum(there, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0))
        return ops.concatenate(pooled, axis=-1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add nodes that pool states (time, batch, width) as :meth:`apply` does; return the name of the result."""
        assert words is not None
        pooled = []
        if "max" in self._kind:
            mask = graph.add("Unsqueeze", words.mask(graph), graph.integers(2))
            pooled.append(_write_masked_max(graph, x, mask, words, axis=0))
        if "mean" in self._kind:  # states of padding are zero already
            count = graph.add("Max", graph.single(words.lengths), graph.constant([1.0]))
            column = graph.add("Unsqueeze", count, graph.integers(1))
            pooled.append(graph.add("Div", graph.sum_over_time(x, axis=0), column))
        return graph.add("Concat", *pooled, axis=1) if len(pooled) > 1 else pooled[0]


class Convolutions(Block):
    """Parallel convolutions of several widths, each followed by global max pooling over a comment's tokens."""

    def __init__(self, widths: Sequence[int], filters: int, activation: str) -> None:
        self._activation = activation
        # fixed names keep training reproducible: TensorFlow sums the gradients of a shared input in the order of layer
        # names; Keras's own names count on from network to network, and conv1d_10 sorts before conv1d_9
        self.layers = [
            keras.layers.Conv1D(filters, width, padding="same", activation=activation, name=f"convolution_{i}")
            for i, width in enumerate(widths)
        ]

    def apply(self, x: Any, mask: Any) -> Any:
        """Map word vectors (batch, time, size) to pooled filter outputs (batch, widths · filters)."""
        weights = ops.expand_dims(mask, -1)
        return ops.concatenate([masked_max(layer(x), weights) for layer in self.layers], axis=-1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the convolutions and the pooling; return the name of the outputs (batch, widths · filters)."""
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
    """Return the maximum of ``x`` (batch, time, width) over the tokens of each comment; 0 for an empty comment.
    ``weights`` (batch, time, 1) are 1 for tokens and 0 for padding."""
    return ops.max(ops.where(weights > 0, x, _LOWEST), axis=1) * ops.max(weights, axis=1)


def _write_masked_max(graph: Graph, x: str, mask: str, words: Words, *, axis: int) -> str:
    highest = graph.add("ReduceMax", graph.add("Where", mask, x, graph.constant(_LOWEST)), axes=[axis], keepdims=0)
    return graph.add("Mul", highest, words.any(graph))


class Flattening(Block):
    """Concatenates the word vectors of a comment, padded with zeros to the maximum number of tokens.

    Parameters
    ----------
    time : maximum number of tokens per comment.
    """

    def __init__(self, time: int) -> None:
        self._time = time

    def apply(self, x: Any, mask: Any) -> Any:
        """Concatenate padded word vectors (batch, time, size) to (batch, time · size)."""
        return ops.reshape(x, (-1, self._time * x.shape[-1]))

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add nodes that pad and concatenate vectors (time, batch, size); return the result's name."""
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
    bias : initial bias, (units,); None for zeros.
    """

    def __init__(self, units: int, bias: NDArray[np.float64] | None = None) -> None:
        start = "zeros" if bias is None else keras.initializers.Constant(bias.tolist())
        self.layer = keras.layers.Dense(units, bias_initializer=start)

    def apply(self, x: Any, mask: Any) -> Any:
        """Map vectors (batch, width) to (batch, units)."""
        return self.layer(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the layer as one ``Gemm`` node; return the name of its output."""
        kernel, bias = (np.asarray(weight) for weight in self.layer.get_weights())
        return graph.add("Gemm", x, graph.constant(kernel), graph.constant(bias))


class Normalization(Block):
    """Batch normalization (Ioffe and Szegedy 2015) or layer normalization (Ba, Kiros and Hinton 2016)."""

    def __init__(self, kind: Literal["batch", "layer"]) -> None:
        self.layer = keras.layers.BatchNormalization() if kind == "batch" else keras.layers.LayerNormalization()

    def apply(self, x: Any, mask: Any) -> Any:
        """Normalize vectors (batch, width) or, with layer normalization, also states (batch, time, width)."""
        return self.layer(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the trained normalization; return the name of its output.

        Batch normalization becomes a product and a sum; layer normalization becomes one operator.
        """
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
    """An activation layer; ``name`` is the activation's name in Keras."""

    def __init__(self, name: str) -> None:
        self._name = name

    def apply(self, x: Any, mask: Any) -> Any:
        """Apply the activation to a tensor of any shape."""
        return keras.layers.Activation(self._name)(x)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the activation, over the last axis if it is a softmax; return the name of its output."""
        return activate(graph, x, self._name, axis=-1)


class Dropout(Block):
    """Dropout (Srivastava et al. 2014) in training; ONNX graphs leave it out."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def apply(self, x: Any, mask: Any) -> Any:
        """Apply dropout to a tensor of any shape; a rate of 0 adds no layer."""
        return keras.layers.Dropout(self._rate)(x) if self._rate else x

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add nothing and return ``x``."""
        return x


class Draw(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Layer that samples a code from a normal distribution in training, and returns the mean otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._seeds = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return a code (batch, latent): a sample in training, else the mean.

        ``inputs`` is the pair of mean and log-variance, both (batch, latent).
        """
        mean, log_variance = inputs
        if not training:
            return mean
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self._seeds)


def activate(graph: Graph, x: str, name: str, *, axis: int) -> str:
    """Add the activation whose name in Keras is ``name``; return the name of its output. Only softmax uses ``axis``."""
    if name == "softmax":
        return graph.add("Softmax", x, axis=axis)
    return _gelu(graph, x) if name == "gelu" else graph.add(_OPERATORS[name], x)


def _gelu(graph: Graph, x: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(2**-0.5)))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), graph.add("Add", erf, graph.constant(1.0)))


_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "elu": "Elu", "selu": "Selu"}


def embedding_of(options: SequenceOptions, matrix: Floats) -> Block:
    """Return an embedding block with the settings in ``options``; ``matrix`` is as in :class:`Embedding`."""
    return Embedding(matrix, trainable=options.embedding != "frozen", dropout=options.spatial_dropout)


def top_of(options: SequenceOptions) -> Sequence[Block]:
    """Return the blocks between a comment's vector and the output layer: normalization, dropout and dense layers."""
    blocks: list[Block] = [] if options.normalization == "none" else [Normalization(options.normalization)]
    blocks.append(Dropout(options.dropout))
    for units in options.dense:
        blocks += dense_layer(units, "relu", "none", options.dropout)
    return blocks


def dense_layer(units: int, activation: str, normalization: str, dropout: float) -> list[Block]:
    """Return a dense layer and the blocks after it: normalization (unless "none"), activation and dropout."""
    normalize: list[Block] = [] if normalization == "none" else [Normalization(normalization)]  # type: ignore[arg-type]
    return [Dense(units), *normalize, Activation(activation), Dropout(dropout)]
