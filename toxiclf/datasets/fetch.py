"""Download files of public corpora to the cache; a file appears there only after its size and checksum are verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from toxiclf._files import locked, scratch_file, write_text, writing_bytes
from toxiclf.cache import CACHE_VARIABLE
from toxiclf.datasets import nsmc
from toxiclf.datasets.cards import ROOT_VARIABLE, Card, Part, difference
from toxiclf.datasets.download import Watch, download
from toxiclf.errors import DataError, UsageError

Say = Callable[[str], None]
_TERMS = "LICENCE.txt"


@dataclass(frozen=True)
class Fetched:
    """A part of a corpus that is on this machine after ``fetch``, its path, and whether it was already there."""

    part: Part
    path: Path
    was_there: bool


def fetch(
    card: Card,
    parts: Sequence[Part] = (),
    *,
    accept: Callable[[Card], bool],
    say: Say,
    watch: Watch = lambda done, total: None,
) -> list[Fetched]:
    """Download parts of a corpus (default: all); parts that are already on this machine are verified and kept.

    Parameters
    ----------
    accept : called before the first download from a corpus whose license forbids commercial use; returns whether the
        user accepts the license.
    say : called with a message at each step.
    watch : called with the number of bytes received so far and the size of the file (None if it is unknown).

    Raises
    ------
    UsageError : the license was not accepted.
    DataError : the download failed, a file (downloaded, or under ``$TOXICLF_CORPORA``) does not match the card, or the
        cache cannot be written.
    """
    parts = parts or card.parts
    there = {part: path for part in parts if (path := _there(card, part)) is not None}
    if len(there) == len(parts):
        return [Fetched(part, path, was_there=True) for part, path in there.items()]
    folder = card.cache_path(parts[0]).parent
    terms = "\n".join(filter(None, [card.licence.id, card.licence.address, card.licence.note, card.citation])) + "\n"
    if not card.licence.commercial and not _accepted(folder, terms) and not accept(card):
        raise UsageError(
            f"the license of corpus:{card.name} forbids commercial use ({card.licence.id}, "
            f"{card.licence.address}); if you accept it, run: toxiclf corpora fetch {card.name} --accept-licence"
        )
    with _cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    fetched = []
    with locked(folder / ".lock", lambda: say(f"another process is fetching to {folder}; waiting for it")):
        with _cache_errors(folder / _TERMS):
            write_text(folder / _TERMS, terms)  # stays beside the files and shows that the license was accepted
        for part in parts:
            path = _there(card, part)  # checked again: another process may have fetched it
            fetched.append(Fetched(part, path or _get(card, part, say, watch), was_there=path is not None))
    return fetched


def _there(card: Card, part: Part) -> Path | None:
    """Verify a part and return its path; None if missing, or if its file in the cache does not match the card."""
    place = card.place(part)
    if place is None or (place.kind == "cache" and difference(place.path, place.file) is not None):
        return None
    return place.path if place.kind == "cache" else card.path(part)


def _accepted(folder: Path, terms: str) -> bool:
    try:
        return (folder / _TERMS).read_text("utf-8") == terms
    except (OSError, ValueError):
        return False


def _get(card: Card, part: Part, say: Say, watch: Watch) -> Path:
    """Download or build a part and return its path; the file appears there only if it matches the card."""
    path = card.cache_path(part)
    if path.is_dir():
        raise DataError(f"{path} is a folder; remove it")
    if path.exists():
        say(f"{path} does not match the card; fetching it again")
    assert part.address is not None  # only the sample has no address, and it is never fetched
    host = urlsplit(part.address).hostname
    with _cache_errors(path), writing_bytes(path, synced=True) as file:
        content = _Hashed(file)
        if part.built_by is None:
            say(f"fetching {part.file} ({part.size:,} bytes) from {host}")
            download(part.address, content, size=part.size, limit=part.size, watch=watch)
        else:
            with scratch_file(path.parent) as archive:
                say(f"fetching the archive that {part.file} is built from, from {host}")
                download(part.address, archive, size=None, limit=nsmc.MOST_PACKED, watch=watch)
                say(f"building {part.file} from the archive")
                archive.seek(0)
                nsmc.build(archive, content)
        wrong = content.difference(part)
        if wrong is not None:
            raise DataError(
                f"{part.address} gave a file that does not match the card ({wrong}), so it was removed; try "
                f"again later, or set {ROOT_VARIABLE} to a folder that holds {card.name}/{part.file} (from "
                f"{card.upstream})"
            )
    say(f"{part.file}: size and SHA-256 match the card")
    return path


class _Hashed:
    """Output stream that counts and hashes the bytes written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size, self._digest = file, 0, hashlib.sha256()

    def write(self, block: bytes) -> int:
        """Write a block of bytes; return how many were written."""
        self._size += len(block)
        self._digest.update(block)
        return self._file.write(block)

    def difference(self, part: Part) -> str | None:
        """Describe how the written bytes differ from the card in size or SHA-256; None if both match."""
        return part.difference(self._size, self._digest.hexdigest())


@contextmanager
def _cache_errors(path: Path) -> Iterator[None]:
    """Convert an ``OSError`` in the ``with`` block to a ``DataError`` that says what to do."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}; fix that, or set {CACHE_VARIABLE} to another folder"
        ) from error
