"""Progress bars, durations as text, and estimates of the time left."""

from __future__ import annotations

import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from toxiclf import _console
from toxiclf.errors import visible


def duration(seconds: float) -> str:
    """Return a duration as text, in seconds, minutes or hours.

    >>> [duration(seconds) for seconds in (0.4, 89, 90, 5399, 5400)]
    ['0 s', '89 s', '2 min', '90 min', '1.5 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Countdown:
    """Estimates the time left, as if each remaining step took the average time of the finished ones.

    Parameters
    ----------
    total : float
        Number of all steps, including finished ones.
    done : float
        Number of steps that were finished before this object was created; their time is not known.
    """

    def __init__(self, total: float, done: float = 0.0) -> None:
        self._total, self._before, self._began = total, done, time.monotonic()

    def left(self, done: float) -> float:
        """Return the seconds left after ``done`` steps.

        ``done`` may be a fraction; it must be greater than the ``done`` of the constructor.
        """
        spent = time.monotonic() - self._began
        return spent / (done - self._before) * (self._total - done)


_drawn: ContextVar[Bar | None] = ContextVar("drawn", default=None)
"""The bar that is drawn now, in whose ``with`` block the code runs."""


class Bar:
    """A progress bar on standard error, for a ``with`` block; it appears at the first :meth:`update`.

    In the ``with`` block of another bar, no second one is drawn: progress is then shown in the other bar, as a part of its
    next unit of ``done``. So slow code deep inside may always make a bar, with ``drawn=False`` if it should show
    progress only there.

    Parameters
    ----------
    title : str
        Name of the task, at the left of the bar; empty for none.
    total : float or None
        Value of ``done`` in :meth:`update` that fills the bar; None if it is not known.
    drawn : bool or None
        Whether to draw the bar; None draws it only if standard error is a terminal.
    time_left : bool
        Whether to show the estimated time left.
    """

    def __init__(
        self, title: str = "", total: float | None = 1.0, *, drawn: bool | None = None, time_left: bool = True
    ) -> None:
        self._outer = _drawn.get()
        self._title, self._total, self._done, self._text = visible(title), total, 0.0, ""
        self.is_drawn = self._outer is not None or (_console.on_terminal() if drawn is None else drawn)
        self._bar: Any = None
        if not self.is_drawn or self._outer is not None:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [BarColumn(None if time_left else 10), TextColumn("{task.fields[text]}", markup=False)]
        if title:
            columns.insert(0, TextColumn("{task.description}", markup=False))
        if time_left:
            columns.append(TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(file=_console.drawing()), transient=True)
        self._task = self._bar.add_task(self._title, total=total, text="")

    def __enter__(self) -> Bar:
        if self._bar is not None:
            self._token = _drawn.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            _drawn.reset(self._token)
            self._bar.stop()

    def update(self, done: float, text: str = "", total: float | None = None) -> None:
        """Show the progress.

        Parameters
        ----------
        done : float
            Amount that is finished, out of ``total``; if it is lower than in the last call, the bar restarts.
        text : str
            Text beside the bar.
        total : float or None
            New total; None keeps the old one.
        """
        self._total = self._total if total is None else total
        if self._outer is not None:
            self._outer._show_part(self._title, done, self._total)
        if self._bar is None:
            return
        self._done, self._text = done, visible(text)
        self._bar.start()  # not earlier: the bar would hide a question to the user
        if done < self._bar.tasks[0].completed:  # the next file has begun
            self._bar.reset(self._task)
        self._bar.update(self._task, completed=done, text=self._text, **({} if total is None else {"total": total}))

    def _show_part(self, title: str, done: float, total: float | None) -> None:
        """Show the progress of a bar in the ``with`` block of this one; this bar never goes back for it."""
        count = f"{min(int(done) + 1, int(total)):,} of {int(total):,}" if total and total > 1 else ""
        text = "; ".join(filter(None, (self._text, ", ".join(filter(None, (title, count))))))
        share = min(1.0, done / total) if total else 0.0
        self._bar.start()
        completed = max(self._bar.tasks[0].completed, self._done + share)
        self._bar.update(self._task, completed=completed, text=text)

    def say(self, message: str) -> None:
        """Print a message to standard error, above the bar if it is drawn."""
        if self._outer is not None:
            self._outer.say(message)
        elif self._bar is None:
            _console.say(message)
        else:
            console = self._bar.console
            lines = _console.wrapped(visible(message), console.width)
            console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
