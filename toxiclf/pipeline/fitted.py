"""The result of a fit: a model with its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.weights import ClassWeights
from toxiclf.datasets.comments import Comments
from toxiclf.features.pipeline import FeaturePipeline
from toxiclf.features.sequences import Sequences
from toxiclf.features.texts import TokenizedTexts, encoded
from toxiclf.graph import Graph
from toxiclf.models._base import Model
from toxiclf.pipeline.training_set import Stage
from toxiclf.text.encoder import Encoded, TextEncoder

if TYPE_CHECKING:
    from toxiclf.models._plan import Divergence

Before = NDArray[np.float32]
After = NDArray[np.float32]


class Fitted(Protocol):
    """A fitted model with its features, or an ensemble of such models."""

    @property
    def encoder(self) -> TextEncoder:
        """The text half of the bundle."""

    @property
    def origin(self) -> Mapping[str, str]:
        """The origin of the word vectors; empty without word vectors."""

    @property
    def weights(self) -> list[ClassWeights]:
        """Class weights of the rows that the model was fitted to."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Counts of those rows before and after each technique, the given rows first."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Details of selection, metric, generated rows and members for the report, by name."""

    @property
    def pictures(self) -> Mapping[str, Any]:
        """Points of figures, by name."""

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch, for networks; in an ensemble each row names its ``member``."""

    @property
    def no_graph(self) -> str:
        """Why there is no ONNX form; empty where there is one."""

    def raw(self, rows: TokenizedTexts) -> NDArray[np.float64]:
        """Raw outputs of tokenized texts by the training library, (n, n_labels)."""

    def raw_of(self, encoded: Encoded) -> NDArray[np.float64]:
        """The same of encoded texts."""

    def around_metric(self, comments: Comments) -> tuple[Before, After]:
        """Comments before and after the learned metric: what it was given (of sequences, their mean vectors), and what it gives."""

    def graph(self, columns: int) -> bytes | None:
        """Features and model as one ONNX graph; None where there is no ONNX form."""


@dataclass
class FittedModel:
    """One fitted model with its features; see :class:`Fitted`."""

    features: FeaturePipeline
    model: Model
    weights: list[ClassWeights]
    stages: tuple[Stage, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def encoder(self) -> TextEncoder:
        """The text half of the bundle."""
        return self.features.encoder

    @property
    def origin(self) -> Mapping[str, str]:
        """The origin of the word vectors; empty without word vectors."""
        return self.features.origin

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch, of networks."""
        return [dict(row) for row in self.model.history_]

    @property
    def no_graph(self) -> str:
        """Why there is no ONNX form; empty where there is one."""
        return self.model.no_graph_

    def raw(self, rows: TokenizedTexts) -> NDArray[np.float64]:
        """Raw outputs of tokenized texts by the training library, (n, n_labels)."""
        return self.raw_of(rows.encode(self.encoder))

    def raw_of(self, encoded: Encoded) -> NDArray[np.float64]:
        """The same of encoded texts."""
        return self.model.raw(self.features.transform(encoded))

    def around_metric(self, comments: Comments) -> tuple[Before, After]:
        """Comments before and after the metric, which is the last step."""
        *first, metric = self.features.steps
        before = replace(self.features, steps=tuple(first)).transform(encoded(comments, self.encoder))
        return before.averages() if isinstance(before, Sequences) else before, metric.transform(before)

    def graph(self, columns: int) -> bytes | None:
        """Features and model as one ONNX graph; None where the model has no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        return graph.build(self.model.write(graph, self.features.write(graph)), columns)


class DivergedError(Exception):
    """A network's loss exploded or stopped being a number.

    Attributes
    ----------
    fitted : the model as it was before, with its history.
    divergence : where, why, and the settings that fix it.
    """

    def __init__(self, fitted: FittedModel, divergence: Divergence) -> None:
        super().__init__(f"training diverged: {divergence}")
        self.fitted, self.divergence = fitted, divergence
