"""Check comments, paths and numbers that a caller gives in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from operator import index
from pathlib import Path
from typing import Any

from toxiclf.errors import TextsError, UsageError


def given_texts(texts: Any, name: str = "texts") -> list[str]:
    """Return comments in a list, tuple, generator, Series or array as a list of strings.

    Parameters
    ----------
    name : what the caller calls ``texts``, for messages.

    Raises
    ------
    TextsError : ``texts`` is a single string, a table, a mapping or a set, or holds a value that is not a string.

    >>> given_texts(("안녕하세요", "반가워요"))
    ['안녕하세요', '반가워요']
    """
    check_list(texts, name)
    result = list(texts)
    for row, text in enumerate(result):
        if not isinstance(text, str):
            advice = ": decode it first" if isinstance(text, bytes) else ": leave out rows without a text, or use ''"
            raise TextsError(f"row {row} of {name} is {described(text)}; expected a string{advice}")
    return result


def check_list(texts: Any, name: str = "texts") -> None:
    """Raise a TextsError if ``texts`` is a single string, a table, a mapping, a set, or nothing to iterate over."""
    if isinstance(texts, str | bytes | Mapping | Set) or not hasattr(texts, "__iter__"):
        advice = "decode it first" if isinstance(texts, bytes) else "write [comment] for a single one"
        raise TextsError(f"{name} is {described(texts)}; expected a list of comments: {advice}")
    if len(shape := getattr(texts, "shape", (0,))) != 1:  # a DataFrame would give the names of its columns
        example = f', such as {name}["comment"]' if hasattr(texts, "columns") else ""
        raise TextsError(f"{name} has the shape {tuple(shape)}; expected one column of comments: select it{example}")


def path_given(path: Any, name: str, expected: str) -> Path:
    """Return the path that the argument ``name`` gives.

    Raises
    ------
    UsageError : it is neither a string nor a path, or no file can have this name.
    """
    try:
        given = Path(path)
        named = b"\0" not in os.fsencode(given)
    except TypeError:
        raise UsageError(f"{name} is {described(path)}; expected {expected}") from None
    except UnicodeEncodeError:
        named = False
    if not named:
        raise UsageError(f"{name} is {str(path)!r}, which cannot be a file name; expected {expected}")
    return given


def mapping_given(value: Any, name: str) -> Mapping[str, Any]:
    """Return the mapping that the argument ``name`` gives, an empty one for None.

    Raises
    ------
    UsageError : it is something else.
    """
    if not isinstance(value, Mapping | None):
        raise UsageError(f"{name} is {described(value)}; expected a mapping of names to values")
    return value or {}


def whole_number(number: Any, name: str, least: int) -> int:
    """Return the whole number that the argument ``name`` gives.

    Raises
    ------
    UsageError : it is not a whole number, or lower than ``least``.
    """
    try:
        value = least - 1 if isinstance(number, bool) else index(number)
    except TypeError:
        value = least - 1
    if value < least:
        raise UsageError(f"{name} is {number!r:.100}; expected a whole number of at least {least}")
    return value


def described(value: Any) -> str:
    """Describe a wrong value for an error message by its type, so that no whole array is printed.

    >>> described(None), described(float("nan")), described(b"x")
    ('None', 'nan (float)', 'of the type bytes')
    """
    if value is None:
        return "None"
    if isinstance(value, float) and value != value:
        return f"nan ({type(value).__name__})"
    return "one string" if isinstance(value, str) else f"of the type {type(value).__name__}"
