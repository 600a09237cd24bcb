"""Compare names of columns and label values as people write them: in any case, spacing and Unicode form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from toxiclf.errors import UsageError, listed

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return the form in which two spellings of a name are equal.

    Case, white space and Unicode form (NFC or NFD) make no difference, and neither does ``.0`` after a whole number.

    >>> folded(" Not  Toxic") == folded("NOT TOXIC"), folded("2.0")
    (True, '2')
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    text = " ".join(text.split())
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def source_name(source: str) -> str:
    """Return the name that reports and tables give to a source: a file's name without its folders, or ``corpus:NAME``.

    >>> source_name("/home/kim/forum.csv"), source_name("corpus:curse/train")
    ('forum.csv', 'corpus:curse/train')
    """
    return source if source.startswith("corpus:") else Path(source).name or source


def find_column(columns: Sequence[str], name: str) -> str | None:
    """Return the column with this name, or else the only one whose name differs in spelling; None if there is none.

    >>> find_column(["text", "Label"], "label")
    'Label'
    """
    exact, by_spelling = _spellings(tuple(columns))
    if name in exact:
        return name
    alike = by_spelling.get(folded(name), ())
    return alike[0] if len(alike) == 1 else None


@lru_cache(maxsize=16)
def _spellings(columns: tuple[str, ...]) -> tuple[frozenset[str], dict[str, list[str]]]:
    """Return the set of columns, and the columns by folded name, so that many lookups take linear time."""
    by_spelling: dict[str, list[str]] = {}
    for column in columns:
        by_spelling.setdefault(folded(column), []).append(column)
    return frozenset(columns), by_spelling


def column_named(name: str, columns: Sequence[str]) -> str:
    """Return the column with this name, as the file spells it.

    Raises
    ------
    UsageError : there is none; the message lists the columns.
    """
    column = find_column(columns, name)
    if column is not None:
        return column
    inner = [other for other in columns if other.startswith(f"{name}.")]
    if inner:
        raise UsageError(f"'{name}' holds JSON objects; name one of their keys: {listed(inner)}")
    raise UsageError(f"there is no column '{name}'; the columns are: {listed(columns)}")
