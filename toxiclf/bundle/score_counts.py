"""Counts of held-out comments by raw output, with and without a label; they show how a model scores either class."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from toxiclf.bundle.calibration import Calibration

_MOST_BINS, _LEAST_BINS = 20, 5
_ROWS_A_BIN = 10  # comments of the rarer class for each bin

Floats = NDArray[np.float64]
Count = Annotated[int, Field(ge=0, le=2**53)]
_LARGEST = float(np.finfo(np.float32).max)
Edge = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]


class ScoreCounts(BaseModel):
    """How many held-out comments with a label, and without it, have raw outputs between two edges.

    The model did not learn from these comments, so their outputs are like those of new comments of the same class.

    Attributes
    ----------
    edges : rising raw outputs that separate the bins; an output that equals an edge lies above it.
    toxic, others : number of comments with and without the label in each bin; one bin more than edges.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    edges: Annotated[tuple[Edge, ...], Field(max_length=1000)]
    toxic: tuple[Count, ...]
    others: tuple[Count, ...]

    @model_validator(mode="after")
    def _one_bin_more_than_edges(self) -> ScoreCounts:
        if not len(self.toxic) == len(self.others) == len(self.edges) + 1:
            raise ValueError("score counts need one bin more than edges")
        if not any(self.toxic) or not any(self.others):
            raise ValueError("score counts need comments with the label and without it")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges of score counts must rise")
        return self

    @classmethod
    def of(cls, raw: NDArray[np.floating[Any]], toxic: NDArray[np.bool_]) -> ScoreCounts:
        """Count comments by raw output (n,) and class (n,); bins hold about equally many comments.

        The smaller the rarer class, the fewer bins.
        """
        rare = min(int(toxic.sum()), int((~toxic).sum()))
        bins = min(_MOST_BINS, max(_LEAST_BINS, rare // _ROWS_A_BIN))
        edges = np.unique(np.quantile(raw.astype(np.float64), np.linspace(0, 1, bins + 1)[1:-1]))
        counts = [_counts(raw[rows], edges) for rows in (toxic, ~toxic)]
        return cls(edges=tuple(edges.tolist()), toxic=tuple(counts[0].tolist()), others=tuple(counts[1].tolist()))

    def count(self, raw: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """Return how many raw outputs (n,) lie in each bin."""
        return _counts(raw, np.array(self.edges))

    def scores(self, calibration: Calibration, j: int) -> Floats:
        """Return one calibrated score for each bin of label ``j``, that of the middle between its edges."""
        edges = np.array(self.edges)
        middles = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]]) if len(edges) else np.zeros(1)
        raw = np.zeros((len(middles), len(calibration.labels)), dtype=np.float32)
        raw[:, j] = middles
        return calibration.apply(raw)[:, j].astype(np.float64)


def _counts(raw: NDArray[np.floating[Any]], edges: Floats) -> NDArray[np.intp]:
    return np.bincount(np.searchsorted(edges, raw.astype(np.float64), side="right"), minlength=len(edges) + 1)
