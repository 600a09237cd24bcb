"""Replace the files of a folder atomically: a reader finds either all old files or all new ones.

:func:`replace` swaps a whole folder, such as a bundle. :func:`commit` leaves the folder itself in place, because a run's
folder may be a mount point, somebody's working folder, or hold files of others.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from toxiclf._files import linked, locked, mask, scratch_folder, sweep, sync_file, sync_folder, write_bytes
from toxiclf.errors import UsageError

T = TypeVar("T")

NEW = ".toxiclf-new"
"""Hidden folder in the folder of a run, from which readers take the run until its files are in place."""


def replace(
    folder: Path, fill: Callable[[Path], None], ours: Collection[str], check: Callable[[Path], None]
) -> None:  # fmt: skip
    """Replace toxiclf's own files in a folder atomically; other files in the folder are kept.

    Parameters
    ----------
    folder : created with its parents. If it is a symbolic link, the folder that it points to is changed.
    fill : called with an empty folder, into which it writes the new files; all their names are in ``ours``.
    ours : names of toxiclf's own files. An old file of such a name is replaced, or deleted if there is no new one.
    check : called with the folder; raises if its files must not be replaced.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent, folder.name) as temporary:
        fill(temporary)
        _sync(temporary)
        with locked(folder.with_name(f".{folder.name}.lock"), lambda: None):
            temporary.chmod(stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else 0o777 & ~mask())
            _swap(temporary, folder, ours, check)


def contents(files: Mapping[str, bytes]) -> Callable[[Path], None]:
    """Return a function that writes these files, given as contents by name, into a folder."""

    def fill(folder: Path) -> None:
        for name, content in files.items():
            write_bytes(folder / name, content)

    return fill


def copies(source: Path) -> Callable[[Path], None]:
    """Return a function that copies the files of a folder into a folder, by hard links where the disk has them."""

    def fill(folder: Path) -> None:
        for path in source.iterdir():
            linked(path, folder / path.name)

    return fill


def commit(folder: Path, fill: Callable[[Path], None], put: Callable[[Path, Path], None]) -> None:
    """Replace a run: from one moment on, readers find the new run instead of the old one.

    The new files are written into a hidden folder and synced. Then it is renamed to :data:`NEW`, which is the moment:
    readers take the run from there. Last, its files are put in place. If the process is killed meanwhile, the next
    call does that.

    Parameters
    ----------
    folder : folder of the run; created with its parents.
    fill : called with an empty folder, into which it writes the new run. An empty subfolder says that the run has no such
        subfolder.
    put : called with the folder of the new run and with ``folder``; removes the old run from ``folder``, and copies the
        new one there. It may be called again after it was killed.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = folder if folder.is_dir() else folder.parent
    sweep(folder.parent)
    with scratch_folder(place, folder.name) as temporary:
        fill(temporary)
        _sync(temporary)
        temporary.chmod(0o777 & ~mask())
        if place != folder and _moved(temporary, folder):
            return
        with locked(folder / f"{NEW}.lock", lambda: None):
            _finish(folder, put)  # what a killed process left
            temporary.rename(folder / NEW)
            sync_folder(folder)
            try:
                _finish(folder, put)
            except BaseException:  # also Ctrl-C
                _finish(folder, put)
                raise


def _moved(temporary: Path, folder: Path) -> bool:
    """Make the temporary folder the folder of the run, if there is none; return whether that was done."""
    try:
        temporary.rename(folder)
    except OSError:  # made by another process meanwhile
        return False
    for path in folder.iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    sync_folder(folder.parent)
    return True


def _finish(folder: Path, put: Callable[[Path, Path], None]) -> None:
    new = folder / NEW
    if new.is_symlink():
        new.unlink()
    if new.is_dir():
        put(new, folder)
        sync_folder(folder)
        with scratch_folder(folder) as done:
            new.rename(done / NEW)  # from now on, readers take the run from its place


def newest(folder: Path) -> Path:
    """Return the folder that holds the files of a run: ``folder``, or :data:`NEW` in it if :func:`commit` is at work."""
    new = folder / NEW
    return new if new.is_dir() else folder


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            _sync(path)
        else:
            sync_file(path)
    sync_folder(folder)


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
        with suppress(FileNotFoundError):
            folder.lstat()  # raises if the name is too long
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
        place = newest(folder)
        inside = Path(os.path.abspath(folder))
        replacing = inside.parent / NEW / inside.name
        with suppress(FileNotFoundError, NotADirectoryError):
            if replacing.is_dir() and not any(replacing.iterdir()):
                return replacing, 0, 0  # the new run has no such folder
            if replacing.is_dir():
                place = replacing
            elif not place.exists():
                place = previous(folder)
            if (place / file).exists():
                status = place.stat()
                return place, status.st_ino, status.st_ctime_ns
    return folders[0], 0, 0
