"""Networks: the graph computes what Keras does, for comments of every length, and padding never counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from tests.conftest import rest_in_check
from tests.models.small import (
    EVERY_LENGTH,
    LONGEST,
    RECURRENT,
    SEQUENCE,
    SIZE,
    TOKENS,
    encoded,
    ids_of,
    made,
    randomized,
    raw_of,
    scorer_of,
    sequences,
    targets_of,
    task_of,
    unfitted,
)
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.embeddings.word_vectors import WordVectors, random_vectors
from toxiclf.features.pooling import Mean
from toxiclf.features.sequences import SequenceVectors
from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut
from toxiclf.models._blocks import ONNX_ACTIVATIONS
from toxiclf.models._network import Classifier
from toxiclf.models.cnn import CnnOptions
from toxiclf.models.dnn import DnnOptions
from toxiclf.models.lstm import RecurrentOptions
from toxiclf.recipe import VectorsSection
from toxiclf.text.tokenizers import tokenizer
from toxiclf.text.vocabulary import Ids, TokenVocabulary


def allowed(section: Any, key: str) -> list[str]:
    """All that a recipe key of fixed words may be."""
    return list(get_args(section.model_fields[key].annotation))


NORMALIZATIONS = allowed(DnnOptions, "normalization")
CONVOLVED = allowed(CnnOptions, "activation")
STATES = [name for name in allowed(RecurrentOptions, "activation") if name != "softmax"]
GATES = [name for name in allowed(RecurrentOptions, "recurrent_activation") if name != "softmax"]
KINDS: list[tuple[str, dict[str, Any]]] = [
    *((name, {"normalization": kind}) for name in SEQUENCE for kind in NORMALIZATIONS),
    *((name, {"pooling": kind}) for name in RECURRENT for kind in ("max", "mean", "last")),
    *(("bilstm", {"activation": state, "recurrent_activation": gate}) for state in STATES for gate in GATES),
    *((name, {"activation": kind}) for name in ("cnn", "dnn_sequence") for kind in CONVOLVED),
    *((name, {"dense": [5, 2], "normalization": "batch"}) for name in ("lstm", "dnn_sequence")),
    ("cnn", {"embedding": "frozen", "widths": [1, 3, 4, LONGEST + 2]}),
]
every_kind = pytest.mark.parametrize(
    ("name", "changes"),
    rest_in_check(KINDS, quick=[kind for kind in KINDS if "recurrent_activation" not in kind[1]]),
    ids=[f"{name}-{'-'.join(map(str, changes.values()))}" for name, changes in KINDS],
)
POOLINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {"normalization": "none"}) for name in SEQUENCE),
    *(("lstm", {"pooling": kind}) for kind in ("max", "mean", "last")),
    ("bilstm2", {"pooling": "last"}),
    ("cnn", {"activation": "softmax", "widths": [1, 3, 4]}),
    ("bilstm", {"activation": "relu", "recurrent_activation": "sigmoid"}),
]
every_pooling = pytest.mark.parametrize(
    ("name", "changes"), POOLINGS, ids=[f"{name}-{'-'.join(map(str, changes.values()))}" for name, changes in POOLINGS]
)
Making = Callable[[str, dict[str, Any]], tuple[Classifier, Scorer]]


@pytest.fixture(scope="module")
def network() -> Making:
    """A network with random weights and its graph; each is made once."""
    known: dict[str, tuple[Classifier, Scorer]] = {}

    def get(name: str, changes: dict[str, Any]) -> tuple[Classifier, Scorer]:
        key = f"{name} {changes}"
        if key not in known:
            model = made(name, **changes)
            known[key] = model, scorer_of(model)
        return known[key]

    return get


@every_kind
def test_the_graph_agrees_with_keras_on_comments_of_every_length(
    name: str, changes: dict[str, Any], network: Making
) -> None:
    model, scorer = network(name, changes)
    theirs = raw_of(model, EVERY_LENGTH.ids.padded())
    assert np.ptp(theirs) > 1e-2  # else there would be nothing to agree on
    assert np.abs(scorer.run(encoded(EVERY_LENGTH.ids)) - theirs).max() <= 1e-5


@pytest.mark.parametrize(
    ("name", "changes"),
    rest_in_check(POOLINGS, quick=[("lstm", {"pooling": "max"}), ("cnn", {"normalization": "none"})]),
)
def test_padding_never_changes_a_score(name: str, changes: dict[str, Any], network: Making) -> None:
    model, scorer = network(name, changes)
    ids = EVERY_LENGTH.ids
    theirs, ours = raw_of(model, ids.padded()), scorer.run(encoded(ids))
    width = ids.padded().shape[1]
    if name != "dnn_sequence":  # which has room for the longest comment and no more
        for extra in (1, 9):
            padded = np.pad(ids.padded(), [(0, 0), (0, extra)])
            assert raw_of(model, padded) == pytest.approx(theirs, abs=1e-6)
            assert run(scorer, padded, ids.lengths) == pytest.approx(ours, abs=1e-6)
    for i in (0, 1, 4):
        alone = ids.take(np.array([i]))
        for room in {max(1, i), i + 2, width}:
            padded = np.pad(alone.padded(), [(0, 0), (0, room - max(1, i))])
            assert run(scorer, padded, alone.lengths) == pytest.approx(ours[[i]], abs=1e-6)
            if name != "dnn_sequence":
                assert raw_of(model, padded) == pytest.approx(theirs[[i]], abs=1e-6)


def run(scorer: Scorer, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The graph on ids as they are padded here."""
    feed = {"words_ids": ids, "words_lengths": lengths}
    (output,) = scorer.session().run(None, {name: feed[name] for name in scorer.inputs})
    return np.asarray(output)


