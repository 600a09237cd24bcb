"""Dense network over the word vectors of a comment, one after the other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._block import Block
from toxiclf.models._network import Floats, SequenceNetwork
from toxiclf.models._options import Activation, SequenceOptions, Units


class DnnSequenceOptions(SequenceOptions):
    """Options of ``dnn_sequence``."""

    name: Literal["dnn_sequence"] = "dnn_sequence"
    embedding: Literal["frozen", "fine_tuned", "scratch"] = "scratch"
    """Whether word vectors stay as they are (frozen), are trained further (fine_tuned), or numbers drawn at random are trained
    (scratch)."""
    dense: Annotated[Units, Field(min_length=1)] = (128,)
    """Units of each layer."""
    activation: Activation = "relu"
    """Of each layer."""


@register(
    "model", "dnn_sequence", order=21, extra="train", options=DnnSequenceOptions, takes="sequences",
    is_network=True, watches_validation=True,
    summary="Dense network over the learned word vectors of a comment, one after the other: a baseline of the past",
)  # fmt: skip
class DnnSequence(SequenceNetwork):
    """Dense layers in Keras over a comment's word vectors side by side, up to ``text.max_tokens``; a baseline of the past.

    Every comment is padded to the longest one; its raw output is the log-odds.
    """

    options: DnnSequenceOptions
    fixed_time = True

    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """The vectors in a row, and dense layers."""
        from toxiclf.models._blocks import Flattening
        from toxiclf.models._stacks import dense_layer, embedding_of

        options = self.options
        dense = [
            block
            for units in options.dense
            for block in dense_layer(units, options.activation, options.normalization, options.dropout)
        ]
        return [embedding_of(options, matrix), Flattening(time), *dense]
