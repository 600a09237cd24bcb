"""Fitted models with their features, and the error for training that diverged."""

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
    """Interface of a fitted model with its features, and of an ensemble of such models."""

    @property
    def encoder(self) -> TextEncoder:
        """Text encoder, which maps comments to the inputs of the graph."""

    @property
    def origin(self) -> Mapping[str, str]:
        """Origin of the word vectors; empty without word vectors."""

    @property
    def weights(self) -> list[ClassWeights]:
        """Class weights of the rows that the model was fitted to."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Row counts of the training set, as given and after each technique."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Details for the report, by name: feature selection, learned metric, generated rows, ensemble members."""

    @property
    def pictures(self) -> Mapping[str, Any]:
        """Points to plot in figures of the report, by name of the figure."""

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per epoch for networks, else empty; in an ensemble each row names its ``member``."""

    @property
    def no_graph(self) -> str:
        """Why the model has no ONNX form; empty if it has one."""

    def raw(self, rows: TokenizedTexts) -> NDArray[np.float64]:
        """Compute raw outputs of tokenized texts with the training library, (n, n_labels)."""

    def raw_of(self, encoded: Encoded) -> NDArray[np.float64]:
        """Compute raw outputs of encoded texts with the training library, (n, n_labels)."""

    def around_metric(self, comments: Comments) -> tuple[Before, After]:
        """Return the vectors of comments before and after the learned metric, (n, width) each.

        If the metric takes sequences, the vectors before it are the means over each sequence.
        """

    def graph(self, columns: int) -> bytes | None:
        """Build one ONNX graph of features and model for ``columns`` labels; return None if there is no ONNX form."""


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
        """Text encoder, which maps comments to the inputs of the graph."""
        return self.features.encoder

    @property
    def origin(self) -> Mapping[str, str]:
        """Origin of the word vectors; empty without word vectors."""
        return self.features.origin

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per epoch for networks, else empty."""
        return [dict(row) for row in self.model.history_]

    @property
    def no_graph(self) -> str:
        """Why the model has no ONNX form; empty if it has one."""
        return self.model.no_graph_

    def raw(self, rows: TokenizedTexts) -> NDArray[np.float64]:
        """Compute raw outputs of tokenized texts with the training library, (n, n_labels)."""
        return self.raw_of(rows.encode(self.encoder))

    def raw_of(self, encoded: Encoded) -> NDArray[np.float64]:
        """Compute raw outputs of encoded texts with the training library, (n, n_labels)."""
        return self.model.raw(self.features.transform(encoded))

    def around_metric(self, comments: Comments) -> tuple[Before, After]:
        """Return the vectors of comments before and after the learned metric, which must be the features' last step."""
        *first, metric = self.features.steps
        before = replace(self.features, steps=tuple(first)).transform(encoded(comments, self.encoder))
        return before.averages() if isinstance(before, Sequences) else before, metric.transform(before)

    def graph(self, columns: int) -> bytes | None:
        """Build one ONNX graph of features and model for ``columns`` labels; return None if there is no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        return graph.build(self.model.write(graph, self.features.write(graph)), columns)


class DivergedError(Exception):
    """Raised if the loss of a network explodes or becomes NaN.

    Attributes
    ----------
    fitted : the model before the divergence, with its history; if a learned metric diverged, the model is not fitted.
    divergence : where the divergence happened, its cause, and settings that fix it.
    """

    def __init__(self, fitted: FittedModel, divergence: Divergence) -> None:
        super().__init__(f"training diverged: {divergence}")
        self.fitted, self.divergence = fitted, divergence
