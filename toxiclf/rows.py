"""Rows in and out of CSV, TSV, ``|``-separated, JSON Lines and plain text files, as a stream (base install).

Nothing is lost silently: a row that cannot be read comes out as a :class:`Rejected` with its line and the reason.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import os
import re
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, cast

from toxiclf.errors import DataError

Kind = Literal["csv", "jsonl", "text"]

DELIMITERS = ("\t", "|", ",", ";")
TEXT_NAMES = frozenset(
    [
        "text",
        "texts",
        "comment",
        "comments",
        "content",
        "contents",
        "sentence",
        "document",
        "review",
        "message",
        "body",
        "문장",
        "댓글",
        "내용",
        "본문",
        "텍스트",
        "리뷰",
        "코멘트",
    ]
)
LABEL_NAMES = frozenset(
    [
        "label",
        "labels",
        "toxic",
        "is_toxic",
        "toxicity",
        "hate",
        "abusive",
        "target",
        "class",
        "y",
        "라벨",
        "레이블",
        "악성",
        "혐오",
        "욕설",
        "정답",
    ]
)

_LONGEST_LINE = 2**20  # characters
_LONGEST_QUOTED = 200  # lines in one quoted field
_SAMPLE_LINES, _SAMPLE_CHARS = 1000, 2**20
_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first line in the file (from 1) and its values by column (strings; JSON values in JSON Lines)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was set aside: its first line in the file (from 1), why, and what was read of it."""

    line: int
    reason: str
    content: str


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written.

    Attributes
    ----------
    kind : "csv" (any delimiter), "jsonl" or "text" (one comment a line).
    delimiter, quoting : of CSV; without quoting, a quotation mark is an ordinary character.
    header : whether the first row names the columns; None to find out.
    columns : names of the columns; without a header column1, column2, …
    split_last : the last delimiter of a line is the only one (``text|label``, where texts may hold a ``|``).
    """

    kind: Kind
    delimiter: str = ","
    quoting: bool = True
    header: bool | None = None
    columns: tuple[str, ...] = ()
    split_last: bool = False

    def describe(self) -> str:
        """The format in a few words.

        >>> Format("csv", "\\t", header=True, columns=("text", "label")).describe()
        'tab-separated, header text, label'
        """
        if self.kind != "csv":
            return {"jsonl": "JSON Lines, keys ", "text": "text, one comment a line"}[self.kind] + ", ".join(
                self.columns if self.kind == "jsonl" else ()
            )
        name = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(self.delimiter, f"'{self.delimiter}'")
        names = ", ".join(self.columns)
        return f"{name}-separated, {'header' if self.header else 'no header, columns called'} {names}"


class RowReader:
    """A file, or standard input, as a stream of :class:`Row` and :class:`Rejected`; iterate over it once.

    Encoding: UTF-8, with or without a byte order mark, else CP949. Files ending in .gz, .bz2 or .xz are unpacked on the way.

    Parameters
    ----------
    source : a path, or "-" for standard input.
    format : as given by the user or by a card; None to find out from the first rows.
    header : whether there is a header; None to find out.
    text_file : lines of a ``.txt`` file or of standard input are comments unless they clearly are columns.
    lenient : set aside rows with bytes that do not decode, instead of refusing the file.

    Attributes
    ----------
    format : the format found or given, with its columns.
    encoding : "utf-8" or "cp949".

    Raises
    ------
    DataError : there is no such file, or it is in no encoding that is read here.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        format: Format | None = None,
        *,
        header: bool | None = None,
        text_file: bool = False,
        lenient: bool = False,
    ) -> None:
        self.source = str(source)
        self._binary = _standard_input() if self.source == "-" else _opened(Path(source))
        self.encoding = _encoding(self._binary, self.source, lenient=lenient)
        self._stream = io.TextIOWrapper(
            cast(BinaryIO, self._binary),
            encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            errors="surrogateescape" if lenient else "strict",
        )
        self._lenient = lenient
        packed = Path(self.source).suffix.lower() in _OPENERS
        self._size = 0 if self.source == "-" or packed else Path(self.source).stat().st_size
        self._lines = _Lines(self._stream)
        sample = self._lines.peek()
        if not any(line.strip() for line in sample):
            raise DataError(f"{self.source} is empty; give a file with at least a few labelled comments")
        if format is None:
            format = _sniffed(sample, Path(self.source).suffixes, text_file=text_file or self.source == "-")
        if header is not None and format.kind == "csv":
            format = replace(format, header=header)
        self.format = _with_columns(format, sample)

    def progress(self) -> float | None:
        """Share of the file that has been read; None where its size is not known (a pipe, a packed file)."""
        if not self._size:
            return None
        return min(1.0, self._binary.tell() / self._size)

    def __iter__(self) -> Iterator[Row | Rejected]:
        try:
            for result in self._rows():
                yield _decoded(result, self.encoding) if self._lenient and isinstance(result, Row) else result
        finally:
            if self.source != "-":
                self._stream.close()

    def _rows(self) -> Iterator[Row | Rejected]:
        if self.format.kind == "text":
            for number, line in self._lines:
                yield _too_long(number, line) or Row(number, {"text": line})
        elif self.format.kind == "jsonl":
            for number, line in self._lines:
                if line.strip():
                    yield _too_long(number, line) or _json_row(number, line)
        else:
            columns = self.format.columns
            records = _records(self._lines, self.format)
            if self.format.header:
                next(records, None)
            for number, fields, raw in records:
                if isinstance(fields, str):
                    yield Rejected(number, fields, _readable(raw))
                elif len(fields) != len(columns):
                    yield Rejected(number, f"{len(fields)} fields instead of {len(columns)}", _readable(raw))
                else:
                    yield Row(number, dict(zip(columns, fields, strict=True)))


