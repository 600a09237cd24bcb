"""Syllables and jamo, with Python's own Unicode tables as the judge."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from toxiclf.text.hangul import (
    CONJOINING_TO_COMPATIBILITY,
    FIRST_SYLLABLE,
    LAST_SYLLABLE,
    codes_of,
    compose,
    composed_pieces,
    decompose,
    decompose_codes,
    parts,
    recompose,
    respells,
    syllable,
)

SYLLABLES = [chr(code) for code in range(FIRST_SYLLABLE, LAST_SYLLABLE + 1)]


def test_every_syllable_decomposes_as_in_the_unicode_standard() -> None:
    wanted = [unicodedata.normalize("NFD", syllable).translate(CONJOINING_TO_COMPATIBILITY) for syllable in SYLLABLES]
    assert [decompose(syllable) for syllable in SYLLABLES] == wanted
    assert len(set(wanted)) == len(SYLLABLES)  # none is lost


@settings(deadline=None, max_examples=cases(60))
@given(st.text())
def test_decomposing_leaves_all_but_syllables_alone(text: str) -> None:
    jamo = {
        c: unicodedata.normalize("NFD", c).translate(CONJOINING_TO_COMPATIBILITY)
        for c in text
        if FIRST_SYLLABLE <= ord(c) <= LAST_SYLLABLE
    }
    assert decompose(text) == "".join(jamo.get(c, c) for c in text)


@settings(deadline=None, max_examples=cases(60))
@given(st.text(st.sampled_from("가각힣갛 a😀ㄱ\ud7a4\uabff")))
def test_jamo_are_found_at_the_starts_of_their_syllables(text: str) -> None:
    jamo, starts = decompose_codes(codes_of(text))
    assert len(starts) == len(text) + 1
    assert starts[-1] == len(jamo)
    whole = jamo.astype("<u4").tobytes().decode("utf-32-le")
    assert [whole[a:b] for a, b in pairwise(starts)] == [decompose(c) for c in text]


def test_no_text_has_no_jamo() -> None:
    jamo, starts = decompose_codes(np.zeros(0, np.uint32))
    assert len(jamo) == 0
    assert starts.tolist() == [0]
    assert decompose("") == ""


ALL_SYLLABLES = st.text(st.characters(min_codepoint=FIRST_SYLLABLE, max_codepoint=LAST_SYLLABLE))


@settings(deadline=None, max_examples=cases(60))
@given(ALL_SYLLABLES)
def test_composing_what_was_decomposed_gives_the_syllables_back(text: str) -> None:
    assert compose(decompose(text)) == text
    assert compose(text) == text


def test_every_syllable_has_its_parts() -> None:
    assert [syllable(*parts(one)) for one in SYLLABLES] == SYLLABLES
    assert ["".join(parts(one)) for one in SYLLABLES] == [decompose(one) for one in SYLLABLES]


@settings(deadline=None, max_examples=cases(500))
@given(
    st.text(
        st.one_of(
            st.sampled_from("ㄱㄳㄸㅎㅏㅘㅣㅋ가각갛고힣까 a1.😀\u3130\u3164\u1100\u1161\uabff\ud7a4"),
            st.characters(min_codepoint=FIRST_SYLLABLE, max_codepoint=LAST_SYLLABLE),
            st.characters(min_codepoint=0x3130, max_codepoint=0x3165),
            st.characters(exclude_categories=("Cs",)),
        ),
        max_size=8,
    )
)
def test_a_text_respells_where_its_jamo_spell_another(text: str) -> None:
    assert respells(text) == (recompose(decompose(text)) != text)


def test_every_two_of_a_syllable_and_a_letter_that_respell_are_known() -> None:
    letters = [chr(code) for code in range(0x3131, 0x3164)]
    pairs = [a + b for one in ("가", "각", "갃", "힣") for other in letters for a, b in ((one, other), (other, one))]
    pairs += [a + b for a in letters for b in letters]
    wanted = [recompose(decompose(pair)) != pair for pair in pairs]
    assert [respells(pair) for pair in pairs] == wanted
    assert 0 < sum(wanted) < len(wanted)


@settings(deadline=None, max_examples=cases(60))
@given(st.text(st.sampled_from("ㄱㄲㄳㄸㄹㅁㅂㅅㅄㅏㅗㅘㅣㅡㅢ가각 a😀\ud800")))
def test_composed_pieces_cover_the_text_in_order(text: str) -> None:
    pieces = composed_pieces(text)
    assert [start for start, _, _ in pieces] == [0, *(end for _, end, _ in pieces)][:-1]
    assert (pieces[-1][1] if pieces else 0) == len(text)
    assert all(text[start:end] == piece for start, end, piece in pieces if end == start + 1)
    assert compose(compose(text)) == compose(text)


@pytest.mark.parametrize(
    ("jamo", "wanted"),
    [
        ("ㅅㅣㅂㅏㄹ", "시발"),
        ("ㄱㅗㅏㄴ", "관"),
        ("ㅇㅡㅣㅅㅏ", "의사"),
        ("ㅈㅜㅣ", "쥐"),
        ("ㅇㅝㄹ", "월"),
        ("ㅇㅜㅔㄴ", "웬"),
        ("ㅇㅓㅂㅅㄷㅏ", "없다"),
        ("ㅇㅓㅂㅅㅏ", "업사"),
        ("ㅇㅓㅄㅏ", "없ㅏ"),
        ("ㄱㅏㄳㅏ", "갃ㅏ"),
        ("ㄸㅏㄸ", "따ㄸ"),
        ("ㄲㅗㄲ", "꼮"),
        ("ㅇㅣㅆㄷㅏ", "있다"),
        ("ㅋㅋㅋ", "ㅋㅋㅋ"),
        ("ㅠㅠㄱ", "ㅠㅠㄱ"),
        ("ㄳㅏ", "ㄳㅏ"),
        ("시ㅂㅏㄹ", "시발"),
        ("ㅗㅏ", "ㅗㅏ"),
        ("ㅎㅗㅏㅣ", "화ㅣ"),
        ("", ""),
    ],
)
def test_jamo_are_composed_as_a_keyboard_would(jamo: str, wanted: str) -> None:
    assert compose(jamo) == wanted
