"""Losses of networks for rare classes, as an alternative to class weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toxiclf._registry import register
from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = 1e-3  # of log-odds


@dataclass(frozen=True)
class Loss:
    """Base class of losses; by default the cross-entropy times the weight of each row.

    A subclass that registers itself is a loss. It is a frozen dataclass, whose fields are the keys of ``[balance]`` that have an
    effect on it.
    """

    def added(self, shares: NDArray[np.float64], *, exclusive: bool) -> tuple[float, ...]:
        """Constants added to the outputs of each column in training; empty for none.

        Parameters
        ----------
        shares : of the training rows, each column's, float64 (columns,).
        exclusive : whether columns are values of one label, one softmax, and not a sigmoid each.
        """
        return ()

    def weighted(self, cross_entropies: Any, weights: Any) -> Any:
        """Losses of a batch, of which the mean is minimized: TensorFlow tensors of one shape, (batch, columns) or (batch,)."""
        return weights * cross_entropies


@register("loss", summary="Cross-entropy", order=10)
class Crossentropy(Loss):
    """Cross-entropy of sigmoids, or of a softmax where labels exclude each other."""


CROSSENTROPY = Crossentropy()


@register(
    "loss",
    summary="Cross-entropy that gives less weight to comments that are already classified well",
    keys=("focal_gamma",),
    order=20,
)
@dataclass(frozen=True)
class Focal(Loss):
    """Focal loss: cross-entropy times (1 - p) ** gamma, where p is the probability of the true class.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection".
    """

    focal_gamma: float

    def weighted(self, cross_entropies: Any, weights: Any) -> Any:
        """Losses of a batch."""
        from toxiclf.backend import tf

        focus = tf.maximum(-tf.math.expm1(-cross_entropies), 1e-7) ** self.focal_gamma
        return weights * focus * cross_entropies


@register(
    "loss", summary="Cross-entropy of outputs shifted by the log-odds of each class", keys=("logit_tau",), order=30
)
@dataclass(frozen=True)
class LogitAdjusted(Loss):
    """Logit adjustment: cross-entropy of outputs shifted in training by tau times the log-odds of the class.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment".
    """

    logit_tau: float

    def added(self, shares: NDArray[np.float64], *, exclusive: bool) -> tuple[float, ...]:
        """Tau times the shares' log-odds, of a softmax their log.

        Raises
        ------
        UsageError : all classes have as many rows.
        """
        adjustment = np.log(shares) if exclusive else np.log(shares) - np.log1p(-shares)
        if float(np.ptp(adjustment) if exclusive else np.abs(adjustment).max()) < _NOTHING:
            raise UsageError(
                "balance.loss = logit_adjusted has no effect, because all classes have the same number of rows; "
                "leave it out"
            )
        return tuple((self.logit_tau * adjustment).tolist())
