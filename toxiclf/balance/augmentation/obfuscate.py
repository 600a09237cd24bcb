"""Augmentation `obfuscate`: disguises words in the ways that :mod:`toxiclf.text.obfuscation` can read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache

from toxiclf._registry import register
from toxiclf.balance.augmentation._method import Generator, Method
from toxiclf.balance.augmentation._strokes import LATIN, strokes
from toxiclf.text.hangul import decompose
from toxiclf.text.obfuscation import stem_pattern
from toxiclf.text.obfuscation.yamin import yamin_words

_WORD = re.compile(r"\S+")
_SYLLABLES = re.compile("[가-힣]{2,}")
_ENGLISH = re.compile(r"([A-Za-z]{3,})[.,!?~]*")
_SIGNS = ".*^~-_"
_FILLERS = "1234ㅡㅣ"
_ALIKE = {"ㅣ": "l1I|", "ㅏ": "rト", "ㅐ": "H", "ㅜ": "T"}
_CYRILLIC = dict(zip("aceiopsxyACEHKMOPTX", "асеіорѕхуАСЕНКМОРТХ", strict=True))
_OFTEN = 4  # least number of uses of a look-alike in the yamin table; rarer ones belong to a single word

_Way = Callable[[str, Generator], str]


@register("augmenter", summary="Words disguised so that filters misread them", order=70)
class Obfuscate(Method):
    """Disguises a share of the words so that filters misread them; abusive stems are chosen before other words.

    Each chosen word is disguised in one random way: a symbol between all syllables (시.발), a filler character (시1발),
    one syllable split into jamo (ㅅㅣ발), one vowel replaced by a similar character (ㅅl발), or syllables replaced by
    look-alikes (yaminjeongeum: 댕청이). Abusive stems may also be typed in Latin letters (tlqkf). In an English word, one
    letter is replaced by a Cyrillic letter that looks the same.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Obfuscate(AugmentStep(method="obfuscate")).variant("야 이 멍청이들아", np.random.default_rng(7))
    '야 이 멍.청.이들아'
    """

    auto_rate = 0.2
    needs = "words of at least two Hangul syllables or three Latin letters"

    def variant(self, text: str, rng: Generator) -> str:
        """Return the text with some words disguised."""
        stems: list[tuple[int, int]] = []
        others: list[tuple[int, int]] = []
        for word in _WORD.finditer(text):
            if stem := stem_pattern().search(text, *word.span()):
                stems.append(stem.span())
            elif plain := _SYLLABLES.search(text, *word.span()):
                others.append(plain.span())
            elif english := _ENGLISH.fullmatch(text, *word.span()):
                others.append(english.span(1))
        places = len(stems) + len(others)
        if not places:
            return text
        rng.shuffle(stems)
        rng.shuffle(others)
        pieces, end = [], 0
        for start, stop in sorted([*stems, *others][: self.how_many(places)]):
            abusive = (start, stop) in stems
            pieces += [text[end:start], _misread(text[start:stop], abusive, rng)]
            end = stop
        return "".join(pieces) + text[end:]


def _misread(word: str, abusive: bool, rng: Generator) -> str:
    ways = _WAYS if abusive else _WAYS[:-1]
    for number in rng.permutation(len(ways)):
        written = ways[int(number)](word, rng)
        if written != word:
            return written
    return word


def _separated(word: str, rng: Generator) -> str:
    return _SIGNS[rng.integers(len(_SIGNS))].join(word) if word > "ㄱ" else word


def _filled(word: str, rng: Generator) -> str:
    if word < "ㄱ" or len(word) < 2:
        return word
    at = int(rng.integers(1, len(word)))
    return word[:at] + _FILLERS[rng.integers(len(_FILLERS))] + word[at:]


def _apart(word: str, rng: Generator) -> str:
    return _with_one(word, lambda character: decompose(character), rng)


def _alike(word: str, rng: Generator) -> str:
    def drawn(character: str) -> str:
        jamo = decompose(character)
        signs = _ALIKE.get(jamo[1:2], "")
        return jamo[0] + signs[rng.integers(len(signs))] + jamo[2:] if signs else character

    return _with_one(word, drawn, rng)


def _yamin(word: str, rng: Generator) -> str:
    return word.translate(_doubles())


def _cyrillic(word: str, rng: Generator) -> str:
    return _with_one(word, lambda character: _CYRILLIC.get(character, character), rng)


def _typed(word: str, rng: Generator) -> str:
    return "".join(LATIN.get(stroke, stroke) for stroke in strokes(word))


_WAYS: tuple[_Way, ...] = (_separated, _filled, _apart, _alike, _yamin, _cyrillic, _typed)
"""Ways to disguise a word. The last one, Latin letters, is for abusive stems only: readers do not recognize other words
that are typed this way."""


def _with_one(word: str, written: Callable[[str], str], rng: Generator) -> str:
    """Apply ``written`` to one random character that it changes; return the word itself if it changes no character."""
    changes = [(at, new) for at, old in enumerate(word) if (new := written(old)) != old]
    if not changes:
        return word
    at, new = changes[rng.integers(len(changes))]
    return word[:at] + new + word[at + 1 :]


@cache
def _doubles() -> dict[int, str]:
    """Return the ``str.translate`` table from syllables to look-alikes, made from a list of yaminjeongeum words."""
    counts = Counter(
        (read, seen)
        for written, meant in yamin_words().items()
        if len(written) == len(meant)
        for seen, read in zip(written, meant, strict=True)
    )
    return {ord(read): seen for (read, seen), count in counts.items() if read != seen and count >= _OFTEN}
