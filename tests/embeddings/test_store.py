"""Word vectors on disk: whole or not at all, verified before they are parsed, and those of others."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as packed

from tests.bundle.test_store import Killed, kill_after
from toxiclf.bundle.store import entries
from toxiclf.embeddings import store
from toxiclf.embeddings.word_vectors import WordVectors, with_pieces
from toxiclf.errors import DataError
from toxiclf.rows import Rejected

FACTS = store.TextFacts(
    tokenizer="mecab", tokenizer_version="1", normalizer_version=1, repeat_cap=3, max_chars=2000
)  # fmt: skip
CARD = store.VectorCard(
    kind="word2vec", text=FACTS, options={"min_count": 5}, seed=0, workers=1, sources=("texts.txt",), texts=3,
    texts_sha256="0" * 64, versions={},
)  # fmt: skip
TOKENS = ["가나", "다", "ㅋㅋ", "ok"]
rng = np.random.default_rng(0)
OTHER = WordVectors(["하"], np.ones((1, 2), np.float32), np.ones(1))
REJECTED = [("texts.csv", Rejected(3, "no text", ""))]
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
    store.save(kept, OTHER, CARD)
    assert store.load(kept)[0].tokens == ["하"]
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="exists, but holds no word vectors; choose another folder, or empty it"):
        store.save(tmp_path, VECTORS, CARD)
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("content", ["{}", '{"format_version": 1}', "mine", "[" * 100_000])
def test_a_folder_whose_vectors_json_is_another_program_s_is_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "vectors.json").write_text(content)
    with pytest.raises(DataError, match="exists, but holds no word vectors"):
        store.save(tmp_path, VECTORS, CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.json"]


def test_other_files_stay_and_ours_go(kept: Path) -> None:
    (kept / "notes.txt").write_text("mine")
    (kept / ".git").mkdir()
    (kept / ".git" / "HEAD").write_text("main")
    (kept / "rejected.csv").write_text("of the run before")
    store.save(kept, OTHER, CARD)
    assert store.load(kept)[0].tokens == OTHER.tokens
    assert (kept / "notes.txt").read_text() == "mine"
    assert (kept / ".git" / "HEAD").read_text() == "main"
    assert not (kept / "rejected.csv").exists()
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


def test_a_save_that_is_killed_leaves_the_old_vectors_or_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rejected rows are a part of them."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # slow on a busy disk
    folder, killed, seen = tmp_path / "kept", True, []
    for steps in range(0, 150, 4):
        store.save(folder, VECTORS, CARD)
        with pytest.MonkeyPatch.context() as killing:
            kill_after(steps, killing)
            try:
                store.save(folder, OTHER, CARD, REJECTED)
                killed = False
            except Killed:
                pass
        seen.append("new" if store.load(folder)[0].tokens == OTHER.tokens else "old")
        assert (folder / "rejected.csv").is_file() is (seen[-1] == "new")
        if not killed:
            break
    assert not killed
    assert list(dict.fromkeys(seen)) == ["old", "new"]
    store.save(folder, VECTORS, CARD)
    assert {path.name for path in folder.iterdir()} == {"README.md", store.CARD, store.TOKENS, store.ARRAYS}
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


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


def forged(
    folder: Path, tokens: bytes | None = None, card: dict[str, object] | None = None, **arrays: np.ndarray | None
) -> Path:
    """Vectors as somebody may have written them, with the sums that fit."""
    store.save(folder, VECTORS, CARD)
    content = {"matrix": VECTORS.matrix, "frequencies": VECTORS.frequencies, **arrays}
    files = {
        "vectors.safetensors": packed({name: array for name, array in content.items() if array is not None}),
        "tokens.json": json.dumps(TOKENS).encode() if tokens is None else tokens,
    }
    for name, bytes_ in files.items():
        (folder / name).write_bytes(bytes_)
    described = json.loads((folder / "vectors.json").read_text("utf-8"))
    described |= {"files": {name: entry.model_dump() for name, entry in entries(files).items()}, **(card or {})}
    (folder / "vectors.json").write_text(json.dumps(described))
    return folder


SMALL = np.ones((4, 6), np.int8)
SCALES = np.ones(4, np.float32)
FREQUENCIES = VECTORS.frequencies


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tokens": b"[" * 100_000}, "cannot be read"),
        ({"tokens": b'["a", "b", "c", 4]'}, "not a list of strings"),
        ({"tokens": b'["a", "b", "c", "c"]'}, "twice"),
        ({"card": {"tokens": 5}}, "other numbers of tokens"),
        ({"card": {"seen": 3}}, "other numbers of tokens"),
        ({"card": {"size": 7}}, "other numbers of tokens"),
        ({"frequencies": -FREQUENCIES}, "frequencies are not shares"),
        ({"frequencies": FREQUENCIES * 0}, "frequencies are not shares"),
        ({"frequencies": FREQUENCIES.astype(np.float32)}, "right type or shape"),
        ({"frequencies": FREQUENCIES[:3]}, "differ in number"),
        ({"frequencies": None}, "frequencies"),
        ({"matrix": VECTORS.matrix.astype(np.float64)}, "do not have 32 bits per number"),
        ({"matrix": SMALL}, "do not have 32 bits per number"),
        ({"matrix": VECTORS.matrix.ravel()}, "right type or shape"),
        ({"scales": SCALES}, "do not have 32 bits per number"),
        ({"card": {"quantized": True}, "matrix": SMALL}, "do not have 8 bits per number"),
        ({"card": {"quantized": True}, "matrix": SMALL, "scales": SCALES[:1]}, "one scale per vector"),
        ({"card": {"quantized": True}, "matrix": SMALL, "scales": SCALES.astype(np.float64)}, "8 bits"),
        ({"card": {"quantized": True}, "matrix": SMALL, "scales": SCALES * np.float32(np.inf)}, "not finite"),
        ({"card": {"quantized": True}, "scales": SCALES}, "8 bits"),
    ],
)
def test_content_that_does_not_fit_is_refused_with_a_sentence(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DataError, match=rf"{reason}.*; make them again, or copy them again"):
        store.load(forged(tmp_path / "forged", **changes))
    assert store.load(forged(tmp_path / "forged"))[0].tokens == TOKENS


def test_vectors_that_no_model_can_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(tmp_path / "v", VECTORS, CARD)
    (tmp_path / "v.bin").write_bytes(binary_file(TOKENS, VECTORS.matrix))
    monkeypatch.setattr(store, "_LARGEST_MATRIX", 4 * 6 * 4 - 1)
    sentence = "more than .* MB, which is too much for a model; keep the first .* or train with a higher --min-count"
    with pytest.raises(DataError, match=sentence):
        store.load(tmp_path / "v")
    with pytest.raises(DataError, match=sentence):
        store.load_foreign(tmp_path / "v.bin")
    with pytest.raises(DataError, match=sentence):
        store.save(tmp_path / "w", VECTORS, CARD)
    assert not (tmp_path / "w").exists()


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
        ("v.txt.gz", gzip.compress(text_file(TOKENS, VECTORS.matrix), mtime=0)),
        ("v.bin.gz", gzip.compress(binary_file(TOKENS, VECTORS.matrix), mtime=0)),
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
        ("v.bin", (793712314).to_bytes(4, "little") + b"\x00" * 50, "a whole fastText model; give its .vec file"),
        ("v.txt.gz", b"no gzip", "not in word2vec"),
        ("v.vec", "2 2\n가 1 2\n나 nan 1\n".encode(), "not finite"),
        ("v.vec", "2 2\n가 1 2\n나 1e300 1\n".encode(), "not finite"),
        ("v.vec", text_file(TOKENS, VECTORS.matrix).replace(b"4 6", b"3 6"), "more than the 3 vectors"),
        ("v.bin", binary_file(TOKENS, VECTORS.matrix).replace(b"4 6", b"3 6"), "more than the 3 vectors"),
        ("v.vec", "2 2\n가 1 2\n나 1 2 3\n".encode(), "vector 2 of 2 is not valid; expected a token, then 2 numbers"),
        ("v.vec", "2 2\n가 1 2\n나 1 x\n".encode(), "not in word2vec"),
        ("v.vec.gz", gzip.compress(b"2 2\n" + b"a 1 2\n" * 9, mtime=0)[:-9], "not in word2vec"),
        ("v.vec", b"2000000 300\n" + b" " * 2**10, "promises"),
    ],
)
def test_what_is_not_word2vec_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        store.load_foreign(tmp_path / name)


@pytest.mark.parametrize(("name", "write"), [("v.vec", text_file), ("v.bin", binary_file)])
def test_of_a_token_that_stands_in_it_twice_the_first_counts(
    tmp_path: Path, name: str, write: Callable[[list[str], np.ndarray], bytes]
) -> None:
    (tmp_path / name).write_bytes(write(["가나", "다", "가나", "ok"], VECTORS.matrix))
    vectors = store.load_foreign(tmp_path / name)
    assert vectors.tokens[:3] == ["가나", "다", "ok"]
    assert vectors.matrix[:3] == pytest.approx(VECTORS.matrix[[0, 1, 3]], rel=1e-6)


def endless(header: bytes) -> bytes:
    """A file of a few kilobytes that unpacks to 64 MB without a line's end."""
    packer = zlib.compressobj(wbits=31)
    return b"".join([packer.compress(header), *(packer.compress(b"1" * 2**20) for _ in range(64)), packer.flush()])


@pytest.mark.parametrize(("name", "header"), [("v.vec.gz", b""), ("v.vec.gz", b"3 2\n"), ("v.bin.gz", b"3 2\n")])
def test_an_endless_line_is_refused_before_it_fills_the_memory(tmp_path: Path, name: str, header: bytes) -> None:
    (tmp_path / name).write_bytes(endless(header))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="not in word2vec"):
            store.load_foreign(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


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
