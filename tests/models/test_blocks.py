"""Blocks: each is its formula over a comment's tokens, whatever stands beyond its end."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.models.small import EVERY_LENGTH, LONGEST, SIZE, made, raw_of, scorer_of, sequences
from toxiclf.bundle.scorer import Scorer
from toxiclf.graph import Graph
from toxiclf.models._blocks import Block, Convolutions, Embedding, Flattening, Pooling, Recurrent, Words
from toxiclf.text.encoder import Encoded, join_views

MATRIX = sequences([]).matrix
IDS = EVERY_LENGTH.ids
COMMENTS = [MATRIX[IDS.take(np.array([i])).flat] for i in range(len(IDS))]  # of each its vectors, (tokens, size)


def outputs(*blocks: Block) -> tuple[np.ndarray, np.ndarray]:
    """What blocks after an embedding make of comments of every length: in Keras, and in the graph."""
    chain = [Embedding(MATRIX, trainable=False), *blocks]
    ids = keras.Input((LONGEST if isinstance(blocks[0], Flattening) else None,), dtype="int32")
    x, mask = ids, keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")
    for block in chain:
        x = block.apply(x, mask)
    graph = Graph()
    words = Words.of(graph, "words")
    name = words.ids
    for block in chain:
        name = block.write(graph, name, words)
    scorer = Scorer(graph.build(name, x.shape[-1]))
    return np.asarray(keras.Model(ids, x)(IDS.padded())), scorer.run(whole())


def whole() -> Encoded:
    return join_views({"words": (IDS, np.zeros(len(IDS), np.bool_))}, np.zeros(len(IDS), np.bool_))


@pytest.mark.parametrize("kind", ["max_mean", "max", "mean"])
def test_pooling_is_of_a_comments_own_tokens_and_zero_where_there_is_none(kind: str) -> None:
    negative = [vectors - 5 for vectors in COMMENTS]  # padding would be the highest
    pools = {"max": lambda vectors: vectors.max(axis=0), "mean": lambda vectors: vectors.mean(axis=0)}
    expected = [
        np.concatenate([pools[part](vectors) if len(vectors) else np.zeros(SIZE) for part in kind.split("_")])
        for vectors in negative
    ]
    for given in outputs(Lowered(), Pooling(kind)):  # type: ignore[arg-type]
        assert given == pytest.approx(np.array(expected), abs=1e-5)


class Lowered(Block):
    """Five less, of tokens; beyond the end zeros stay."""

    def apply(self, x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        return x - 5.0 * keras.ops.expand_dims(mask, -1)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        assert words is not None
        there = graph.add("Unsqueeze", graph.add("Cast", words.mask(graph), to=1), graph.constant([2], np.int64))
        return graph.add("Sub", x, graph.add("Mul", there, graph.constant(5.0)))


@pytest.mark.parametrize("width", [1, 2, 3, 4, LONGEST + 3])
def test_a_convolution_is_the_highest_answer_to_a_window_around_each_token(width: int) -> None:
    keras.utils.set_random_seed(width)
    block = Convolutions([width], 2, "tanh")
    block.layers[0].bias_initializer = keras.initializers.Constant(-2.0)
    keras_output, graph_output = outputs(block)
    kernel, bias = (np.asarray(weight) for weight in block.layers[0].get_weights())
    expected = np.zeros((len(COMMENTS), 2))
    for row, vectors in zip(expected, COMMENTS, strict=True):
        around = np.pad(vectors, [((width - 1) // 2, width // 2), (0, 0)])
        windows = [around[at : at + width] for at in range(len(vectors))]
        if windows:
            row[:] = np.tanh(np.einsum("nws,wsf->nf", np.array(windows), kernel) + bias).max(axis=0)
    assert (expected < 0).any()  # padding would be higher
    assert keras_output == pytest.approx(expected, abs=1e-5)
    assert graph_output == pytest.approx(expected, abs=1e-5)


def test_flattening_puts_vectors_one_after_the_other_and_then_zeros() -> None:
    expected = [np.concatenate([vectors.ravel(), np.zeros((LONGEST - len(vectors)) * SIZE)]) for vectors in COMMENTS]
    for given in outputs(Flattening(LONGEST)):
        assert given == pytest.approx(np.array(expected), abs=1e-6)


def test_the_vector_of_padding_never_counts() -> None:
    for name in ("lstm", "cnn", "dnn_sequence"):
        model = made(name)
        scores, graph_scores = raw_of(model, IDS.padded()), scorer_of(model).run(whole())
        layer = model.blocks_[0].layer  # type: ignore[attr-defined]
        (matrix,) = layer.get_weights()
        matrix[0] = 100.0
        layer.set_weights([matrix])
        assert raw_of(model, IDS.padded()) == pytest.approx(scores, abs=1e-6)
        assert scorer_of(model).run(whole()) == pytest.approx(graph_scores, abs=1e-6)


def test_spatial_dropout_drops_a_number_in_the_whole_comment() -> None:
    ids = keras.Input((None,), dtype="int32")
    mask = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")
    model = keras.Model(ids, Embedding(np.ones((9, 50), np.float32), trainable=True, dropout=0.5).apply(ids, mask))
    trained = np.asarray(model(np.full((4, 6), 3), training=True))
    assert (trained == trained[:, :1]).all()
    assert set(np.unique(trained)) == {0.0, 2.0}
    assert (np.asarray(model(np.full((4, 6), 3), training=False)) == 1).all()


@pytest.mark.parametrize(
    ("name", "key"),
    [("lstm", "recurrent_dropout"), ("lstm", "spatial_dropout"), ("lstm", "dropout"), ("cnn", "dropout")],
)
def test_each_dropout_is_of_training_alone(name: str, key: str) -> None:
    off = {"spatial_dropout": 0.0, "dropout": 0.0}
    ids = IDS.padded()
    for rate in (0.0, 0.5):
        network = made(name, **{**off, key: rate}).network_
        first, second = (np.asarray(network(ids, training=True)) for _ in range(2))
        assert (first != second).any() == (rate > 0)
        assert (np.asarray(network(ids, training=False)) == np.asarray(network(ids))).all()


def test_keras_is_given_one_step_at_least_and_all_steps_at_the_beginning() -> None:
    """Its kernels for GPUs refuse anything else."""
    block = Recurrent(
        2, bidirectional=False, last=False, activation="tanh", recurrent_activation="sigmoid", recurrent_dropout=0.0
    )
    layer, given = block.layer, []

    def noted(x: Any, mask: Any) -> Any:
        given.append(mask)
        return layer(x, mask=mask)

    block.layer = noted
    ids = keras.Input((None,), dtype="int32")
    mask = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")
    block.apply(Embedding(MATRIX, trainable=False).apply(ids, mask), mask)
    steps = np.asarray(keras.Model(ids, given[0])(IDS.padded()))
    assert steps.dtype == np.bool_
    assert steps.sum(axis=1).tolist() == np.maximum(IDS.lengths, 1).tolist()
    assert (np.diff(steps.astype(int), axis=1) <= 0).all()
