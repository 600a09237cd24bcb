"""Augmentation `repeat`: stretches vowels, and repeats laughter, crying and punctuation marks."""

from __future__ import annotations

import re
from itertools import takewhile

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method
from toxiclf.text.hangul import parts, syllable
from toxiclf.text.obfuscation import stem_pattern
from toxiclf.text.obfuscation.stretched import TAIL_OF

_TAILS = TAIL_OF | {"ㅚ": "ㅔ"}
_SYLLABLE = re.compile("[가-힣](?![ㄱ-ㅣ])")
_AT_ENDS = re.compile("[가-힣](?![가-힣ㄱ-ㅣ])")
_SIGNS = re.compile(
    r"(?<![ㄱ-ㅣ])(?:[ㅋㅎㅠㅜ]|([ㄱ-ㅣ])\1)(?![ㄱ-ㅣ])"  # one jamo of laughter or crying, or any jamo twice
    r"|(?<=[가-힣ㄱ-ㅣ])([!?~.^;])\2?(?![!?~.^;\w])"
)
_LONGEST = 3  # characters of a run that the normalizer keeps with its default settings
_MOST = 2  # characters inserted in one place


@register("augmenter", summary="Vowels stretched; laughter, crying and punctuation repeated", order=60)
class Repeat(Method):
    """Stretches vowels by extra syllables (시발 → 시이발) and repeats laughter, crying and punctuation.

    Vowels are stretched at the ends of words and inside abusive stems, or anywhere if the text has no such place. No
    character is removed. No character is repeated more than three times in a row, so that the normalizer with its
    default settings shortens nothing that this method inserted.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Repeat(AugmentStep(method="repeat")).variant("제발 좀 나가!", np.random.default_rng(1))
    '제발 좀 나가아아!'
    """

    auto_rate = 0.1
    needs = "Hangul syllables without a final consonant, laughter (ㅋ), crying (ㅠ) or punctuation"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with vowels stretched, or with laughter, crying or punctuation repeated, in some places."""
        ends = [match.end() for pattern in (_AT_ENDS, _SIGNS) for match in pattern.finditer(text)]
        stems = [
            at
            for match in stem_pattern().finditer(text)
            for at in range(match.start() + 1, match.end())
            if _SYLLABLE.match(text, at - 1)
        ]
        places = _growths(text, {*ends, *stems})
        if not places:
            places = _growths(text, {match.end() for match in _SYLLABLE.finditer(text)})
        if not places:
            return text
        pieces, end = [], 0
        for chosen in self.some(len(places), rng):
            at, what, most = places[chosen]
            pieces += [text[end:at], what * int(rng.integers(1, most, endpoint=True))]
            end = at
        return "".join(pieces) + text[end:]


def _growths(text: str, ends: set[int]) -> list[tuple[int, str, int]]:
    return [place for at in sorted(ends) if (place := _growth(text, at))]


def _growth(text: str, at: int) -> tuple[int, str, int] | None:
    """Return (``at``, the character to insert there, how often at most); None if nothing can be inserted there."""
    what = text[at - 1]
    if "가" <= what <= "힣":
        _, medial, final = parts(what)
        if final:
            return None
        what = syllable("ㅇ", _TAILS[medial])
    before = sum(1 for _ in takewhile(what.__eq__, reversed(text[max(0, at - _LONGEST) : at])))
    after = sum(1 for _ in takewhile(what.__eq__, text[at : at + _LONGEST]))
    most = min(_MOST, _LONGEST - before - after)
    return (at, what, most) if most > 0 else None
