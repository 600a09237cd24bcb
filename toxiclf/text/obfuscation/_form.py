"""A piece of a text as it may be read, with where each of its characters came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Edit(NamedTuple):
    """``text[start:end]`` of a form is read as ``text``, which may be empty.

    ``sure``: the way it is written is evidence enough, if nothing before was in doubt; else the word read must hold a stem.
    """

    start: int
    end: int
    text: str
    sure: bool = False


@dataclass(slots=True)
class Form:
    """A piece of a text in one reading.

    Attributes
    ----------
    text : how the piece is read.
    starts, ends : for each character, the span of the whole text that it was read from.
    changed : for each character, the set of rules that read it otherwise, as bits.
    dropped : for each character, the rules that dropped something just before it, as bits.
    sure : for each character, whether the reading needs no further evidence.
    """

    text: str
    starts: list[int]
    ends: list[int]
    changed: list[int]
    dropped: list[int]
    sure: list[bool]

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Form:
        """The piece ``text[start:end]`` as it stands."""
        size = end - start
        return cls(
            text[start:end],
            list(range(start, end)),
            list(range(start + 1, end + 1)),
            [0] * size,
            [0] * size,
            [False] * size,
        )

    def edited(self, edits: Sequence[Edit], rule: int) -> Form:
        """The form with edits, given in order of position and apart from each other; itself where there are none.

        >>> Form.of("시1발", 0, 3).edited([Edit(1, 2, "")], 1).dropped
        [0, 1]
        """
        if not edits:
            return self
        texts: list[str] = []
        new = Form("", [], [], [], [], [])
        at = 0
        pending = 0  # rules of what was dropped since the last character kept
        for edit in edits:
            self._copy(at, edit.start, pending, new)
            texts.append(self.text[at : edit.start])
            pending = 0 if at < edit.start else pending
            before = rule | pending
            if edit.text:
                inside = rule
                sure = edit.sure
                for index in range(edit.start, edit.end):
                    earlier = self.changed[index] | (self.dropped[index] if index > edit.start else 0)
                    inside |= earlier
                    sure = sure and (self.sure[index] or not earlier)
                size = len(edit.text)
                texts.append(edit.text)
                new.starts += [self.starts[edit.start]] * size
                new.ends += [self.ends[edit.end - 1]] * size
                new.changed += [inside] * size
                new.dropped += [pending | self.dropped[edit.start], *[0] * (size - 1)]
                new.sure += [sure] * size
                pending = 0
            else:
                for index in range(edit.start, edit.end):
                    before |= self.changed[index] | self.dropped[index]
                pending = before
            at = edit.end
        self._copy(at, len(self.text), pending, new)
        texts.append(self.text[at:])
        new.text = "".join(texts)
        return new

    def _copy(self, start: int, end: int, pending: int, into: Form) -> None:
        if start == end:
            return
        into.starts += self.starts[start:end]
        into.ends += self.ends[start:end]
        into.changed += self.changed[start:end]
        into.dropped.append(self.dropped[start] | pending)
        into.dropped += self.dropped[start + 1 : end]
        into.sure += self.sure[start:end]

    def rules_in(self, start: int, end: int) -> int:
        """Rules that changed something in ``text[start:end]`` or dropped something inside it, as bits."""
        rules = self.changed[start]
        for index in range(start + 1, end):
            rules |= self.changed[index] | self.dropped[index]
        return rules
