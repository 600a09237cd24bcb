"""Augmentation `obfuscate`: words written to be misread, as :mod:`toxiclf.text.obfuscation` reads them."""

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
_OFTEN = 4  # pairs of a table in which a syllable's double stands; what fewer have is of one word alone

_Way = Callable[[str, Generator], str]


@register("augmenter", summary="Words written so that filters misread them", order=70)
class Obfuscate(Method):
    """Writes words so that a filter misreads them: those with abusive stems first, then others, up to the rate's share.

    A word is split by signs (시.발) or by a filler (시1발), its jamo are set apart (ㅅㅣ발) or replaced by signs that look like
    them (ㅅl발), its syllables by others that do (yaminjeongeum: 댕청이), or it is typed in Latin letters (tlqkf); English words
    get Cyrillic letters.

    >>> import numpy as np
    >>> from toxiclf.recipe import AugmentStep
    >>> Obfuscate(AugmentStep(method="obfuscate")).variant("야 이 멍청이들아", np.random.default_rng(7))
    '야 이 멍.청.이들아'
    """

    auto_rate = 0.2
    needs = "words of two Hangul syllables or three Latin letters"

    def variant(self, text: str, rng: Generator) -> str:
        """The text with some words obfuscated."""
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
"""The last one for abusive words alone: others are not known by their strokes."""


def _with_one(word: str, written: Callable[[str], str], rng: Generator) -> str:
    """The word with one of its characters, of those that change, written otherwise."""
    changes = [(at, new) for at, old in enumerate(word) if (new := written(old)) != old]
    if not changes:
        return word
    at, new = changes[rng.integers(len(changes))]
    return word[:at] + new + word[at + 1 :]


@cache
def _doubles() -> dict[int, str]:
    """Translation table of syllables to those that look like them, from the words that the view `yamin` reads."""
    counts = Counter(
        (read, seen)
        for written, meant in yamin_words().items()
        if len(written) == len(meant)
        for seen, read in zip(written, meant, strict=True)
    )
    return {ord(read): seen for (read, seen), count in counts.items() if read != seen and count >= _OFTEN}
