"""Augmentation `jamo`: splits syllables into their jamo."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method
from toxiclf.text.hangul import decompose, recompose

_SYLLABLE = re.compile("[가-힣]")


@register("augmenter", summary="Syllables split into jamo", order=40)
class Jamo(Method):
    """Splits a share of the syllables into jamo; :func:`toxiclf.text.hangul.recompose` restores the text.

    A syllable stays whole if ``recompose`` would join its jamo with a jamo that follows in the text (아ㅋㅋ).

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Jamo(AugmentStep(method="jamo", rate=0.5)).variant("시발", np.random.default_rng(1))
    'ㅅㅣ발'
    """

    auto_rate = 0.2
    needs = "Hangul syllables"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with some syllables split into jamo."""
        places = [at for match in _SYLLABLE.finditer(text) if _parts_again(text, at := match.start())]
        if not places:
            return text
        characters = list(text)
        for place in self.some(len(places), rng):
            characters[places[place]] = decompose(characters[places[place]])
        return "".join(characters)


def _parts_again(text: str, at: int) -> bool:
    after = text[at + 1 : at + 2]
    if not "ㄱ" <= after <= "ㅣ":
        return True
    return recompose(decompose(text[at]) + after) == text[at] + after
