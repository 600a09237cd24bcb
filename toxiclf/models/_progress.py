"""Training progress: a bar on a terminal, one line per epoch elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from toxiclf._progress import Bar, Countdown, duration

if TYPE_CHECKING:
    from toxiclf.models._checkpoint import Checkpoint


def _silent(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class FitContext:
    """Title, messages, progress bar and checkpoint of a fit; none of them changes the result.

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
    """Shows the loss, the validation metric and the time left. A context manager.

    Parameters
    ----------
    epochs : at most.
    done : epochs that an earlier process has finished.
    measure : what the figure of the validation set is called.
    """

    def __init__(
        self, context: FitContext, epochs: int, done: int, measure: str = "validation average precision"
    ) -> None:
        self._title, self._say, self._measure = context.title, context.say, measure
        self._epochs, self._done, self._validation = epochs, done, ""
        self._countdown = Countdown(epochs, done)
        self._bar = Bar(context.title, epochs, drawn=context.bar, time_left=False)

    def __enter__(self) -> Progress:
        self._bar.update(self._done, "starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def step(self, share: float, loss: float) -> None:
        """Report a finished batch.

        Parameters
        ----------
        share : of the epoch that is done, in [0, 1].
        loss : mean over the epoch so far.
        """
        if self._bar.is_drawn:
            figures = f"{self._done + 1} of {self._epochs}, loss {loss:.4f}{self._validation}, {self._left(share)}"
            self._bar.update(self._done + share, figures)

    def epoch(self, loss: float, figure: float, best: float) -> None:
        """Report a finished epoch."""
        self._done += 1
        self._validation = f", {_short(self._measure)} {figure:.4f}"
        if not self._bar.is_drawn:
            self._say(
                f"{self._title}: epoch {self._done} of {self._epochs}: loss {loss:.4f}, "
                f"{self._measure} {figure:.4f} (best {best:.4f}); {self._left()}"
            )

    def _left(self, share: float = 0.0) -> str:
        return f"at most {duration(self._countdown.left(self._done + share))} left"


def _short(measure: str) -> str:
    return measure.replace("validation", "val.").replace("average precision", "AP")
