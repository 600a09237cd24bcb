"""Convolutional network over sequences of word vectors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._block import Block
from toxiclf.models._network import Floats, SequenceNetwork
from toxiclf.models._options import Activation, SequenceOptions, Units
from toxiclf.recipe.types import Count


class CnnOptions(SequenceOptions):
    """Options of ``cnn``."""

    name: Literal["cnn"] = "cnn"
    widths: Annotated[Units, Field(min_length=1)] = (1, 2, 3, 4)
    """Widths of the filters, in tokens; filters of all widths run in parallel."""
    filters: Count = 128
    """Number of filters of each width."""
    activation: Activation = "relu"
    """Activation of the filters."""


@register(
    "model", "cnn", order=26, options=CnnOptions, takes="sequences", is_network=True,
    watches_validation=True, summary="Convolutions of four widths over sequences of word vectors",
)  # fmt: skip
class Cnn(SequenceNetwork):
    """Convolutional network in Keras: parallel convolutions of several widths, max pooling over the tokens (Kim 2014).

    Its raw output is the log-odds.
    """

    options: CnnOptions

    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """Return the embedding, the convolutions with pooling, and the blocks between pooling and output layer.

        ``matrix`` holds the word vectors; its first row, for padding, is zeros. ``time`` is the maximum number of
        tokens per comment.
        """
        from toxiclf.models._blocks import Convolutions, embedding_of, top_of

        options = self.options
        return [
            embedding_of(options, matrix),
            Convolutions(options.widths, options.filters, options.activation),
            *top_of(options),
        ]
