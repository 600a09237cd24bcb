"""Syllables and jamo, with Python's own Unicode tables as the judge."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from toxiclf.text.hangul import (
    CONJOINING_TO_COMPATIBILITY,
    FIRST_SYLLABLE,
    LAST_SYLLABLE,
    codes_of,
    decompose,
    decompose_codes,
)

SYLLABLES = [chr(code) for code in range(FIRST_SYLLABLE, LAST_SYLLABLE + 1)]


def test_every_syllable_decomposes_as_in_the_unicode_standard() -> None:
    wanted = [unicodedata.normalize("NFD", syllable).translate(CONJOINING_TO_COMPATIBILITY) for syllable in SYLLABLES]
    assert [decompose(syllable) for syllable in SYLLABLES] == wanted
    assert len(set(wanted)) == len(SYLLABLES)  # none is lost


@settings(deadline=None)
@given(st.text())
def test_decomposing_leaves_all_but_syllables_alone(text: str) -> None:
    jamo = {
        c: unicodedata.normalize("NFD", c).translate(CONJOINING_TO_COMPATIBILITY)
        for c in text
        if FIRST_SYLLABLE <= ord(c) <= LAST_SYLLABLE
    }
    assert decompose(text) == "".join(jamo.get(c, c) for c in text)


@settings(deadline=None)
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
