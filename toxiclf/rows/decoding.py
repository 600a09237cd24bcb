"""Open a file or standard input, decompress it, and detect its encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from toxiclf.errors import DataError
from toxiclf.rows.records import ESCAPED_BYTE

_BLOCK = 2**20  # bytes
_ENCODINGS = ("utf-8", "cp949")
_FOREIGN = {  # unsupported files, by their first bytes
    b"\xff\xfe": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"\xfe\xff": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"PK\x03\x04": "a workbook or archive; give a workbook's name the ending .xlsx, or save the sheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old workbook; save the sheet as .xlsx or CSV UTF-8 and try again",
    b"PAR1": "a Parquet file; save it as CSV or JSON Lines, or, for training, give its name the ending .parquet",
    b"%PDF": "a PDF; save its table as CSV UTF-8",
    b"<html": "a web page; if a spreadsheet opens it, save the sheet as .xlsx or CSV UTF-8, else fetch the file again",
    b"<!DOCTYPE html": "a web page; if a spreadsheet opens it, save the sheet as .xlsx or CSV UTF-8, else fetch the file again",
    b"\x1f\x8b": "packed by gzip; give its name the ending .gz, or unpack it",
}


def _of_library(name: str) -> Callable[..., Any]:
    """Return the function that opens packed files by a standard library, which some builds of Python lack."""

    def opener(path: Path, mode: str) -> Any:
        try:
            return import_module(name).open(path, mode)
        except ModuleNotFoundError as error:
            raise DataError(
                f"{path} cannot be opened: this Python was built without {error.name}; unpack the file"
            ) from error

    return opener


OPENERS: Mapping[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": _of_library("bz2"),
    ".xz": _of_library("lzma"),
}


class _StandardInput(io.RawIOBase):
    """Raw stream over standard input; closing it leaves standard input open."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return cast(io.BufferedReader, sys.stdin.buffer).readinto(buffer)


def standard_input() -> io.BufferedReader:
    """Return standard input as bytes.

    Raises
    ------
    DataError : it is closed.
    """
    if sys.stdin is None:
        raise DataError("standard input is closed; give a file")
    return io.BufferedReader(_StandardInput(), buffer_size=_BLOCK)


def opened(path: Path) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; give a file of comments")
        opener = OPENERS.get(path.suffix.lower(), open)
        return io.BufferedReader(opener(path, "rb"), buffer_size=_BLOCK)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a file of comments") from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror or error}") from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Convert errors of reading in the ``with`` block to a ``DataError`` that says what to do."""
    try:
        yield
    except Exception as error:
        is_damaged = isinstance(error, (OSError, EOFError, zlib.error)) or type(error).__name__ == "LZMAError"
        if not is_damaged:  # the module of LZMAError may be missing
            raise
        raise DataError(f"{name} cannot be read: {error}; fetch or pack it again") from error


def encoding_of(stream: io.BufferedReader, name: str, *, piped: bool) -> str:
    """Return the encoding of a stream, "utf-8" or "cp949", and rewind the stream. For a pipe, the first block decides.

    If neither encoding fits, the one with fewer undecodable bytes is returned.
    """
    start = stream.peek()
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise DataError(f"{name} is {what}")

    def blocks() -> Iterable[bytes]:
        if piped:
            return [start]
        stream.seek(0)
        return iter(lambda: stream.read(_BLOCK), b"")

    chosen = next((encoding for encoding in _ENCODINGS if _decodes(blocks(), encoding, final=not piped)), None)
    chosen = chosen or min(_ENCODINGS, key=lambda encoding: _undecodable(blocks(), encoding))
    if not piped:
        stream.seek(0)
    return chosen


def _decodes(blocks: Iterable[bytes], encoding: str, *, final: bool) -> bool:
    """Return whether all bytes decode; ``final`` says that no data follows, so that an incomplete character does not."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final)
    except UnicodeDecodeError:
        return False
    return True


def _undecodable(blocks: Iterable[bytes], encoding: str) -> int:
    """Count the bytes that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    return sum(len(ESCAPED_BYTE.findall(decoder.decode(block))) for block in blocks)
