"""The base class of models, and the data that a model is fitted to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.losses import CROSSENTROPY, Loss
from toxiclf.errors import DataError
from toxiclf.models._progress import SILENT, FitContext

if TYPE_CHECKING:
    from toxiclf.balance.weights import ClassWeights
    from toxiclf.graph import Graph
    from toxiclf.models._plan import Divergence


_FEWEST_NEGATIVES = 2


@dataclass(frozen=True)
class Task:
    """What a model needs for fitting besides the features, such as targets, class weights, loss and seed.

    Attributes
    ----------
    targets : 0/1 labels of the training rows, uint8 (n, n_labels).
    exclusive : whether a comment has at most one of the labels.
    weights : class weights, one entry per label; if labels are exclusive, a single entry for all.
    seed : seed of all random numbers of the fit.
    loss : loss that networks minimize; other models ignore it.
    context : messages, progress bar and checkpoint of a long fit.
    """

    targets: NDArray[np.uint8]
    exclusive: bool
    weights: Sequence[ClassWeights]
    seed: int
    loss: Loss = CROSSENTROPY
    context: FitContext = SILENT


@dataclass(frozen=True)
class HeldOut:
    """Features and targets (n, n_labels) of the validation set, for models with early stopping."""

    features: Any
    targets: NDArray[np.uint8]


class Model(ABC):
    """Base class of models. To add a model, add a file to this folder that registers a subclass.

    Parameters
    ----------
    options : options from the recipe, an instance of the options class that the model registers.

    Attributes
    ----------
    libraries : packages that ``fit`` imports; the extra in the model's registry entry installs them.
    history_ : training history with one row per epoch; empty unless the model is a network.
    divergence_ : the step at which training diverged, or None. A model that diverged must not be used.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)
    history_: Sequence[Mapping[str, float]] = ()
    divergence_: Divergence | None = None

    def __init__(self, options: Any) -> None:
        self.options = options

    @property
    def no_graph_(self) -> str:
        """Reason why the model has no ONNX form; empty if it has one."""
        return ""

    @abstractmethod
    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> Model:
        """Fit the model to the training set; ``held_out`` is the validation set, used by models with early stopping."""

    @abstractmethod
    def raw(self, features: Any) -> NDArray[np.float64]:
        """Compute raw outputs with the training library, float64 (n, n_labels); a higher value is more toxic.

        Depending on the model, raw outputs are log-odds, margins, votes, anomaly scores or reconstruction errors. For
        exclusive labels, the output of the negative value (not toxic) is subtracted from the output of each label.
        """

    @abstractmethod
    def write(self, graph: Graph, features: str) -> str:
        """Add the fitted model to an ONNX graph; return the name of its raw outputs, float32 (batch, n_labels).

        ``features`` is the name of the features in the graph; "" if the model itself reads token ids or n-gram ids.
        """


def unlabelled_rows(targets: NDArray[np.uint8], where: str) -> NDArray[np.intp]:
    """Return the indices of the rows without the label.

    Parameters
    ----------
    targets : 0/1 labels, (n, 1).
    where : name of the set in the error message, such as "the training set".

    Raises
    ------
    DataError : fewer than two rows are without the label.
    """
    rows = np.flatnonzero(targets[:, 0] == 0)
    if len(rows) < _FEWEST_NEGATIVES:
        raise DataError(
            f"this model learns from comments without the label, but {where} has {len(rows)} of them; add such "
            "comments, or choose a model that learns from both classes"
        )
    return rows
