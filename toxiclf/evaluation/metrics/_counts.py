"""The input of metrics: the rows of one label, weighted by bootstrap resamples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.prevalence import Floats


@dataclass(frozen=True, eq=False)
class ResampledRows:
    """The rows of one label, weighted by how often each bootstrap resample draws them.

    A metric takes this object and returns its value in each resample, (resamples,); undefined values are NaN (0 / 0).

    Attributes
    ----------
    scores : score of each row, float32 (n,).
    toxic, flagged : whether each row has the label, and whether its score reaches the threshold, bool (n,).
    counts : weight of each row in each resample, float64 (resamples, n): how often it is drawn, times a factor if
        classes are weighted to a prevalence.
    """

    scores: NDArray[np.float32]
    toxic: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    counts: Floats

    @cached_property
    def tp(self) -> Floats:
        """True positives in each resample, (resamples,)."""
        return np.asarray(self.counts @ (self.toxic & self.flagged))

    @cached_property
    def fp(self) -> Floats:
        """False positives in each resample, (resamples,)."""
        return np.asarray(self.counts @ (~self.toxic & self.flagged))

    @cached_property
    def fn(self) -> Floats:
        """False negatives in each resample, (resamples,)."""
        return np.asarray(self.counts @ (self.toxic & ~self.flagged))

    @cached_property
    def tn(self) -> Floats:
        """True negatives in each resample, (resamples,)."""
        return np.asarray(self.counts @ (~self.toxic & ~self.flagged))

    @cached_property
    def total(self) -> Floats:
        """Sum of the counts of all rows in each resample, (resamples,)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def ranked(self) -> tuple[Floats, Floats]:
        """True positives and false positives at each threshold, two arrays (resamples, n_thresholds).

        The thresholds are the distinct scores, from the highest to the lowest.
        """
        order = np.argsort(-self.scores, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(self.scores[order]) != 0, True))
        ranked = self.counts[:, order]
        tp = np.cumsum(ranked * self.toxic[order], axis=1)[:, ends]
        fp = np.cumsum(ranked * ~self.toxic[order], axis=1)[:, ends]
        return tp, fp
