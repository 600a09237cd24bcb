"""Loss functions of networks for rare classes; they can replace class weights or be combined with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toxiclf._registry import register
from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = 1e-3  # smallest adjustment of log-odds that has an effect


@dataclass(frozen=True)
class Loss:
    """Base class of loss functions. Unless overridden, the loss is the cross-entropy times the weight of each row.

    A loss function is a subclass that registers itself and overrides ``added`` or ``weighted``. It is a frozen
    dataclass. Its fields are the keys of ``[balance]`` that it uses.
    """

    def added(self, shares: NDArray[np.float64], *, exclusive: bool) -> tuple[float, ...]:
        """Return the number that training adds to the logits of each output column; an empty tuple adds nothing.

        Parameters
        ----------
        shares : for each output column, the share of the training rows that are in its class, float64 (columns,).
        exclusive : whether labels are exclusive. If so, the columns are the classes of one softmax; if not, each column
            has its own sigmoid.
        """
        return ()

    def weighted(self, cross_entropies: Any, weights: Any) -> Any:
        """Return the losses of a batch; training minimizes their mean.

        All tensors have the shape (batch, columns), or (batch,) if there is one softmax for all columns.
        """
        return weights * cross_entropies


@register("loss", summary="Cross-entropy", order=10)
class Crossentropy(Loss):
    """Cross-entropy of a sigmoid for each label, or of one softmax if labels are exclusive."""


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
        """Return weight times (1 - p) ** gamma times cross-entropy, where p is the probability of the true class."""
        from toxiclf.backend import tf

        focus = tf.maximum(-tf.math.expm1(-cross_entropies), 1e-7) ** self.focal_gamma
        return weights * focus * cross_entropies


@register(
    "loss",
    summary="Cross-entropy of logits that are shifted by how frequent each class is",
    keys=("logit_tau",),
    order=30,
)
@dataclass(frozen=True)
class LogitAdjusted(Loss):
    """Logit adjustment: cross-entropy of logits that training shifts by tau times the log-odds of each class's share.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment".
    """

    logit_tau: float

    def added(self, shares: NDArray[np.float64], *, exclusive: bool) -> tuple[float, ...]:
        """Return the number that is added to each logit in training.

        It is tau times the log-odds of the class's share of the training rows, or tau times the logarithm of that share
        if labels are exclusive.

        Raises
        ------
        UsageError : all classes have the same number of rows, so that the adjustment has no effect.
        """
        adjustment = np.log(shares) if exclusive else np.log(shares) - np.log1p(-shares)
        if float(np.ptp(adjustment) if exclusive else np.abs(adjustment).max()) < _NOTHING:
            raise UsageError(
                "balance.loss = logit_adjusted has no effect, because all classes have the same number of rows; "
                "leave it out"
            )
        return tuple((self.logit_tau * adjustment).tolist())
