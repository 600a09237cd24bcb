"""Augmentation `repeat`: vowels drawn out, laughter, crying and signs repeated."""

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
    r"(?<![ㄱ-ㅣ])(?:[ㅋㅎㅠㅜ]|([ㄱ-ㅣ])\1)(?![ㄱ-ㅣ])"  # one that laughs or cries, and any two
    r"|(?<=[가-힣ㄱ-ㅣ])([!?~.^;])\2?(?![!?~.^;\w])"
)
_LONGEST = 3  # what Normalizer keeps of a run unless told otherwise
_MOST = 2


@register("augmenter", summary="Vowels drawn out, laughter and signs repeated", order=60)
class Repeat(Method):
    """Draws vowels out by silent syllables (시발 becomes 시이발) and repeats signs; the text's own characters all stay.

    Vowels are drawn out at the ends of words and inside abusive stems, elsewhere where there are none of these. No run grows
    longer than three characters, of which the normalizer keeps all.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Repeat(AugmentStep(method="repeat")).variant("제발 좀 나가!", np.random.default_rng(1))
    '제발 좀 나가아아!'
    """

    auto_rate = 0.1
    needs = "Hangul syllables without a final consonant, or signs to repeat"

    def variant(self, text: str, rng: Generator) -> str:
        """The text with something in it drawn out."""
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
    """Where a text can grow, by which character, and how many of it at most; None where it cannot."""
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
