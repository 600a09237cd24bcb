"""The training settings, loss and validation metric of a network, and the description of a divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toxiclf.balance.losses import Loss
from toxiclf.models._rows import Batches


@dataclass(frozen=True)
class Divergence:
    """The step at which training diverged, with its likely cause and fix.

    Attributes
    ----------
    epoch, step : number of the epoch, and number of the step within the epoch, both counted from 1.
    loss : loss at the step.
    what : what was observed, such as "the loss was NaN or infinite".
    cause : likely cause.
    cure : settings that fix it.
    """

    epoch: int
    step: int
    loss: float
    what: str
    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what} at step {self.step} of epoch {self.epoch}; {self.cause}"


@dataclass(frozen=True)
class Plan:
    """The training settings of a network; every "auto" option has a value.

    Attributes
    ----------
    network : options of the model as JSON text; a checkpoint with other options cannot be resumed.
    loss : loss to minimize. It weights cross-entropies; if ``Monitor.losses`` is set, it weights the losses from there.
    clip_norm : global norm to which gradients are clipped; None for no clipping.
    blame : likely cause of a divergence, and settings that fix it.
    adjustment : constants that are added to the logits in training, one per column; empty for none.
    """

    network: str
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    clip_norm: float | None
    loss: Loss
    exclusive: bool
    seed: int
    blame: tuple[str, str]
    adjustment: tuple[float, ...] = ()


Losses = Callable[[Any, Any, Any], tuple[Any, Any]]
"""Function ``(outputs, wanted, weights) -> (losses, weights)`` for one batch. ``wanted`` are the wanted outputs; the
returned losses and weights have the same shape."""


@dataclass(frozen=True)
class Monitor:
    """The loss, batches and validation metric of a network; by default those of classification.

    Attributes
    ----------
    measure : name of the validation metric.
    lower_is_better : whether a lower value is better.
    losses : loss function; None for cross-entropy.
    batches : function that yields the row indices of each batch; None for batches of rows of similar length.
    """

    measure: str = "validation average precision"
    lower_is_better: bool = False
    losses: Losses | None = None
    batches: Batches | None = None

    @property
    def column(self) -> str:
        """Name of the validation metric in a training history, with underscores for spaces."""
        return self.measure.replace(" ", "_")


CLASSIFY = Monitor()
