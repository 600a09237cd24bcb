"""Build the file of NSMC movie reviews from the upstream archive: rating and text, one review per line, none twice."""

from __future__ import annotations

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from toxiclf.datasets.download import Output
from toxiclf.errors import DataError

MOST_PACKED = 512 * 2**20
"""Maximum size of the archive in bytes; its actual size is not known beforehand."""

MOST_UNPACKED = 2**30  # bytes: at most a million reviews of about 300 bytes, plus upstream's own tables
_MOST_IN_A_FILE = 16 * 2**20  # bytes; a file of upstream holds at most 100 reviews
_MOST_MEMBERS = 100_000
_RAW = re.compile(r"[^/]+/raw/[^/]+\.json")


def build(archive: BinaryIO, output: Output) -> None:
    """Write ``rating<TAB>text<LF>`` for each review in the ``raw/*.json`` files of a tar.gz archive.

    Files are sorted by the bytes of their names; reviews keep their order within a file. Each run of white space
    becomes one space. Empty texts and repeated texts are left out.

    Raises
    ------
    DataError : the archive is damaged, larger than expected, or does not hold the expected files.
    """
    files: dict[bytes, list[tuple[str, str]]] = {}
    try:
        for name, content in _raw_files(archive):
            files[name.encode()] = list(_reviews(name, content))
    except DataError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
        raise DataError(f"the archive is damaged ({error}); fetch it again") from error
    if not files:
        raise DataError("the archive has no files raw/*.json; upstream may have changed it")
    seen: set[str] = set()
    for _, reviews in sorted(files.items()):
        for rating, text in reviews:
            if text and text not in seen:
                seen.add(text)
                output.write(f"{rating}\t{text}\n".encode())


def _raw_files(archive: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each ordinary file ``*/raw/*.json`` in the archive, without unpacking it to disk."""
    with _Limited(fileobj=archive, mode="rb") as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as members:
        for count, member in enumerate(members, start=1):
            if count > _MOST_MEMBERS:
                raise DataError(f"the archive has more than {_MOST_MEMBERS:,} members; upstream may have changed it")
            if not (member.isreg() and _RAW.fullmatch(member.name)):
                continue
            if member.issparse() or member.size > _MOST_IN_A_FILE:
                raise DataError(
                    f"{member.name!r} of the archive has {member.size:,} bytes; expected at most {_MOST_IN_A_FILE:,}"
                )
            content = members.extractfile(member)
            assert content is not None  # it is an ordinary file
            yield member.name, content.read()


def _reviews(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Yield rating and text of each review in a file; each run of white space in a text becomes one space."""
    try:
        for review in json.loads(content):
            rating, text = str(int(review["rating"])), " ".join(review["review"].split())
            text.encode()  # raises for half of a surrogate pair, which JSON allows and UTF-8 does not
            yield rating, text
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"{name!r} of the archive is not a list of reviews ({type(error).__name__})") from error


class _Limited(gzip.GzipFile):
    """Gzip reader that fails after :data:`MOST_UNPACKED` unpacked bytes; a small archive may unpack to a huge file."""

    _count = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._count += len(content)
        if self._count > MOST_UNPACKED:
            raise DataError(f"the archive unpacks to more than {MOST_UNPACKED:,} bytes; upstream may have changed it")
        return content
