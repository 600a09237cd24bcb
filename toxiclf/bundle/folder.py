"""Replace all files of a folder atomically: a reader finds either all old files or all new ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from toxiclf._files import locked, sync_folder, write_bytes
from toxiclf.errors import UsageError

T = TypeVar("T")


def replace(folder: Path, files: Mapping[str, bytes], ours: Collection[str], check: Callable[[Path], None]) -> None:
    """Replace the files of a folder; files of others in it stay.

    Parameters
    ----------
    folder : made with its parents. A link stays a link, and the files go where it points.
    files : contents by name, all of them among ``ours``.
    ours : names that are replaced, or go where there is no new file of that name.
    check : raises where the folder is not ours to replace.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_beside(folder, folder.parent)
    try:
        temporary.chmod(0o755)
        for name, content in files.items():
            write_bytes(temporary / name, content, synced=True)
        with locked(folder.with_name(f".{folder.name}.lock"), lambda: None):
            _swap(temporary, folder, ours, check)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def previous(folder: Path) -> Path:
    """The folder that holds the old files during a replacement, and after a killed writer."""
    return folder.with_name(f".{folder.name}.previous")


def place(folders: Sequence[Path], file: str) -> Path:
    """The first of the folders that holds a file of this name, itself or in what a writer that was killed left of it.

    The first of them where none does.
    """
    return _place(folders, file)[0]


def read(folders: Sequence[Path], file: str, reader: Callable[[Path], T], failure: type[Exception]) -> T:
    """What a reader makes of :func:`place`; it reads again what was replaced while it was read.

    Parameters
    ----------
    failure : what the reader raises where the files do not fit each other.
    """
    here = _place(folders, file)
    while True:
        try:
            return reader(here[0])
        except failure:
            before, here = here, _place(folders, file)
            if here == before:
                raise


def check_writable(folder: Path) -> Path:
    """Check that :func:`replace` can make the folder, without changing anything.

    Returns
    -------
    The nearest folder above it that is there: what is written there lies on the same disk.

    Raises
    ------
    UsageError : it cannot.
    """
    try:
        folder = folder.resolve()
        nearest = next(path for path in folder.parents if path.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(f"{nearest} is a file")
        _temporary_beside(folder, nearest).rmdir()
        return nearest
    except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{folder} cannot be written ({reason}); choose another folder, or one whose parent you may write to"
        ) from error


def _temporary_beside(folder: Path, parent: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=parent))


def _swap(temporary: Path, folder: Path, ours: Collection[str], check: Callable[[Path], None]) -> None:
    old = previous(folder)  # where a reader finds the old files while the folder is missing
    check(folder)
    try:
        if folder.exists():
            _settle(folder, ours)
            folder.rename(old)
        temporary.rename(folder)
        sync_folder(folder.parent)
    finally:  # after Ctrl-C, too
        if old.exists() and not folder.exists():
            old.rename(folder)
        _settle(folder, ours)


def _settle(folder: Path, ours: Collection[str]) -> None:
    """Take from the previous folder what is not ours, and remove it."""
    old = previous(folder)
    if not old.exists():
        return
    for path in old.iterdir():
        if path.name not in ours:
            taken = os.path.lexists(folder / path.name)  # after a writer that was killed, somebody wrote it anew
            path.rename(folder / (f"{path.name}.previous" if taken else path.name))
    shutil.rmtree(old, ignore_errors=True)


def _place(folders: Sequence[Path], file: str) -> tuple[Path, int, int]:
    """The place, its inode, and when that last changed: a new folder may get the inode of one that was deleted."""
    for folder in folders:
        place = folder if folder.exists() else previous(folder)
        with suppress(FileNotFoundError, NotADirectoryError):
            if (place / file).exists():
                status = place.stat()
                return place, status.st_ino, status.st_ctime_ns
    return folders[0], 0, 0
