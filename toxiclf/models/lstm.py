"""LSTM networks over sequences of word vectors: one or two layers, forward or in both directions."""

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
    """Options of LSTM networks; ``normalization = "layer"`` also normalizes the states between two LSTM layers."""

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
    """How the states of all tokens become one vector: their maximum in each dimension, their mean, both, or the last
    state of each direction."""
    learning_rate: Positive = 3e-3
    """Learning rate of the optimizer."""


class Recurrent(SequenceNetwork):
    """Base class of LSTM networks in Keras (Hochreiter and Schmidhuber 1997).

    The states of a comment's tokens are pooled into one vector. The raw output is the log-odds.
    """

    options: RecurrentOptions
    layers: ClassVar[int] = 1
    bidirectional: ClassVar[bool] = False

    @property
    def no_graph_(self) -> str:
        """Why the model has no ONNX form (it uses an activation that ONNX Runtime's LSTM lacks); "" if it has one."""
        from toxiclf.models._blocks import ONNX_ACTIVATIONS

        named = {"activation": self.options.activation, "recurrent_activation": self.options.recurrent_activation}
        lacking = [f"model.{key} = {name}" for key, name in named.items() if name not in ONNX_ACTIVATIONS]
        return f"ONNX Runtime's LSTM cannot compute {' and '.join(lacking)}" if lacking else ""

    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """Return the embedding, the LSTM layers, the pooling, and the blocks between pooling and output layer.

        ``matrix`` holds the word vectors; its first row, for padding, is zeros. ``time`` is the maximum number of
        tokens per comment.
        """
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
            if options.normalization == "layer":  # no batch normalization: its mean and variance would include padding
                stack.append(blocks.Normalization("layer"))
        stack.append(layer(last=options.pooling == "last"))
        if options.pooling != "last":
            stack.append(blocks.Pooling(options.pooling))
        return [*stack, *top_of(options)]

    def blame(self) -> tuple[str, str]:
        """Return why training probably diverged, and the fix; an unbounded activation is named before other causes."""
        activation = self.options.activation
        if activation in _BOUNDED:
            return super().blame()
        cause = (
            f"the likely cause is the unbounded activation {activation} of a recurrent layer, which multiplies "
            "the state at each token"
        )
        # measured on curse: adam and rmsprop scale their own steps, so clipping does not keep a ReLU LSTM stable
        return cause, "set model.activation = tanh (clipped gradients do not fix this)"


@register(
    "model", "lstm", order=22, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, preset={"normalization": "layer"}, summary="LSTM over sequences of word vectors",
)  # fmt: skip
class Lstm(Recurrent):
    """Network with one LSTM layer that reads a comment from its first token to its last."""


@register(
    "model", "lstm2", order=23, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, preset={"normalization": "layer"}, summary="Two LSTM layers over sequences of word vectors",
)  # fmt: skip
class Lstm2(Recurrent):
    """Network with two LSTM layers that read a comment from its first token to its last."""

    layers = 2


@register(
    "model", "bilstm", order=24, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, summary="LSTM in both directions over sequences of word vectors",
)  # fmt: skip
class Bilstm(Recurrent):
    """Network with one LSTM layer that reads a comment in both directions (Graves and Schmidhuber 2005)."""

    bidirectional = True


@register(
    "model", "bilstm2", order=25, options=RecurrentOptions, takes="sequences", is_network=True,
    watches_validation=True, summary="Two LSTM layers in both directions over sequences of word vectors",
)  # fmt: skip
class Bilstm2(Recurrent):
    """Network with two LSTM layers that read a comment in both directions."""

    layers, bidirectional = 2, True
