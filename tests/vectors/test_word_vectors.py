"""Word vectors: reproducible, kept without pickle, shared between runs on the same texts."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import numpy as np
import pytest

from toxiclf.corpus.comments import Comments
from toxiclf.errors import DataError
from toxiclf.recipe import VectorsSection
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import tokenizer
from toxiclf.vectors.word_vectors import WordVectors, random_vectors, vectors_of_rows, vectors_of_unlabeled

OPTIONS = {"size": 8, "epochs": 2, "min_count": 2}


def unlabeled(path: Path, said: list[str], **changes: object) -> WordVectors:
    options = VectorsSection.model_validate({**OPTIONS, "unlabeled": str(path), **changes})
    return vectors_of_unlabeled(options, Normalizer(), tokenizer("mecab"), said.append)


@pytest.fixture
def texts(sample: Comments, tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt.xz"
    path.write_bytes(lzma.compress("\n".join(sample.texts[:300]).encode()))
    return path


def test_unlabelled_texts_are_trained_on_once(texts: Path) -> None:
    first_said: list[str] = []
    again_said: list[str] = []
    first = unlabeled(texts, first_said)
    again = unlabeled(texts, again_said)
    assert any("one worker" in sentence for sentence in first_said)
    assert again_said == ["word vectors of 300 unlabelled texts: from the cache"]
    assert first.tokens == again.tokens
    assert (first.matrix == again.matrix).all()
    assert (first.frequencies == again.frequencies).all()


def test_other_texts_or_options_are_other_vectors(texts: Path, tmp_path: Path) -> None:
    first = unlabeled(texts, [])
    assert (unlabeled(texts, [], seed=1).matrix != first.matrix).any()
    assert unlabeled(texts, [], size=4).matrix.shape[1] == 4
    more = tmp_path / "more.txt"
    more.write_text(lzma.decompress(texts.read_bytes()).decode() + "\n오늘 날씨 좋다\n" * 5, "utf-8")
    assert unlabeled(more, []).tokens != first.tokens


def test_the_seed_reproduces_the_vectors_of_rows(sample: Comments) -> None:
    tokens = tokenizer("mecab").tokenize(sample.texts[:200])
    options = VectorsSection.model_validate(OPTIONS)
    first, again, other = (vectors_of_rows(tokens, options, seed) for seed in (0, 0, 1))
    assert (first.matrix == again.matrix).all()
    assert (first.matrix != other.matrix).any()


def test_saved_vectors_come_back(tmp_path: Path) -> None:
    vectors = WordVectors(["가", "나"], np.eye(2, dtype=np.float32), np.array([0.6, 0.4]))
    vectors.save(tmp_path / "kept")
    loaded = WordVectors.load(tmp_path / "kept")
    assert loaded.tokens == vectors.tokens
    assert (loaded.matrix == vectors.matrix).all()
    assert {path.suffix for path in (tmp_path / "kept").iterdir()} == {".safetensors", ".json"}


def test_too_few_texts_are_refused_with_a_sentence() -> None:
    with pytest.raises(DataError, match="no token occurs 5 times"):
        vectors_of_rows([["가"], ["나"]], VectorsSection(min_count=5), 0)


def test_a_damaged_cache_is_said_and_made_again(texts: Path) -> None:
    first = unlabeled(texts, [], seed=5)
    (newest,) = [
        p for p in (Path(os.environ["TOXICLF_CACHE"]) / "vectors").iterdir() if same(WordVectors.load(p), first)
    ]
    (newest / "vectors.safetensors").write_bytes(b"damaged")
    said: list[str] = []
    again = unlabeled(texts, said, seed=5)
    assert any("damaged" in sentence for sentence in said)
    assert same(again, first)
    assert same(WordVectors.load(newest), first)


def test_random_vectors_are_of_tokens_that_are_frequent_enough_the_most_frequent_first() -> None:
    rows = [["다", "가", "가"], ["나", "가", "나"], ["라", "마", "마"]]
    vectors = random_vectors(rows, VectorsSection(size=5), 0)
    assert vectors.tokens == ["가", "나", "마"]
    assert vectors.matrix.shape == (3, 5)
    assert vectors.matrix.dtype == np.float32
    assert np.abs(vectors.matrix).max() <= 0.05
    assert vectors.frequencies == pytest.approx([3 / 7, 2 / 7, 2 / 7])
    assert random_vectors(rows, VectorsSection(min_count=3), 0).tokens == ["가"]
    assert len(random_vectors(rows, VectorsSection(min_count=1), 0).tokens) == 5


def test_the_seed_reproduces_random_vectors_and_another_seed_differs() -> None:
    rows = [["가", "나"] * 3]
    first, again, other = (random_vectors(rows, VectorsSection(size=5), seed) for seed in (0, 0, 1))
    assert same(first, again)
    assert first.tokens == other.tokens
    assert (first.matrix != other.matrix).all()


def test_random_vectors_of_no_frequent_token_are_refused_with_a_sentence() -> None:
    with pytest.raises(DataError, match=r"^no token occurs 2 times in the training rows; lower vectors\.min_count$"):
        random_vectors([["가"], ["나"], []], VectorsSection(), 0)


def same(one: WordVectors, other: WordVectors) -> bool:
    return (
        one.tokens == other.tokens
        and one.matrix.shape == other.matrix.shape
        and bool((one.matrix == other.matrix).all())
    )