@pytest.mark.parametrize(
    ("name", "pooling"),
    rest_in_check([("lstm2", "max_mean"), ("lstm2", "last"), ("bilstm", "last")], quick=[("bilstm", "last")]),
)
def test_a_state_that_would_run_away_beyond_the_end_does_not_leak(name: str, pooling: str) -> None:
    model = made(name, activation="relu", pooling=pooling)
    for variable in model.network_.weights:
        if variable.path.endswith("recurrent_kernel"):
            variable.assign(np.full(variable.shape, 3.0, np.float32))  # 60 steps more are beyond any float
    features = sequences([0, 1, 2, 3])
    ids = features.ids.padded()
    scores = raw_of(model, ids)
    assert np.isfinite(scores).all()
    padded = np.pad(ids, [(0, 0), (0, 60)])
    assert raw_of(model, padded) == pytest.approx(scores, rel=1e-5, abs=1e-5)
    assert run(scorer_of(model), padded, features.ids.lengths) == pytest.approx(scores, rel=1e-5, abs=1e-5)


@every_pooling
def test_an_empty_comment_has_a_score_alone_and_beside_others(
    name: str, changes: dict[str, Any], network: Making
) -> None:
    model, scorer = network(name, changes)
    defined = raw_of(model, np.zeros((1, LONGEST), np.int32))
    assert np.isfinite(defined).all()
    assert raw_of(model, ids_of([0, LONGEST, 0]).padded())[[0, 2]] == pytest.approx(defined[[0, 0]], abs=1e-6)
    for lengths in ([0], [0, 0, 0], [LONGEST, 0]):
        assert scorer.run(encoded(ids_of(lengths)))[-1:] == pytest.approx(defined, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "columns", "exclusive"), [("cnn", 3, False), ("dnn_sequence", 2, True), ("lstm", 2, True)]
)
def test_several_labels_have_a_column_each(name: str, columns: int, exclusive: bool) -> None:
    model = made(name, columns=columns, exclusive=exclusive)
    theirs, ours = model.raw(EVERY_LENGTH), scorer_of(model, columns).run(encoded(EVERY_LENGTH.ids))
    assert theirs.shape == ours.shape == (len(EVERY_LENGTH.ids), columns)
    assert np.abs(theirs - ours).max() <= 1e-5
    assert np.ptp(theirs, axis=1).min() > 1e-3


@pytest.mark.parametrize(("name", "longest"), [("bilstm2", 1), ("cnn", 1), ("cnn", 2), ("dnn_sequence", 1)])
def test_comments_may_be_shorter_than_every_window(name: str, longest: int) -> None:
    model = made(name, longest=longest, **({"widths": [1, 2, 5]} if name == "cnn" else {}))
    features = sequences(list(range(longest + 1)), longest=longest)
    assert np.abs(scorer_of(model).run(encoded(features.ids)) - raw_of(model, features.ids.padded())).max() <= 1e-5


