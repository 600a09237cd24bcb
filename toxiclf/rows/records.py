"""Split a text stream into lines, and read CSV records and JSON objects."""

from __future__ import annotations

import csv
import json
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TextIO

from toxiclf.errors import DataError
from toxiclf.rows.format import Format

LONGEST_LINE = 2**20  # characters
TOO_LONG = f"line longer than {LONGEST_LINE:,} characters"
_DEEPEST = 4  # objects in one another whose keys are listed
_LONGEST_QUOTED = 200  # lines in one quoted field
_SAMPLE_LINES, _SAMPLE_CHARS = 1000, 2**23  # room for a few of the longest lines
_CHUNK, _LONGEST_NUMBER, _LONGEST_ITEM = 2**16, 2**12, 2**24  # characters of a JSON array
ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_MOST_DIGITS = 4000  # of a whole number; Python converts no more than 4,300
_BLANK = re.compile(r"\s*")


class Decoder(json.JSONDecoder):
    """Decodes JSON, and counts the numbers that cannot be written to JSON again.

    Attributes
    ----------
    n_huge : numbers that no float can hold, such as ``1e400``, or of thousands of digits; they become text.
    n_undefined : ``NaN`` and ``Infinity``, which are common, but not JSON; they become null.
    """

    def __init__(self) -> None:
        super().__init__(parse_constant=self._undefined, parse_float=self._float, parse_int=self._int)
        self.n_huge = self.n_undefined = 0

    def _undefined(self, name: str) -> None:
        self.n_undefined += 1

    def _float(self, text: str) -> float | str:
        number = float(text)
        return number if number - number == 0 else self._huge(text)

    def _int(self, text: str) -> int | str:
        return int(text) if len(text) <= _MOST_DIGITS else self._huge(text)

    def _huge(self, text: str) -> str:
        self.n_huge += 1
        return text


csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST_LINE + 2))  # the usual limit is 131,072


class Row(NamedTuple):
    """A row: number of its first line (from 1), and values by column name (strings, or JSON values in JSON Lines)."""

    line: int
    values: dict[str, Any]

    def get(self, name: str) -> Any:
        """Return the value of a column, or of a dotted path into nested JSON; None if the row has none."""
        if name in self.values:
            return self.values[name]
        value: Any = self.values
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected row.

    Attributes
    ----------
    line : number of its first line, from 1.
    reason : what is wrong with this row.
    content : text of the row.
    kind : words for all rejections of this kind.
    """

    line: int
    reason: str
    content: str
    kind: str = field(default="", compare=False)


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


def json_row(number: int, line: str, decoder: Decoder) -> Row | Rejected:
    try:
        values = decoder.decode(line)
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"not JSON: {error}", readable(line), "not JSON")
    return _object(number, values, line)


def _object(number: int, values: Any, raw: str) -> Row | Rejected:
    if not isinstance(values, dict):
        return Rejected(
            number, f"a JSON {type(values).__name__} instead of an object", readable(raw), "not a JSON object"
        )
    return Row(number, values)


def array_rows(stream: TextIO, name: str, decoder: Decoder) -> Iterator[tuple[Row | Rejected, str]]:
    """Yield each element of a JSON array with its text, read as a stream.

    Raises
    ------
    DataError : the array is damaged or cut off, so that it is not known where the next element begins.
    """
    text, line = "", 1
    at = end = 0

    def upcoming() -> str:
        """Skip white space; return the character after it, "" at the end of the file."""
        nonlocal text, at, line
        while True:
            blank = _BLANK.match(text, at)
            start = blank.end() if blank else at
            line += text.count("\n", at, start)
            at = start
            if at < len(text):
                return text[at]
            text, at = stream.read(_CHUNK), 0
            if not text:
                return ""

    def fault(what: str, place: int) -> DataError:
        where = line + text.count("\n", at, place)
        return DataError(
            f"{name} is not a whole JSON array: line {where}: {what}; fix it, or write one object per line"
        )

    def value() -> Any:
        """Return the value that begins here, and leave ``at`` at its begin; its end is ``end``."""
        nonlocal text, at, end
        if not text.startswith(("{", "[", '"'), at) and len(text) - at < _LONGEST_NUMBER:
            text, at = text[at:] + stream.read(_LONGEST_NUMBER), 0  # a number may go on there
        counts = decoder.n_huge, decoder.n_undefined
        while True:
            decoder.n_huge, decoder.n_undefined = counts
            try:
                found, end = decoder.raw_decode(text, at)
            except RecursionError:
                raise fault("nested too deeply", at) from None
            except json.JSONDecodeError as error:
                more = stream.read(max(_CHUNK, len(text) - at)) if len(text) - at < _LONGEST_ITEM else ""
                if not more:
                    raise fault(error.msg, error.pos) from None
                text, at = text[at:] + more, 0
            else:
                return found

    upcoming()
    at += 1  # the bracket by which the array is known
    while upcoming() != "]":
        found = value()
        raw = text[at:end]
        yield (_object(line, found, raw) if len(raw) <= LONGEST_LINE else Rejected(line, TOO_LONG, readable(raw))), raw
        line += raw.count("\n")
        at = end
        if upcoming() == ",":
            at += 1
        elif text[at : at + 1] != "]":
            raise fault("a comma or ] is missing", at)
    at += 1
    if upcoming():
        raise fault("more follows after the end of the array", at)


def names_of(objects: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the keys of JSON objects; keys of nested objects as dotted paths.

    >>> names_of([{"id": 1, "comment": {"body": "…", "by": None}}, {"id": 2, "comment": None}])
    ('id', 'comment.body', 'comment.by')
    """
    leaves: dict[str, bool] = {}  # whether a value was seen that is not an object

    def walk(values: Mapping[str, Any], prefix: str, depth: int) -> None:
        for key, value in values.items():
            inner = (
                isinstance(value, dict) and bool(value) and depth < _DEEPEST and all(isinstance(k, str) for k in value)
            )
            leaves[prefix + key] = leaves.get(prefix + key, False) or not (inner or value is None)
            if inner:
                walk(value, f"{prefix}{key}.", depth + 1)

    for values in objects:
        walk(values, "", 0)
    ordered = sorted(leaves)

    def leads_on(name: str) -> bool:
        at = bisect_left(ordered, f"{name}.")
        return at < len(ordered) and ordered[at].startswith(f"{name}.")

    return tuple(name for name, leaf in leaves.items() if leaf or not leads_on(name))


