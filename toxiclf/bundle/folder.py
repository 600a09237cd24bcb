"""Replace toxiclf's files in a folder atomically: a reader finds either all old files or all new ones.

The new folder is filled beside the old one, and the two are exchanged (:func:`toxiclf._files.exchange`). Where the system
cannot do that, because the folder is a mount point, the working folder of this process, or on another system than Linux, the new
files are first complete in a hidden folder in it, :data:`NEW`, from which readers take them until they are in place.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from toxiclf._files import (
    exchange,
    is_writable,
    linked,
    locked,
    mask,
    scratch_folder,
    sweep,
    sync_file,
    sync_folder,
    write_bytes,
)
from toxiclf.errors import UsageError

T = TypeVar("T")
Ours = Callable[[Path], Sequence[str]]

NEW = ".toxiclf-new"
"""Hidden folder from which readers take the new files until they are in place."""

_LOCK = f"{NEW}.lock"
_IMPOSSIBLE = frozenset({
    errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EBUSY, errno.EPERM, errno.EACCES, errno.EROFS, errno.EOPNOTSUPP, errno.ENOTSUP,
    errno.EMLINK,
})  # fmt: skip
"""Errors which say that folders cannot be exchanged here, or files not be linked."""


def replace(
    folder: Path, fill: Callable[[Path], None], ours: Ours, check: Callable[[Path], None] | None = None
) -> None:
    """Replace toxiclf's own files in a folder atomically; other files in the folder are kept.

    If the process is killed, all old files or all new ones are there.

    Parameters
    ----------
    folder : created with its parents. If it is a symbolic link, the folder that it points to is changed.
    fill : called with an empty folder, into which it writes the new files; it may be called a second time. An empty subfolder
        means that the new files have none: the old subfolder is renamed to ``NAME.previous``.
    ours : called with the folder of the new files; returns the paths of toxiclf's own files, relative to the folder. An
        old file or folder of such a name is replaced, or deleted if there is no new one.
    check : called with the folder; raises if its files must not be replaced.
    """
    folder = folder.resolve()
    if check is not None:
        check(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    if not _exchanged(folder, fill, ours):
        _put_inside(folder, fill, ours)


def _exchanged(folder: Path, fill: Callable[[Path], None], ours: Ours) -> bool:
    """Fill a folder beside ``folder`` and exchange the two; return False, with nothing changed, where that is impossible."""
    if folder.is_dir() and (sys.platform != "linux" or _stands_in(folder)):
        return False
    with ExitStack() as stack:
        try:
            new = stack.enter_context(scratch_folder(folder.parent, folder.name))
        except OSError as error:
            if error.errno not in _IMPOSSIBLE or not folder.is_dir():
                raise
            return False
        fill(new)
        _sync(new)
        if not folder.exists() and _renamed(new, folder):
            return True
        with locked(folder / _LOCK, lambda: None):
            _finish(folder, ours)  # what a killed process left
            try:
                names = _complete(new, folder, ours(new))
                exchange(new, folder)
            except OSError as error:
                if error.errno not in _IMPOSSIBLE:
                    raise
                return False
            with suppress(OSError):
                sync_folder(folder.parent)
                (new / _LOCK).unlink(missing_ok=True)  # which others may wait for
                _carry(new, folder, names)  # what somebody wrote to the old folder in the last moment
    return True


def _stands_in(folder: Path) -> bool:
    try:
        return Path.cwd().resolve().is_relative_to(folder)
    except OSError:  # the working folder was deleted
        return False


def _renamed(new: Path, folder: Path) -> bool:
    """Rename the new folder to ``folder``, if there is none; return whether that was done."""
    new.chmod(0o777 & ~mask())
    empty = _empty(new)
    try:
        new.rename(folder)
    except OSError:  # made by another process meanwhile
        return False
    for name in empty:
        (folder / name).rmdir()
    sync_folder(folder.parent)
    return True


def _empty(new: Path) -> list[str]:
    """Return the names of the empty subfolders, which mean that the new files have no such subfolder."""
    return [path.name for path in new.iterdir() if path.is_dir() and not any(path.iterdir())]


def _complete(new: Path, old: Path, ours: Sequence[str]) -> Sequence[str]:
    """Complete the new folder with what is kept of the old one; return the names in the old one that are not carried over."""
    for path in [path for path in new.iterdir() if path.is_dir()]:
        if (old / path.name).is_symlink():
            raise OSError(errno.EXDEV, "a link to a folder is not replaced")
    for name in _empty(new):
        (new / name).rmdir()
        if (old / name).is_dir():
            (new / f"{name}.previous").mkdir()
            _carry(old / name, new / f"{name}.previous", ())
            ours = (*ours, name, f"{name}.previous")
    _carry(old, new, ours)
    return ours


def _carry(old: Path, new: Path, ours: Sequence[str]) -> None:
    """Link into ``new`` what ``old`` holds beside the files ``ours``; both have it then, since it is the same file.

    Raises
    ------
    OSError : a folder is of another disk or owner, so that a new one cannot replace it, or files cannot be linked.
    """
    here, there = old.stat(), new.stat()
    if (here.st_dev, here.st_uid, here.st_gid) != (there.st_dev, there.st_uid, there.st_gid):
        raise OSError(errno.EXDEV, f"{old} is of another disk or owner")
    for path in list(old.iterdir()):
        target = new / path.name
        if path.name in ours or path.name == NEW:
            continue
        with suppress(FileNotFoundError):  # somebody deleted it meanwhile
            if path.is_dir() and not path.is_symlink():
                target.mkdir(exist_ok=True)
                _carry(path, target, [name.partition("/")[2] for name in ours if name.startswith(f"{path.name}/")])
            elif not os.path.lexists(target):
                os.link(path, target, follow_symlinks=False)
    shutil.copystat(old, new)
    if ours:
        os.utime(new)


def _put_inside(folder: Path, fill: Callable[[Path], None], ours: Ours) -> None:
    """Fill a hidden folder in ``folder``; rename it to :data:`NEW`, which is the atomic step; then put the files in place."""
    with locked(folder / _LOCK, lambda: None):  # so that nobody exchanges the folder meanwhile
        _finish(folder, ours)
        with scratch_folder(folder, NEW[1:]) as temporary:
            fill(temporary)
            _sync(temporary)
            temporary.chmod(0o777 & ~mask())
            temporary.rename(folder / NEW)
            sync_folder(folder)
            try:
                _put(folder, ours, temporary)
            except BaseException:  # also Ctrl-C
                _put(folder, ours, temporary)
                raise


def _finish(folder: Path, ours: Ours) -> None:
    """Put the files of :data:`NEW` in place, if a killed process left it."""
    if os.path.lexists(folder / NEW):
        with scratch_folder(folder, NEW[1:]) as scratch:
            _put(folder, ours, scratch / NEW)


def _put(folder: Path, ours: Ours, done: Path) -> None:
    """Put the files of :data:`NEW` in place, which may have been begun before; then rename it to ``done``."""
    new = folder / NEW
    if new.is_symlink():  # not made by toxiclf
        new.unlink()
    if not new.is_dir():
        return
    for name in _empty(new):
        if (folder / name).is_dir():
            _remove(folder / f"{name}.previous")
            (folder / name).rename(folder / f"{name}.previous")
    names = ours(new)
    for name in names:
        _remove(folder / name)
    for name in reversed(names):
        if (new / name).is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            linked(new / name, folder / name)
    sync_folder(folder)
    new.rename(done)  # from now on, readers take the files from their places


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def contents(files: Mapping[str, bytes]) -> Callable[[Path], None]:
    """Return a function that writes these files, given as contents by name, into a folder."""

    def fill(folder: Path) -> None:
        for name, content in files.items():
            write_bytes(folder / name, content)

    return fill


def is_empty(folder: Path) -> bool:
    """Return whether a folder holds nothing, or only what a killed :func:`replace` left."""
    return all(path.name.startswith(NEW) for path in folder.iterdir())


def newest(folder: Path) -> Path:
    """Return the folder that holds the newest files: ``folder``, or :data:`NEW` in it while files are put in place."""
    new = folder / NEW
    return new if new.is_dir() else folder


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            _sync(path)
        else:
            sync_file(path)
    sync_folder(folder)


def place(folders: Sequence[Path], file: str) -> Path:
    """Return the first of the folders that contains ``file``, or simply the first folder if none does.

    Files that are being put in place, or were when a process was killed, are found in :data:`NEW`.
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


def check_writable(folder: Path) -> Path | None:
    """Check, without changing anything, that :func:`replace` could create or replace the folder.

    Returns
    -------
    Path or None : nearest existing folder above ``folder``, for temporary files; None for that of the system, since only
        ``folder`` itself can be written.

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
        with suppress(OSError):
            if folder.is_dir() and is_writable(folder):  # a mounted folder
                return None
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{folder} cannot be written ({reason}); choose another folder, or one whose parent you may write to"
        ) from error


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
            if replacing.is_dir():
                if not any(replacing.iterdir()):
                    return replacing, 0, 0  # the new run has no such folder
                place = replacing
            if (place / file).exists():
                status = place.stat()
                return place, status.st_ino, status.st_ctime_ns
    return folders[0], 0, 0
