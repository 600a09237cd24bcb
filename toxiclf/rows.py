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
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, cast

from toxiclf.errors import DataError, UsageError

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
_TOO_LONG = f"line longer than {_LONGEST_LINE:,} characters"
_LONGEST_QUOTED = 200  # lines in one quoted field
_SAMPLE_LINES, _SAMPLE_CHARS = 1000, 2**23  # room for a few of the longest lines
_CLEAR_LINES = 10  # fewest lines of a text file that show columns without naming any
_BLOCK = 2**20  # bytes
_ENCODINGS = ("utf-8", "cp949")
_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_FOREIGN = {  # by first bytes
    b"\xff\xfe": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"\xfe\xff": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"PK\x03\x04": "a workbook or archive; save the sheet as CSV UTF-8 and try again",
    b"\xd0\xcf\x11\xe0": "a workbook; save the sheet as CSV UTF-8 and try again",
    b"PAR1": "a Parquet file; save it as CSV or JSON Lines, or, for training, give its name the ending .parquet",
    b"\x1f\x8b": "packed by gzip; give its name the ending .gz, or unpack it",
}
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_QUOTED_FIELD = re.compile(r'"([^"]|"")*"', re.DOTALL)


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
    All line ends, those inside quoted fields too, come out as "\\n".

    Parameters
    ----------
    source : a path, or "-" for standard input.
    format : as given by the user or by a card; None to find out from the first rows.
    header : whether there is a header; None to find out.
    delimiter : one character ("tab" is another word for it); None to find out.
    text_file : lines of a ``.txt`` file or of standard input are comments unless they clearly are columns.
    lenient : set aside rows with bytes that do not decode, instead of refusing the file.

    Attributes
    ----------
    format : the format found or given, with its columns.
    encoding : "utf-8" or "cp949".
    name : the path, or "standard input".

    Raises
    ------
    DataError : there is no such file, it is empty or damaged, or in no encoding that is read here.
    UsageError : the delimiter is not one character.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        format: Format | None = None,
        *,
        header: bool | None = None,
        delimiter: str | None = None,
        text_file: bool = False,
        lenient: bool = False,
    ) -> None:
        delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise UsageError(f"the delimiter is {delimiter!r}; expected one character, or the word tab")
        self.source = str(source)
        self.name = "standard input" if self.source == "-" else self.source
        self._lenient = lenient
        self._binary = _standard_input() if self.source == "-" else _opened(Path(source))
        try:
            with _reading(self.name):
                self._start(format, header, delimiter, text_file=text_file or self.source == "-")
        except BaseException:
            self.close()
            raise

    def _start(self, format: Format | None, header: bool | None, delimiter: str | None, *, text_file: bool) -> None:
        piped = not self._binary.seekable()
        self.encoding = _encoding(self._binary, self.name, piped=piped, lenient=self._lenient)
        self._stream = io.TextIOWrapper(
            cast(BinaryIO, self._binary),
            encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            errors="surrogateescape" if self._lenient else "strict",
        )
        packed = Path(self.source).suffix.lower() in _OPENERS
        self._size = 0 if piped or packed else Path(self.source).stat().st_size
        self._lines = _Lines(self._stream)
        sample = self._lines.peek()
        if not any(line.strip() for line in sample):
            raise DataError(f"{self.name} is empty; give a file with at least one row")
        if format is None:
            format = _sniffed(sample, Path(self.source).suffixes, self.name, delimiter, text_file=text_file)
        if header is not None and format.kind == "csv":
            format = replace(format, header=header)
        self.format = _with_columns(format, sample)
        if not self.format.columns:
            raise DataError(f"the first lines of {self.name} hold no JSON object; write one object a line")

    def close(self) -> None:
        """Close the file; reading to the end does so as well."""
        self._binary.close()

    def progress(self) -> float | None:
        """Share of the file that has been read; None where its size is not known (a pipe, a packed file)."""
        if not self._size:
            return None
        if self._binary.closed:
            return 1.0
        return min(1.0, self._binary.tell() / self._size)

    def __iter__(self) -> Iterator[Row | Rejected]:
        try:
            with _reading(self.name):
                yield from self._rows()
        finally:
            self.close()

    def _rows(self) -> Iterator[Row | Rejected]:
        if self.format.kind == "text":
            for number, line in self._lines:
                yield self._unreadable(number, line) or Row(number, {"text": line})
        elif self.format.kind == "jsonl":
            for number, line in self._lines:
                if line.strip():
                    yield self._unreadable(number, line) or _json_row(number, line)
        else:
            columns = self.format.columns
            header = self.format.header
            for number, fields, raw in _records(self._lines, self.format):
                if header and fields != _TOO_LONG:
                    header = False
                elif unreadable := self._unreadable(number, raw):
                    yield unreadable
                elif isinstance(fields, str):
                    yield Rejected(number, fields, _readable(raw))
                elif len(fields) != len(columns):
                    found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
                    yield Rejected(number, f"{found} instead of {len(columns)}", _readable(raw))
                else:
                    yield Row(number, dict(zip(columns, fields, strict=True)))

    def _unreadable(self, number: int, raw: str) -> Rejected | None:
        """The row set aside if it is too long or holds bytes that could not be decoded."""
        if len(raw) > _LONGEST_LINE and "\n" not in raw:
            return Rejected(number, _TOO_LONG, _readable(raw))
        if self._lenient and not raw.isascii() and (escaped := _ESCAPED_BYTE.search(raw)):
            byte = ord(escaped[0]) - 0xDC00
            return Rejected(number, f"byte 0x{byte:02x} is not {self.encoding.upper()}", _readable(raw))
        return None


