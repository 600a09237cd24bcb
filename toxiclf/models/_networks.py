"""Networks in Keras: one small function each, from options to the blocks between the input and the logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from toxiclf.models._blocks import (
    Activation,
    Block,
    Convolutions,
    Dense,
    Dropout,
    Embedding,
    Flattening,
    Floats,
    Normalization,
    Pooling,
    Recurrent,
)
from toxiclf.recipe import CnnOptions, DnnOptions, DnnSequenceOptions, RecurrentOptions, SequenceOptions


def dnn(options: DnnOptions) -> list[Block]:
    """Dense layers over a comment vector."""
    return [
        block
        for units in options.units
        for block in _dense(units, options.activation, options.normalization, options.dropout)
    ]


def dnn_sequence(options: DnnSequenceOptions, matrix: Floats, time: int) -> list[Block]:
    """Dense layers over the word vectors of a comment, one after the other."""
    dense = [
        block
        for units in options.dense
        for block in _dense(units, options.activation, options.normalization, options.dropout)
    ]
    return [_embedding(options, matrix), Flattening(time), *dense]


def cnn(options: CnnOptions, matrix: Floats, time: int) -> list[Block]:
    """Convolutions of several widths, each filter's highest value (Kim 2014)."""
    return [
        _embedding(options, matrix),
        Convolutions(options.widths, options.filters, options.activation),
        *_top(options),
    ]


def lstm(options: RecurrentOptions, matrix: Floats, time: int) -> list[Block]:
    """One LSTM layer."""
    return _recurrent(options, matrix, layers=1, bidirectional=False)


def lstm2(options: RecurrentOptions, matrix: Floats, time: int) -> list[Block]:
    """Two LSTM layers."""
    return _recurrent(options, matrix, layers=2, bidirectional=False)


def bilstm(options: RecurrentOptions, matrix: Floats, time: int) -> list[Block]:
    """One LSTM layer in both directions."""
    return _recurrent(options, matrix, layers=1, bidirectional=True)


def bilstm2(options: RecurrentOptions, matrix: Floats, time: int) -> list[Block]:
    """Two LSTM layers in both directions."""
    return _recurrent(options, matrix, layers=2, bidirectional=True)


SEQUENCE_NETWORKS: dict[str, Callable[[Any, Floats, int], list[Block]]] = {
    "dnn_sequence": dnn_sequence,
    "lstm": lstm,
    "lstm2": lstm2,
    "bilstm": bilstm,
    "bilstm2": bilstm2,
    "cnn": cnn,
}
"""By name, a function of options, embedding matrix (tokens + 1, size) and number of tokens of the longest comment."""


def _recurrent(options: RecurrentOptions, matrix: Floats, *, layers: int, bidirectional: bool) -> list[Block]:
    last = options.pooling == "last"
    layer = partial(
        Recurrent, options.units, bidirectional=bidirectional, activation=options.activation,
        recurrent_activation=options.recurrent_activation, recurrent_dropout=options.recurrent_dropout,
    )  # fmt: skip
    blocks: list[Block] = [_embedding(options, matrix)]
    for _ in range(layers - 1):
        blocks.append(layer(last=False))
        if options.normalization == "layer":  # a batch's moments would count what lies beyond a comment's end
            blocks.append(Normalization("layer"))
    blocks.append(layer(last=last))
    if options.pooling != "last":
        blocks.append(Pooling(options.pooling))
    return [*blocks, *_top(options)]


def _embedding(options: SequenceOptions, matrix: Floats) -> Block:
    return Embedding(matrix, trainable=options.embedding != "frozen", dropout=options.spatial_dropout)


def _top(options: SequenceOptions) -> Sequence[Block]:
    """What stands between the vector of a comment and the logits."""
    blocks: list[Block] = [] if options.normalization == "none" else [Normalization(options.normalization)]
    blocks.append(Dropout(options.dropout))
    for units in options.dense:
        blocks += _dense(units, "relu", "none", options.dropout)
    return blocks


def _dense(units: int, activation: str, normalization: str, dropout: float) -> list[Block]:
    normalize: list[Block] = [] if normalization == "none" else [Normalization(normalization)]  # type: ignore[arg-type]
    return [Dense(units), *normalize, Activation(activation), Dropout(dropout)]
