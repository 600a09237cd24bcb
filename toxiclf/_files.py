"""The only place that writes files. A reader sees the old file or the whole new one; nothing is written through a link."""

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
    """Replace a file by a UTF-8 text.

    Parameters
    ----------
    path : Path
        Of the file; its folder must exist.
    text : str
        Its line ends are written as they are.
    synced : bool
        Whether the text is on the disk, and not only in the system's memory, before it takes the file's place.

    Raises
    ------
    OSError
        The file cannot be written. What was there before is still there.
    """
    write_bytes(path, text.encode(), synced=synced)


def write_bytes(path: Path, content: bytes, *, synced: bool = False) -> None:
    """Replace a file by bytes; see :func:`write_text`."""
    with writing_bytes(path, synced=synced) as file:
        file.write(content)


@contextmanager
def writing_bytes(path: Path, *, synced: bool = False) -> Iterator[BinaryIO]:
    """A stream of bytes that replaces a file when the block ends; if the block fails, nothing changes."""
    with _beside(path, "wb", None, synced) as file:
        yield cast(BinaryIO, file)


@contextmanager
def writing_text(path: Path, *, encoding: str = "utf-8", synced: bool = False) -> Iterator[TextIO]:
    """A text stream that replaces a file when the block ends; if the block fails, nothing changes."""
    with _beside(path, "w", encoding, synced) as file:
        yield cast(TextIO, file)


def scratch_file(folder: Path) -> AbstractContextManager[BinaryIO]:
    """A temporary file without a name, on the disk of a folder; it is gone when it is closed."""
    return cast(AbstractContextManager[BinaryIO], tempfile.TemporaryFile(dir=folder))


def append_line(path: Path, line: str) -> None:
    """Append a line to a UTF-8 text file; create the file if it does not exist."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o666), "ab") as file:
        file.write(f"{line}\n".encode())


@contextmanager
def writing_device(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A text stream into an existing device: a pipe, a terminal, ``/dev/stdout``."""
    with os.fdopen(os.open(path, os.O_WRONLY), "w", encoding=encoding, newline="") as file:
        yield file


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process or thread at a time into the block; the lock ends with its holder, killed or not.

    Parameters
    ----------
    path : Path
        Of the lock file, which exists while the lock is held.
    waiting : callable
        Called before waiting, if another process or thread holds the lock; it may raise in place of waiting.
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
            with suppress(OSError):  # Windows cannot yet
                path.unlink()  # before it is released: who waits for it sees that it is gone, and makes a new one
        lock.release()


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that the names of its files are on the disk, too."""
    if os.name == "nt":
        return  # Windows cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _beside(path: Path, mode: str, encoding: str | None, synced: bool) -> Iterator[IO[Any]]:
    """A temporary file beside the target, readable by its owner alone; it is renamed when it is whole."""
    beside = path.with_name(f".{path.name[:50]}.{os.urandom(4).hex()}.part")  # two processes may write the same file
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
    except BaseException:  # an interrupt, too
        with suppress(OSError):
            beside.unlink()
        raise
    if synced:
        sync_folder(path.parent)


def _mask() -> int:
    """The process's file mode mask, which can only be read by setting it; files made meanwhile are private, not open."""
    with _mask_lock:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
