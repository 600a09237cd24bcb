"""A quick look at texts, which finds the few that a slower step may change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import xor
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toxiclf._compiled import compiled

_prefilter = compiled("toxiclf.text._prefilter")
IS_COMPILED = _prefilter is not None
"""Whether ``_prefilter.c`` looks at texts; else every text takes the slower step."""

_CODES = 0x20000  # code points that are told apart; all above count as the last one
_MOST = 2**31 - 1
_RANGE = re.compile("(.)-(.)|(.)", re.DOTALL)
_LETTERS, _FILLERS = "가-힣", "0-9A-Za-zㄱ-ㅣ"
_KINDS = {
    "": 0b1,
    " ": 0b1011010,
    ".": 0b100100,
    "  ": 0b1010000,
    "..": 0b100000,
    "1": 1 << 7,
}  # bits of `pairs`, see _prefilter.c


class Pair(NamedTuple):
    """Two characters that follow each other in a text; a text without any such pair is left as it is.

    Attributes
    ----------
    before, after : the characters, as in brackets of a regular expression but without escapes: "ㄱ-ㅎa", "^가-힣" for all
        others, "" for any.
    between : what is between them: "" nothing, " " spaces or spaces and signs, "." signs only. A sign is what is neither
        a space nor a letter, digit or character of any pair. With "  " and "..", ``before`` is alone after such a gap, too.
        "1" is one to four digits, Latin letters or single jamo.
    """

    before: str
    after: str
    between: Literal["", " ", ".", "  ", "..", "1"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class Prefilter:
    """Tells which texts hold one of some pairs of characters, a longer run of one character, or more characters.

    Texts are read as if there were a space at either end.

    Attributes
    ----------
    classes : uint16 (0x20000,), the class of each code point.
    gaps : uint8 (k,), for each class 0 if it holds letters, 1 for spaces, 2 for signs, 4 for letters "1".
    pairs : uint8 (k, k), for each pair of classes a bit for each kind of gap between (``_prefilter.c``).
    longest_run, longest_text : texts with a longer run, or with more characters, are suspects, too.
    """

    classes: NDArray[np.uint16]
    gaps: NDArray[np.uint8]
    pairs: NDArray[np.uint8]
    longest_run: int
    longest_text: int

    @classmethod
    def of(cls, pairs: Iterable[Pair], *, longest_run: int = _MOST, longest_text: int = _MOST) -> Prefilter:
        """Make the tables for pairs."""
        pairs = list(pairs)
        names = list(
            dict.fromkeys(
                [" ", _LETTERS, _FILLERS, *(one for pair in pairs for one in (pair.before, pair.after) if one)]
            )
        )
        changes: dict[int, int] = {0: 0}  # by code point, the names (as bits) that begin or end there
        for bit, name in enumerate(names):
            for end in _ends(name):
                changes[end] = changes.get(end, 0) ^ 1 << bit
        begins = sorted(code for code in changes if code < _CODES)
        numbers: dict[int, int] = {}  # of classes, by the names that hold their characters
        classes = [
            numbers.setdefault(bits, len(numbers)) for bits in accumulate((changes[code] for code in begins), xor)
        ]
        held: list[list[int]] = [[] for _ in names]  # the classes that each name holds
        for bits, number in numbers.items():
            while bits:
                held[bits.bit_length() - 1].append(number)
                bits ^= 1 << bits.bit_length() - 1
        has = {"": np.arange(len(numbers))} | {
            name: np.array(of_name, dtype=np.intp) for name, of_name in zip(names, held, strict=True)
        }
        gaps = np.full(len(numbers), 2, dtype=np.uint8)
        table = np.zeros((len(numbers), len(numbers)), dtype=np.uint8)
        gaps[has[_LETTERS]] = 0
        for before, after, between in pairs:
            table[has[before][:, None], has[after]] |= _KINDS[between]
            for name in (before, after) if between else ():
                gaps[has[name] if name else []] = 0
        gaps[has[_FILLERS]] = 4
        gaps[has[" "]] = 1
        spread = np.repeat(np.array(classes, dtype=np.uint16), np.diff([*begins, _CODES]))
        return cls(spread, gaps, table, min(longest_run, _MOST), min(longest_text, _MOST))

    def suspects(self, texts: Sequence[str]) -> list[int]:
        """Return the indices of the texts that the slower step may change."""
        if not IS_COMPILED:
            return list(range(len(texts)))
        flags = _prefilter.suspects(
            list(texts), self.classes, self.gaps, self.pairs, self.longest_run, self.longest_text
        )
        return [at for at, flag in enumerate(flags) if flag] if any(flags) else []


def _ends(name: str) -> list[int]:
    """Return where ranges of code points begin and end in turn, for characters in brackets."""
    ranges = _RANGE.findall(name.removeprefix("^"))
    ends: list[int] = []
    for begin, end in sorted((ord(first or one), ord(last or one) + 1) for first, last, one in ranges):
        if ends and begin <= ends[-1]:
            ends[-1] = max(end, ends[-1])
        else:
            ends += [begin, end]
    return [0, *ends] if name.startswith("^") else ends