class RowWriter:
    """Write rows as CSV, TSV or JSON Lines.

    In CSV and TSV, a cell that a spreadsheet would run as a formula gets an apostrophe in front, and line ends are "\\n".

    Parameters
    ----------
    stream : a text stream opened with ``newline=""``.
    columns : names of the columns, in order; JSON Lines hold all values of a row, whatever their names.
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
            self._csv.writerow([neutralised(_cell(name)) for name in self._columns])

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row; columns that are missing stay empty."""
        if self._csv is None:
            self._stream.write(_text(json.dumps(values, ensure_ascii=False)) + "\n")
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
    if isinstance(value, bool):
        return "1" if value else "0"
    text = _text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text  # csv leaves a lone \\r unquoted


def _text(text: str) -> str:
    return text if text.isascii() else text.translate(_SURROGATES)


def _readable(raw: str) -> str:
    """What is shown of a row set aside; bytes that could not be decoded as \\xff."""
    return _ESCAPED_BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", raw[:10_000])


# --- opening and decoding


class _StandardInput(io.RawIOBase):
    """Standard input, which stays open when this is closed."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return cast(io.BufferedReader, sys.stdin.buffer).readinto(buffer)


def _standard_input() -> io.BufferedReader:
    return io.BufferedReader(_StandardInput(), buffer_size=_BLOCK)


def _opened(path: Path) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; give a file of comments")
        opener = _OPENERS.get(path.suffix.lower(), open)
        return io.BufferedReader(opener(path, "rb"), buffer_size=_BLOCK)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a file of comments") from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror or error}") from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turns failures of reading into errors that say what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # of a pipe, of which only the beginning could be looked at
        raise DataError(
            f"{name} begins as {error.encoding.upper()}, but 0x{error.object[error.start]:02x} further on is not; "
            "save it as UTF-8, or give it as a file to learn the line"
        ) from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{name} cannot be read: {error}; fetch or pack it again") from error


def _encoding(stream: io.BufferedReader, name: str, *, piped: bool, lenient: bool) -> str:
    """The encoding of the stream, which is at its beginning afterwards; of a pipe, the first block decides."""
    start = stream.peek()
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise DataError(f"{name} is {what}")

    def blocks() -> Iterable[bytes]:
        if piped:
            return [start]
        stream.seek(0)
        return iter(lambda: stream.read(_BLOCK), b"")

    failures: dict[str, int] = {}
    found = None
    for encoding in _ENCODINGS:
        failure = _first_failure(blocks(), encoding, final=not piped)
        if failure is None:
            found = encoding
            break
        failures[encoding] = failure
    if found is None:
        found = min(_ENCODINGS, key=lambda encoding: _undecodable(blocks(), encoding))
        if not lenient:
            line, byte = _place(blocks(), failures[found])
            raise DataError(
                f"{name} is neither UTF-8 nor CP949: line {line}, byte offset {failures[found]} (0x{byte:02x}); "
                "mend that line, or save the file as UTF-8"
            )
    if not piped:
        stream.seek(0)
    return found


def _first_failure(blocks: Iterable[bytes], encoding: str, *, final: bool) -> int | None:
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


def _undecodable(blocks: Iterable[bytes], encoding: str) -> int:
    """Number of bytes that are not in the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    return sum(len(_ESCAPED_BYTE.findall(decoder.decode(block))) for block in blocks)


def _place(blocks: Iterable[bytes], offset: int) -> tuple[int, int]:
    """Line (from 1) and value of the byte at an offset."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("latin-1")(), translate=True)
    line = 1
    for block in blocks:
        line += decoder.decode(block[:offset], final=offset < len(block)).count("\n")
        if offset < len(block):
            return line, block[offset]
        offset -= len(block)
    raise AssertionError("the offset lies in the file")


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


def _json_row(number: int, line: str) -> Row | Rejected:
    try:
        values = json.loads(line, parse_constant=lambda name: None)  # NaN and Infinity are not JSON, but usual
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
            yield number, _TOO_LONG, line
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
        follower = next(lines, None) if len(taken) < _LONGEST_QUOTED and len(text) < _LONGEST_LINE else None
        if follower is None:
            break
        taken.append(follower)
        text += "\n" + follower[1]
        if len(follower[1]) > _LONGEST_LINE:
            break
    lines.put_back(taken)
    if unclosed:
        return number, "a quotation mark opens here and is never closed", line
    try:  # quotes inside a quoted field that were not doubled: read the line as well as can be
        (fields,) = csv.reader([line], delimiter=delimiter)
    except csv.Error as error:
        return number, f"not CSV: {error}", line
    return number, fields, line


def _looks_like_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether each line of a record is whole by itself, in a file whose texts hardly ever hold the delimiter."""
    return delimiter in "\t|" and all(line.count(delimiter) == width - 1 for line in lines)


