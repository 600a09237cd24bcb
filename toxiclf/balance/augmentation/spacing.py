"""Augmentation `spacing`: removes spaces between words, and inserts spaces inside words."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method

_MEETING = re.compile(r"(?<=\S) (?=\S)")
_INSIDE = re.compile("(?<=[가-힣])(?=[가-힣])")


@register("augmenter", summary="Spaces removed between words or inserted inside them", order=50)
class Spacing(Method):
    """Removes single spaces between words and inserts spaces between syllables; nothing else changes.

    The number of changes is ``rate`` times the number of single spaces between words. In a text without such spaces, it
    is ``rate`` times the number of places between syllables. On average half of the changes are removals.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Spacing(AugmentStep(method="spacing")).variant("오늘 날씨가 참 좋다", np.random.default_rng(5))
    '오늘날씨가 참 좋다'
    """

    auto_rate = 0.2
    needs = "two words, or two adjacent Hangul syllables"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with spaces removed and inserted."""
        meeting = [match.start() for match in _MEETING.finditer(text)]
        inside = [match.start() for match in _INSIDE.finditer(text)]
        if not (meeting or inside):
            return text
        wanted = self.how_many(len(meeting or inside))
        removed = min(len(meeting), max(wanted - len(inside), int(rng.binomial(wanted, 0.5))))
        inserted = min(len(inside), wanted - removed)
        characters = list(text)
        for place in rng.choice(meeting, removed, replace=False).tolist() if removed else ():
            characters[place] = ""
        for place in rng.choice(inside, inserted, replace=False).tolist() if inserted else ():
            characters[place] = " " + characters[place]
        return "".join(characters)
