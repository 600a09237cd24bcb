"""Augmentation `aeda`: inserts punctuation marks between words."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method

_MARKS = ".;?:!,"
_WORD = re.compile(r"\S+")


@register("augmenter", summary="Punctuation marks between words", order=20)
class Aeda(Method):
    """Inserts punctuation marks before words or at the end; no word changes or moves.

    The number of marks is random, from 1 to ``rate`` times the number of words.

    Source: Karimi, Rossi and Prati 2021, "AEDA: An Easier Data Augmentation Technique for Text Classification".

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Aeda(AugmentStep(method="aeda")).variant("오늘 날씨가 참 좋다", np.random.default_rng(5))
    '오늘 날씨가 참 ! 좋다'
    """

    auto_rate = 0.3
    needs = "words"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with added punctuation marks, at most one before each word and one at the end."""
        starts = [word.start() for word in _WORD.finditer(text)]
        if not starts:
            return text
        most = max(1, int(self.rate * len(starts)))
        places = rng.choice(len(starts) + 1, rng.integers(1, most, endpoint=True), replace=False, shuffle=False)
        pieces, end = [], 0
        for place in sorted(places.tolist()):
            mark = _MARKS[rng.integers(len(_MARKS))]
            at = starts[place] if place < len(starts) else len(text)
            pieces += [text[end:at], f"{mark} " if at < len(text) else f" {mark}"]
            end = at
        return "".join(pieces) + text[end:]
