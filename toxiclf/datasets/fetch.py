"""Fetch the files of public corpora to the cache; a file is there only after its size and checksum were checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from toxiclf.datasets import nsmc
from toxiclf.datasets.cards import ROOT_VARIABLE, Card, Part, difference
from toxiclf.datasets.download import Say, Watch, download, writing
from toxiclf.errors import DataError, UsageError

_ARCHIVE = "archive.tar.gz"
_TERMS = "LICENCE.txt"


@dataclass(frozen=True)
class Fetched:
    """A part that is now on this machine, and whether it was there before."""

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
    """Bring parts of a corpus to this machine, all if none is named; those that are there and verified stay as they are.

    Parameters
    ----------
    accept : asked before a file of a corpus whose licence forbids commercial use is fetched for the first time.
    say : told what happens.
    watch : told how many bytes of a file have arrived, and of how many (None where the server does not say).

    Raises
    ------
    UsageError : the licence was not accepted.
    DataError : the network failed, the server has another file, the cache cannot be written, or a file under
        ``$TOXICLF_CORPORA`` is not that of the card.
    """
    parts = parts or card.parts
    there = {part: path for part in parts if (path := _there(card, part)) is not None}
    if len(there) == len(parts):
        return [Fetched(part, path, was_there=True) for part, path in there.items()]
    folder = card.cache_path(parts[0]).parent
    terms = "\n".join(filter(None, [card.licence.id, card.licence.address, card.licence.note, card.citation])) + "\n"
    if not card.licence.commercial and not _accepted(folder, terms) and not accept(card):
        raise UsageError(
            f"the licence of corpus:{card.name} forbids commercial use ({card.licence.id}, {card.licence.address}); if you accept "
            f"it, run: toxiclf corpora fetch {card.name} --accept-licence"
        )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    fetched = []
    with _alone_in(folder, say):
        with writing(folder / _TERMS):
            (folder / _TERMS).write_text(terms, "utf-8")  # beside the files, and a sign that it was accepted
        for part in parts:
            path = _there(card, part)  # asked again: another process may have been faster
            fetched.append(Fetched(part, path or _get(card, part, say, watch), was_there=path is not None))
    return fetched


def _there(card: Card, part: Part) -> Path | None:
    """Where a part lies, verified; a wrong file in the cache counts as none."""
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
    """Fetch or build a part next to its place, check it, and put it in place."""
    path = card.cache_path(part)
    if path.is_dir():
        raise DataError(f"{path} is a folder; take it away")
    if path.exists():
        say(f"{path} is not the file of the card; fetching it again")
    assert part.address is not None  # only the sample has none, and it is always there
    partial, archive = path.with_name(f"{path.name}.part"), path.with_name(_ARCHIVE)
    if part.built_by is None:
        found = _bring(part, part.address, partial, say, watch)
    else:
        found = _build(part, part.address, partial, archive, say, watch)
    with writing(path):
        if found is None:
            partial.replace(path)
        else:
            partial.unlink()
        archive.unlink(missing_ok=True)
    if found is not None:
        raise DataError(
            f"{part.address} gave another file than the card's ({found}), which was removed; try again later, or set "
            f"{ROOT_VARIABLE} to a folder that holds {card.name}/{part.file} (from {card.upstream})"
        )
    say(f"{part.file}: size and SHA-256 are those of the card")
    return path


def _bring(part: Part, address: str, partial: Path, say: Say, watch: Watch) -> str | None:
    """Fetch a file, from where an earlier run has stopped; says how it differs from the card's."""
    host = urlsplit(address).hostname
    for had in (partial.stat().st_size if partial.is_file() else 0, 0):
        going_on = f", going on after {had:,} bytes" if had else ""
        say(f"fetching {part.file} ({part.size:,} bytes) from {host}{going_on}")
        download(address, partial, size=part.size, limit=part.size, say=say, watch=watch)
        found = difference(partial, part)
        if found is None or not had:
            break
        say(f"what an earlier run left of {part.file} belongs to another file")
        partial.unlink()
    return found


def _build(part: Part, address: str, partial: Path, archive: Path, say: Say, watch: Watch) -> str | None:
    """Fetch the archive, unless an earlier run has, and build a file from it; says how it differs from the card's."""
    if not archive.exists():
        say(f"fetching the archive that {part.file} is built from, from {urlsplit(address).hostname}")
        coming = archive.with_name(f"{archive.name}.part")
        download(address, coming, size=None, limit=nsmc.MOST_PACKED, say=say, watch=watch)
        with writing(archive):
            coming.replace(archive)
    say(f"building {part.file} from the archive")
    with writing(partial):
        try:
            nsmc.build(archive, partial)
        except Exception:
            archive.unlink()  # else every later run would stop here too
            raise
    return difference(partial, part)


@contextmanager
def _alone_in(folder: Path, say: Say) -> Iterator[None]:
    """Let one process or thread at a time fetch to a folder; the lock ends with its holder."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is fetching to {folder}; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # some network file systems have no locks
        yield
        with suppress(OSError):  # as above
            os.fsync(descriptor)  # the new names, not only what is in the files
    finally:
        os.close(descriptor)
