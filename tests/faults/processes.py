"""Run something in a forked process that shares the imports of this one, under limits, and kill it at any moment."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HANGS = 240.0  # seconds after which a process that should have ended long ago is taken for hanging
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: the signal), what it wrote, how long it took, how often it changed files."""

    code: int
    out: bytes
    err: str
    seconds: float
    changes: int
    hung: bool = False


@dataclass(frozen=True)
class Started:
    """A process that runs; :func:`wait` waits for it."""

    pid: int
    begun: float
    notes: Path


def start(
    act: Callable[[], object],
    folder: Path,
    *,
    stdin: bytes = b"",
    stdout: str | None = None,
    kill_at: int | None = None,
    limit: Callable[[], object] | None = None,
    after: Callable[[], object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Started:
    """Begin a forked process.

    Parameters
    ----------
    act : what it does; an integer that it returns, or raises by SystemExit, is the exit code.
    folder : its working folder.
    stdin, stdout : what it reads, and a device that it writes to ("closed": none) in place of a file.
    kill_at : it kills itself before it changes a file for so manieth time, counted from 1.
    limit, after : called before and after ``act``, in the process.
    """
    notes = Path(tempfile.mkdtemp(prefix="faults-"))
    (notes / "stdin").write_bytes(stdin)
    sys.stdout.flush()
    sys.stderr.flush()
    begun = time.monotonic()
    pid = os.fork()
    if not pid:
        try:
            _become(act, folder, notes, stdout, kill_at, limit, after, environment or {})
        finally:
            os._exit(70)  # unreachable
    return Started(pid, begun, notes)


def _become(
    act: Callable[[], object], folder: Path, notes: Path, stdout: str | None, kill_at: int | None,
    limit: Callable[[], object] | None, after: Callable[[], object] | None, environment: Mapping[str, str],
) -> None:  # fmt: skip
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, path, flags in (
        (0, notes / "stdin", os.O_RDONLY),
        (1, Path(stdout) if stdout and stdout.startswith("/") else notes / "out", write),
        (2, notes / "err", write),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    if stdout == "pipe nobody reads":
        reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.close(writing)
        os.close(reading)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)
    if stdout == "closed":
        sys.stdout = None  # as Python does if descriptor 1 is closed
        os.close(1)
    os.chdir(folder)
    os.environ.update(environment)
    tempfile.tempdir = None
    changes = (notes / "changes").open("wb", buffering=0)
    count = 0

    def counted(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event in _CHANGES or (event == "open" and _writes(arguments)):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 0
    if limit is not None:
        limit()
    sys.addaudithook(counted)
    try:
        code = _code(act)
        if sys.stdout is not None:
            try:
                sys.stdout.flush()
            except OSError as error:
                if not code:
                    code = 120
                    sys.stderr.write(f"Exception ignored in {error}\n")
        if after is not None:
            after()
    except BaseException:
        code = 1
        with suppress(BaseException):
            sys.stderr.write(traceback.format_exc())
    with suppress(OSError):
        changes.write(str(count).encode())
    os._exit(code & 255)


def _code(act: Callable[[], object]) -> int:
    try:
        code = act()
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.stderr.write(traceback.format_exc())
        code = 1
    return code if isinstance(code, int) else 0


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, _, flags = arguments
    return bool(
        isinstance(flags, int)
        and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        and not str(path).startswith(("/dev/", "/proc/"))
    )


def wait(
    started: Started, seconds: float = HANGS, *, kill_after: float | None = None, terminate_after: float | None = None
) -> Ended:
    """Wait until a process ends; kill it, or ask it to end, after so many seconds; kill it when it hangs."""
    end = started.begun + (seconds if kill_after is None else kill_after)
    hung = False
    while True:
        pid, status = os.waitpid(started.pid, os.WNOHANG)
        if pid:
            break
        if terminate_after is not None and time.monotonic() > started.begun + terminate_after:
            os.kill(started.pid, signal.SIGTERM)
            terminate_after = None
        if time.monotonic() > end:
            hung = kill_after is None
            _kill(started.pid)
            _, status = os.waitpid(started.pid, 0)
            break
        time.sleep(0.002)
    _kill(started.pid)  # whatever it has started
    took = time.monotonic() - started.begun

    def note(name: str) -> bytes:
        path = started.notes / name
        return path.read_bytes() if path.exists() else b""

    code = os.waitstatus_to_exitcode(status)
    ended = Ended(code, note("out"), note("err").decode("utf-8", "replace"), took, int(note("changes") or 0), hung)
    for path in started.notes.iterdir():
        path.unlink()
    started.notes.rmdir()
    if hung:
        return Ended(-9, ended.out, f"{ended.err}\nhangs: still running after {seconds:.0f} s", took, 0, True)
    return ended


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
            return


def run(act: Callable[[], object], folder: Path, seconds: float = HANGS, **options: Any) -> Ended:
    """Run something in a forked process and wait for its end; the options are those of :func:`start`."""
    return wait(start(act, folder, **options), seconds)


def command(*arguments: str) -> Callable[[], None]:
    """A call of the command line."""

    def act() -> None:
        try:
            from toxiclf._entry import main
        except ModuleNotFoundError:  # an older toxiclf
            from toxiclf._entry import main

        main([str(argument) for argument in arguments])

    return act
