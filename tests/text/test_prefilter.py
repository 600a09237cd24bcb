"""Prefilters, which may call a text suspect that is not, but never the other way round."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from toxiclf.datasets.comments import Comments
from toxiclf.text import obfuscation, prefilter
from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import expanded, read_words
from toxiclf.text.prefilter import IS_COMPILED, Pair, Prefilter
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.stems import stems

needs_compiled = pytest.mark.skipif(not IS_COMPILED, reason="the prefilter was not compiled")
VIEWS = ("homoglyphs", "lookalikes", "separators", "keyboard", "jamo", "stretched", "yamin")
LETTERS = "".join(sorted({letter for stem in stems() for letter in stem}))
PIECES = st.one_of(
    st.sampled_from(sorted(stems())),
    st.sampled_from(LETTERS),
    st.sampled_from("아어오우으이애에ㅏㅣㅅㅂㄹㅋㅠ1788lLOo0cTbval@$!^/\\.·*~_-  \n,ㆍ※ѕеx𝒃가힣é😀\u200b\ud800&;공일"),
    st.characters(),
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
NORMALIZERS = st.builds(Normalizer, st.integers(1, 4), st.sampled_from([5, 30, 2000]), st.booleans(), st.booleans())


def without_it(function: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefilter, "IS_COMPILED", False)
        return function()


@needs_compiled
@settings(max_examples=cases(50), deadline=None)
@given(NORMALIZERS, st.lists(TEXTS, max_size=4))
def test_texts_are_normalized_as_without_it(normalizer: Normalizer, texts: list[str]) -> None:
    normalized, truncated = normalizer.batch(texts)
    wanted, cut = without_it(lambda: normalizer.batch(texts))
    assert normalized == wanted
    assert truncated.tolist() == cut.tolist()
    assert normalizer.batch(normalized)[0] == normalized


@needs_compiled
@settings(max_examples=cases(50), deadline=None)
@given(TEXTS, st.booleans(), st.sets(st.sampled_from(VIEWS), min_size=1))
def test_disguised_words_are_read_as_without_it(text: str, is_normalized: bool, views: set[str]) -> None:
    text = Normalizer()(text) if is_normalized else text
    chosen = obfuscation._chosen(tuple(views))
    assert chosen.prefilter is not None
    groups = chosen.prefilter.suspects([text]).get(0, 0)
    assert obfuscation._suspects(text, chosen, groups) == obfuscation._suspects(text, chosen)


@needs_compiled
def test_real_comments_are_preprocessed_as_without_it(sample: Comments) -> None:
    written = Path(__file__).with_name("obfuscation_pairs.tsv").read_text("utf-8")
    texts = [*sample.texts, *re.split(r"[\t\n]", written), *stems(), "전화 010-1234-5678", "가&lt;나"]
    preprocessor = Preprocessor(Normalizer(mask_personal=True), VIEWS)
    assert preprocessor.batch(texts)[0] == without_it(lambda: preprocessor.batch(texts)[0])
    chosen = obfuscation._chosen(VIEWS)
    assert chosen.prefilter is not None
    assert len(chosen.prefilter.suspects(sample.texts)) < len(sample) / 4


@needs_compiled
@pytest.mark.parametrize(
    ("pair", "held", "not_held"),
    [
        (Pair("가", "나"), ["가나", "다가나"], ["가", "나가", "가 나", "가.나", ""]),
        (Pair("가-나", "^가-힣"), ["나a", "가 나", "나"], ["a가나다", ""]),
        (Pair("", "@"), ["@", "a@"], ["a", ""]),
        (Pair("가", "나", "spaces"), ["가 나", "가 . 나", "라가  나"], ["가나", "가.나", "나 가"]),
        (Pair("가", "나", "signs"), ["가.나", "가!?나", "가\n나"], ["가나", "가 나", "가 .나"]),
        (Pair("가", "나", "spaces, alone"), ["가 나", ".가 나", "다 가 나"], ["다가 나", "가나", "가.나"]),
        (
            Pair("가", "나", "fillers"),
            ["가1나", "다가ㅋab2나"],
            ["가나", "가 1나", "1나", "가.1나", "가1다나", "나1가"],
        ),
        (Pair("ㅅ", "ㅂ", "fillers"), ["ㅅ1ㅂ", "ㅅㅅㅂ", "ㅅㅋㅋ12ㅂ"], ["ㅅㅂ", "ㅅ 1ㅂ", "ㅅ가ㅂ", "ㅅㅋㅋ123ㅂ"]),
        (Pair("가", "나", "signs, alone"), ["다.가.나", " 가.나"], ["다가.나", "가나", "가 나"]),
    ],
)
def test_a_pair_is_what_it_says(pair: Pair, held: list[str], not_held: list[str]) -> None:
    assert Prefilter.of([pair]).suspects(held + not_held) == dict.fromkeys(range(len(held)), 1)


@needs_compiled
def test_runs_and_lengths_are_suspect() -> None:
    limits = Prefilter.of(longest_run=2, longest_text=5)
    assert limits.suspects(["가가", "가가가", "가나다라마", "가나다라마바", "!!!"]) == dict.fromkeys([1, 3, 4], 255)
    assert Prefilter.of(longest_run=10**30, longest_text=10**30).suspects(["가" * 9]) == {}


def test_a_gap_cannot_follow_a_sign() -> None:
    """Else the pairs of one view would hide those of another."""
    with pytest.raises(ValueError, match="names a sign"):
        Prefilter.of([Pair("가", "나", "signs")], [Pair(".", "다", "spaces")])


@needs_compiled
def test_groups_of_pairs_are_told_apart() -> None:
    groups = [
        [Pair("가", "나"), Pair("나", "다")],
        [Pair("나", "다", "spaces")],
        *([Pair("라", letter)] for letter in "마" * 40),
    ]
    found = Prefilter.of(*groups).suspects(["가나다", "나 다", "가나 다", "라마", "다"])
    assert found == {0: 1, 1: 2, 2: 3, 3: 252}


def test_a_view_that_names_no_pairs_sees_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from toxiclf.text.obfuscation.jamo import Jamo

    monkeypatch.setattr(Jamo, "pairs", lambda view: None)
    obfuscation._chosen.cache_clear()
    assert obfuscation._chosen(VIEWS).prefilter is None
    assert read_words(["안녕", "야 시1발아", "ㅅㅣ발"], VIEWS) == {1: "시발아", 2: "시발"}
    obfuscation._chosen.cache_clear()
    assert expanded("ㅅㅣ발", VIEWS) == "ㅅㅣ발 시발"


@needs_compiled
@pytest.mark.parametrize(
    "given_arguments",
    [
        ("text", bytes(2**18), b"\0", b"\0", bytes(8), 1, 1),
        ([1], bytes(2**18), b"\0", b"\0", bytes(8), 1, 1),
        ([], bytes(9), b"\0", b"\0", bytes(8), 1, 1),
        ([], bytes(2**18), b"", b"", b"", 1, 1),
        ([], bytes(2**18), b"\3", b"\0", bytes(8), 1, 1),
        ([], bytes(2**18), b"\0\0", b"\0", bytes(8), 1, 1),
        ([], bytes(2**18), b"\0", b"\0", bytes(4), 1, 1),
    ],
)
def test_what_does_not_fit_is_an_error(given_arguments: tuple[Any, ...]) -> None:
    from toxiclf.text import _prefilter

    with pytest.raises((TypeError, ValueError)):
        _prefilter.suspects(*given_arguments)
    assert _prefilter.suspects(["가"], np.full(2**17, 9, np.uint16), b"\0", b"\1", b"abcdefgh", 1, 1) == b"a"
