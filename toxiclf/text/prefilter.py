"""A quick look at texts, which finds the few that a slower step may change."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_NAMES_LETTERS = re.compile(f"[{_LETTERS}{_FILLERS}-]*")
_KINDS = {  # bits of `pairs`, see _prefilter.c
    "nothing": 0b1,
    "spaces": 0b1011010,
    "signs": 0b100100,
    "spaces, alone": 0b1010000,
    "signs, alone": 0b100000,
    "fillers": 1 << 7,
}


class Pair(NamedTuple):
    """Two characters that follow each other in a text; a text without any such pair is left as it is.

    Attributes
    ----------
    before, after : the characters, as in brackets of a regular expression but without escapes: "ㄱ-ㅎa", "^가-힣" for all
        others, "" for any.
    between : what is between them. "spaces" may include signs; "signs" may not include spaces. A sign is what is neither a
        space nor Hangul, a Latin letter or a digit. With "alone", such a gap is in front of ``before``, too.
        "fillers" are one to four digits, Latin letters or single jamo.
    """

    before: str
    after: str
    between: Literal["nothing", "spaces", "signs", "spaces, alone", "signs, alone", "fillers"] = "nothing"


@dataclass(frozen=True, slots=True, eq=False)
class Prefilter:
    """Finds texts with one of the given pairs, a run above ``longest_run``, or more than ``longest_text`` characters.

    Pairs come in groups, one for each step that may change a text. Texts are read as if a space were at either end.

    Attributes
    ----------
    classes : uint16 (0x20000,), the class of each code point.
    gaps : uint8 (k,), for each class 0 if it holds letters, 1 for spaces, 2 for signs, 4 for letters that may be fillers.
    pairs : uint8 (k, k), for each pair of classes a bit for each kind of gap between (``_prefilter.c``).
    groups : uint64 (k, k), for each of these kinds of gap a byte with the groups that name the pair, as bits.
    longest_run, longest_text : texts with a longer run, or with more characters, are suspects for every group.
    """

    classes: NDArray[np.uint16]
    gaps: NDArray[np.uint8]
    pairs: NDArray[np.uint8]
    groups: NDArray[np.uint64]
    longest_run: int
    longest_text: int

    @classmethod
    def of(cls, *groups: Sequence[Pair], longest_run: int = _MOST, longest_text: int = _MOST) -> Prefilter:
        """Make the tables for groups of pairs; from the eighth on, groups share a bit.

        Raises
        ------
        ValueError : a pair with a gap names a character that is neither Hangul nor a digit or Latin letter.
        """
        pairs = [pair for group in groups for pair in group]
        for pair in pairs:
            if pair.between != "nothing" and not _NAMES_LETTERS.fullmatch(pair.before + pair.after):
                raise ValueError(f"{pair} names a sign; with a gap between, only letters and digits can be told")
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
        table, groups_of = (np.zeros((len(numbers), len(numbers)), dtype=dtype) for dtype in (np.uint8, np.uint64))
        gaps[has[_LETTERS]] = 0
        for place, group in enumerate(groups):
            for before, after, between in group:
                at = has[before][:, None], has[after]
                table[at] |= _KINDS[between]
                groups_of[at] |= sum(1 << 8 * kind for kind in range(8) if _KINDS[between] >> kind & 1) << min(place, 7)
        gaps[has[_FILLERS]] = 4
        gaps[has[" "]] = 1
        spread = np.repeat(np.array(classes, dtype=np.uint16), np.diff([*begins, _CODES]))
        return cls(spread, gaps, table, groups_of, min(longest_run, _MOST), min(longest_text, _MOST))

    def suspects(self, texts: Sequence[str]) -> dict[int, int]:
        """Return the indices of the texts that a step may change, each with the groups of its pairs as bits."""
        if not IS_COMPILED:
            return dict.fromkeys(range(len(texts)), -1)
        found = _prefilter.suspects(
            list(texts), self.classes, self.gaps, self.pairs, self.groups, self.longest_run, self.longest_text
        )
        return {at: groups for at, groups in enumerate(found) if groups}


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
