"""Open a file or standard input, decompress it, and detect its encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from toxiclf.errors import DataError
from toxiclf.rows.records import ESCAPED_BYTE

_BLOCK = 2**20  # bytes
_ENCODINGS = ("utf-8", "cp949")
OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_FOREIGN = {  # unsupported files, by their first bytes
    b"\xff\xfe": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"\xfe\xff": "in UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again",
    b"PK\x03\x04": "a workbook or archive; save the sheet as CSV UTF-8 and try again",
    b"\xd0\xcf\x11\xe0": "a workbook; save the sheet as CSV UTF-8 and try again",
    b"PAR1": "a Parquet file; save it as CSV or JSON Lines, or, for training, give its name the ending .parquet",
    b"\x1f\x8b": "packed by gzip; give its name the ending .gz, or unpack it",
}


class _StandardInput(io.RawIOBase):
    """Raw stream over standard input; closing it leaves standard input open."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return cast(io.BufferedReader, sys.stdin.buffer).readinto(buffer)


def standard_input() -> io.BufferedReader:
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
    except UnicodeDecodeError as error:  # of a pipe, whose encoding was detected from its first block
        raise DataError(
            f"{name} begins as {error.encoding.upper()}, but a later byte (0x{error.object[error.start]:02x}) is "
            "not; save it as UTF-8, or give a file instead of a pipe to find out the line"
        ) from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{name} cannot be read: {error}; fetch or pack it again") from error


def encoding_of(stream: io.BufferedReader, name: str, *, piped: bool, lenient: bool) -> str:
    """Return the encoding of a stream, "utf-8" or "cp949", and rewind the stream. For a pipe, the first block decides.

    If neither encoding fits, a ``DataError`` is raised; if ``lenient``, the encoding with fewer undecodable bytes is
    returned instead.
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

    failures: dict[str, int] = {}
    chosen = None
    for encoding in _ENCODINGS:
        failure = _first_failure(blocks(), encoding, final=not piped)
        if failure is None:
            chosen = encoding
            break
        failures[encoding] = failure
    if chosen is None:
        chosen = min(_ENCODINGS, key=lambda encoding: _undecodable(blocks(), encoding))
        if not lenient:
            line, byte = _place(blocks(), failures[chosen])
            raise DataError(
                f"{name} is neither UTF-8 nor CP949: line {line}, byte offset {failures[chosen]} (0x{byte:02x}); "
                "fix that line, or save the file as UTF-8"
            )
    if not piped:
        stream.seek(0)
    return chosen


def _first_failure(blocks: Iterable[bytes], encoding: str, *, final: bool) -> int | None:
    """Return the offset of the first undecodable byte; None if there is none.

    ``final`` says that no data follows the blocks, so that an incomplete character at the end is undecodable, too."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    decoded = 0  # number of bytes decoded so far
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
    """Count the bytes that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    return sum(len(ESCAPED_BYTE.findall(decoder.decode(block))) for block in blocks)


def _place(blocks: Iterable[bytes], offset: int) -> tuple[int, int]:
    """Return the line number (from 1) and the value of the byte at an offset."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("latin-1")(), translate=True)
    line = 1
    for block in blocks:
        line += decoder.decode(block[:offset], final=offset < len(block)).count("\n")
        if offset < len(block):
            return line, block[offset]
        offset -= len(block)
    raise AssertionError("the offset lies in the file")
