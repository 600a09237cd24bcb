"""Predictions: every score comes back, no text is copied, and a file that was changed is found out."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.conftest import cases
from tests.evaluation.conftest import comments_of, scores_of
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError
from toxiclf.evaluation.predictions import Predictions, read


@settings(deadline=None, max_examples=cases(60))
@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_scores_come_back_bit_for_bit(values: list[float]) -> None:
    scores = np.array(values, dtype=np.float32)[:, None]
    comments = Comments(["댓글"] * len(scores), np.zeros(scores.shape, np.uint8), ("toxic",))
    with tempfile.TemporaryDirectory() as folder:
        Predictions.of(comments, scores, [0.5]).write(Path(folder))
        again = read(Path(folder), ("toxic",))
    assert again.scores.tobytes() == scores.tobytes()


NAMES = st.text(min_size=1, max_size=9)


@settings(deadline=None, max_examples=cases(15))
@given(NAMES, st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple), st.data())
def test_predictions_come_back(source: str, labels: tuple[str, ...], data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=5))
    shape = (len(texts), len(labels))
    targets = data.draw(arrays(np.uint8, shape, elements=st.integers(0, 1)))
    scores = data.draw(arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    lines = data.draw(arrays(np.intp, len(texts), elements=st.integers(0, 10**9)))
    written = Predictions.of(Comments(texts, targets, labels, source=source, lines=lines), scores, [0.5] * len(labels))
    with tempfile.TemporaryDirectory() as folder:
        written.write(Path(folder))
        again = read(Path(folder), labels)
    for name in ("lines", "hashes", "labels", "targets", "scores", "flagged"):
        assert np.array_equal(getattr(again, name), getattr(written, name)), name
    assert again.rows_sha256() == written.rows_sha256()


def test_scores_at_the_edges_of_float32_come_back_bit_for_bit(tmp_path: Path) -> None:
    ones = np.arange(1, 2000, dtype=np.uint32)  # the smallest numbers there are, all below 1e-42
    powers = np.float32(2.0) ** np.arange(-149, 1, dtype=np.float32)
    edges = [ones.view(np.float32), powers, np.nextafter(powers, np.float32(0)), np.zeros(1, np.float32)]
    scores = np.concatenate(edges)[:, None]
    comments = Comments(["댓글"] * len(scores), np.zeros(scores.shape, np.uint8), ("toxic",))
    Predictions.of(comments, scores, [0.5]).write(tmp_path)
    assert read(tmp_path, ("toxic",)).scores.tobytes() == scores.tobytes()


@pytest.mark.parametrize(
    "labels",
    [
        ("a,b", 'say "no"'),
        ("two\nlines", "two\r\nlines"),
        ("carriage\rreturn", "carriage\nreturn"),
        ("=1+1", "'=1+1"),
        ("toxic.score", "toxic"),
        (" padded ", "욕설"),
        ("\ufeff", "\t"),
    ],
)
def test_labels_may_hold_any_character(labels: tuple[str, ...], tmp_path: Path) -> None:
    comments = comments_of(20, labels)
    written = Predictions.of(comments, scores_of(comments, 1), [0.4, 0.6])
    written.write(tmp_path)
    again = read(tmp_path, labels)
    assert again.labels == labels
    assert (again.targets == comments.targets).all()
    assert (again.scores == written.scores).all()
    assert (again.flagged == written.flagged).all()
    assert again.rows_sha256() == written.rows_sha256()


def test_a_spreadsheet_finds_no_formula_in_a_label(tmp_path: Path) -> None:
    comments = comments_of(3, ("=cmd|'/c calc'!A1",))
    Predictions.of(comments, scores_of(comments, 1), [0.5]).write(tmp_path)
    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert all(cell[0] not in "=+-@" for row in csv.reader(stream) for cell in row)


def test_rows_say_where_they_came_from_and_hold_no_text(sample: Comments, tmp_path: Path) -> None:
    rows = sample.take(np.arange(100, 200))
    Predictions.of(rows, np.full((100, 1), 0.25, np.float32), [0.25]).write(tmp_path)
    content = (tmp_path / "predictions.csv").read_text("utf-8-sig")
    assert not any(text in content for text in rows.texts)
    first = next(csv.DictReader(content.splitlines()))
    assert (first["file"], first["line"]) == (sample.source, str(rows.lines[0]))
    assert (first["toxic.target"], first["toxic.score"]) == (str(rows.targets[0, 0]), "0.25")
    assert first["toxic.flagged"] == "1"


def test_rows_are_equal_by_text_targets_and_labels_and_not_by_file() -> None:
    comments = comments_of(9)
    one = Predictions.of(comments, scores_of(comments, 1), [0.5]).rows_sha256()
    moved = Comments(comments.texts, comments.targets, comments.labels, lines=comments.lines + 7, source="other.csv")
    assert Predictions.of(moved, scores_of(comments, 2), [0.1]).rows_sha256() == one
    for texts, targets, labels in [
        (["다른 말", *comments.texts[1:]], comments.targets, comments.labels),
        (comments.texts, 1 - comments.targets, comments.labels),
        (comments.texts, comments.targets, ("rude",)),
        (comments.texts[::-1], comments.targets[::-1].copy(), comments.labels),
    ]:
        other = Comments(texts, targets, labels)
        assert Predictions.of(other, scores_of(other, 1), [0.5]).rows_sha256() != one


def test_texts_that_are_no_unicode_have_a_hash() -> None:
    comments = Comments(["깨진 \ud800 글자", "깨진 \ud801 글자"], np.zeros((2, 1), np.uint8), ("toxic",))
    hashes = Predictions.of(comments, np.zeros((2, 1), np.float32), [0.5]).hashes
    assert len(set(hashes)) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (",0.25,", ",nan,", 3, "a score is 'nan', not a number in [0, 1]"),
        (",0.25,", ",1.25,", 3, "a score is '1.25', not a number in [0, 1]"),
        (",0.25,", ",-0.25,", 3, "a score is '-0.25', not a number in [0, 1]"),
        (",0.25,", ",높음,", 3, "a score is '높음', not a number in [0, 1]"),
        (",0,0.25,", ",2,0.25,", 3, "a target is '2', neither 0 nor 1"),
        (",0.25,0", ",0.25,yes", 3, "flagged is 'yes', neither 0 nor 1"),
        (",0.25,0", ",0.25", 3, "5 fields instead of 6"),
        (",0.25,0", "", 3, "4 fields instead of 6"),
        (",3,", ",three,", 4, "the line is 'three'"),
        (",1,556d", ",1,56D", 2, "text_sha256 is '56Dcbf069a950eb', not 16 hexadecimal digits"),
        ("toxic.score", "score", 1, "the columns are not those of the labels toxic"),
        ("comments.csv,2,", "other.csv,2,", 1, "the rows come from 2 files instead of 1"),
        (",0.75,1", ',0.75,"1', 4, "unexpected end of data"),
    ],
)
def test_a_file_that_was_changed_is_refused_with_its_line(
    old: str, new: str, line: int, reason: str, tmp_path: Path
) -> None:
    comments = Comments(["하나", "둘", "셋"], np.array([[0], [0], [1]], np.uint8), ("toxic",), source="comments.csv")
    Predictions.of(comments, np.array([[0.5], [0.25], [0.75]], np.float32), [0.5]).write(tmp_path)
    path = tmp_path / "predictions.csv"
    content = path.read_text("utf-8-sig")
    assert content.count(old) == 1
    path.write_text(content.replace(old, new), "utf-8-sig")
    with pytest.raises(DataError) as raised:
        read(tmp_path, ("toxic",))
    assert str(raised.value) == (
        f"{path}, line {line}: {reason}; it was cut or changed after it was written: train or evaluate again"
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\xef\xbb\xbffile,line\n", b"\x00" * 50])
def test_a_file_that_is_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_bytes(content)
    with pytest.raises(DataError, match="it was cut or changed after it was written"):
        read(tmp_path, ("toxic",))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, ("toxic",))
    path = tmp_path / "predictions.csv"
    assert str(raised.value) == f"{path} is missing; restore the file, or train or evaluate again"


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    comments = comments_of(3)
    Predictions.of(comments, scores_of(comments, 1), [0.5]).write(tmp_path)
    path = tmp_path / "predictions.csv"
    path.write_text(path.read_text("utf-8-sig").splitlines()[0] + "\n", "utf-8-sig")
    with pytest.raises(DataError, match="holds no row"):
        read(tmp_path, ("toxic",))
