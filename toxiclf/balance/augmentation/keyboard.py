"""Augmentation `keyboard`: makes typing errors as on the Korean two-set keyboard."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method
from toxiclf.balance.augmentation._strokes import BESIDE, UNSHIFTED, strokes
from toxiclf.text.hangul import SHIFTED, compose

_RUN = re.compile("[가-힣]+")
_SLIPS = ("beside", "swapped", "left out", "doubled", "shift")


@register("augmenter", summary="Typing errors on the Korean two-set keyboard", order=30)
class Keyboard(Method):
    """Makes typing errors in a share of the syllables, one error per syllable.

    The errors are a neighboring key, two keystrokes swapped, a keystroke left out or doubled, and shift forgotten or
    held. The keystrokes are then composed into syllables as an input method does.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Keyboard(AugmentStep(method="keyboard")).variant("안녕하세요", np.random.default_rng(8))
    '안녕하ㅔㅅ요'
    """

    auto_rate = 0.1
    needs = "Hangul syllables"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with typing errors."""
        runs = [match.span() for match in _RUN.finditer(text)]
        places = [(start, end, at) for start, end in runs for at in range(start, end)]
        if not places:
            return text
        slips: dict[tuple[int, int], list[int]] = {}
        for chosen in self.some(len(places), rng):
            start, end, at = places[chosen]
            slips.setdefault((start, end), []).append(at - start)
        pieces, end = [], 0
        for (start, stop), syllables in slips.items():
            pieces += [text[end:start], _typed(text[start:stop], syllables, rng)]
            end = stop
        return "".join(pieces) + text[end:]


def _typed(run: str, mistyped: list[int], rng: Generator) -> str:
    """Return a run of syllables with a typing error in each syllable whose index is in ``mistyped``."""
    typed = [list(strokes(character)) for character in run]
    for at in mistyped:
        keys = typed[at]
        stroke = int(rng.integers(len(keys)))
        key = keys[stroke]
        slip = _SLIPS[rng.integers(len(_SLIPS))]
        other = SHIFTED.get(key) or UNSHIFTED.get(key)
        if slip == "shift" and other:
            keys[stroke] = other
        elif slip == "swapped":
            stroke = min(stroke, len(keys) - 2)
            keys[stroke], keys[stroke + 1] = keys[stroke + 1], keys[stroke]
        elif slip == "left out":
            del keys[stroke]
        elif slip == "doubled":
            keys.insert(stroke, key)
        else:
            keys[stroke] = BESIDE[key][rng.integers(len(BESIDE[key]))]
    return compose("".join(letter for keys in typed for letter in keys))
