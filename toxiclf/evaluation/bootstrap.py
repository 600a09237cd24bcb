"""Compute the metrics of all labels, with bootstrap intervals over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import components
from toxiclf.bundle.verdicts import class_scores, flags
from toxiclf.evaluation.metrics import Kind, at_once, kind_of, metric_names, of_labels
from toxiclf.evaluation.metrics._counts import ResampledLabels, ResampledRows, mean
from toxiclf.evaluation.prevalence import Floats, classes_and_prevalence, reweighted_counts

SUMMARY = ""
"""Label name of rows over all labels: the mean over labels, or a metric of all labels at once. No label has an empty
name."""

RESAMPLES = 1000
_CELLS = 4_000_000  # resamples × rows in one batch


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a label, or over all labels (:data:`SUMMARY`), with its 95 % interval; None where undefined."""

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
    rows : all metrics of all labels, those over all labels first.
    draws : metric → its value over all labels in each bootstrap resample, (resamples,). The seed sets which rows are
        drawn, so two models evaluated on the same rows with the same seed can be compared resample by resample.
    label_draws : label → metric → its value in each bootstrap resample, (resamples,).
    confusion : label → counts of tn, fp, fn and tp.
    class_confusion : number of rows of each class with each verdict, first the class that is not toxic, then the labels;
        None unless the verdict is the class with the highest score.
    """

    rows: list[MetricRow]
    draws: dict[str, Floats]
    label_draws: dict[str, dict[str, Floats]]
    confusion: dict[str, dict[str, int]]
    class_confusion: list[list[int]] | None = None

    def value(self, metric: str, label: str = SUMMARY) -> float | None:
        """Return the value of a metric for a label, or over all labels."""
        return self.row(metric, label).value

    def row(self, metric: str, label: str = SUMMARY) -> MetricRow:
        """Return a metric with its interval for a label, or over all labels."""
        return next(row for row in self.rows if row.label == label and row.metric == metric)


def evaluate(
    scores: NDArray[np.float32],
    targets: NDArray[np.uint8],
    thresholds: Sequence[float] | NDArray[np.float32],
    labels: Sequence[str],
    *,
    seed: int,
    prior: Sequence[float] | None = None,
    exclusive: bool = False,
    arg_max: bool = False,
    kind: Kind | None = None,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Compute all metrics of each label and over all labels, with percentile bootstrap intervals over rows (Efron 1979).

    Parameters
    ----------
    scores, targets : scores and 0/1 targets, (n, n_labels).
    thresholds : threshold of each label, (n_labels,), or of each row and label, (n, n_labels); a row is flagged if score
        >= threshold, unless ``arg_max`` is set.
    seed : seed of the resamples.
    prior : production prevalence of each label, to which rows are weighted; None for unweighted rows. Some metrics,
        such as the flag rate, are computed only with a prior. The prevalence counts as known exactly, so each resample
        is weighted to it anew. Weighted metrics are None if the rows lack a class. Confusion counts are never
        weighted.
    exclusive : whether labels exclude each other; this affects only the weights.
    arg_max : whether the verdict is the class with the highest score, as in :func:`toxiclf.bundle.verdicts.flags`.
    kind : kind of the report whose metrics are computed; None for "classes" if ``arg_max`` is set, else by the number of
        labels.
    resamples : number of bootstrap resamples; 0 for metrics without intervals.
    """
    flagged = flags(scores, thresholds, arg_max=arg_max)
    kind = kind or kind_of(len(labels), arg_max=arg_max)
    production = None if prior is None else _Production(tuple(prior), exclusive or arg_max)
    names = metric_names(of=kind, production=production is not None)
    measure = partial(_measured, scores, targets, flagged, names=names, production=production, kind=kind)
    exact = measure(np.ones((1, len(scores))))[0]
    draws = _bootstrap(measure, len(scores), seed, resamples) if resamples else np.empty((0, *exact.shape))
    rows: list[MetricRow] = []
    by_metric: list[dict[str, Floats]] = []
    for j, label in enumerate((SUMMARY, *labels)):
        own = [m for m, metric in enumerate(names) if label == SUMMARY or kind == "one" or of_labels(metric)]
        rows += [MetricRow(label, names[m], _plain(exact[j, m]), *_interval(draws[:, j, m])) for m in own]
        by_metric.append({names[m]: draws[:, j, m] for m in own})
    confusion = {}
    for j, label in enumerate(labels):
        called, toxic = flagged[:, j], targets[:, j] == 1
        confusion[label] = {
            "tn": int((~called & ~toxic).sum()), "fp": int((called & ~toxic).sum()),
            "fn": int((~called & toxic).sum()), "tp": int((called & toxic).sum()),
        }  # fmt: skip
    by_label = dict(zip(labels, by_metric[1:], strict=True))
    return Evaluation(rows, by_metric[0], by_label, confusion, _by_class(scores, targets) if arg_max else None)


def _by_class(scores: NDArray[np.float32], targets: NDArray[np.uint8]) -> list[list[int]]:
    """Count the rows of each class (not toxic, then each label) with each class as the highest score."""
    count = scores.shape[1] + 1
    labeled = np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)
    table = np.bincount(labeled * count + class_scores(scores).argmax(axis=1), minlength=count**2)
    return [[int(cell) for cell in row] for row in table.reshape(count, count)]


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


def _measured(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], flagged: NDArray[np.bool_], counts: Floats, *,
    names: Sequence[str], production: _Production | None, kind: Kind,
) -> Floats:  # fmt: skip
    """Compute the metrics ``names`` in each resample, (resamples, 1 + n_labels, n_metrics).

    The first column is over all labels, the others are those of each label. ``counts`` says how often each row is drawn
    in each resample, (resamples, n).
    """
    labels: list[ResampledRows] = []
    figures: list[dict[str, Floats]] = []
    for j in range(scores.shape[1]):
        weighted = counts
        if production is not None and not (production.exclusive and labels):
            weighted = reweighted_counts(
                counts, *classes_and_prevalence(targets, production.prior, j, exclusive=production.exclusive)
            )
        elif labels:
            weighted = labels[0].counts  # of exclusive labels, whose weights are equal
        rows = ResampledRows(scores[:, j], targets[:, j] == 1, flagged[:, j], weighted)
        figures.append(_values([name for name in names if of_labels(name)], rows, rows.total))
        labels.append(replace(rows))  # without what it keeps in memory
    of_all = {name: np.stack([of_label[name] for of_label in figures]) for name in figures[0]}
    together = ResampledLabels(tuple(labels), of_all, classes=kind != "labels")
    with np.errstate(invalid="ignore"):
        summary = {name: mean(values) for name, values in of_all.items()}
        total = mean(np.stack([rows.total for rows in labels]))
    summary |= _values([name for name in names if at_once(name, kind)], together, total)
    if kind == "one":
        figures = [summary]
    nothing = np.full(len(counts), np.nan)
    return np.stack(
        [np.stack([each.get(name, nothing) for name in names], axis=1) for each in (summary, *figures)], axis=1
    )


def _values(names: Sequence[str], rows: ResampledRows | ResampledLabels, total: Floats) -> dict[str, Floats]:
    """Compute metrics in each resample; they are NaN where ``total``, the sum of the weights, is."""
    metrics = components("metric")
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: np.where(np.isnan(total), np.nan, metrics[name].target(rows)) for name in names}


def _interval(drawn: Floats) -> tuple[float | None, float | None]:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return None, None
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
