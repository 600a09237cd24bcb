"""Averaged vectors: the formula, by a plain numpy oracle; and defined where nothing is known. Sequences: ids and their vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toxiclf._registry import components
from toxiclf.embeddings.word_vectors import WordVectors
from toxiclf.errors import DataError
from toxiclf.features.pipeline import FeaturePipeline
from toxiclf.features.pooling import pooling
from toxiclf.features.sequences import Sequences
from toxiclf.features.texts import TokenizedTexts
from toxiclf.graph import Graph
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded, TextEncoder, TokenView
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import tokenizer
from toxiclf.text.vocabulary import TokenVocabulary

rng = np.random.default_rng(0)
TOKENS = ["가", "나", "다", "라"]
VECTORS = WordVectors(TOKENS, rng.normal(size=(4, 3)).astype(np.float32), np.array([0.5, 0.3, 0.15, 0.05]))
TEXTS = ["가 나", "가 가 다", "라", "", "없다 ㅋ", "나 라 다 가 가 가"]


every_pooling = pytest.mark.parametrize("name", components("pooling"))


def encoded(texts: list[str]) -> Encoded:
    view = TokenView(tokenizer("whitespace"), TokenVocabulary(TOKENS))
    return TextEncoder(Preprocessor(Normalizer()), {"words": view}).encode(texts)


def known(text: str) -> list[int]:
    return [TOKENS.index(piece) for token in text.split() for piece in token if piece in TOKENS]


def expected(pooling: str) -> np.ndarray:
    frequency = np.array([sum(i in known(text) for text in TEXTS) for i in range(4)])
    weights = {
        "mean": np.ones(4),
        "tfidf": np.log((1 + len(TEXTS)) / (1 + frequency)) + 1,
        "sif": 1e-3 / (1e-3 + VECTORS.frequencies),
    }[pooling]
    rows = np.zeros((len(TEXTS), 3))
    for row, text in zip(rows, TEXTS, strict=True):
        ids = known(text)
        if ids:
            bottom = weights[ids].sum() if pooling == "tfidf" else len(ids)
            row[:] = (weights[ids][:, None] * VECTORS.matrix[ids]).sum(axis=0) / bottom
    if pooling == "sif":
        direction = np.linalg.svd(rows, full_matrices=False)[2][0]
        rows -= np.outer(rows @ direction, direction)
    return rows


@every_pooling
def test_pooling_is_its_formula(name: str) -> None:
    features = pooling(name, VECTORS).fit(encoded(TEXTS)).transform(encoded(TEXTS))
    assert features.dtype == np.float32
    assert np.abs(features - expected(name)).max() < 1e-6


@every_pooling
def test_a_comment_of_nothing_known_is_all_zeros_and_never_nan(name: str) -> None:
    features = pooling(name, VECTORS).fit(encoded(TEXTS)).transform(encoded(["", "없음", "가"]))
    assert (features[:2] == 0).all()
    assert (features[2] != 0).any()


@every_pooling
def test_no_comments_give_no_rows(name: str) -> None:
    assert pooling(name, VECTORS).fit(encoded(TEXTS)).transform(encoded([])).shape == (0, 3)


def sequences(texts: list[str], max_tokens: int | None = None) -> tuple[FeaturePipeline, TokenizedTexts]:
    """Sequence features of these rows."""
    engine = tokenizer("whitespace")
    rows = TokenizedTexts.of(texts, Preprocessor(Normalizer()), engine)
    return FeaturePipeline.sequences(rows, Preprocessor(Normalizer()), engine, VECTORS, max_tokens=max_tokens), rows


def test_a_sequence_is_the_vectors_of_a_comments_tokens_in_order() -> None:
    features_of, rows = sequences(TEXTS)
    features = features_of.matrix(rows)
    assert isinstance(features, Sequences)
    assert (features.matrix[0] == 0).all()
    for i, text in enumerate(TEXTS):
        expected = VECTORS.matrix[known(text)]
        assert (features.matrix[features.ids.take(np.array([i])).flat] == expected).all()


def test_renumbered_sequences_are_the_same_comments() -> None:
    features_of, rows = sequences(TEXTS)
    features = features_of.matrix(rows)
    turned = features.renumbered(np.array([0, 4, 3, 2, 1], np.int32))
    assert (turned.ids.starts == features.ids.starts).all()
    assert (turned.ids.flat == 5 - features.ids.flat).all()


def test_automatic_tokens_hold_all_but_the_longest_half_percent_of_comments_whole() -> None:
    lengths = [*range(1, 200), 900]
    features_of, rows = sequences(["가 " * length for length in lengths])
    longest = features_of.matrix(rows).longest
    assert (
        longest == 203
    )  # 199 + .005 · (900 - 199), as .995 of the way from the 1st to the 200th ends just beyond the 199th
    cut = rows.encode(features_of.encoder).truncated
    assert cut.tolist() == [False] * 199 + [True]


def test_automatic_tokens_are_one_at_least() -> None:
    features_of, rows = sequences(["없음", ""])
    assert features_of.matrix(rows).longest == 1
    assert rows.encode(features_of.encoder).views["words"].lengths.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("max_tokens", "cut"), [(2, [False, True, False]), (3, [False, False, False]), (1, [True, True, False])]
)
def test_a_comment_with_more_tokens_than_allowed_is_cut_and_marked(max_tokens: int, cut: list[bool]) -> None:
    features_of, rows = sequences(["가 나", "가 나 다", ""], max_tokens)
    encoded = rows.encode(features_of.encoder)
    features = features_of.matrix(rows)
    assert encoded.truncated.tolist() == cut
    assert features.longest == max_tokens
    assert features.ids.lengths.tolist() == [min(2, max_tokens), min(3, max_tokens), 0]
    assert features.ids.flat.tolist() == [*[1, 2][:max_tokens], *[1, 2, 3][:max_tokens]]
    again = TextEncoder.from_json(*features_of.encoder.to_json()).encode(["가 나", "가 나 다", ""])
    assert again.truncated.tolist() == cut


def test_vectors_from_scratch_need_no_word2vec_and_take_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(*_: object, **__: object) -> None:
        raise AssertionError("word vectors were trained")

    monkeypatch.setattr("toxiclf.embeddings.pretrain.vectors_of_rows", trained)
    engine = tokenizer("whitespace")
    rows = TokenizedTexts.of(["가 나 가", "나 다"], Preprocessor(Normalizer()), engine)
    matrices = []
    for seed in (0, 0, 1):
        recipe = Recipe.load({"seed": seed, "model": "dnn_sequence", "vectors": {"size": 4}})
        features_of = FeaturePipeline.learn(recipe, rows, Preprocessor(Normalizer()), engine, None)
        features = features_of.matrix(rows)
        assert features.ids.flat.tolist() == [1, 2, 1, 2]  # 다 is there once
        assert features.longest == 3
        matrices.append(features.matrix)
    assert (matrices[0] == matrices[1]).all()
    assert (matrices[0][1:] != matrices[2][1:]).all()
    rare = Recipe.load({"model": "dnn_sequence", "vectors": {"min_count": 9}})
    with pytest.raises(DataError, match="no token occurs 9 times"):
        FeaturePipeline.learn(rare, rows, Preprocessor(Normalizer()), engine, None)


@every_pooling
def test_vectors_kept_in_8_bits_give_the_same_averages_in_a_smaller_graph(name: str) -> None:
    numbers = rng.integers(-127, 128, (4, 64)).astype(np.int8)
    scales = np.array([0.5, 0.01, 1.0, 0.1], dtype=np.float32)
    plain = WordVectors(TOKENS, numbers * scales[:, None], VECTORS.frequencies)
    packed = replace(plain, packed=(numbers, scales))
    sizes, averages = [], []
    for vectors in (plain, packed):
        fitted = pooling(name, vectors).fit(encoded(["가 나", "다 가", "라"]))
        averages.append(fitted.transform(encoded(["가 나 다", "라", ""])))
        graph = Graph()
        sizes.append(len(graph.build(fitted.write(graph), 64)))
    assert averages[0] == pytest.approx(averages[1], rel=1e-5, abs=1e-6)
    assert sizes[1] < sizes[0]