@pytest.mark.parametrize(("normalization", "activation"), [("none", "gelu"), ("batch", "relu"), ("layer", "softmax")])
def test_the_graph_of_a_network_over_averages_agrees_with_keras(normalization: str, activation: str) -> None:
    matrix = np.random.default_rng(1).normal(size=(TOKENS, SIZE)).astype(np.float32)
    vectors = WordVectors([str(i) for i in range(TOKENS)], matrix, np.full(TOKENS, 1 / TOKENS))
    averages = Mean(vectors).fit(encoded(EVERY_LENGTH.ids))
    features = averages.transform(encoded(EVERY_LENGTH.ids))
    targets = targets_of(len(features))
    model = unfitted("dnn", activation=activation, normalization=normalization, epochs=1)
    randomized(model.fit(features, task_of(targets), HeldOut(features, targets)))
    graph = Graph()
    scorer = Scorer(graph.build(model.write(graph, averages.write(graph)), 1))
    assert np.ptp(model.raw(features)) > 1e-2
    assert np.abs(scorer.run(encoded(EVERY_LENGTH.ids)) - model.raw(features)).max() <= 1e-5


@pytest.mark.parametrize("name", rest_in_check(SEQUENCE, quick=["lstm", "cnn"]))
def test_the_graph_agrees_with_keras_on_the_sample_corpus(name: str, sample: Comments) -> None:
    tokens = tokenizer("mecab").tokenize(sample.texts)
    vectors = random_vectors(tokens, VectorsSection(size=SIZE), 0)
    ids = TokenVocabulary(vectors.tokens).ids(tokens)
    longest = int(ids.lengths.max())
    longest_comment = ids.take(np.array([ids.lengths.argmax()] * (longest + 1)))
    beginnings = [longest_comment.flat[:length] for length in range(longest + 1)]
    lengths = np.concatenate([ids.lengths, np.arange(longest + 1)])
    every = Ids(np.concatenate([ids.flat, *beginnings]), np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp))
    features = SequenceVectors.of(vectors, longest).transform(encoded(every))
    model = made(name, matrix=features.matrix * 20, longest=longest, normalization="layer")
    ours, theirs = scorer_of(model).run(encoded(features.ids)), model.raw(features)
    assert sorted(set(lengths)) == list(range(longest + 1))
    assert np.abs(ours - theirs).max() <= 1e-5


def test_every_activation_but_softmax_has_a_form_in_onnx_runtime() -> None:
    both = {*allowed(RecurrentOptions, "activation"), *allowed(RecurrentOptions, "recurrent_activation")}
    assert both - set(ONNX_ACTIVATIONS) == {"softmax"}


@pytest.mark.parametrize(("kind", "between"), [("none", 0), ("batch", 0), ("layer", 1)])
def test_layer_normalization_stands_between_two_recurrent_layers(kind: str, between: int) -> None:
    def layers(name: str) -> int:
        return sum("Normalization" in type(layer).__name__ for layer in made(name, normalization=kind).network_.layers)

    assert layers("lstm2") - layers("lstm") == layers("bilstm2") - layers("bilstm") == between


SEQUENCE_CHANGES: list[dict[str, Any]] = [
    {},
    *({"normalization": kind} for kind in NORMALIZATIONS if kind != "none"),
    {"dense": [5]},
    {"dense": [5, 2]},
    {"dropout": 0.1},
    {"spatial_dropout": 0.1},
    {"embedding": "frozen"},
    {"activation": "softmax"},
]
RECURRENT_CHANGES: list[dict[str, Any]] = [
    *SEQUENCE_CHANGES,
    *({"pooling": kind} for kind in ("max", "mean", "last")),
    {"units": 5},
    {"recurrent_activation": "hard_sigmoid"},
    {"recurrent_dropout": 0.1},
]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lstm", RECURRENT_CHANGES),
        ("bilstm", RECURRENT_CHANGES),
        ("cnn", [*SEQUENCE_CHANGES, {"widths": [2, 3]}, {"filters": 5}]),
        ("dnn_sequence", SEQUENCE_CHANGES),
    ],
)
def test_every_option_makes_another_network(name: str, changes: list[dict[str, Any]]) -> None:
    built = [re.sub(r"_\d+", "", made(name, **change).network_.to_json()) for change in changes]
    assert len(set(built)) == len(changes)


def test_the_four_recurrent_networks_differ_in_layers_and_directions() -> None:
    layers = {
        name: [type(layer).__name__ for layer in made(name).network_.layers if layer.name.startswith(("lstm", "bidi"))]
        for name in RECURRENT
    }
    assert layers == {
        "lstm": ["LSTM"],
        "lstm2": ["LSTM", "LSTM"],
        "bilstm": ["Bidirectional"],
        "bilstm2": ["Bidirectional", "Bidirectional"],
    }
