"""The base class of views of disguised words."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from toxiclf.text.obfuscation._form import Edit, Form


class View(ABC):
    """One way to disguise words, and how to read such words.

    A word is read if the :meth:`trigger` of a view matches it. All chosen views then read it in their registered order, each the
    result of the view before. A reading counts if it holds an abusive stem, or if the edit is sure. A view has no state; a
    process needs one of each.

    Attributes
    ----------
    reads_syllables : whether it reads words of nothing but syllables; such views come after all others.
    """

    reads_syllables: ClassVar[bool] = False

    @abstractmethod
    def trigger(self) -> re.Pattern[str]:
        """Where a text may hold what the view reads; most texts have no such place, and cost no more than the search."""

    def edits(self, form: Form) -> list[Edit]:
        """Edits of a form that give what the view reads, in order of position and without overlap."""
        raise NotImplementedError("a view has edits, or reads forms itself")

    def read(self, form: Form, bit: int) -> Form:
        """The form as the view reads it; itself where the view reads nothing."""
        return form.edited(self.edits(form), bit)

    def is_plain(self, place: re.Match[str]) -> bool:
        """Whether a match of the trigger needs no reading after all."""
        return False

    def spans(self, text: str, *, odd: bool) -> Iterable[tuple[int, int]]:
        """Spans of suspect words with white space inside, which no trigger matches; ``odd`` if the text holds more than words."""
        return ()

    def last_edits(self, form: Form) -> list[Edit]:
        """Edits of a form after every view has read it; the result is tried beside the form itself."""
        return []
