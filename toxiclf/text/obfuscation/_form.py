"""A piece of a text as views read it, with the origin of each character, and edits of such a piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Edit(NamedTuple):
    """Replaces the characters ``start`` to ``end`` (exclusive) of a form by ``text``; an empty ``text`` drops them.

    ``sure`` tells whether the edit is certain. A certain edit counts even if the word has no abusive stem, unless the
    edit builds on edits that are not certain.
    """

    start: int
    end: int
    text: str
    sure: bool = False


@dataclass(slots=True)
class Form:
    """A piece of a text as views read it, with the origin of each character.

    Attributes
    ----------
    text : the piece as it is read.
    starts, ends : for each character, the start and the end of the span in the whole text that it was read from.
    changed : for each character, a set of bits: those of the views that changed it.
    dropped : for each character, a set of bits: those of the views that dropped characters just before it.
    sure : for each character, whether its reading is certain, so that it counts without an abusive stem.
    """

    text: str
    starts: list[int]
    ends: list[int]
    changed: list[int]
    dropped: list[int]
    sure: list[bool]

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Form:
        """Return the piece ``text[start:end]`` as a form without any edits."""
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
        """Return the form with the edits applied; the same object if there are none.

        The edits must be in order of position and must not overlap. ``rule`` is the bit that marks the view of
        the edits; it is added to ``changed`` and ``dropped``.

        >>> Form.of("시1발", 0, 3).edited([Edit(1, 2, "")], 1).dropped
        [0, 1]
        """
        if not edits:
            return self
        texts: list[str] = []
        new = Form("", [], [], [], [], [])
        at = 0
        pending = 0  # bits of the views that dropped characters since the last kept one
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
        """Return the bits of the views that changed or dropped characters inside ``text[start:end]``."""
        rules = self.changed[start]
        for index in range(start + 1, end):
            rules |= self.changed[index] | self.dropped[index]
        return rules
