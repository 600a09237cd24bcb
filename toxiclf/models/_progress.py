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
    """Discard the message."""


@dataclass(frozen=True)
class FitContext:
    """Title, messages, progress bar and checkpoint of a fit; none of them changes the result.

    Attributes
    ----------
    title : name of the fit in messages.
    say : function that is called with each message.
    bar : whether to draw a progress bar on standard error instead of one message per epoch.
    checkpoint : file in which the state after each epoch is saved; None saves nothing.
    """

    title: str = "network"
    say: Callable[[str], None] = _silent
    bar: bool = False
    checkpoint: Checkpoint | None = None


SILENT = FitContext()
"""A context without messages, progress bar or checkpoint."""


class Progress:
    """Context manager that shows the loss, the validation metric and the time left during training.

    Parameters
    ----------
    epochs : maximum number of epochs.
    done : number of epochs that an earlier process finished.
    measure : name of the validation metric.
    """

    def __init__(
        self, context: FitContext, epochs: int, done: int, measure: str = "validation average precision"
    ) -> None:
        self._title, self._say, self._measure = context.title, context.say, measure
        self._epochs, self._done, self._validation = epochs, done, ""
        self._countdown = Countdown(epochs, done)
        self._bar = Bar(context.title, epochs, drawn=context.bar, time_left=False)

    def __enter__(self) -> Progress:
        self._bar.__enter__()
        self._bar.update(self._done, "starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def step(self, share: float, loss: float) -> None:
        """Show a finished batch on the progress bar; without a bar, do nothing.

        Parameters
        ----------
        share : finished share of the epoch, in [0, 1].
        loss : mean loss of the epoch so far.
        """
        if self._bar.is_drawn:
            figures = f"{self._done + 1} of {self._epochs}, loss {loss:.4f}{self._validation}, {self._left(share)}"
            self._bar.update(self._done + share, figures)

    def epoch(self, loss: float, figure: float, best: float) -> None:
        """Show a finished epoch: its mean loss, its validation metric ``figure``, and the best value so far."""
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
