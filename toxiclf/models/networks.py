"""Networks in Keras: one small function each, from a width and options to a model that gives logits."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from toxiclf.graph import Graph
from toxiclf.recipe import DnnOptions


def dnn(width: int, columns: int, options: DnnOptions, bias: NDArray[np.float64]) -> keras.Model:
    """Dense layers over a comment vector.

    Parameters
    ----------
    width : of the comment vector.
    columns : number of logits.
    bias : of the last layer to begin with, (columns,): the log-odds of the training rows.
    """
    vector = keras.Input((width,), name="vector")
    x = vector
    for units in options.units:
        x = keras.layers.Dense(units)(x)
        if options.batch_norm:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation(options.activation)(x)
        if options.dropout:
            x = keras.layers.Dropout(options.dropout)(x)
    logits = keras.layers.Dense(columns, bias_initializer=keras.initializers.Constant(bias.tolist()))(x)
    return keras.Model(vector, logits)


def write_dense_stack(graph: Graph, x: str, model: keras.Model) -> str:
    """Add the layers of :func:`dnn` to a graph as matrix products and activations; returns the logits."""
    for layer in model.layers:
        weights = [np.asarray(weight) for weight in layer.get_weights()]
        if isinstance(layer, keras.layers.Dense):
            x = graph.add("Gemm", x, graph.constant(weights[0]), graph.constant(weights[1]))
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = weights
            slope = gamma / np.sqrt(variance + layer.epsilon)
            x = graph.add("Mul", x, graph.constant(slope))
            x = graph.add("Add", x, graph.constant(beta - mean * slope))
        elif isinstance(layer, keras.layers.Activation):
            x = _ACTIVATIONS[layer.activation.__name__](graph, x)
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout):
            raise TypeError(f"layer {type(layer).__name__} has no ONNX form here")
    return x


def _gelu(graph: Graph, x: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(2**-0.5)))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), graph.add("Add", erf, graph.constant(1.0)))


_ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "relu": lambda graph, x: graph.add("Relu", x),
    "tanh": lambda graph, x: graph.add("Tanh", x),
    "elu": lambda graph, x: graph.add("Elu", x),
    "selu": lambda graph, x: graph.add("Selu", x),
    "softmax": lambda graph, x: graph.add("Softmax", x, axis=-1),
    "gelu": _gelu,
}
