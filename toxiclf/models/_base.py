"""The interface of every model."""

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
    """The training task of a model: targets, weights, loss and seed.

    Attributes
    ----------
    targets : uint8 (n, n_labels).
    exclusive : whether labels exclude each other.
    weights : class weights, one entry a problem (see :func:`toxiclf.balance.weights.problems`).
    seed : of everything random.
    loss : what networks minimize.
    context : what a long fit tells and keeps while it runs.
    """

    targets: NDArray[np.uint8]
    exclusive: bool
    weights: Sequence[ClassWeights]
    seed: int
    loss: Loss = CROSSENTROPY
    context: FitContext = SILENT


@dataclass(frozen=True)
class HeldOut:
    """Features and targets of the validation set, for models with early stopping."""

    features: Any
    targets: NDArray[np.uint8]


class Model(ABC):
    """Base class of a classifier over features; a new model is one file in this folder that registers a subclass.

    Parameters
    ----------
    options : of the recipe, as the class registers them.

    Attributes
    ----------
    libraries : that are imported while it fits; the extra of its entry in the registry brings them.
    history_ : one row an epoch, of networks.
    divergence_ : where training diverged, if it did; such a model is of no use.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)
    history_: Sequence[Mapping[str, float]] = ()
    divergence_: Divergence | None = None

    def __init__(self, options: Any) -> None:
        self.options = options

    @property
    def no_graph_(self) -> str:
        """Why the model has no ONNX form; empty where it has."""
        return ""

    @abstractmethod
    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> Model:
        """Fit the model to training rows; models with early stopping use ``held_out``."""

    @abstractmethod
    def raw(self, features: Any) -> NDArray[np.float64]:
        """Compute raw outputs with the training library, float64 (n, n_labels): log-odds or margins, higher is more toxic.

        For exclusive labels they are taken against the negative value.
        """

    @abstractmethod
    def write(self, graph: Graph, features: str) -> str:
        """Add the fitted model to an ONNX graph that holds the features; return the name of the raw outputs (batch, n_labels)."""


def unlabelled_rows(targets: NDArray[np.uint8], where: str) -> NDArray[np.intp]:
    """Select the rows without the label.

    Parameters
    ----------
    targets : (n, 1).
    where : which set they are of, in words.

    Raises
    ------
    DataError : there are hardly any.
    """
    rows = np.flatnonzero(targets[:, 0] == 0)
    if len(rows) < _FEWEST_NEGATIVES:
        raise DataError(
            f"this model learns from comments without the label, but {where} has {len(rows)} of them; add such "
            "comments, or choose a model that learns from both classes"
        )
    return rows
