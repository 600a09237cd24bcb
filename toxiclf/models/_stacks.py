"""Blocks that several networks have in common, from their options."""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf.models._block import Block
from toxiclf.models._blocks import Activation, Dense, Dropout, Embedding, Floats, Normalization
from toxiclf.models._options import SequenceOptions


def embedding_of(options: SequenceOptions, matrix: Floats) -> Block:
    """Word vectors, float32 (tokens + 1, size), as a network's first block."""
    return Embedding(matrix, trainable=options.embedding != "frozen", dropout=options.spatial_dropout)


def top_of(options: SequenceOptions) -> Sequence[Block]:
    """What stands between the vector of a comment and the logits."""
    blocks: list[Block] = [] if options.normalization == "none" else [Normalization(options.normalization)]
    blocks.append(Dropout(options.dropout))
    for units in options.dense:
        blocks += dense_layer(units, "relu", "none", options.dropout)
    return blocks


def dense_layer(units: int, activation: str, normalization: str, dropout: float) -> list[Block]:
    """A dense layer with what follows it."""
    normalize: list[Block] = [] if normalization == "none" else [Normalization(normalization)]  # type: ignore[arg-type]
    return [Dense(units), *normalize, Activation(activation), Dropout(dropout)]
