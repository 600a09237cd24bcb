"""A bundle as one file: a ZIP archive of its files, without compression, so that the same bundle gives the same bytes.

A packed bundle is verified in memory like a folder, and nothing is extracted. Only archives of exactly this form are
read: no compression, encryption, comments, paths, or bytes before, between or after the files.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from toxiclf._files import write_archive
from toxiclf.bundle.manifest import FILES
from toxiclf.errors import BundleError

Opener = Callable[[str], AbstractContextManager[tuple[BinaryIO, int]]]
"""Opens a file of a bundle by name, and gives its stream and its size in bytes."""

_NAMES = sorted((*FILES, "manifest.json"))
_LOCAL, _CENTRAL = 30, 46  # bytes of a file's headers, without its name
_DIRECTORY = sum(_CENTRAL + len(name) for name in _NAMES)
_END = struct.Struct("<4s4H2LH")
_REFUSED = "does not have the form that `toxiclf pack` writes"


def write(file: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files of a bundle, given by name, to one file; an old file is replaced."""
    write_archive(file, {name: contents[name] for name in _NAMES})


def is_packed(file: Path) -> bool:
    """Return whether a file looks like a packed bundle; nothing in it is verified."""
    try:
        with file.open("rb") as stream:
            _check_end(stream, os.fstat(stream.fileno()).st_size)
    except (OSError, BundleError):
        return False
    return True


@contextmanager
def opened(stream: BinaryIO, size: int) -> Iterator[Opener]:
    """Yield a function that opens the files of a packed bundle, which has ``size`` bytes.

    Raises
    ------
    BundleError : the archive has another form than :func:`write` gives it.
    """
    from zipfile import BadZipFile, ZipFile

    _check_end(stream, size)
    try:
        with ZipFile(stream) as archive:
            end = 0
            for info, name in zip(archive.infolist(), _NAMES, strict=True):
                plain = (name, end, 0, 0, info.file_size)
                if (info.filename, info.header_offset, info.compress_type, info.flag_bits, info.compress_size) != plain:
                    raise BundleError(f"{info.filename!r} {_REFUSED}; unpack the file, and pack the folder again")
                end += _LOCAL + len(name) + info.file_size
            if end != archive.start_dir:
                raise BundleError(f"the file {_REFUSED}; unpack it, and pack the folder again")

            @contextmanager
            def opener(name: str) -> Iterator[tuple[BinaryIO, int]]:
                with archive.open(name) as file:
                    yield cast(BinaryIO, file), archive.getinfo(name).file_size

            yield opener
    except (BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, struct.error) as error:
        raise BundleError(f"the file {_REFUSED}: {error}; copy it again") from error


def _check_end(stream: BinaryIO, size: int) -> None:
    """Check the last record of the archive, before ``zipfile`` reads a directory of any size."""
    stream.seek(max(0, size - _END.size))
    end = stream.read(_END.size)
    stream.seek(0)
    count = len(_NAMES)
    if end != _END.pack(b"PK\5\6", 0, 0, count, count, _DIRECTORY, max(0, size - _END.size - _DIRECTORY) % 2**32, 0):
        raise BundleError(f"the file {_REFUSED}; give a file that `toxiclf pack` wrote, or a bundle folder")