def paths_in(values: Mapping[str, Any]) -> set[str]:
    """Return every name that :func:`names_of` may give for a JSON object.

    >>> sorted(paths_in({"id": 1, "comment": {"body": "…"}}))
    ['comment', 'comment.body', 'id']
    """
    paths: set[str] = set()
    inner: list[tuple[str, Mapping[str, Any], int]] = [("", values, 0)]
    while inner:
        prefix, some, depth = inner.pop()
        for key, value in some.items():
            paths.add(f"{prefix}{key}")
            if isinstance(value, dict) and depth < _DEEPEST:
                inner.append((f"{prefix}{key}.", value, depth + 1))
    return paths


def records(lines: Lines, format: Format) -> Iterator[tuple[int, list[str] | str, str]]:
    """Yield (first line number, fields or the reason for rejection, raw text) of each record; skip blank lines."""
    delimiter = format.delimiter
    ends: dict[int, _Fields] = {}
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
            number, fields, text = _quoted_record(number, line, lines, delimiter, ends)
            if isinstance(fields, list) and len(fields) == 1 and delimiter in "\t|":
                fields = _split_again(fields[0], delimiter, len(format.columns))
            yield number, fields, text


def _split_again(field: str, delimiter: str, width: int) -> list[str]:
    """Split a line that is in quotation marks as a whole; ``width`` is the number of columns, 0 if it is not known."""
    fields = field.split(delimiter)
    return fields if len(fields) == width or not width else [field]


_Fields = list[str] | Literal["open", "wrong"]
"""Fields of a record, or why there are none: its last field has no end, or it is not CSV."""


def _fields(record: str, delimiter: str) -> _Fields:
    try:
        (fields,) = csv.reader([record], delimiter=delimiter, strict=True)
    except csv.Error as error:
        return "open" if "unexpected end of data" in str(error) else "wrong"
    return fields


def _quoted_record(
    number: int, line: str, lines: Lines, delimiter: str, ends: dict[int, _Fields]
) -> tuple[int, list[str] | str, str]:
    """Read a record that may span several lines, and return it as :func:`records` yields it.

    If a quotation mark is never closed, only the first line is rejected. ``ends`` caches how a line ends that begins
    inside a quoted field, so that many unclosed quotation marks take linear time.
    """
    taken: list[tuple[int, str]] = []
    size = len(line)
    end = fields = _fields(line, delimiter)
    while end == "open" and len(taken) < _LONGEST_QUOTED and size < LONGEST_LINE:
        follower = next(lines, None)
        if follower is None:
            break
        taken.append(follower)
        at, more = follower
        size += 1 + len(more)
        if len(more) > LONGEST_LINE:
            break
        if at not in ends:
            ends[at] = _fields(f'"{more}', delimiter)
        end = ends[at]
    if isinstance(end, list):
        all_lines = [line, *(more for _, more in taken)]
        text = "\n".join(all_lines)
        whole = _fields(text, delimiter) if taken else end
        if isinstance(whole, list) and not (taken and _looks_like_rows(all_lines, delimiter, len(whole))):
            ends.clear()
            return number, whole, text
    lines.put_back(taken)
    if fields == "open":
        return number, "a quotation mark opens here and is never closed", line
    try:  # csv is lenient: quotation marks in a quoted field need not be doubled
        (fields,) = csv.reader([line], delimiter=delimiter)
    except csv.Error as error:
        return number, f"not CSV: {error}", line
    return number, fields, line


def _looks_like_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Return whether each line alone has ``width`` fields; always False for delimiters other than tab and ``|``."""
    return delimiter in "\t|" and all(line.count(delimiter) == width - 1 for line in lines)


def is_encodable(text: str) -> bool:
    """Return whether a text has no lone surrogate; encoding is faster than searching."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(raw: str) -> str:
    """Return a rejected row for display, cut to 10,000 characters; undecodable bytes are written like ``\\xff``."""
    return ESCAPED_BYTE.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", raw[:10_000])
