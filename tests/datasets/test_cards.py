"""Public corpora by name: found, verified, read as their cards say."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from pydantic import ValidationError

from toxiclf.datasets import cards
from toxiclf.datasets.reading import read_comments, read_texts
from toxiclf.errors import DataError, UsageError

ROOT = os.environ.get(cards.ROOT_VARIABLE, "")
needs_corpora = pytest.mark.skipif(
    not ROOT or not Path(ROOT).is_dir(), reason=f"{cards.ROOT_VARIABLE} names no folder of public corpora"
)
REAL = ("beep", "curse", "nsmc", "unsmile")


@contextmanager
def corpus_of(name: str) -> Iterator[None]:
    """Skips where this corpus is not on the machine."""
    if not (Path(ROOT) / name).is_dir():
        pytest.skip(f"{name} is not in {cards.ROOT_VARIABLE}")
    yield


# --- cards


def test_every_card_can_be_loaded_under_its_name() -> None:
    names = cards.card_names()
    assert set(names) == {"sample", *REAL}
    for name in names:
        card = cards.load_card(name)
        assert card.name == name
        assert card.parts
        assert len({part.role for part in card.parts}) == len(card.parts)


def test_every_address_is_https_and_names_the_commit_of_the_card() -> None:
    for name in REAL:
        card = cards.load_card(name)
        (commit,) = re.findall(r"\b[0-9a-f]{40}\b", card.upstream)
        assert all(part.address and part.address.startswith("https://") for part in card.parts)
        assert all(commit in str(part.address) for part in card.parts)


def test_a_licence_says_by_its_name_whether_commercial_use_is_allowed() -> None:
    for name in cards.card_names():
        licence = cards.load_card(name).licence
        assert licence.commercial == ("-NC" not in licence.id)
        assert licence.address.startswith("https://")


@pytest.mark.parametrize("file", ["../x", "a/b", "/etc/hostname", "..", ".x", "", "a\\b", "a\nb"])
def test_a_file_of_a_card_is_a_plain_name(file: str) -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        cards.File(file=file, size=1, sha256="0" * 64)


def test_the_sample_corpus_is_the_file_of_its_card() -> None:
    card = cards.load_card("sample")
    (part,) = card.parts
    assert cards.difference(card.path(part), part) is None
    assert len(read_comments("corpus:sample")) == part.rows


def test_an_unknown_corpus_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown corpus 'unsmiel'; did you mean 'unsmile'\?"):
        cards.load_card("unsmiel")


@pytest.mark.parametrize("name", ["", "../pyproject", "sample.toml"])
def test_no_name_leads_out_of_the_cards(name: str) -> None:
    with pytest.raises(UsageError, match="unknown corpus"):
        cards.load_card(name)


def test_a_name_may_ask_for_a_part() -> None:
    assert cards.parse("corpus:beep")[1] is None
    part = cards.parse("corpus:beep/test")[1]
    assert part is not None
    assert part.role == "test"


@pytest.mark.parametrize("role", ["", "dev", "train/x"])
def test_a_part_that_a_corpus_lacks_is_refused_with_those_it_has(role: str) -> None:
    with pytest.raises(UsageError, match=r"corpus:beep has no part '.*'; it has: train, test, unlabeled"):
        cards.parse(f"corpus:beep/{role}")


# --- files


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of curse in a cache of its own, and no folder of corpora."""
    monkeypatch.delenv(cards.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("TOXICLF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora" / "curse"


def test_a_corpus_that_is_not_here_is_told_with_how_to_get_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as caught:
        read_comments("corpus:curse")
    assert str(caught.value) == (
        f"corpus:curse/train is not on this machine (looked for {cache}/dataset.txt); to get it, run: toxiclf corpora fetch curse, "
        "or set TOXICLF_CORPORA to the folder that holds curse/dataset.txt"
    )
    monkeypatch.setenv(cards.ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(DataError) as caught:
        read_comments("corpus:curse")
    assert f"(looked for {tmp_path}/curse/dataset.txt and {cache}/dataset.txt)" in str(caught.value)


def test_another_file_under_the_right_name_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.mkdir(parents=True)
    (cache / "dataset.txt").write_text("가|1\n나|0\n", "utf-8")
    with pytest.raises(DataError) as caught:
        read_comments("corpus:curse")
    assert str(caught.value) == (
        f"{cache}/dataset.txt does not match the card (12 bytes, expected 514,417); run: toxiclf corpora fetch curse"
    )
    monkeypatch.setenv(cards.ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "curse").mkdir()
    (tmp_path / "curse" / "dataset.txt").write_bytes(b"x" * 514_417)
    with pytest.raises(DataError) as caught:
        read_comments("corpus:curse")
    assert re.fullmatch(
        r".*/curse/dataset\.txt does not match the card \(SHA-256 [0-9a-f]{12}…, expected 1c3489417e49…\); replace it by the file "
        r"from https://github\.com/.*, or remove it and run: toxiclf corpora fetch curse",
        str(caught.value),
    )


def test_the_variable_comes_before_the_cache_and_a_packed_file_will_do(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"10\ttext\n"
    packed = lzma.compress(content)
    nsmc = cards.load_card("nsmc")
    files = [{"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for c in (content, packed)]
    (part,) = nsmc.parts
    assert part.packed is not None
    part = part.model_copy(update={**files[0], "packed": part.packed.model_copy(update=files[1])})
    (cache.parent / "nsmc").mkdir(parents=True)
    (cache.parent / "nsmc" / "reviews.tsv").write_bytes(content)
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews.tsv.xz").write_bytes(packed)
    assert nsmc.path(part) == cache.parent / "nsmc" / "reviews.tsv"
    monkeypatch.setenv(cards.ROOT_VARIABLE, str(tmp_path))
    assert nsmc.path(part) == tmp_path / "nsmc" / "reviews.tsv.xz"
    (tmp_path / "nsmc" / "reviews.tsv").write_bytes(content)
    assert nsmc.path(part) == tmp_path / "nsmc" / "reviews.tsv"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "dataset.txt").write_bytes(b"x" * 514_417)
    (cache / "dataset.txt").chmod(0)
    with pytest.raises(DataError, match="cannot be read: Permission denied; fix that, or remove it"):
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
        ("corpus:unsmile", cards.load_card("unsmile").labels, None),
        ("corpus:unsmile/test", cards.load_card("unsmile").labels, None),
    ],
)
def test_every_row_of_a_labelled_corpus_is_read_or_rejected(
    source: str, labels: tuple[str, ...], negative: str | None
) -> None:
    card, part = cards.parse(source)
    with corpus_of(card.name):
        part = part or card.part("train")
        assert part is not None
        comments = read_comments(source)
        assert comments.source == f"corpus:{card.name}/{part.role}"
        assert len(comments) + len(comments.rejected) == part.rows
        assert (comments.labels, comments.negative) == (labels, negative)
        assert all("has different labels" in row.reason for _, row in comments.rejected)


@needs_corpora
@pytest.mark.parametrize("name", ["beep", "unsmile", "curse"])
def test_a_corpus_read_by_its_path_has_the_rows_it_has_by_its_card(name: str) -> None:
    with corpus_of(name):
        card = cards.load_card(name)
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
        part = cards.load_card("beep").part("unlabeled")
        assert part is not None
        assert sum(1 for _ in read_texts("corpus:beep")) == part.rows


@needs_corpora
def test_every_row_of_the_largest_corpus_is_read() -> None:
    with corpus_of("nsmc"):
        assert sum(1 for _ in read_texts("corpus:nsmc")) == 688_425
