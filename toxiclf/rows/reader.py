"""Read the rows of a file or of standard input as a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TypedDict, TypeVar, cast

from toxiclf.errors import DataError, UsageError
from toxiclf.rows.decoding import OPENERS, encoding_of, opened, reading, standard_input
from toxiclf.rows.format import Format
from toxiclf.rows.guesses import Guess
from toxiclf.rows.names import folded
from toxiclf.rows.records import (
    ESCAPED_BYTE,
    LONGEST_LINE,
    TOO_LONG,
    Decoder,
    Lines,
    Rejected,
    Row,
    array_rows,
    is_encodable,
    json_row,
    readable,
    records,
)  # fmt: skip
from toxiclf.rows.sniffing import (
    declared_delimiter,
    ending_of,
    is_array,
    sniffed,
    with_columns,
    with_header,
    with_keys,
)  # fmt: skip
from toxiclf.rows.workbook import is_workbook, sheet_rows

WRONG_WIDTH, UNDECODABLE = "wrong number of cells", "undecodable bytes"
_SAMPLE_ROWS = 1000

T = TypeVar("T")


class Layout(TypedDict, total=False):
    """What a user may say about the layout of a file: arguments of :class:`RowReader`."""

    header: bool | None
    delimiter: str | None
    sheet: str | None


class RowReader:
    """Stream of :class:`Row` and :class:`Rejected` from a file or standard input; it can be iterated over once.

    The encoding is UTF-8, with or without a byte order mark, or else CP949. Files ending in .gz, .bz2 or .xz are
    decompressed. All line ends, also inside quoted fields, become "\\n". Files are read as they are iterated over, but a
    workbook is read as a whole.

    Parameters
    ----------
    source : path, or "-" for standard input.
    format : format of the file, such as that of a corpus card; None detects it from the first rows.
    header : whether the first row names the columns; None detects it.
    delimiter : column delimiter, one character or "tab"; None detects it.
    text_file : whether a file ending in .txt or without an ending is read as one comment per line, unless its lines
        clearly have columns. Standard input is always read in this way.
    sheet : name of the sheet of a workbook; None takes the first.
    names : names that columns are expected to have, such as those in training; they tell a header.

    Attributes
    ----------
    format : the given or detected format, with its columns.
    encoding : detected encoding, "utf-8" or "cp949"; empty for a workbook.
    name : the path, or "standard input".
    found : encoding and format in words.
    guesses : what was detected, with the option that sets it.
    decoder : counts the numbers of JSON that were changed.

    Raises
    ------
    DataError : the file does not exist, is empty or damaged, or its encoding is not supported.
    UsageError : the delimiter is not one character, or there is no such sheet.
    MissingExtraError : the file is a workbook, and its reader is not installed.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        format: Format | None = None,
        *,
        header: bool | None = None,
        delimiter: str | None = None,
        text_file: bool = False,
        sheet: str | None = None,
        names: Collection[str] = (),
    ) -> None:
        delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
            raise UsageError(f"the delimiter is {delimiter!r}; expected one character, or the word tab")
        self.source = str(source)
        self.name = "standard input" if self.source == "-" else self.source
        self.encoding = ""
        self.guesses: list[Guess] = []
        self.decoder = Decoder()
        self._expected = frozenset(map(folded, names))
        if sheet is not None and not is_workbook(self.source):
            raise UsageError(f"{self.name} is not an Excel workbook (.xlsx); leave --sheet out")
        self._binary = standard_input() if self.source == "-" else opened(Path(source))
        self._size = 0
        self._cells: Iterator[tuple[int, list[str]] | Rejected] = iter(())  # of a table
        self._objects: Iterator[Row | Rejected] = iter(())  # of JSON
        try:
            with reading(self.name):
                if is_workbook(self.source):
                    self._start_workbook(header, sheet)
                else:
                    self._start(format, header, delimiter, text_file=text_file or self.source == "-")
            if header is None and self.format.kind in ("csv", "sheet"):
                what, option = (
                    ("first row as header", "--no-header") if self.format.header else ("no header", "--header")
                )
                self.guesses.append(Guess(what, option))
        except BaseException:
            self.close()
            raise

    def _start_workbook(self, header: bool | None, sheet: str | None) -> None:
        said, rows = sheet_rows(self._binary, self.name, sheet)
        sample = list(islice(rows, _SAMPLE_ROWS))
        if not sample:
            raise DataError(f"{self.name}: {said} is empty; give a sheet with at least one row")
        self.format = with_header(Format("sheet", header=header), [cells for _, cells, _ in sample], self._expected)
        self.found = f"{said}, {self.format.describe()}"
        self._cells = self._table(chain(sample, rows))

    def _start(self, format: Format | None, header: bool | None, delimiter: str | None, *, text_file: bool) -> None:
        piped = not self._binary.seekable()
        self.encoding = encoding_of(self._binary, self.name, piped=piped)
        array = format is None and is_array(self._binary.peek(), ending_of(Path(self.source)))
        stream = io.TextIOWrapper(
            cast(BinaryIO, self._binary),
            encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            errors="surrogateescape",
        )
        self._stream = stream  # it closes the file when it is collected
        packed = Path(self.source).suffix.lower() in OPENERS
        self._size = 0 if piped or packed else Path(self.source).stat().st_size
        if array:
            self._start_array(stream)
        else:
            self._start_lines(Lines(stream), format, header, delimiter, text_file=text_file)
        if self.encoding != "utf-8":
            self.guesses.append(Guess(f"encoding {self.encoding.upper()}", "save the file as UTF-8"))
        self.found = f"{self.encoding.upper()}, {self.format.describe()}"

    def _start_array(self, stream: io.TextIOWrapper) -> None:
        rows = (self._unreadable(row.line, raw) or row for row, raw in array_rows(stream, self.name, self.decoder))
        sample = list(islice(rows, _SAMPLE_ROWS))
        self.format = with_keys(Format("json"), sample)
        if not self.format.columns:
            raise DataError(f"{self.name} is a JSON array without objects; write an object for each comment")
        self._objects = chain(sample, rows)

    def _start_lines(
        self, lines: Lines, format: Format | None, header: bool | None, delimiter: str | None, *, text_file: bool
    ) -> None:
        sample = lines.peek()
        if format is None and sample and (declared := declared_delimiter(sample[0])):
            next(lines)
            sample = sample[1:]
            delimiter = delimiter or declared
        if not any(line.strip() for line in sample):
            raise DataError(f"{self.name} is empty; give a file with at least one row")
        if format is None:
            format = sniffed(sample, ending_of(Path(self.source)), delimiter, text_file=text_file, names=self._expected)
            if delimiter is None and format.kind == "csv":
                self.guesses.append(Guess(format.separated(), "--delimiter"))
        if header is not None and format.kind == "csv":
            format = replace(format, header=header)
        self.format = with_columns(format, sample, self._expected)
        if not self.format.columns:
            raise DataError(
                f"the first lines of {self.name} hold no JSON object; write one JSON object per line, or an array of objects"
            )
        if format.kind == "text":
            self._cells = self._table((number, [line], line) for number, line in lines)
        elif format.kind == "jsonl":
            filled = ((number, line) for number, line in lines if line.strip())
            self._objects = (
                self._unreadable(number, line) or json_row(number, line, self.decoder) for number, line in filled
            )
        else:
            self._cells = self._table(records(lines, self.format))

    def close(self) -> None:
        """Close the file; iterating to the end also closes it."""
        self._binary.close()

    def progress(self) -> float | None:
        """Return the share of the file that has been read; None if its size is unknown (pipe or compressed file)."""
        if not self._size:
            return None
        if self._binary.closed:
            return 1.0
        return min(1.0, self._binary.tell() / self._size)

    def __iter__(self) -> Iterator[Row | Rejected]:
        return self._read(map(self._named, self._cells) if self.is_table else self._objects)

    @property
    def is_table(self) -> bool:
        """Whether each row has a cell for each column, as in all formats but JSON."""
        return self.format.kind not in ("json", "jsonl")

    def cells(self) -> Iterator[tuple[int, list[str]] | Rejected]:
        """Iterate over the rows of a table, each as its line number and cells; faster than dictionaries."""
        return self._read(self._cells)

    def _named(self, row: tuple[int, list[str]] | Rejected) -> Row | Rejected:
        if isinstance(row, Rejected):
            return row
        line, cells = row
        return Row(line, dict(zip(self.format.columns, cells)))  # noqa: B905  # _table has checked it, in less time

    def _read(self, rows: Iterable[T]) -> Iterator[T]:
        try:
            with reading(self.name):
                yield from rows
        finally:
            self.close()

    def _table(self, found: Iterable[tuple[int, list[str] | str, str]]) -> Iterator[tuple[int, list[str]] | Rejected]:
        """Yield the rows below the header, given records as :func:`records` yields them."""
        width = len(self.format.columns)
        above = self.format.titles + bool(self.format.header)
        for number, fields, raw in found:
            if above and fields != TOO_LONG:
                above -= 1
            elif unreadable := self._unreadable(number, raw):
                yield unreadable
            elif isinstance(fields, str):
                yield Rejected(number, fields, readable(raw))
            elif len(fields) != width:
                found_width = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
                yield Rejected(number, f"{found_width} instead of {width}", readable(raw), WRONG_WIDTH)
            else:
                yield number, fields

    def _unreadable(self, number: int, raw: str) -> Rejected | None:
        """Return a ``Rejected`` if the row is too long or holds undecodable bytes; None if it can be read."""
        if len(raw) > LONGEST_LINE and "\n" not in raw:
            return Rejected(number, TOO_LONG, readable(raw))
        if not is_encodable(raw) and (escaped := ESCAPED_BYTE.search(raw)):
            byte = ord(escaped[0]) - 0xDC00
            return Rejected(number, f"byte 0x{byte:02x} is not {self.encoding.upper()}", readable(raw), UNDECODABLE)
        return None
