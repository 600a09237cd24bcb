"""LSTMs over sequences of word vectors: one or two layers, forward or in both directions."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from toxiclf._registry import register
from toxiclf.models._block import Block
from toxiclf.models._network import Floats, SequenceNetwork
from toxiclf.models._options import SequenceOptions
from toxiclf.recipe.types import Count, Positive, Rate

_BOUNDED = {"tanh", "sigmoid", "softsign", "softmax"}


class RecurrentOptions(SequenceOptions):
    """Options of ``lstm``, ``lstm2``, ``bilstm`` and ``bilstm2``; layer ``normalization`` also stands between two layers."""

    name: Literal["lstm", "lstm2", "bilstm", "bilstm2"] = "lstm"
    units: Count = 64
    """Units of each layer, in each direction."""
    activation: Literal["tanh", "sigmoid", "softsign", "relu", "elu", "softmax"] = "tanh"
    """Activation of the state."""
    recurrent_activation: Literal["sigmoid", "hard_sigmoid", "softmax"] = "sigmoid"
    """Activation of the gates."""
    recurrent_dropout: Rate = 0.0
    """Share of the state that is dropped between tokens in training."""
    pooling: Literal["max_mean", "max", "mean", "last"] = "max_mean"
    """How the states of all tokens become one vector: their maximum in each dimension, their mean, both, or the last state of
    each direction."""
    learning_rate: Positive = 3e-3
    """Learning rate of the optimizer."""


class Recurrent(SequenceNetwork):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) in Keras, pooled over a comment; its raw output is the log-odds."""

    options: RecurrentOptions
    layers: ClassVar[int] = 1
    bidirectional: ClassVar[bool] = False

    @property
    def no_graph_(self) -> str:
        """Why there is no ONNX form: ONNX Runtime's LSTM has no such gates."""
        from toxiclf.models._blocks import ONNX_ACTIVATIONS

        named = {"activation": self.options.activation, "recurrent_activation": self.options.recurrent_activation}
        lacking = [f"model.{key} = {name}" for key, name in named.items() if name not in ONNX_ACTIVATIONS]
        return f"ONNX Runtime's LSTM cannot compute {' and '.join(lacking)}" if lacking else ""

    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """Layers, pooling, and what stands above them."""
        from toxiclf.models import _blocks as blocks
        from toxiclf.models._blocks import embedding_of, top_of

        options = self.options
        layer = partial(
            blocks.Recurrent, options.units, bidirectional=self.bidirectional, activation=options.activation,
            recurrent_activation=options.recurrent_activation, recurrent_dropout=options.recurrent_dropout,
        )  # fmt: skip
        stack: list[Block] = [embedding_of(options, matrix)]
        for _ in range(self.layers - 1):
            stack.append(layer(last=False))
            if options.normalization == "layer":  # a batch's moments would count what lies beyond a comment's end
                stack.append(blocks.Normalization("layer"))
        stack.append(layer(last=options.pooling == "last"))
        if options.pooling != "last":
            stack.append(blocks.Pooling(options.pooling))
        return [*stack, *top_of(options)]

    def blame(self) -> tuple[str, str]:
        """Blame an unbounded state before any other cause."""
        activation = self.options.activation
        if activation in _BOUNDED:
            return super().blame()
        cause = (
            f"the likely cause is the unbounded activation {activation} of a recurrent layer, which multiplies "
            "the state at each token"
        )
        # measured on curse: with adam and rmsprop, which scale their steps themselves, clipping does not stop a ReLU LSTM
        return cause, "set model.activation = tanh (clipped gradients do not fix this)"


@register(
    "model", "lstm", order=22, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, preset={"normalization": "layer"}, summary="LSTM over sequences of word vectors",
)  # fmt: skip
class Lstm(Recurrent):
    """One layer, forward."""


@register(
    "model", "lstm2", order=23, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, preset={"normalization": "layer"}, summary="Two LSTM layers over sequences of word vectors",
)  # fmt: skip
class Lstm2(Recurrent):
    """Two layers, forward."""

    layers = 2


@register(
    "model", "bilstm", order=24, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, summary="LSTM in both directions over sequences of word vectors",
)  # fmt: skip
class Bilstm(Recurrent):
    """One layer in both directions (Graves and Schmidhuber 2005)."""

    bidirectional = True


@register(
    "model", "bilstm2", order=25, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, summary="Two LSTM layers in both directions over sequences of word vectors",
)  # fmt: skip
class Bilstm2(Recurrent):
    """Two layers in both directions."""

    layers, bidirectional = 2, True
