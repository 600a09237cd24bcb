"""Word vectors on disk: whole or not at all, verified before they are parsed, and those of others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toxiclf.errors import DataError
from toxiclf.vectors import store
from toxiclf.vectors.word_vectors import WordVectors, with_pieces

FACTS = store.TextFacts(
    tokenizer="mecab", tokenizer_version="1", normalizer_version=1, repeat_cap=3, max_chars=2000
)  # fmt: skip
CARD = store.VectorCard(
    kind="word2vec", text=FACTS, options={"min_count": 5}, seed=0, workers=1, sources=("texts.txt",), texts=3,
    texts_sha256="0" * 64, versions={},
)  # fmt: skip
TOKENS = ["가나", "다", "ㅋㅋ", "ok"]
rng = np.random.default_rng(0)
VECTORS = WordVectors(TOKENS, rng.normal(size=(4, 6)).astype(np.float32), np.array([0.4, 0.3, 0.2, 0.1]))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    store.save(tmp_path / "kept", VECTORS, CARD)
    return tmp_path / "kept"


def test_saved_vectors_come_back_bit_by_bit(kept: Path) -> None:
    vectors, card = store.load(kept)
    assert vectors.tokens == TOKENS
    assert (vectors.matrix == VECTORS.matrix).all()
    assert vectors.frequencies == pytest.approx(VECTORS.frequencies, rel=1e-6)
    assert (card.tokens, card.seen, card.size) == (4, 4, 6)
    assert {path.name for path in kept.iterdir()} == {"vectors.safetensors", "tokens.json", "vectors.json", "README.md"}
    assert "texts.txt" in (kept / "README.md").read_text("utf-8")


def test_quantized_vectors_differ_by_half_a_step_at_most(tmp_path: Path) -> None:
    store.save(tmp_path / "small", VECTORS, CARD.model_copy(update={"quantized": True}))
    vectors, card = store.load(tmp_path / "small")
    assert card.quantized
    step = np.abs(VECTORS.matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(vectors.matrix - VECTORS.matrix) <= 0.501 * step).all()


def test_quantizing_keeps_a_vector_of_zeros(tmp_path: Path) -> None:
    zeros = WordVectors(["가"], np.zeros((1, 3), np.float32), np.ones(1))
    store.save(tmp_path / "zeros", zeros, CARD.model_copy(update={"quantized": True}))
    assert (store.load(tmp_path / "zeros")[0].matrix == 0).all()


def test_saving_again_replaces_and_leaves_nothing_beside(kept: Path) -> None:
    other = WordVectors(["하"], np.ones((1, 2), np.float32), np.ones(1))
    store.save(kept, other, CARD)
    assert store.load(kept)[0].tokens == ["하"]
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="exists and holds no word vectors; choose another folder, or empty it"):
        store.save(tmp_path, VECTORS, CARD)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("name", ["vectors.safetensors", "tokens.json"])
@pytest.mark.parametrize("change", [flip, shorten, lengthen, Path.unlink])
def test_a_changed_file_is_refused_with_a_sentence(kept: Path, name: str, change: Callable[[Path], None]) -> None:
    change(kept / name)
    with pytest.raises(DataError, match=name):
        store.load(kept)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", 2), ("kind", "glove"), ("files", {}), ("quantized", True), ("more", 1), ("tokens", "many"),
        ("text", {}),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_refused(kept: Path, key: str, value: object) -> None:
    content = json.loads((kept / "vectors.json").read_text("utf-8"))
    (kept / "vectors.json").write_text(json.dumps({**content, key: value}))
    with pytest.raises(DataError, match="cannot be read"):
        store.load(kept)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null"])
def test_a_card_that_is_no_json_is_refused(kept: Path, content: bytes) -> None:
    (kept / "vectors.json").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        store.load(kept)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    store.save(tmp_path / "bad", WordVectors(["가"], np.full((1, 2), np.nan, np.float32), np.ones(1)), CARD)
    with pytest.raises(DataError, match="not finite"):
        store.load(tmp_path / "bad")


def text_file(tokens: list[str], matrix: np.ndarray) -> bytes:
    lines = [f"{len(tokens)} {matrix.shape[1]}"]
    lines += [" ".join([token, *(str(x) for x in row)]) for token, row in zip(tokens, matrix, strict=True)]
    return ("\n".join(lines) + "\n").encode()


def binary_file(tokens: list[str], matrix: np.ndarray) -> bytes:
    rows = (token.encode() + b" " + row.tobytes() + b"\n" for token, row in zip(tokens, matrix, strict=True))
    return f"{len(tokens)} {matrix.shape[1]}\n".encode() + b"".join(rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.vec", text_file(TOKENS, VECTORS.matrix)),
        ("v.bin", binary_file(TOKENS, VECTORS.matrix)),
        ("v.txt.gz", gzip.compress(text_file(TOKENS, VECTORS.matrix))),
        ("v.bin.gz", gzip.compress(binary_file(TOKENS, VECTORS.matrix))),
    ],
)
def test_word2vec_files_from_elsewhere_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    vectors = store.load_foreign(tmp_path / name)
    assert vectors.tokens[:4] == TOKENS
    assert vectors.matrix[:4] == pytest.approx(VECTORS.matrix, rel=1e-6)
    assert vectors.frequencies[:4].tolist() == sorted(vectors.frequencies[:4], reverse=True)
    assert vectors.frequencies.sum() == pytest.approx(1)
    assert len(vectors.vocabulary.ids([["갸뇨", "ㅞ"]]).flat) == 3  # and their pieces, too


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("v.vec", b"", "not in word2vec"),
        ("v.vec", b"nothing of the kind\n", "first line does not give the number of tokens"),
        ("v.vec", "가 1 2\n".encode(), "such as: 2000 100"),
        ("v.vec", b"4 6\n\xea\xb0\x80 1 2\n", "not in word2vec"),
        ("v.vec", b"99999999999 300\n", "promises 99,999,999,999 vectors"),
        ("v.vec", b"0 100\n", "holds no vector"),
        ("v.bin", b"2 3\nabc", "promises"),
        ("v.bin", b"\xff" * 50, "first line"),
        ("v.bin", binary_file(TOKENS, VECTORS.matrix)[:-9], "not in word2vec"),
        ("v.bin", (793712314).to_bytes(4, "little") + b"\x00" * 50, "a model of fastText itself; give its .vec file"),
        ("v.txt.gz", b"no gzip", "not in word2vec"),
        ("v.vec", "2 2\n가 1 2\n나 nan 1\n".encode(), "not finite"),
    ],
)
def test_what_is_not_word2vec_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        store.load_foreign(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="do not exist; give a file, or a folder that toxiclf pretrain wrote"):
        store.load_foreign(tmp_path / "none.vec")


def test_pieces_that_the_texts_lack_are_made_of_the_words_that_hold_them() -> None:
    matrix = np.array([[4.0, 0.0], [0.0, 1.0]], np.float32)
    vectors = with_pieces(["가나", "나"], matrix, np.array([1.0, 4.0]))
    of = dict(zip(vectors.tokens, vectors.matrix, strict=True))
    assert of["가"].tolist() == [4, 0]
    assert of["나"].tolist() == [0, 1]  # seen itself
    assert of["ㅏ"].tolist() == pytest.approx([4 / 3, 2 / 3])  # of both, by the square root of their counts
    assert of["각"] == pytest.approx(np.mean([of["ㄱ"], of["ㅏ"], of["ㄱ"]], axis=0))
    assert len(vectors.tokens) == len(set(vectors.tokens)) == 1 + 11_172 + 51
    assert vectors.frequencies[:2].tolist() == [0.2, 0.8]
    assert not vectors.frequencies[2:].any()
