"""The input of metrics: counts of resampled rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.prevalence import Floats


@dataclass(frozen=True, eq=False)
class ResampledRows:
    """The rows of one label, weighted by how often each bootstrap resample draws them.

    A metric takes these and gives a number a resample, float64 (resamples,); NaN, or a division by zero, where it is not
    defined.

    Attributes
    ----------
    scores : float32 (n,).
    toxic, flagged : bool (n,); whether each row holds the label, and whether its score reaches the threshold.
    counts : float64 (resamples, n); how often each row counts, a weight where classes are weighted to a prevalence.
    """

    scores: NDArray[np.float32]
    toxic: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    counts: Floats

    @cached_property
    def tp(self) -> Floats:
        """Toxic rows that are flagged, (resamples,)."""
        return np.asarray(self.counts @ (self.toxic & self.flagged))

    @cached_property
    def fp(self) -> Floats:
        """Other rows that are flagged, (resamples,)."""
        return np.asarray(self.counts @ (~self.toxic & self.flagged))

    @cached_property
    def fn(self) -> Floats:
        """Toxic rows that are not flagged, (resamples,)."""
        return np.asarray(self.counts @ (self.toxic & ~self.flagged))

    @cached_property
    def tn(self) -> Floats:
        """Other rows that are not flagged, (resamples,)."""
        return np.asarray(self.counts @ (~self.toxic & ~self.flagged))

    @cached_property
    def total(self) -> Floats:
        """All rows, (resamples,)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def ranked(self) -> tuple[Floats, Floats]:
        """Toxic and other rows down to each score, the highest first, (resamples, scores); equal scores are one step."""
        order = np.argsort(-self.scores, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(self.scores[order]) != 0, True))
        ranked = self.counts[:, order]
        tp = np.cumsum(ranked * self.toxic[order], axis=1)[:, ends]
        fp = np.cumsum(ranked * ~self.toxic[order], axis=1)[:, ends]
        return tp, fp
