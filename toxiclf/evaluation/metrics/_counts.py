"""The input of metrics: the rows of one label, or of all labels at once, weighted by bootstrap resamples."""

from __future__ import annotations

from collections.abc import Mapping
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

    @property
    def right(self) -> Floats:
        """Right verdicts in each resample, (resamples,)."""
        return self.tp + self.tn

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


@dataclass(frozen=True, eq=False)
class ResampledLabels:
    """The rows of all labels at once, weighted by how often each bootstrap resample draws them.

    A metric over all labels takes this object and returns its value in each resample, (resamples,).

    Attributes
    ----------
    labels : rows of each label.
    of_labels : metric over one label → its value for each label in each resample, (n_labels, resamples).
    classes : whether each row has exactly one class: a label, or none of them (not toxic).
    """

    labels: tuple[ResampledRows, ...]
    of_labels: Mapping[str, Floats]
    classes: bool

    @cached_property
    def parts(self) -> tuple[ResampledRows, ...]:
        """What averages are over: the labels or, with ``classes``, the class that is not toxic, then the labels."""
        if not self.classes:
            return self.labels
        toxic, flagged = (
            np.any([getattr(rows, name) for rows in self.labels], axis=0) for name in ("toxic", "flagged")
        )
        rest = np.maximum(1 - np.sum([rows.scores for rows in self.labels], axis=0), 0, dtype=np.float32)
        return (ResampledRows(rest, ~toxic, ~flagged, self.labels[0].counts), *self.labels)

    @cached_property
    def right(self) -> Floats:
        """Rows whose verdicts are right for every label, in each resample, (resamples,).

        NaN if each label has weights of its own, as at the production prevalences of labels that do not exclude each
        other.
        """
        counts = self.labels[0].counts
        if any(rows.counts is not counts for rows in self.labels):
            return np.full(len(counts), np.nan)
        return np.asarray(counts @ np.all([rows.toxic == rows.flagged for rows in self.labels], axis=0))

    @property
    def total(self) -> Floats:
        """Sum of the counts of all rows in each resample, (resamples,)."""
        return self.labels[0].total


def mean(values: Floats) -> Floats:
    """Average over the first axis, ignoring NaN values; the mean is NaN if all values are NaN."""
    defined = ~np.isnan(values)
    return np.asarray(np.where(defined, values, 0.0).sum(axis=0) / defined.sum(axis=0))
