"""Averaged vectors: the formula, by a plain numpy oracle; and defined where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from toxiclf.text.encoder import Encoded, TextEncoder, TokenView
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import tokenizer
from toxiclf.text.vocabulary import TokenVocabulary
from toxiclf.vectors.features import AverageVectors
from toxiclf.vectors.word_vectors import WordVectors

rng = np.random.default_rng(0)
TOKENS = ["가", "나", "다", "라"]
VECTORS = WordVectors(TOKENS, rng.normal(size=(4, 3)).astype(np.float32), np.array([0.5, 0.3, 0.15, 0.05]))
TEXTS = ["가 나", "가 가 다", "라", "", "없다 ㅋ", "나 라 다 가 가 가"]


def encoded(texts: list[str]) -> Encoded:
    view = TokenView(tokenizer("whitespace"), TokenVocabulary(TOKENS))
    return TextEncoder(Normalizer(), {"words": view}).encode(texts)


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


@pytest.mark.parametrize("pooling", ["mean", "tfidf", "sif"])
def test_pooling_is_its_formula(pooling: str) -> None:
    features = AverageVectors(VECTORS, pooling).fit(encoded(TEXTS)).transform(encoded(TEXTS))
    assert features.dtype == np.float32
    assert np.abs(features - expected(pooling)).max() < 1e-6


@pytest.mark.parametrize("pooling", ["mean", "tfidf", "sif"])
def test_a_comment_of_nothing_known_is_all_zeros_and_never_nan(pooling: str) -> None:
    features = AverageVectors(VECTORS, pooling).fit(encoded(TEXTS)).transform(encoded(["", "없음", "가"]))
    assert (features[:2] == 0).all()
    assert (features[2] != 0).any()


@pytest.mark.parametrize("pooling", ["mean", "tfidf", "sif"])
def test_no_comments_give_no_rows(pooling: str) -> None:
    assert AverageVectors(VECTORS, pooling).fit(encoded(TEXTS)).transform(encoded([])).shape == (0, 3)
