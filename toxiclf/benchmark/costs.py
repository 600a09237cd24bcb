"""Costs of a model apart from its fit time: latency for one comment, and memory."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

_TIMED = 200  # comments whose latency is measured
_WARM = 20  # comments checked before those, without measuring
_EVERY = 0.05  # seconds between two measurements of memory


def latency(check: Callable[[str], Any], texts: Sequence[str]) -> float:
    """Return the median time of ``check`` for one comment, in milliseconds; ``texts`` are repeated if they are few."""
    seconds = []
    for i, text in enumerate(islice(cycle(texts), _WARM + _TIMED)):
        began = time.perf_counter()
        check(text)
        if i >= _WARM:
            seconds.append(time.perf_counter() - began)
    return round(1000 * float(np.median(seconds)), 4)


@contextmanager
def watched_memory() -> Iterator[list[int]]:
    """Yield a list whose one item is the peak growth of this process's memory within the ``with`` block.

    The growth is in bytes, measured every 0.05 seconds; 0 if the memory cannot be read.
    """
    _give_back()
    before = _held()
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY):
            most[0] = max(most[0], _held() - before)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
        most[0] = max(most[0], _held() - before)


def _held() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _give_back() -> None:
    """Return freed memory to the operating system, so that the next run does not reuse it and seem to need less."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has malloc_trim
        ctypes.CDLL(None).malloc_trim(0)
