"""How training says where it stands: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toxiclf.models._checkpoint import Checkpoint


def _silent(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class FitContext:
    """What a fit tells and keeps while it goes on; none of it changes what is learned.

    Attributes
    ----------
    title : what messages call the fit.
    say : called with a sentence.
    bar : draw a progress bar on standard error in place of a sentence an epoch.
    checkpoint : where the state after each epoch is kept, if anywhere.
    """

    title: str = "network"
    say: Callable[[str], None] = _silent
    bar: bool = False
    checkpoint: Checkpoint | None = None


SILENT = FitContext()
"""Nothing is told, nothing is kept."""


class Progress:
    """Shows loss, a figure of the validation part and time left. A context manager.

    Parameters
    ----------
    epochs : at most.
    done : epochs that an earlier process has finished.
    measure : what the figure of the validation part is called.
    """

    def __init__(
        self, context: FitContext, epochs: int, done: int, measure: str = "validation average precision"
    ) -> None:
        self._title, self._say, self._measure = context.title, context.say, measure
        self._epochs, self._done, self._here = epochs, done, 0
        self._began = time.perf_counter()
        self._bar: Any = None
        if context.bar:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(10), TextColumn("{task.fields[figures]}"))
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._title, total=epochs, completed=done, figures="starting")
            self._validation = ""

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, share: float, loss: float) -> None:
        """A batch is done.

        Parameters
        ----------
        share : of the epoch that is done, in [0, 1].
        loss : mean over the epoch so far.
        """
        if self._bar is not None:
            spent = time.perf_counter() - self._began
            left = spent / (self._here + share) * (self._epochs - self._done - share)
            figures = f"{self._done + 1} of {self._epochs}, loss {loss:.4f}{self._validation}, {_at_most(left)}"
            self._bar.update(self._task, completed=self._done + share, figures=figures)

    def epoch(self, loss: float, figure: float, best: float) -> None:
        """An epoch is done."""
        self._done += 1
        self._here += 1
        self._validation = f", {_short(self._measure)} {figure:.4f}"
        if self._bar is None:
            left = (time.perf_counter() - self._began) / self._here * (self._epochs - self._done)
            self._say(
                f"{self._title}: epoch {self._done} of {self._epochs}: loss {loss:.4f}, "
                f"{self._measure} {figure:.4f} (best {best:.4f}); {_at_most(left)}"
            )


def _short(measure: str) -> str:
    return measure.replace("validation", "val.").replace("average precision", "AP")


def _at_most(seconds: float) -> str:
    return f"at most {seconds:.0f} s left" if seconds < 90 else f"at most {seconds / 60:.0f} min left"
