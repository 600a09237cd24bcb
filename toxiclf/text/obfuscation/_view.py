"""The base class of views, which read disguised words."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.prefilter import Pair


class View(ABC):
    """Base class of views; each view reads words that are disguised in one way.

    If the :meth:`trigger` of a view matches a word, all views in use read this word in their registered order, each
    starting from the result of the view before. A reading counts if it contains an abusive stem or if its edits are
    certain (``Edit.sure``). A view has no state, so a process needs only one object of each class.

    Attributes
    ----------
    reads_syllables : whether the view also reads words that consist only of Hangul syllables; such views come last.
    """

    reads_syllables: ClassVar[bool] = False

    @abstractmethod
    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for places that the view may read; other texts take only the time of the search."""

    def edits(self, form: Form) -> list[Edit]:
        """Return the edits by which the view reads a form, in order of position and without overlap."""
        raise NotImplementedError("a view must define `edits` or `read`")

    def read(self, form: Form, bit: int) -> Form:
        """Return the form as the view reads it; the same object if the view reads nothing. ``bit`` marks its edits."""
        return form.edited(self.edits(form), bit)

    def is_plain(self, place: re.Match[str]) -> bool:
        """Return whether a match of the trigger is plain text after all, so that it need not be read."""
        return False

    def pairs(self) -> Iterable[Pair] | None:
        """Return pairs of characters; each text in which :meth:`trigger` or :meth:`spans` finds anything holds one.

        None if there are none; every text is then searched.
        """
        return None

    def spans(self, text: str, *, odd: bool) -> Iterable[tuple[int, int]]:
        """Return the spans of suspect words with white space inside, which no trigger matches.

        ``odd`` tells whether the text contains more than Hangul words with ordinary punctuation.
        """
        return ()

    def last_edits(self, form: Form) -> list[Edit]:
        """Return edits to try after every view has read the form; the form without these edits is tried too."""
        return []