class RowWriter:
    """Write rows as CSV, TSV or JSON Lines.

    In CSV and TSV, a cell that a spreadsheet would run as a formula gets an apostrophe in front.

    Parameters
    ----------
    stream : a text stream opened with ``newline=""``.
    columns : names of the columns, in order.
    kind : "csv", "tsv" or "jsonl".
    """

    def __init__(self, stream: TextIO, columns: Sequence[str], kind: str) -> None:
        self._columns = list(columns)
        self._stream = stream
        self._csv = (
            None
            if kind == "jsonl"
            else csv.writer(stream, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
        )
        if self._csv is not None:
            self._csv.writerow([neutralised(name) for name in self._columns])

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row; columns that are missing stay empty."""
        if self._csv is None:
            row = {name: values[name] for name in self._columns if name in values}
            self._stream.write(json.dumps(row, ensure_ascii=False).translate(_SURROGATES) + "\n")
        else:
            self._csv.writerow([neutralised(_cell(values.get(name))) for name in self._columns])


def neutralised(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers.

    >>> neutralised("=1+1"), neutralised("-1.5"), neutralised("- 별로")
    ("'=1+1", '-1.5', "'- 별로")
    """
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠") and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "�")


def write_rejected(path: Path, rejected: Sequence[tuple[str, Rejected]]) -> None:
    """Write rows set aside as CSV: file, line, reason, content."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = RowWriter(stream, ("file", "line", "reason", "content"), "csv")
        for source, row in rejected:
            writer.write({"file": source, "line": row.line, "reason": row.reason, "content": row.content})


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.translate(_SURROGATES) if not value.isascii() else value
    if isinstance(value, bool):
        return "1" if value else "0"
    return json.dumps(value, ensure_ascii=False)


def _readable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:10_000]


# --- opening and decoding


def _standard_input() -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer), buffer_size=_SAMPLE_CHARS)


def _opened(path: Path) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; give a file, or corpus:NAME for a public corpus")
        opener = _OPENERS.get(path.suffix.lower(), open)
        return io.BufferedReader(opener(path, "rb"), buffer_size=_SAMPLE_CHARS)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a file of comments, or corpus:NAME for a public corpus") from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror or error}") from error


def _encoding(stream: io.BufferedReader, source: str, *, lenient: bool) -> str:
    start = stream.peek(4)[:4]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{source} is in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again")
    if start == b"PK\x03\x04":
        raise DataError(f"{source} is a workbook or archive; save the sheet as CSV UTF-8 and try again")
    if source == "-":  # cannot be read twice: what has arrived decides
        failures = {name: _first_failure(iter([stream.peek()]), name, final=False) for name in ("utf-8", "cp949")}
    else:
        failures = {}
        for name in ("utf-8", "cp949"):
            failures[name] = _first_failure(_blocks(stream, source), name, final=True)
            stream.seek(0)
            if failures[name] is None:
                break
    for name, failure in failures.items():
        if failure is None:
            return name
    if lenient:
        return max(failures, key=lambda name: failures[name] or 0)
    offset = cast(int, failures["utf-8"])
    line = 1 + stream.read(offset).count(b"\n")
    byte = stream.read(1)[0]
    raise DataError(
        f"{source} is neither UTF-8 nor CP949: line {line}, byte offset {offset} (0x{byte:02x}); "
        "mend that line, or save the file as UTF-8"
    )


def _blocks(stream: io.BufferedReader, source: str) -> Iterator[bytes]:
    try:
        while block := stream.read(_SAMPLE_CHARS):
            yield block
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"{source} cannot be unpacked: {error}; fetch or pack it again") from error


def _first_failure(blocks: Iterator[bytes], encoding: str, *, final: bool) -> int | None:
    """Byte offset at which the bytes stop being in the encoding, None where they never do."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    decoded = 0  # bytes that have become text
    try:
        for block in blocks:
            pending = len(decoder.getstate()[0])
            decoder.decode(block)
            decoded += pending + len(block) - len(decoder.getstate()[0])
        decoder.decode(b"", final)
    except UnicodeDecodeError as error:
        return decoded + error.start
    return None


class _Lines:
    """Numbered lines without their ends, with a look at the first ones and lines put back."""

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
        line = self._stream.readline(_LONGEST_LINE + 1)
        if not line:
            return None
        self._number += 1
        if len(line) > _LONGEST_LINE and not line.endswith("\n"):
            while (rest := self._stream.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                pass  # the rest of a line that is set aside
        return self._number, line.removesuffix("\n")


def _decoded(row: Row, encoding: str) -> Row | Rejected:
    """The row, set aside if it holds bytes that could not be decoded."""
    for value in row.values.values():
        if isinstance(value, str) and not value.isascii() and (escaped := _ESCAPED_BYTE.search(value)):
            return Rejected(
                row.line, f"byte 0x{ord(escaped[0]) - 0xDC00:02x} is not {encoding.upper()}", _readable(value)
            )
    return row


def _too_long(number: int, line: str) -> Rejected | None:
    if len(line) <= _LONGEST_LINE:
        return None
    return Rejected(number, f"line longer than {_LONGEST_LINE:,} characters", _readable(line))


def _json_row(number: int, line: str) -> Row | Rejected:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"not JSON: {error}", _readable(line))
    if not isinstance(values, dict):
        return Rejected(number, f"a JSON {type(values).__name__} instead of an object", _readable(line))
    return Row(number, values)


def _records(lines: _Lines, format: Format) -> Iterator[tuple[int, list[str] | str, str]]:
    """First line, fields (or the reason why there are none) and raw text of each record; blank lines are none."""
    delimiter = format.delimiter
    for number, line in lines:
        if not line.strip() and (delimiter != "\t" or "\t" not in line):
            continue
        if len(line) > _LONGEST_LINE:
            yield number, f"line longer than {_LONGEST_LINE:,} characters", line
        elif format.split_last:
            yield number, line.rsplit(delimiter, 1), line
        elif not format.quoting or '"' not in line:
            yield number, line.split(delimiter), line
        else:
            yield _quoted_record(number, line, lines, delimiter)


def _quoted_record(number: int, line: str, lines: _Lines, delimiter: str) -> tuple[int, list[str] | str, str]:
    """A record that may go on over several lines; one whose quote is never closed is the first line alone."""
    taken: list[tuple[int, str]] = []
    text = line
    while True:
        try:
            (fields,) = csv.reader([text], delimiter=delimiter, strict=True)
            return number, fields, text
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                break
        follower = next(lines, None) if len(taken) < _LONGEST_QUOTED and len(text) < _LONGEST_LINE else None
        if follower is None:
            lines.put_back(taken)
            return number, "a quotation mark opens here and is never closed", line
        taken.append(follower)
        text += "\n" + follower[1]
    lines.put_back(taken)  # quotes inside a quoted field that were not doubled: read the line as well as can be
    try:
        (fields,) = csv.reader([line], delimiter=delimiter)
    except (csv.Error, ValueError) as error:
        return number, f"not CSV: {error}", line
    return number, fields, line


# --- finding out how a file is written


def _sniffed(sample: Sequence[str], suffixes: Sequence[str], *, text_file: bool) -> Format:
    suffix = next((s.lower() for s in reversed(suffixes) if s.lower() not in _OPENERS), "")
    first = next(line for line in sample if line.strip()).lstrip()
    if suffix in (".jsonl", ".ndjson") or (suffix not in (".csv", ".tsv") and first.startswith("{")):
        return Format("jsonl")
    if suffix in (".json", "") and first.startswith("["):
        raise DataError("the file is a JSON array; write one JSON object a line (JSON Lines), or CSV")
    text_file = text_file and suffix in (".txt", "")
    named = ("\t",) if suffix == ".tsv" else DELIMITERS
    best: tuple[float, int, Format] | None = None
    for delimiter in named:
        for quoting in (True, False):
            for split_last in (False, True) if delimiter == "|" and not quoting else (False,):
                format = Format("csv", delimiter, quoting, split_last=split_last)
                found = _fit(sample, format)
                if found is None or (text_file and delimiter in ",;" and not _names_columns(sample, format)):
                    continue
                share, width = found
                if best is None or (share, width) > best[:2]:
                    best = share, width, format
    if best is not None:
        return best[2]
    if text_file or suffix == ".txt":
        return Format("text")
    return Format("csv", "\t" if suffix == ".tsv" else ",")


def _fit(sample: Sequence[str], format: Format) -> tuple[float, int] | None:
    """Share of the sample's rows with the usual number of fields, and that number; None where it is no table."""
    rows = _sample_rows(sample, format)
    widths = Counter(len(row) for row in rows)
    width, count = widths.most_common(1)[0]
    if width < 2 or count < 0.8 * len(rows):
        return None
    if format.split_last:
        last = {row[-1].strip() for row in rows if len(row) == 2}
        if len(last) > max(3, len(rows) // 10) or max(map(len, last)) > 30:
            return None
    share = count / len(rows)
    if not format.quoting and any(len(f) > 1 and f[0] == f[-1] == '"' for row in rows for f in row):
        share -= 1e-6  # whole fields in quotes: meant as quoting, unless that fits less well
    return share, width


def _sample_rows(sample: Sequence[str], format: Format) -> list[list[str]]:
    lines = _Lines(io.StringIO("\n".join(sample)))
    rows = [fields if isinstance(fields, list) else [] for _, fields, _ in _records(lines, format)]
    return rows or [[]]


def _names_columns(sample: Sequence[str], format: Format) -> bool:
    return any(_is_name(cell) for cell in _sample_rows(sample[:1], format)[0])


def _is_name(cell: str) -> bool:
    return cell.strip().casefold() in TEXT_NAMES | LABEL_NAMES


def _with_columns(format: Format, sample: Sequence[str]) -> Format:
    if format.kind == "text":
        return replace(format, columns=("text",))
    if format.kind == "jsonl":
        keys: dict[str, None] = {}
        for line in sample:
            row = _json_row(0, line)
            if isinstance(row, Row):
                keys |= dict.fromkeys(row.values)
        return replace(format, columns=tuple(keys))
    rows = _sample_rows(sample, format)
    header = _has_header(rows) if format.header is None else format.header
    if header:
        names = [name.strip() or f"column{i}" for i, name in enumerate(rows[0], start=1)]
    else:
        width = len(format.columns) or Counter(map(len, rows)).most_common(1)[0][0]
        names = list(format.columns) or [f"column{i}" for i in range(1, width + 1)]
    return replace(format, header=header, columns=tuple(_distinct(names)))


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    first, rest = rows[0], rows[1:]
    if any(_is_name(cell) for cell in first):
        return True
    for j, cell in enumerate(first):
        values = {row[j] for row in rest if len(row) == len(first)}
        if cell not in values and 0 < len(values) <= max(2, len(rest) // 10) and max(map(len, values)) <= 20:
            return True
    return False


def _distinct(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return result
