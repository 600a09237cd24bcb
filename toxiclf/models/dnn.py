"""Dense networks: one over a comment's averaged word vector, one over the concatenated word vectors of its tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._block import Block
from toxiclf.models._network import Floats, SequenceNetwork, VectorNetwork
from toxiclf.models._options import Activation, NetworkOptions, Normalization, SequenceOptions, Units
from toxiclf.recipe.types import Count, Rate


class DnnOptions(NetworkOptions):
    """Options of ``dnn``."""

    name: Literal["dnn"] = "dnn"
    units: Annotated[Units, Field(min_length=1)] = (128, 128)
    """Units of each layer."""
    activation: Activation = "relu"
    """Activation of each layer."""
    normalization: Normalization = "none"
    """Normalization of each layer before its activation: none, over the batch, or over the vector itself (layer)."""
    dropout: Rate = 0.5
    """Share of each layer's units that are dropped in training."""
    patience: Count = 10
    """Epochs without a better average precision on the validation set before training stops."""


@register(
    "model", "dnn", order=20, options=DnnOptions, is_network=True, watches_validation=True,
    summary="Dense network (two layers of 128 units) over averaged word vectors",
)  # fmt: skip
class Dnn(VectorNetwork):
    """Dense network in Keras over a comment's standardized vector; its raw output is the log-odds."""

    options: DnnOptions

    def blocks(self) -> list[Block]:
        """Return the dense layers, each with its normalization, activation and dropout."""
        from toxiclf.models._blocks import dense_layer

        options = self.options
        return [
            block
            for units in options.units
            for block in dense_layer(units, options.activation, options.normalization, options.dropout)
        ]


class DnnSequenceOptions(SequenceOptions):
    """Options of ``dnn_sequence``."""

    name: Literal["dnn_sequence"] = "dnn_sequence"
    embedding: Literal["frozen", "fine_tuned", "scratch"] = "scratch"
    """Whether word vectors stay fixed (frozen), are trained further (fine_tuned), or are trained from random values
    (scratch)."""
    dense: Annotated[Units, Field(min_length=1)] = (128,)
    """Units of each layer."""
    activation: Activation = "relu"
    """Activation of each layer."""


@register(
    "model", "dnn_sequence", order=21, options=DnnSequenceOptions, takes="sequences",
    is_network=True, watches_validation=True,
    summary="Dense network over the concatenated word vectors of a comment; an early baseline",
)  # fmt: skip
class DnnSequence(SequenceNetwork):
    """Dense network in Keras over a comment's concatenated word vectors; an early baseline.

    Every comment is padded to the maximum number of tokens, ``text.max_tokens``. The raw output is the log-odds.
    """

    options: DnnSequenceOptions
    fixed_time = True

    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """Return the embedding, the block that concatenates the word vectors, and the dense layers.

        ``matrix`` holds the word vectors; its first row, for padding, is zeros. ``time`` is the maximum number of
        tokens per comment.
        """
        from toxiclf.models._blocks import Flattening, dense_layer, embedding_of

        options = self.options
        dense = [
            block
            for units in options.dense
            for block in dense_layer(units, options.activation, options.normalization, options.dropout)
        ]
        return [embedding_of(options, matrix), Flattening(time), *dense]
