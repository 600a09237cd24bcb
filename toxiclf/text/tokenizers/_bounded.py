"""Cut texts to what an engine can process, and keep the positions of their characters.

Engines that build a table of all readings of a word take time and memory that grow with the square of its length, or double
with each letter; what looks like a word may be any rubbish. So long runs of one character are cut short, long words are broken,
and long texts are read in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONG, _LONG_WORD = 10_000, 8  # in a text beyond so many characters, words of so many: nobody waits an hour for rubbish
STAND_IN = "�"
_SPACES = re.compile(r"(?! )[\s\x00-\x1f\x7f-\x9f]")
_LONE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of an engine's input.

    Attributes
    ----------
    run : longest run of one character; what is beyond counts to its last character.
    word : longest word, in characters; a longer one is read as several. In texts of more than 10,000 characters, 8 if at all.
    letters : longest run of single jamo, where it is shorter.
    text : longest text that is read at once; a longer one is read in pieces that end at white space where they can.
    astral : whether the engine knows characters beyond U+FFFF; they are read as U+FFFD else.
    """

    run: int | None = None
    word: int | None = None
    letters: int | None = None
    text: int = 2000
    astral: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text for an engine, with its position in the whole text.

    Attributes
    ----------
    text : for the engine.
    source : the same with the characters that the engine does not know; as long as ``text``.
    at, ends : span of each character in the whole text; None where they stand one for one, ``offset`` on.
    """

    text: str
    source: str
    offset: int = 0
    at: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Span of the whole text behind ``text[start:end]``, which must not be empty."""
        if self.at is None or self.ends is None:
            return start + self.offset, end + self.offset
        return self.at[start], self.ends[end - 1]

    def restored(self, tokens: Sequence[str]) -> Sequence[str]:
        """The tokens with the characters that the engine did not know."""
        if self.text == self.source:
            return tokens
        hidden = [known for read, known in zip(self.text, self.source, strict=True) if read == STAND_IN]
        if sum(token.count(STAND_IN) for token in tokens) != len(hidden):
            return tokens  # it left some out, and nobody knows which
        back = iter(hidden)
        return ["".join(next(back) if c == STAND_IN else c for c in token) for token in tokens]


class Cutter:
    """Makes pieces within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._wild = _wild(bounds, bounds.word)
        self._wild_if_long = _wild(bounds, bounds.word and _LONG_WORD)

    def pieces(self, text: str) -> list[Piece]:
        """The pieces of a text, in order; none of a blank text."""
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
        """Runs cut short: which characters are kept, and where what each stands for ends."""
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
        """Words broken: -1 stands for a space that was put in."""
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
    """What finds something out of bounds, except the length of the text."""
    kinds = []
    if bounds.run:
        kinds.append(rf"(\S)\1{{{bounds.run},}}")
    if bounds.letters:
        kinds.append(rf"[ㄱ-ㅣ]{{{bounds.letters + 1},}}")
    if word:
        kinds.append(rf"\S{{{word + 1},}}")
    return re.compile("|".join(kinds) or "(?!)")
