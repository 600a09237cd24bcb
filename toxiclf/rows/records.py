"""Split a text stream into lines, and read CSV records and JSON objects from the lines."""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from toxiclf.rows.format import Format

LONGEST_LINE = 2**20  # characters
TOO_LONG = f"line longer than {LONGEST_LINE:,} characters"
_LONGEST_QUOTED = 200  # lines in one quoted field
_SAMPLE_LINES, _SAMPLE_CHARS = 1000, 2**23  # room for a few of the longest lines
ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: number of its first line (from 1), and values by column name (strings, or JSON values in JSON Lines)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected row: number of its first line (from 1), reason for rejection, and text of the row."""

    line: int
    reason: str
    content: str


class Lines:
    """Iterator over (line number, line without its end); :meth:`peek` looks ahead, :meth:`put_back` undoes reading."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: deque[tuple[int, str]] = deque()
        self._number = 0

    def peek(self) -> list[str]:
        size = 0
        while len(self._waiting) < _SAMPLE_LINES and size < _SAMPLE_CHARS and (line := self._read()) is not None:
            self._waiting.append(line)
            size += len(line[1])
        return [line for _, line in self._waiting]

    def put_back(self, lines: Sequence[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        line = self._waiting.popleft() if self._waiting else self._read()
        if line is None:
            raise StopIteration
        return line

    def _read(self) -> tuple[int, str] | None:
        line = self._stream.readline(LONGEST_LINE + 1)
        if not line:
            return None
        self._number += 1
        if len(line) > LONGEST_LINE and not line.endswith("\n"):
            while (rest := self._stream.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass  # skip the rest of a line that is too long
        return self._number, line.removesuffix("\n")


def json_row(number: int, line: str) -> Row | Rejected:
    try:
        values = json.loads(line, parse_constant=lambda name: None)  # NaN and Infinity are common, but not JSON
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"not JSON: {error}", readable(line))
    if not isinstance(values, dict):
        return Rejected(number, f"a JSON {type(values).__name__} instead of an object", readable(line))
    return Row(number, values)


def records(lines: Lines, format: Format) -> Iterator[tuple[int, list[str] | str, str]]:
    """Yield (first line number, fields or the reason for rejection, raw text) of each record; skip blank lines."""
    delimiter = format.delimiter
    for number, line in lines:
        if not line.strip() and (delimiter != "\t" or "\t" not in line):
            continue
        if len(line) > LONGEST_LINE:
            yield number, TOO_LONG, line
        elif format.split_last:
            yield number, line.rsplit(delimiter, 1), line
        elif not format.quoting or '"' not in line:
            yield number, line.split(delimiter), line
        else:
            yield _quoted_record(number, line, lines, delimiter)


def _quoted_record(number: int, line: str, lines: Lines, delimiter: str) -> tuple[int, list[str] | str, str]:
    """Read a record that may span several lines, and return it as :func:`records` yields it.

    If a quotation mark is never closed, only the first line is rejected."""
    taken: list[tuple[int, str]] = []
    text = line
    unclosed = False
    while True:
        try:
            (fields,) = csv.reader([text], delimiter=delimiter, strict=True)
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                break
            unclosed = True
        else:
            if taken and _looks_like_rows([line, *(follower for _, follower in taken)], delimiter, len(fields)):
                break
            return number, fields, text
        follower = next(lines, None) if len(taken) < _LONGEST_QUOTED and len(text) < LONGEST_LINE else None
        if follower is None:
            break
        taken.append(follower)
        text += "\n" + follower[1]
        if len(follower[1]) > LONGEST_LINE:
            break
    lines.put_back(taken)
    if unclosed:
        return number, "a quotation mark opens here and is never closed", line
    try:  # csv is lenient: quotation marks in a quoted field need not be doubled
        (fields,) = csv.reader([line], delimiter=delimiter)
    except csv.Error as error:
        return number, f"not CSV: {error}", line
    return number, fields, line


def _looks_like_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Return whether each line alone has ``width`` fields; always False for delimiters other than tab and ``|``."""
    return delimiter in "\t|" and all(line.count(delimiter) == width - 1 for line in lines)


def readable(raw: str) -> str:
    """Return a rejected row for display, cut to 10,000 characters; undecodable bytes are written like ``\\xff``."""
    return ESCAPED_BYTE.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", raw[:10_000])
