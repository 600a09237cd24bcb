"""Public corpora by name: found, verified, read as their cards say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from toxiclf.corpus import public
from toxiclf.corpus.reading import read_comments, read_texts
from toxiclf.errors import DataError, UsageError

ROOT = os.environ.get(public.ROOT_VARIABLE, "")
needs_corpora = pytest.mark.skipif(
    not ROOT or not Path(ROOT).is_dir(), reason=f"{public.ROOT_VARIABLE} names no folder of public corpora"
)
REAL = ("beep", "curse", "nsmc", "unsmile")


@contextmanager
def corpus_of(name: str) -> Iterator[None]:
    """Skips where this corpus is not on the machine."""
    if not (Path(ROOT) / name).is_dir():
        pytest.skip(f"{name} is not in {public.ROOT_VARIABLE}")
    yield


# --- cards


def test_every_card_can_be_loaded_under_its_name() -> None:
    names = public.card_names()
    assert set(names) == {"sample", *REAL}
    for name in names:
        card = public.load_card(name)
        assert card.name == name
        assert card.parts
        assert card.licence


def test_every_file_of_a_card_has_a_checksum() -> None:
    for name in public.card_names():
        assert all(part.sha256 for part in public.load_card(name).parts)


def test_the_sample_corpus_is_the_file_of_its_card() -> None:
    card = public.load_card("sample")
    (part,) = card.parts
    path = card.path(part)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == part.sha256
    assert len(read_comments("corpus:sample")) == part.rows


def test_an_unknown_corpus_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown corpus 'unsmiel'; did you mean 'unsmile'\?"):
        public.load_card("unsmiel")


@pytest.mark.parametrize("name", ["", "../pyproject", "sample.toml"])
def test_no_name_leads_out_of_the_cards(name: str) -> None:
    with pytest.raises(UsageError, match="unknown corpus"):
        public.load_card(name)


def test_a_name_may_ask_for_a_part() -> None:
    assert public.parse("corpus:beep")[1] is None
    part = public.parse("corpus:beep/test")[1]
    assert part is not None
    assert part.role == "test"


@pytest.mark.parametrize("role", ["", "dev", "train/x"])
def test_a_part_that_a_corpus_lacks_is_refused_with_those_it_has(role: str) -> None:
    with pytest.raises(UsageError, match=r"corpus:beep has no part '.*'; it has: train, test, unlabeled"):
        public.parse(f"corpus:beep/{role}")


# --- files


def test_without_the_variable_the_sentence_says_how_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(public.ROOT_VARIABLE, raising=False)
    with pytest.raises(DataError, match=r"set TOXICLF_CORPORA to the folder that holds curse/dataset\.txt"):
        read_comments("corpus:curse")


def test_a_missing_file_is_named_with_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(public.ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"curse/dataset\.txt does not exist; get it from https://github"):
        read_comments("corpus:curse")


def test_another_file_under_the_right_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(public.ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "curse").mkdir()
    (tmp_path / "curse" / "dataset.txt").write_text("가|1\n나|0\n", "utf-8")
    with pytest.raises(DataError, match="is not the file of the card"):
        read_comments("corpus:curse")


@needs_corpora
def test_a_corpus_without_labels_is_refused_for_training() -> None:
    with pytest.raises(UsageError, match="corpus:nsmc has no labels; use it for word vectors"):
        read_comments("corpus:nsmc")


# --- the corpora themselves


@needs_corpora
@pytest.mark.parametrize(
    ("source", "labels", "negative"),
    [
        ("corpus:curse", ("toxic",), None),
        ("corpus:beep", ("hate", "offensive"), "none"),
        ("corpus:beep/test", ("hate", "offensive"), "none"),
        ("corpus:unsmile", public.load_card("unsmile").labels, None),
        ("corpus:unsmile/test", public.load_card("unsmile").labels, None),
    ],
)
def test_every_row_of_a_labelled_corpus_is_read_or_set_aside(
    source: str, labels: tuple[str, ...], negative: str | None
) -> None:
    card, part = public.parse(source)
    with corpus_of(card.name):
        part = part or card.part("train")
        assert part is not None
        comments = read_comments(source)
        assert comments.source == f"corpus:{card.name}/{part.role}"
        assert len(comments) + len(comments.rejected) == part.rows
        assert (comments.labels, comments.negative) == (labels, negative)
        assert all("labelled in different ways" in row.reason for _, row in comments.rejected)


@needs_corpora
@pytest.mark.parametrize("name", ["beep", "unsmile", "curse"])
def test_a_corpus_read_by_its_path_has_the_rows_it_has_by_its_card(name: str) -> None:
    with corpus_of(name):
        card = public.load_card(name)
        part = card.part("train")
        assert part is not None
        by_card = read_comments(f"corpus:{name}")
        label = card.labels if name != "curse" else ()
        by_path = read_comments(Path(ROOT) / name / part.file, label=label, negative=card.negative)
        assert by_path.lines.tolist() == by_card.lines.tolist()
        assert (by_path.targets == by_card.targets).all()


@needs_corpora
def test_a_corpus_with_a_test_part_gives_it_when_asked() -> None:
    with corpus_of("beep"):
        assert read_comments("corpus:beep", part="test").source == "corpus:beep/test"


@needs_corpora
def test_unlabelled_texts_are_read_as_a_stream() -> None:
    with corpus_of("nsmc"):
        assert all(islice(read_texts("corpus:nsmc"), 1000))
    with corpus_of("beep"):
        part = public.load_card("beep").part("unlabeled")
        assert part is not None
        assert sum(1 for _ in read_texts("corpus:beep")) == part.rows


@needs_corpora
def test_every_row_of_the_largest_corpus_is_read() -> None:
    with corpus_of("nsmc"):
        assert sum(1 for _ in read_texts("corpus:nsmc")) == 688_425
