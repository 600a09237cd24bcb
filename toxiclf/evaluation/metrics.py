"""From scores to tidy rows of metrics with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.decision import f_beta, live_classes, live_counts

Floats = NDArray[np.float64]

METRICS = (
    "accuracy", "precision", "recall", "specificity", "f1", "f2", "macro_f1",
    "balanced_accuracy", "mcc", "roc_auc", "average_precision", "brier",
)  # fmt: skip
"""Names as in the field; macro_f1 is the mean of the F1 of toxic and of not toxic."""

FLAG_RATE = "flag_rate"
"""The share of comments that are flagged; a figure of live comments only, as it says little of rows chosen by label."""

SUMMARY = ""
"""Stands where a row is of no label but the mean over labels; no label has an empty name."""

RESAMPLES = 1000
_CELLS = 4_000_000  # resamples × rows at once


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One figure: a metric of a label (or of all, :data:`SUMMARY`) with its 95 % interval; None where undefined."""

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
    rows : all figures.
    draws : by metric, the summary's value in each bootstrap resample, (RESAMPLES,); equal seeds draw equal rows, so two
        models on the same rows can be compared pair by pair.
    label_draws : the same by label.
    confusion : by label: tn, fp, fn, tp.
    """

    rows: list[MetricRow]
    draws: dict[str, Floats]
    label_draws: dict[str, dict[str, Floats]]
    confusion: dict[str, dict[str, int]]

    def value(self, metric: str, label: str = SUMMARY) -> float | None:
        """One figure."""
        return self.row(metric, label).value

    def row(self, metric: str, label: str = SUMMARY) -> MetricRow:
        """One figure with its interval."""
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
    scores, targets : (n, n_labels).
    thresholds : one a label; toxic where score >= threshold.
    prior : live rates. Figures, and :data:`FLAG_RATE` with them, are then those of comments of which so many hold each label;
        None where the rows lack a class. Rates are taken as known, so each resample is weighted to them by itself. Counts of
        the confusion stay those of the rows as they are.
    exclusive : whether labels exclude each other; matters to the weights.
    resamples : of the bootstrap; 0 for figures alone, without intervals.
    """
    live = None if prior is None else _Live(tuple(prior), exclusive)
    names = METRICS if live is None else (*METRICS, FLAG_RATE)
    exact = _of_all(scores, targets, thresholds, np.ones((1, len(scores))), live)[0]
    draws = _bootstrap(scores, targets, thresholds, seed, live, resamples) if resamples else np.empty((0, *exact.shape))
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
    """95 % interval of model minus baseline over the same resampled rows; None where undefined."""
    low, high = _interval(paired_draws(model, baseline, metric, label))
    return None if low is None or high is None else (low, high)


def paired_draws(model: Evaluation, baseline: Evaluation, metric: str, label: str = SUMMARY) -> Floats:
    """Model minus baseline in each resample of the same rows where both are defined."""
    ours, theirs = (e.draws if label == SUMMARY else e.label_draws[label] for e in (model, baseline))
    difference = ours[metric] - theirs[metric]
    return difference[~np.isnan(difference)]


@dataclass(frozen=True)
class _Live:
    """Live rates by label, and whether labels exclude each other."""

    prior: tuple[float, ...]
    exclusive: bool


def _bootstrap(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], thresholds: Sequence[float], seed: int, live: _Live | None,
    resamples: int,
) -> Floats:  # fmt: skip
    """Metrics (resamples, n_labels, n_metrics) under resampled row counts."""
    rng = np.random.default_rng(seed)
    n = len(scores)
    parts = []
    left = resamples
    while left:
        size = min(left, max(1, _CELLS // n))
        drawn = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        parts.append(_of_all(scores, targets, thresholds, counts, live))
        left -= size
    return np.concatenate(parts)


def _of_all(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], thresholds: Sequence[float], counts: Floats,
    live: _Live | None,
) -> Floats:  # fmt: skip
    columns = []
    for j in range(scores.shape[1]):
        weighted = counts
        if live is not None:
            weighted = live_counts(counts, *live_classes(targets, live.prior, j, exclusive=live.exclusive))
        figures = _of_label(scores[:, j], targets[:, j], thresholds[j], weighted)
        figures[np.isnan(weighted).any(axis=1)] = np.nan
        columns.append(figures)
    return np.stack(columns, axis=1)


def _of_label(scores: NDArray[np.float32], targets: NDArray[np.uint8], threshold: float, counts: Floats) -> Floats:
    """Metrics and flag rate (resamples, n_metrics + 1) of one label; ``counts`` (resamples, n) say how often each row counts."""
    toxic, flagged = targets == 1, scores >= np.float32(threshold)
    tp, fp = counts @ (toxic & flagged), counts @ (~toxic & flagged)
    fn, tn = counts @ (toxic & ~flagged), counts @ (~toxic & ~flagged)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        f1, f2 = f_beta(tp, fp, fn, 1), f_beta(tp, fp, fn, 2)
        mcc = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        roc_auc, average_precision = _ranking(scores, toxic, counts)
        return np.stack(
            [
                (tp + tn) / counts.sum(axis=1),
                np.where(tp + fp > 0, tp / (tp + fp), 0.0),
                recall,
                specificity,
                f1,
                f2,
                (f1 + f_beta(tn, fn, fp, 1)) / 2,
                (recall + specificity) / 2,
                np.where(np.isnan(mcc), 0.0, mcc),
                roc_auc,
                average_precision,
                counts @ (scores.astype(np.float64) - targets) ** 2 / counts.sum(axis=1),
                (tp + fp) / counts.sum(axis=1),
            ],
            axis=1,
        )


def _ranking(scores: NDArray[np.float32], toxic: NDArray[np.bool_], counts: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # equal scores count as one step
    ranked = counts[:, order]
    tp = np.cumsum(ranked * toxic[order], axis=1)[:, ends]
    fp = np.cumsum(ranked * ~toxic[order], axis=1)[:, ends]
    positives, negatives = tp[:, -1:], fp[:, -1:]
    tp_before = np.hstack([np.zeros_like(positives), tp[:, :-1]])
    fp_before = np.hstack([np.zeros_like(positives), fp[:, :-1]])
    area = ((tp + tp_before) / 2 * (fp - fp_before)).sum(axis=1)
    precision = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
    return (
        area / (positives * negatives)[:, 0],
        (precision * (tp - tp_before)).sum(axis=1) / positives[:, 0],
    )


def _mean(values: Floats) -> Floats:
    """Mean over labels (the axis before the last), undefined labels left out."""
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
