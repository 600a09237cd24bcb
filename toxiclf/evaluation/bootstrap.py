"""Compute the metrics of all labels, with bootstrap intervals over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import components
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.metrics._counts import ResampledRows
from toxiclf.evaluation.prevalence import Floats, classes_and_prevalence, reweighted_counts

SUMMARY = ""
"""Label name of rows that hold the mean over labels; no label has an empty name."""

RESAMPLES = 1000
_CELLS = 4_000_000  # resamples × rows in one batch


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a label, or its mean over labels (:data:`SUMMARY`), with its 95 % interval; None where undefined."""

    label: str
    metric: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one model on one set of rows.

    Attributes
    ----------
    rows : all metrics of all labels, the means over labels first.
    draws : metric → its mean over labels in each bootstrap resample, (resamples,). The seed sets which rows are drawn,
        so two models evaluated on the same rows with the same seed can be compared resample by resample.
    label_draws : label → metric → its value in each bootstrap resample, (resamples,).
    confusion : label → counts of tn, fp, fn and tp.
    """

    rows: list[MetricRow]
    draws: dict[str, Floats]
    label_draws: dict[str, dict[str, Floats]]
    confusion: dict[str, dict[str, int]]

    def value(self, metric: str, label: str = SUMMARY) -> float | None:
        """Return the value of a metric for a label, or its mean over labels."""
        return self.row(metric, label).value

    def row(self, metric: str, label: str = SUMMARY) -> MetricRow:
        """Return a metric with its interval for a label, or its mean over labels."""
        return next(row for row in self.rows if row.label == label and row.metric == metric)


def evaluate(
    scores: NDArray[np.float32],
    targets: NDArray[np.uint8],
    thresholds: Sequence[float],
    labels: Sequence[str],
    *,
    seed: int,
    prior: Sequence[float] | None = None,
    exclusive: bool = False,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Compute every metric of every label, with percentile bootstrap intervals over rows (Efron 1979).

    Parameters
    ----------
    scores, targets : scores and 0/1 targets, (n, n_labels).
    thresholds : threshold of each label; a row is flagged if score >= threshold.
    seed : seed of the resamples.
    prior : production prevalence of each label, to which rows are weighted; None for unweighted rows. Some metrics,
        such as the flag rate, are computed only with a prior. The prevalence counts as known exactly, so each resample
        is weighted to it anew. Weighted metrics are None if the rows lack a class. Confusion counts are never
        weighted.
    exclusive : whether labels exclude each other; this affects only the weights.
    resamples : number of bootstrap resamples; 0 for metrics without intervals.
    """
    production = None if prior is None else _Production(tuple(prior), exclusive)
    names = metric_names(production=production is not None)
    measure = partial(_of_all, scores, targets, thresholds, names=names, production=production)
    exact = measure(np.ones((1, len(scores))))[0]
    draws = _bootstrap(measure, len(scores), seed, resamples) if resamples else np.empty((0, *exact.shape))
    rows: list[MetricRow] = []
    with np.errstate(invalid="ignore"):
        summary, summary_draws = _mean(exact), _mean(draws)
    for name, values, drawn in [
        (SUMMARY, summary, summary_draws),
        *((label, exact[j], draws[:, j]) for j, label in enumerate(labels)),
    ]:
        for m, metric in enumerate(names):
            rows.append(MetricRow(name, metric, _plain(values[m]), *_interval(drawn[:, m])))
    confusion = {}
    for j, label in enumerate(labels):
        flagged, toxic = scores[:, j] >= np.float32(thresholds[j]), targets[:, j] == 1
        confusion[label] = {
            "tn": int((~flagged & ~toxic).sum()), "fp": int((flagged & ~toxic).sum()),
            "fn": int((~flagged & toxic).sum()), "tp": int((flagged & toxic).sum()),
        }  # fmt: skip
    by_metric = [
        {metric: drawn[:, m] for m, metric in enumerate(names)} for drawn in (summary_draws, *draws.swapaxes(0, 1))
    ]
    return Evaluation(rows, by_metric[0], dict(zip(labels, by_metric[1:], strict=True)), confusion)


def paired_difference(
    model: Evaluation, baseline: Evaluation, metric: str, label: str = SUMMARY
) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric's difference (model - baseline), paired by resample; None if undefined."""
    low, high = _interval(paired_draws(model, baseline, metric, label))
    return None if low is None or high is None else (low, high)


def paired_draws(model: Evaluation, baseline: Evaluation, metric: str, label: str = SUMMARY) -> Floats:
    """Return a metric's difference (model - baseline) in each resample of the same rows, except where undefined."""
    ours, theirs = (e.draws if label == SUMMARY else e.label_draws[label] for e in (model, baseline))
    difference = ours[metric] - theirs[metric]
    return difference[~np.isnan(difference)]


@dataclass(frozen=True)
class _Production:
    """The production prevalence of each label, and whether labels exclude each other."""

    prior: tuple[float, ...]
    exclusive: bool


def _bootstrap(measure: Callable[[Floats], Floats], n: int, seed: int, resamples: int) -> Floats:
    """Compute metrics in each bootstrap resample of n rows; return them, (resamples, n_labels, n_metrics).

    ``measure`` computes the metrics from an array (resamples, n), which says how often each resample draws each row.
    """
    rng = np.random.default_rng(seed)
    parts = []
    left = resamples
    while left:
        size = min(left, max(1, _CELLS // n))
        drawn = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        parts.append(measure(counts))
        left -= size
    return np.concatenate(parts)


def _of_all(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], thresholds: Sequence[float], counts: Floats, *,
    names: Sequence[str], production: _Production | None,
) -> Floats:  # fmt: skip
    """Compute the metrics ``names`` of all labels in each resample, (resamples, n_labels, n_metrics).

    ``counts`` says how often each row is drawn in each resample, (resamples, n).
    """
    columns = []
    for j in range(scores.shape[1]):
        weighted = counts
        if production is not None:
            weighted = reweighted_counts(
                counts, *classes_and_prevalence(targets, production.prior, j, exclusive=production.exclusive)
            )
        figures = _of_label(scores[:, j], targets[:, j], thresholds[j], weighted, names)
        figures[np.isnan(weighted).any(axis=1)] = np.nan
        columns.append(figures)
    return np.stack(columns, axis=1)


def _of_label(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], threshold: float, counts: Floats, names: Sequence[str]
) -> Floats:
    """Compute the metrics ``names`` of one label, (resamples, n_metrics); ``counts`` are row weights (resamples, n)."""
    rows = ResampledRows(scores, targets == 1, scores >= np.float32(threshold), counts)
    metrics = components("metric")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([metrics[name].target(rows) for name in names], axis=1)


def _mean(values: Floats) -> Floats:
    """Average over labels (axis -2), ignoring NaN values; the mean is NaN if all values are NaN."""
    defined = ~np.isnan(values)
    mean: Floats = np.where(defined, values, 0.0).sum(axis=-2) / defined.sum(axis=-2)
    return mean


def _interval(drawn: Floats) -> tuple[float | None, float | None]:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return None, None
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
