"""What was detected in a file, so that an error that may rest on it names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from toxiclf.errors import DataError, MissingExtraError, UsageError, visible


@dataclass(frozen=True, slots=True)
class Guess:
    """Something that was detected, such as "text column 'title'", and the option that sets it, such as "--text"."""

    what: str
    option: str


@contextmanager
def naming(guesses: Sequence[Guess]) -> Iterator[None]:
    """Add the guesses to the message of a ``DataError`` or ``UsageError`` of the ``with`` block.

    >>> with naming([Guess("text column '글'", "--text")]):
    ...     raise DataError("no comment is toxic")
    Traceback (most recent call last):
    toxiclf.errors.DataError: no comment is toxic; check what was detected, or set it: text column '글' (--text) (in Python: text=)
    """
    try:
        yield
    except (DataError, UsageError) as error:
        named = ", ".join(f"{guess.what} ({guess.option})" for guess in guesses)
        if named and not isinstance(error, MissingExtraError) and named not in error.message:
            error.args = (visible(f"{error.message}; check what was detected, or set it: {named}"),)
        raise
