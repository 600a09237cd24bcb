"""The training plan of a network, the metric that stops it, and the facts of a divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toxiclf.balance.losses import Loss
from toxiclf.models._rows import Batches


@dataclass(frozen=True)
class Divergence:
    """The step at which the loss exploded or became NaN, with its cause and fix.

    Attributes
    ----------
    epoch, step : count from 1; the weights are those of the last good epoch, or those to begin with.
    loss : at that step.
    what : was seen there.
    cause : the likely cause.
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
    """How to train; all automatic choices made.

    Attributes
    ----------
    network : what else decides which network it is: the model's options, as text.
    loss : what is minimized, from cross-entropies or the monitor's losses.
    clip_norm : largest norm of all gradients together; None for none.
    blame : the likely cause of a divergence, and its cure.
    adjustment : is added to the logits of each column in the loss; empty for nothing.
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
"""Outputs of a batch, wanted ones and weights to losses and the weight of each, in one shape."""


@dataclass(frozen=True)
class Monitor:
    """The loss of a network and the validation metric for early stopping; by default those of classification.

    Attributes
    ----------
    measure : what the figure is called that the held-out rows are judged by.
    lower_is_better : whether less of it is better.
    losses : None for cross-entropies.
    batches : None for batches of like length.
    """

    measure: str = "validation average precision"
    lower_is_better: bool = False
    losses: Losses | None = None
    batches: Batches | None = None

    @property
    def column(self) -> str:
        """The measure's name in a history."""
        return self.measure.replace(" ", "_")


CLASSIFY = Monitor()
