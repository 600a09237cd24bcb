"""The only module that writes files; it replaces files atomically and follows no symbolic links (except to devices)."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

_mask_lock = threading.Lock()


def write_text(path: Path, text: str, *, synced: bool = False) -> None:
    """Replace a file with text, encoded as UTF-8.

    Parameters
    ----------
    path : Path
        File to write; its folder must exist.
    text : str
        New contents; line ends are written unchanged.
    synced : bool
        Whether to flush the new file to the disk (``fsync``) before it replaces the old one.

    Raises
    ------
    OSError
        The file cannot be written; an old file is kept.
    """
    write_bytes(path, text.encode(), synced=synced)


def write_bytes(path: Path, content: bytes, *, synced: bool = False) -> None:
    """Replace a file with bytes; the parameters are those of :func:`write_text`."""
    with writing_bytes(path, synced=synced) as file:
        file.write(content)


@contextmanager
def writing_bytes(path: Path, *, synced: bool = False) -> Iterator[BinaryIO]:
    """Yield a binary stream that replaces a file when the ``with`` block ends; if the block raises, nothing changes."""
    with _beside(path, "wb", None, synced) as file:
        yield cast(BinaryIO, file)


@contextmanager
def writing_text(path: Path, *, encoding: str = "utf-8", synced: bool = False) -> Iterator[TextIO]:
    """Yield a text stream that replaces a file when the ``with`` block ends; if the block raises, nothing changes."""
    with _beside(path, "w", encoding, synced) as file:
        yield cast(TextIO, file)


def scratch_file(folder: Path) -> AbstractContextManager[BinaryIO]:
    """Return a temporary file without a name, on the same disk as ``folder``; closing the file deletes it."""
    return cast(AbstractContextManager[BinaryIO], tempfile.TemporaryFile(dir=folder))


def append_line(path: Path, line: str) -> None:
    """Append a line to a UTF-8 text file; create the file if it does not exist."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o666), "ab") as file:
        file.write(f"{line}\n".encode())


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
def _beside(path: Path, mode: str, encoding: str | None, synced: bool) -> Iterator[IO[Any]]:
    """Yield a temporary file, which replaces ``path`` if the ``with`` block does not raise.

    Only the owner can read the temporary file; the umask decides who can read the final file.
    """
    beside = path.with_name(f".{path.name[:50]}.{os.urandom(4).hex()}.part")  # random, for two writers of one file
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(descriptor, mode, encoding=encoding, newline=None if encoding is None else "") as file:
            yield file
            file.flush()
            if os.name != "nt":
                os.fchmod(file.fileno(), 0o666 & ~_mask())
            if synced:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:  # also KeyboardInterrupt
        with suppress(OSError):
            beside.unlink()
        raise
    if synced:
        sync_folder(path.parent)


def _mask() -> int:
    """Return the umask.

    To read the umask, a process must set it for a moment; only the owner can read files that other threads create then.
    """
    with _mask_lock:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
