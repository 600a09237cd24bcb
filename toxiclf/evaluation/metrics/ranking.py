"""Metrics that need no threshold: ROC AUC, average precision and the Brier score."""

from __future__ import annotations

import numpy as np

from toxiclf._registry import register
from toxiclf.evaluation.metrics._counts import ResampledRows
from toxiclf.evaluation.prevalence import Floats


@register(
    "metric",
    summary="Chance that a toxic comment scores above a not toxic comment; equal scores count half",
    order=10,
    shown_in={"headline": 70, "labels": 60},
)
def roc_auc(rows: ResampledRows) -> Floats:
    tp, fp = rows.ranked
    area = ((tp + _before(tp)) / 2 * (fp - _before(fp))).sum(axis=1)
    return np.asarray(area / (tp[:, -1:] * fp[:, -1:])[:, 0])


@register(
    "metric",
    summary="Mean of the precision at the score of each toxic comment; guessing reaches the share of toxic comments",
    order=11,
    shown_in={"headline": 10, "production": 40, "benchmark": 10, "by_label": 10, "classes": 50},
)
def average_precision(rows: ResampledRows) -> Floats:
    tp, fp = rows.ranked
    precision = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
    return np.asarray((precision * (tp - _before(tp))).sum(axis=1) / tp[:, -1:][:, 0])


@register(
    "metric",
    summary="Mean squared distance of scores from labels (Brier 1950)",
    order=12,
    lower_is_better=True,
    shown_in={"headline": 80, "production": 60, "benchmark": 40, "labels": 70, "classes": 70},
)
def brier(rows: ResampledRows) -> Floats:
    return np.asarray(rows.counts @ (rows.scores.astype(np.float64) - rows.toxic) ** 2 / rows.total)


def _before(counts: Floats) -> Floats:
    """Shift counts one column to the right, and fill the first column with 0."""
    return np.hstack([np.zeros_like(counts[:, -1:]), counts[:, :-1]])