# --- finding out how a file is written


def _sniffed(
    sample: Sequence[str], suffixes: Sequence[str], name: str, delimiter: str | None, *, text_file: bool
) -> Format:
    if delimiter is not None:
        return _best(sample, (delimiter,)) or Format("csv", delimiter)
    suffix = next((s.lower() for s in reversed(suffixes) if s.lower() not in _OPENERS), "")
    first = next(line for line in sample if line.strip()).strip()
    if suffix in (".json", "") and re.match(r"\[\s*(\{|$)", first):
        raise DataError(f"{name} is a JSON array; write one JSON object a line (JSON Lines), or CSV")
    if suffix in (".jsonl", ".ndjson", ".json") or (suffix not in (".csv", ".tsv") and _holds_json(sample)):
        return Format("jsonl")
    text_file = text_file and suffix in (".txt", "")
    best = _best(sample, ("\t",) if suffix == ".tsv" else DELIMITERS)
    if best is not None and (not text_file or _clearly_columns(sample, best)):
        return best
    if text_file or suffix == ".txt":
        return Format("text")
    return Format("csv", "\t" if suffix == ".tsv" else ",")


def _best(sample: Sequence[str], delimiters: Sequence[str]) -> Format | None:
    """The format that fits most rows, then the one with most columns; None where none makes a table."""
    best: tuple[float, int, Format] | None = None
    for delimiter in delimiters:
        for quoting in (True, False):
            for split_last in (False, True) if delimiter == "|" and not quoting else (False,):
                format = Format("csv", delimiter, quoting, split_last=split_last)
                found = _fit(sample, format)
                if found is not None and (best is None or found > best[:2]):
                    best = *found, format
    return best[2] if best is not None else None


def _holds_json(sample: Sequence[str]) -> bool:
    objects = [isinstance(_json_row(0, line), Row) for line in sample[:_CLEAR_LINES] if line.strip()]
    return sum(objects) > len(objects) / 2


def _fit(sample: Sequence[str], format: Format) -> tuple[float, int] | None:
    """Share of the sample's rows with the usual number of fields, and that number; None where it is no table."""
    rows = _sample_rows(sample, format)
    width = _usual_width(rows)
    count = sum(len(row) == width for row in rows)
    if width < 2 or count < 0.8 * len(rows):
        return None
    if format.split_last:
        last = {row[-1].strip() for row in rows if len(row) == 2}
        if len(last) > max(3, len(rows) // 10) or max(map(len, last)) > 30:
            return None
    share = count / len(rows)
    if not format.quoting:  # whole fields in quotes are meant as quoting, unless that fits less well
        share -= sum(any(map(_QUOTED_FIELD.fullmatch, row)) for row in rows) / len(rows)
    return share, width


def _sample_rows(sample: Sequence[str], format: Format) -> list[list[str]]:
    """Fields of the sample's records; [] of one that cannot be read, nothing of lines that are too long."""
    lines = _Lines(io.StringIO("\n".join(line for line in sample if len(line) <= _LONGEST_LINE)))
    rows = [fields if isinstance(fields, list) else [] for _, fields, _ in _records(lines, format)]
    return rows or [[]]


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(len(row) for row in rows if row).most_common(1)[0][0] if any(rows) else 1


def _clearly_columns(sample: Sequence[str], format: Format) -> bool:
    if format.delimiter in "\t|" and len(sample) >= _CLEAR_LINES:
        return True
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
        names = list(format.columns) or [f"column{i}" for i in range(1, _usual_width(rows) + 1)]
    return replace(format, header=header, columns=tuple(_distinct(names)))


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: by a known name, or as it is unlike columns of few values or of numbers."""
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(cell.strip().casefold() in TEXT_NAMES for cell in first):
        return True
    unlike = any(_is_name(cell) for cell in first)
    for cell, column in zip(first, zip(*rest, strict=True), strict=False):
        values = set(column)
        if cell.strip() and cell in values:
            return False
        if all(map(_NUMBER.fullmatch, values)):
            if _NUMBER.fullmatch(cell):
                return False
            unlike = unlike or bool(cell.strip())
        unlike = unlike or _are_few(values, len(rest))
    return unlike


def _are_few(values: set[str], rows: int) -> bool:
    return len(values) < rows and len(values) <= max(2, rows // 10) and max(map(len, values)) <= 20


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, told apart where they repeat.

    >>> _distinct(["a", "a", "a.2"])
    ['a', 'a.2', 'a.2.2']
    """
    result: list[str] = []
    for name in names:
        unused = (f"{name}.{n}" if n > 1 else name for n in range(1, len(names) + 1))
        result.append(next(candidate for candidate in unused if candidate not in result))
    return result
