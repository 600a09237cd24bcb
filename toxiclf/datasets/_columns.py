"""Detect the column of the texts and the label column of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from toxiclf.datasets._table import Table, as_string
from toxiclf.datasets.labels import is_binary
from toxiclf.errors import DataError, UsageError, listed
from toxiclf.rows import LABEL_NAMES, Guess, Row, folded, is_text_name, paths_in

SAMPLE_ROWS = 1000
"""Number of rows that columns are detected from."""

_NUMBER = re.compile(r"[\W_]*\d[\W\d_]*")  # no letter of any script
_CODE = re.compile(r"[^\W\d_]+[-_]?\d+")
_FEWEST_NUMBERS = 10  # values; fewer may be short comments


def chosen_columns(
    table: Table, text: str | None, label: Sequence[str], by: str | None, guesses: list[Guess]
) -> tuple[str, Sequence[str]]:
    """Return the column of the texts and the label columns: those that are given, else those detected.

    What is detected is put before ``guesses``.

    Raises
    ------
    DataError : the column of the texts holds numbers.
    UsageError : a column cannot be detected, or is both.
    """
    sample = table.rows[:SAMPLE_ROWS]
    if text is None:
        left = [name for name in table.columns if name not in (*label, by)]
        if not left:
            raise UsageError("no column is left for the text; name it with --text")
        text = text_column(left, sample)
        guesses.insert(0, Guess(f"text column '{text}'", "--text"))
    values = _strings(sample, text)
    if _holds_numbers(values):
        raise DataError(
            f"column '{text}' holds numbers or codes such as {listed(map(repr, values[:3]))}, not comments; name the column of "
            "the comments with --text"
        )
    if not label:
        others = [c for c in table.columns if c not in (text, by)]
        named = [c for c in others if folded(c.rpartition(".")[2]) in LABEL_NAMES]
        cells = _strings_by_column(sample, others)
        binary = [c for c in others if is_binary(cells[c])]
        candidates = named if len(named) == 1 else binary if len(binary) == 1 else others if len(others) == 1 else []
        if not candidates:
            raise UsageError(
                "the label column is not clear; name one or more columns with --label; columns other than the text "
                f"'{text}': {listed(others) or 'none'}"
            )
        label = candidates
        guesses.insert(0, Guess(f"label column '{label[0]}'", "--label"))
    if text in label:
        raise UsageError(f"column '{text}' cannot be both text and label; name another with --text or --label")
    return text, label


def text_column(columns: Sequence[str], sample: Sequence[Row]) -> str:
    """Return the first column with a known name for texts, else the one with the longest values that are not numbers."""
    named = [name for name in columns if is_text_name(name)]
    if named:
        return named[0]
    values = _strings_by_column(sample, columns)
    texts = [name for name in columns if not _holds_numbers(values[name])] or columns
    return max(texts, key=lambda name: sum(map(len, values[name])))


def _strings_by_column(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, list[str]]:
    """Return :func:`_strings` of each column; each row is read once, however few of the columns it has."""
    found: dict[str, list[str]] = {name: [] for name in columns}
    for row in rows:
        for name in paths_in(row.values):
            if name in found and (value := as_string(row.get(name))):
                found[name].append(value)
    return found


def _strings(rows: Sequence[Row], column: str) -> list[str]:
    """Return the values of a column as strings, without empty ones."""
    return [value for row in rows if (value := as_string(row.get(column)))]


def _holds_numbers(values: Sequence[str]) -> bool:
    """Return whether nearly all values are numbers, dates, or codes of one word and a number; False for few values.

    >>> _holds_numbers(["010-1234"] * 20), _holds_numbers(["sensor37"] * 20), _holds_numbers(["1", "ㅋㅋㅋ"] * 20)
    (True, True, False)
    """
    if len(values) < _FEWEST_NUMBERS:
        return False
    return any(sum(map(bool, map(kind.fullmatch, values))) >= 0.95 * len(values) for kind in (_NUMBER, _CODE))
