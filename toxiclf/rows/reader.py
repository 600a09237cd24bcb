"""Read the rows of a file or of standard input as a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from toxiclf.errors import DataError, UsageError
from toxiclf.rows.decoding import OPENERS, encoding_of, opened, reading, standard_input
from toxiclf.rows.format import Format
from toxiclf.rows.records import ESCAPED_BYTE, LONGEST_LINE, TOO_LONG, Lines, Rejected, Row, json_row, readable, records
from toxiclf.rows.sniffing import sniffed, with_columns


class RowReader:
    """Stream of :class:`Row` and :class:`Rejected` from a file or standard input; it can be iterated over once.

    The encoding is UTF-8, with or without a byte order mark, or else CP949. Files ending in .gz, .bz2 or .xz are
    decompressed. All line ends, also inside quoted fields, become "\\n".

    Parameters
    ----------
    source : path, or "-" for standard input.
    format : format of the file, such as that of a corpus card; None detects it from the first rows.
    header : whether the first row names the columns; None detects it.
    delimiter : column delimiter, one character or "tab"; None detects it.
    text_file : whether a file ending in .txt or without an ending is read as one comment per line, unless its lines
        clearly have columns. Standard input is always read in this way.
    lenient : whether rows with undecodable bytes are rejected; if not, such bytes raise a ``DataError``.

    Attributes
    ----------
    format : the given or detected format, with its columns.
    encoding : detected encoding, "utf-8" or "cp949".
    name : the path, or "standard input".

    Raises
    ------
    DataError : the file does not exist, is empty or damaged, or its encoding is not supported.
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
        self._binary = standard_input() if self.source == "-" else opened(Path(source))
        try:
            with reading(self.name):
                self._start(format, header, delimiter, text_file=text_file or self.source == "-")
        except BaseException:
            self.close()
            raise

    def _start(self, format: Format | None, header: bool | None, delimiter: str | None, *, text_file: bool) -> None:
        piped = not self._binary.seekable()
        self.encoding = encoding_of(self._binary, self.name, piped=piped, lenient=self._lenient)
        self._stream = io.TextIOWrapper(
            cast(BinaryIO, self._binary),
            encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            errors="surrogateescape" if self._lenient else "strict",
        )
        packed = Path(self.source).suffix.lower() in OPENERS
        self._size = 0 if piped or packed else Path(self.source).stat().st_size
        self._lines = Lines(self._stream)
        sample = self._lines.peek()
        if not any(line.strip() for line in sample):
            raise DataError(f"{self.name} is empty; give a file with at least one row")
        if format is None:
            format = sniffed(sample, Path(self.source).suffixes, self.name, delimiter, text_file=text_file)
        if header is not None and format.kind == "csv":
            format = replace(format, header=header)
        self.format = with_columns(format, sample)
        if not self.format.columns:
            raise DataError(f"the first lines of {self.name} hold no JSON object; write one JSON object per line")

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
        try:
            with reading(self.name):
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
                    yield self._unreadable(number, line) or json_row(number, line)
        else:
            columns = self.format.columns
            header = self.format.header
            for number, fields, raw in records(self._lines, self.format):
                if header and fields != TOO_LONG:
                    header = False
                elif unreadable := self._unreadable(number, raw):
                    yield unreadable
                elif isinstance(fields, str):
                    yield Rejected(number, fields, readable(raw))
                elif len(fields) != len(columns):
                    width = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
                    yield Rejected(number, f"{width} instead of {len(columns)}", readable(raw))
                else:
                    yield Row(number, dict(zip(columns, fields, strict=True)))

    def _unreadable(self, number: int, raw: str) -> Rejected | None:
        """Return a ``Rejected`` if the row is too long or holds undecodable bytes; None if it can be read."""
        if len(raw) > LONGEST_LINE and "\n" not in raw:
            return Rejected(number, TOO_LONG, readable(raw))
        if self._lenient and not raw.isascii() and (escaped := ESCAPED_BYTE.search(raw)):
            byte = ord(escaped[0]) - 0xDC00
            return Rejected(number, f"byte 0x{byte:02x} is not {self.encoding.upper()}", readable(raw))
        return None
