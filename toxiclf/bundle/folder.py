"""Replace the files of a folder atomically: a reader finds either all old files or all new ones."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from toxiclf._files import locked, mask, scratch_folder, sync_folder, write_bytes
from toxiclf.errors import UsageError

T = TypeVar("T")


def replace(folder: Path, files: Mapping[str, bytes], ours: Collection[str], check: Callable[[Path], None]) -> None:
    """Replace toxiclf's own files in a folder atomically; other files in the folder are kept.

    Parameters
    ----------
    folder : created with its parents. If it is a symbolic link, the folder that it points to is changed.
    files : contents by file name; all names are in ``ours``.
    ours : names of toxiclf's own files. An old file of such a name is replaced, or deleted if ``files`` has no new one.
    check : called with the folder; raises if its files must not be replaced.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent, folder.name) as temporary:
        for name, content in files.items():
            write_bytes(temporary / name, content, synced=True)
        with locked(folder.with_name(f".{folder.name}.lock"), lambda: None):
            temporary.chmod(stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else 0o777 & ~mask())
            _swap(temporary, folder, ours, check)


def previous(folder: Path) -> Path:
    """Return the hidden folder that holds the old files during a replacement, or after its process was killed."""
    return folder.with_name(f".{folder.name}.previous")


def place(folders: Sequence[Path], file: str) -> Path:
    """Return the first of the folders that contains ``file``, or simply the first folder if none does.

    For a folder that is missing because a replacement is going on or was killed, its :func:`previous` folder is used.
    """
    return _place(folders, file)[0]


def read(folders: Sequence[Path], file: str, reader: Callable[[Path], T], failure: type[Exception]) -> T:
    """Call ``reader`` on the first folder that contains ``file``, as :func:`place` finds it, and return the result.

    If ``reader`` raises ``failure`` and the folder was replaced meanwhile, ``reader`` is called on the new folder.

    Parameters
    ----------
    failure : exception that ``reader`` raises if the files do not fit each other.
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
    """Check, without changing anything, that :func:`replace` could create the folder.

    Returns
    -------
    Path : nearest existing folder above ``folder``; temporary files in it are on the same disk as ``folder``.

    Raises
    ------
    UsageError : the folder could not be created.
    """
    try:
        folder = folder.resolve()
        nearest = next(path for path in folder.parents if path.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(f"{nearest} is a file")
        with scratch_folder(nearest, folder.name):
            return nearest
    except (OSError, RuntimeError) as error:  # RuntimeError: a symbolic link to itself
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{folder} cannot be written ({reason}); choose another folder, or one whose parent you may write to"
        ) from error


def _swap(temporary: Path, folder: Path, ours: Collection[str], check: Callable[[Path], None]) -> None:
    old = previous(folder)  # readers find the old files here while the folder is missing
    check(folder)
    if old.is_symlink():  # not made by toxiclf: nothing is moved out of the folder that it points to
        old.unlink()
    try:
        if folder.exists():
            _settle(folder, ours)
            folder.rename(old)
        temporary.rename(folder)
        sync_folder(folder.parent)
    finally:  # also after Ctrl-C
        if old.exists() and not folder.exists():
            old.rename(folder)
        _settle(folder, ours)


def _settle(folder: Path, ours: Collection[str]) -> None:
    """Move files not in ``ours`` from the :func:`previous` folder to ``folder``, then delete the previous folder."""
    old = previous(folder)
    if not old.exists():
        return
    for path in old.iterdir():
        if path.name not in ours:
            taken = os.path.lexists(folder / path.name)  # written again after a replacement was killed
            path.rename(folder / (f"{path.name}.previous" if taken else path.name))
    shutil.rmtree(old, ignore_errors=True)


def _place(folders: Sequence[Path], file: str) -> tuple[Path, int, int]:
    """Return the folder that :func:`place` returns, its inode and its change time.

    Inode and change time together identify the folder. The inode alone is not enough, because a
    new folder may reuse the inode of an old one.
    """
    for folder in folders:
        place = folder if folder.exists() else previous(folder)
        with suppress(FileNotFoundError, NotADirectoryError):
            if (place / file).exists():
                status = place.stat()
                return place, status.st_ino, status.st_ctime_ns
    return folders[0], 0, 0
