"""Finds the words that make a comment toxic, so that augmentation keeps them."""

from __future__ import annotations

import re

from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import read_raw, stem_pattern

_BESIDE_STEMS = re.compile("[놈년좆씹ㅄ]|존나|졸라|ㅈㄴ|시바|게이|돼지|벌레|[가-힣]충(?:[이들]|$)")


def abusive_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of abusive words, intensifiers (존나) and disguised words (ㅅㅣ발); spans may overlap.

    >>> abusive_spans("이 시발 ㅅㅣ발 영화")
    [(2, 4), (5, 8)]
    """
    plain = [match.span() for pattern in (stem_pattern(), _BESIDE_STEMS) for match in pattern.finditer(text)]
    return plain + [(reading.start, reading.end) for reading in read_raw(text, Normalizer())]
