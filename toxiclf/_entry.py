"""Start and end the command's process: signals, streams, exit code. Slow imports come after the signal handlers are set."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_BROKEN_PIPE = 128 + 13  # as a process that SIGPIPE ends
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_LATER = 0.1  # seconds until the destructor has ended


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, then exit the process with the exit code.

    SIGTERM and SIGHUP end the command as Ctrl-C does: what it left unfinished is removed. The exit code is 128 plus
    the number of the signal.
    """
    received = _watched()
    gc.set_threshold(10_000)  # imports and rows make many objects and few cycles
    code = 1
    try:
        from toxiclf._console import guard_messages
        from toxiclf.cli import execute

        guard_messages()
        code = execute(arguments)
    except BrokenPipeError:
        code = _BROKEN_PIPE
    except BaseException as error:  # a library may turn an interrupt of its import into another error
        if not received and not isinstance(error, KeyboardInterrupt):
            raise
        code = 130
    if code and received:
        code = 128 + received[0]
    sys.exit(_ended(code))


def _watched() -> list[int]:
    """Raise KeyboardInterrupt at each signal that asks the process to end; return the list that will hold these signals."""
    received: list[int] = []

    def end(number: int, frame: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    for number in _ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)
    threading.excepthook = _unless(received, threading.excepthook)
    sys.unraisablehook = _unless(received, sys.unraisablehook)
    return received


def _unless(received: list[int], show: Any) -> Any:
    """Return a hook that shows an error of a thread or a destructor, but none that only follows from a signal.

    A destructor ignores the KeyboardInterrupt of a signal: the signal is sent once more.
    """

    def hook(error: Any) -> None:
        if not received:
            show(error)
        elif sys.platform != "win32" and len(received) == 1 and isinstance(error.exc_value, KeyboardInterrupt):
            main = threading.main_thread().ident  # another thread would not wake it
            threading.Timer(_LATER, signal.pthread_kill, (main, received[0])).start()

    return hook


def _ended(code: int) -> int:
    """Write out what the streams hold, say what signal ended the command, and return the exit code."""
    from toxiclf._console import let_go, say

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # what is left to do shows no traceback
    words = {130: "interrupted", 128 + 15: "terminated", 128 + 1: "terminated"}
    if code in words:
        with suppress(OSError):  # the terminal may be gone
            say(f"toxiclf: {words[code]}")
    return code if let_go() or code else 1
