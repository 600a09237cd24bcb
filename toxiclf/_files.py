"""The only module that writes files; it replaces files atomically and follows no symbolic links (except to devices).

A temporary file or folder is hidden, has a name of its own, and is locked by the process that made it. If that process
is killed, the next write into the same folder deletes it (:func:`sweep`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

if sys.platform != "win32":
    import fcntl

_mask_lock = threading.Lock()
_TEMPORARY = re.compile(r"\..*\.([0-9a-f]{8})-[0-9a-f]{16}\.part", re.DOTALL)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux
_OLD = 7 * 86_400.0  # seconds after which a temporary file of another machine counts as abandoned


def write_text(path: Path, text: str) -> None:
    """Replace a file with text, encoded as UTF-8; line ends are written unchanged. Parameters and errors: :func:`write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes, *, synced: bool = False) -> None:
    """Replace a file with bytes.

    Parameters
    ----------
    path : file to write; its folder must exist.
    content : new contents.
    synced : whether to flush the new file to the disk (``fsync``) before it replaces the old one.

    Raises
    ------
    OSError : the file cannot be written; an old file is kept.
    """
    with writing_bytes(path, synced=synced) as file:
        file.write(content)


def write_archive(path: Path, contents: Mapping[str, bytes]) -> None:
    """Replace a file with a ZIP archive of contents by name, without compression; the same contents give the same bytes."""
    from zipfile import ZipFile, ZipInfo

    with writing_bytes(path, synced=True) as stream, ZipFile(stream, "w") as archive:
        for name, content in contents.items():
            info = ZipInfo(name)  # dated 1980-01-01
            info.create_system = 3  # Unix, also where Windows writes
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)


@contextmanager
def writing_bytes(path: Path, *, synced: bool = False) -> Iterator[BinaryIO]:
    """Yield a binary stream that replaces a file when the ``with`` block ends; if the block raises, nothing changes."""
    with _beside(path, "wb", None, synced=synced) as file:
        yield cast(BinaryIO, file)


@contextmanager
def writing_text(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Yield a text stream that replaces a file when the ``with`` block ends; if the block raises, nothing changes."""
    with _beside(path, "w", encoding, synced=False) as file:
        yield cast(TextIO, file)


def scratch_file(folder: Path | None = None) -> AbstractContextManager[BinaryIO]:
    """Return a temporary file without a name, which is deleted when it is closed.

    It is on the same disk as ``folder``; for None, in the system's folder for temporary files.
    """
    return cast(AbstractContextManager[BinaryIO], tempfile.TemporaryFile(dir=folder))


@contextmanager
def scratch_folder(parent: Path | None = None, name: str = "toxiclf") -> Iterator[Path]:
    """Yield a new hidden folder, which only the owner can read; it is deleted when the ``with`` block ends.

    Parameters
    ----------
    parent : folder in which it is created; None for the system's folder for temporary files.
    name : becomes part of its name.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    sweep(parent)
    folder, lock = _made_folder(parent, name)
    try:
        yield folder
    finally:
        if lock >= 0:
            os.close(lock)  # first: to delete the folder takes a descriptor, of which there may be no more
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except BaseException:  # Ctrl-C or SIGTERM; an old run takes some time
            shutil.rmtree(folder, ignore_errors=True)
            raise


def is_writable(folder: Path) -> bool:
    """Return whether files can be made in a folder; this is tried, because permissions do not tell of ``/proc``."""
    try:
        with scratch_folder(folder):
            return True
    except OSError:
        return False


def sweep(parent: Path) -> None:
    """Delete the temporary files and folders in ``parent`` whose process was killed.

    A process holds a lock on its temporary files. One without a lock is deleted if it belongs to this user and was made on
    this machine, since the machine started; any other, perhaps of another machine that shares the disk, only when it
    is a week old.
    """
    if sys.platform == "win32":
        return  # temporary files are not locked there
    try:
        found = [(entry.path, name) for entry in os.scandir(parent) if (name := _TEMPORARY.fullmatch(entry.name))]
    except OSError:
        return
    for path, name in found:
        with suppress(OSError):  # locked, of another user, or deleted meanwhile
            _delete_abandoned(Path(path), here=name[1] == _machine())


def _delete_abandoned(path: Path, *, here: bool) -> None:
    assert sys.platform != "win32"
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if status.st_uid != os.geteuid() or not (here or time.time() - status.st_mtime > _OLD):
            return
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def append_line(path: Path, line: str) -> None:
    """Append a line to a UTF-8 text file; create the file if it does not exist.

    If a killed process left the last line incomplete, that line is ended first.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0) as file:
        if sys.platform != "win32":
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)  # a line that another process is writing is not incomplete
        incomplete = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            incomplete = file.read(1) != b"\n"
        content = b"\n" * incomplete + f"{line}\n".encode()
        while content:  # one write, so that lines of two processes do not mix, unless the disk takes only a part
            content = content[file.write(content) :]


@contextmanager
def writing_device(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Yield a text stream that writes directly to an existing device, such as a pipe, a terminal or ``/dev/stdout``."""
    with os.fdopen(os.open(path, os.O_WRONLY), "w", encoding=encoding, newline="") as file:
        yield file


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a file lock during the ``with`` block, so that only one process or thread at a time runs the block.

    A process that ends or is killed releases its lock. On file systems without locks, the block runs unlocked.

    Parameters
    ----------
    path : Path
        Lock file; it exists while the lock is held.
    waiting : callable
        Called before a wait, if another process or thread holds the lock; may raise an exception to prevent the wait.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    with suppress(OSError, NotImplementedError):  # some network file systems have no locks
        try:
            lock.acquire(blocking=False)
        except Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows cannot delete an open file
                path.unlink()  # before the release: a waiting process sees that the file is gone and makes a new one
        lock.release()


def exchange(one: Path, other: Path) -> None:
    """Give each of two folders the name of the other, atomically.

    Raises
    ------
    OSError : the system (only Linux can do it), the file system, or a mount point does not allow it; nothing was changed.
    """
    try:
        import ctypes

        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (ImportError, AttributeError, TypeError):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))


def linked(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to ``source``, or a copy where the file system has no hard links; replace an old file."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        write_bytes(target, source.read_bytes(), synced=True)


def sync_file(path: Path) -> None:
    """Flush a file to the disk (``fsync``)."""
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder to the disk (``fsync``), so that new and renamed files survive a crash; no effect on Windows."""
    if os.name == "nt":
        return  # Windows cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _beside(path: Path, mode: str, encoding: str | None, *, synced: bool) -> Iterator[IO[Any]]:
    """Yield a temporary file, which replaces ``path`` if the ``with`` block does not raise.

    Only the owner can read the temporary file; the umask decides who can read the final file.
    """
    sweep(path.parent)
    beside, descriptor, lock = _opened_beside(path)
    try:
        with os.fdopen(descriptor, mode, encoding=encoding, newline=None if encoding is None else "") as file:
            yield file
            file.flush()
            if os.name != "nt":
                os.fchmod(file.fileno(), 0o666 & ~mask())
            if synced:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:  # also KeyboardInterrupt
        with suppress(OSError):
            beside.unlink()
        raise
    finally:
        if lock >= 0:
            os.close(lock)
    if synced:
        sync_folder(path.parent)


def _opened_beside(path: Path) -> tuple[Path, int, int]:
    """Create and lock a temporary file beside ``path``.

    Returns
    -------
    Its path, a descriptor to write to, and a descriptor that holds the lock; the latter is -1 without locks.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        beside = _temporary(path.parent, path.name)
        descriptor = os.open(beside, flags, 0o600)
        if sys.platform == "win32":
            return beside, descriptor, -1
        try:
            lock = os.dup(descriptor)
        except OSError:  # too many open files
            os.close(descriptor)
            beside.unlink(missing_ok=True)
            raise
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits for a process that is about to sweep it
        if os.fstat(lock).st_nlink:
            return beside, descriptor, lock
        os.close(lock)  # another process swept the file before it was locked
        os.close(descriptor)


def _made_folder(parent: Path, name: str) -> tuple[Path, int]:
    """Create and lock a temporary folder; return its path, and a descriptor that holds the lock (-1 without locks)."""
    while True:
        folder = _temporary(parent, name)
        folder.mkdir(mode=0o700)
        if sys.platform == "win32":
            return folder, -1
        lock = -1
        try:
            lock = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(lock, fcntl.LOCK_EX)  # waits for a process that is about to sweep it
            if os.path.samestat(folder.stat(), os.fstat(lock)):
                return folder, lock
        except FileNotFoundError:  # another process swept the folder before it was locked
            pass
        except OSError:  # too many open files
            folder.rmdir()
            raise
        if lock >= 0:
            os.close(lock)


def _temporary(parent: Path, name: str) -> Path:
    """Return the path of a new temporary file or folder; its name is random, so that nobody can foresee it."""
    return parent / f".{name[:50]}.{_machine()}-{os.urandom(8).hex()}.part"


@cache
def _machine() -> str:
    """Return eight digits that identify this machine since it started; locks are known among its processes."""
    try:
        identity = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    except OSError:  # not Linux
        identity = platform.node()
    return hashlib.sha256(identity.encode()).hexdigest()[:8]


def mask() -> int:
    """Return the umask.

    To read the umask, a process must set it for a moment; only the owner can read files that other threads create then.
    """
    with _mask_lock:
        present = os.umask(0o077)
        os.umask(present)
    return present
