"""Cut texts to what an engine can process, and keep the positions of their characters.

Some engines take time and memory that grow with the square of a word's length, or double with each letter, and users
may type words of any length. Therefore, long runs of one character are shortened, long words are broken up, and long
texts are read in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONG, _LONG_WORD = (
    10_000,
    8,
)  # in texts longer than _LONG, words are split after _LONG_WORD characters; else junk may take an hour
STAND_IN = "�"
_SPACES = re.compile(r"(?! )[\s\x00-\x1f\x7f-\x9f]")
_LONE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of an engine's input; None for no limit.

    Attributes
    ----------
    run : longest run of one character; further repeats are dropped, and the last kept character's span covers them.
    word : longest word, in characters; a longer word is broken up. If this limit is set, it is 8 in texts of more than
        10,000 characters.
    letters : longest run of single jamo, if this must be shorter than ``word``; a longer run is broken up.
    text : longest text that is read at once, in characters; a longer text is read in pieces, which end at white space
        if possible.
    astral : whether the engine supports characters beyond U+FFFF; if not, it gets U+FFFD in their place.
    """

    run: int | None = None
    word: int | None = None
    letters: int | None = None
    text: int = 2000
    astral: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text for an engine, with its position in the whole text.

    Attributes
    ----------
    text : the piece as the engine gets it.
    source : the same piece with the unsupported characters that U+FFFD replaces in ``text``; as long as ``text``.
    offset : position of the piece in the whole text, used if ``at`` is None.
    at, ends : for each character of ``text``, its start and end in the whole text; None if ``offset`` alone gives them.
    """

    text: str
    source: str
    offset: int = 0
    at: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the whole text of ``text[start:end]``, which must not be empty."""
        if self.at is None or self.ends is None:
            return start + self.offset, end + self.offset
        return self.at[start], self.ends[end - 1]

    def restored(self, tokens: Sequence[str]) -> Sequence[str]:
        """Put the unsupported characters back into the engine's tokens, unless the engine left some of them out."""
        if self.text == self.source:
            return tokens
        hidden = [known for read, known in zip(self.text, self.source, strict=True) if read == STAND_IN]
        if sum(token.count(STAND_IN) for token in tokens) != len(hidden):
            return tokens  # the engine left some out, and it is not known which
        back = iter(hidden)
        return ["".join(next(back) if c == STAND_IN else c for c in token) for token in tokens]


class Cutter:
    """Cuts texts into pieces within the bounds of an engine."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._wild = _wild(bounds, bounds.word)
        self._wild_if_long = _wild(bounds, bounds.word and _LONG_WORD)

    def pieces(self, text: str) -> list[Piece]:
        """Return the pieces of a text, in order; an empty list for a blank text."""
        text = _LONE.sub(STAND_IN, _SPACES.sub(" ", text))
        if not text or text.isspace():
            return []
        read = text if self.bounds.astral else _ASTRAL.sub(STAND_IN, text)
        long = len(text) > _LONG
        wild = (self._wild_if_long if long else self._wild).search(text) is not None
        if not wild and len(text) <= self.bounds.text:
            return [Piece(read, text)]
        at = list(range(len(text)))
        ends = [i + 1 for i in at]
        if wild:
            indices, ends = self._shortened(read)
            at, ends = self._broken(
                read, indices, ends, _LONG_WORD if long and self.bounds.word else self.bounds.word or len(text)
            )
        source = "".join(text[i] if i >= 0 else " " for i in at)
        read = "".join(read[i] if i >= 0 else " " for i in at)
        return [
            Piece(read[a:b], source[a:b], 0, [max(0, i) for i in at[a:b]], ends[a:b])
            for a, b in self._ranges(read)
            if not read[a:b].isspace()
        ]

    def _shortened(self, text: str) -> tuple[list[int], list[int]]:
        """Shorten runs of one character.

        Return two lists: the index of each kept character, and the end of the characters that it stands for.
        """
        longest = self.bounds.run or len(text)
        indices: list[int] = []
        ends: list[int] = []
        run = 0
        for i, character in enumerate(text):
            run = run + 1 if i and text[i - 1] == character else 1
            if run <= longest or character == " ":
                indices.append(i)
                ends.append(i + 1)
            else:
                ends[-1] = i + 1
        return indices, ends

    def _broken(self, text: str, indices: Sequence[int], ends: Sequence[int], word: int) -> tuple[list[int], list[int]]:
        """Break up words of more than ``word`` characters, and long runs of jamo, by added spaces.

        Return new versions of ``indices`` and ``ends``, in which each added space has the entries -1 and 0.
        """
        letters = self.bounds.letters or len(text)
        at: list[int] = []
        stops: list[int] = []
        length = jamo = 0
        for i, end in zip(indices, ends, strict=True):
            is_jamo = "ㄱ" <= text[i] <= "ㅣ"
            length, jamo = (0, 0) if text[i] == " " else (length + 1, jamo + 1 if is_jamo else 0)
            if length > word or jamo > letters:
                at.append(-1)
                stops.append(0)
                length, jamo = 1, int(is_jamo)
            at.append(i)
            stops.append(end)
        return at, stops

    def _ranges(self, text: str) -> Iterator[tuple[int, int]]:
        begin = 0
        while begin < len(text):
            end = min(len(text), begin + self.bounds.text)
            if end < len(text):
                space = text.rfind(" ", begin + 1, end)
                end = space if space > 0 else end
            yield begin, end
            begin = end


def _wild(bounds: Bounds, word: int | None) -> re.Pattern[str]:
    """Return a pattern for runs beyond ``bounds`` and for words of more than ``word`` characters (None: no limit)."""
    kinds = []
    if bounds.run:
        kinds.append(rf"(\S)\1{{{bounds.run},}}")
    if bounds.letters:
        kinds.append(rf"[ㄱ-ㅣ]{{{bounds.letters + 1},}}")
    if word:
        kinds.append(rf"\S{{{word + 1},}}")
    return re.compile("|".join(kinds) or "(?!)")
