"""What every view of disguised words can do."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from toxiclf.text.obfuscation._form import Edit, Form


class View(ABC):
    """A way to write words so that they are not found, and how such words are read.

    Words of a text are looked at where a :meth:`trigger` matches: all chosen views then read them, in the order in which they are
    registered, each on top of those before. What is read counts where the word read holds an abusive stem, or where the edit is
    sure. A view has no state; one of each serves a process.

    Attributes
    ----------
    reads_syllables : whether it reads words of nothing but syllables; such views come after all others.
    """

    reads_syllables: ClassVar[bool] = False

    @abstractmethod
    def trigger(self) -> re.Pattern[str]:
        """Where a text may hold what the view reads; most texts have no such place, and cost no more than the search."""

    def edits(self, form: Form) -> list[Edit]:
        """What the view reads otherwise in a form, in order of position and apart from each other."""
        raise NotImplementedError("a view has edits, or reads forms itself")

    def read(self, form: Form, bit: int) -> Form:
        """The form as the view reads it; itself where the view reads nothing."""
        return form.edited(self.edits(form), bit)

    def is_plain(self, place: re.Match[str]) -> bool:
        """Whether a place of the trigger needs no reading after all."""
        return False

    def spans(self, text: str, *, odd: bool) -> Iterable[tuple[int, int]]:
        """Spans of suspect words that white space parts, which a trigger cannot tell; ``odd`` where it holds more than words."""
        return ()

    def last_edits(self, form: Form) -> list[Edit]:
        """What the view reads of that which every view has left; another way to go on, beside the form as it is."""
        return []
