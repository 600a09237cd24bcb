"""Metrics of verdicts at the decision threshold: accuracy, precision, recall, F1 and others."""

from __future__ import annotations

import numpy as np

from toxiclf._registry import register
from toxiclf.evaluation.metrics._counts import ResampledLabels, ResampledRows
from toxiclf.evaluation.prevalence import Floats, f_beta


@register(
    "metric",
    summary="Share of right verdicts; for exclusive labels, of comments whose class is right",
    order=1,
    over=("label", "classes"),
    shown_in={"headline": 60, "classes": 10},
)
def accuracy(rows: ResampledRows | ResampledLabels) -> Floats:
    return rows.right / rows.total


@register(
    "metric",
    summary="Share of flags that are right; 0 where nothing is flagged",
    order=2,
    shown_in={"headline": 30, "production": 10, "page": 10},
)
def precision(rows: ResampledRows) -> Floats:
    return np.where(rows.tp + rows.fp > 0, rows.tp / (rows.tp + rows.fp), 0.0)


@register(
    "metric",
    summary="Share of toxic comments that are flagged",
    order=3,
    shown_in={"headline": 40, "production": 20, "page": 20},
)
def recall(rows: ResampledRows) -> Floats:
    return rows.tp / (rows.tp + rows.fn)


@register("metric", summary="Share of not toxic comments that are not flagged", order=4, shown_in={"page": 30})
def specificity(rows: ResampledRows) -> Floats:
    return rows.tn / (rows.tn + rows.fp)


@register(
    "metric",
    summary="Harmonic mean of precision and recall (van Rijsbergen 1979)",
    order=5,
    shown_in={"headline": 20, "production": 30, "page": 40, "benchmark": 20, "by_label": 20},
)
def f1(rows: ResampledRows) -> Floats:
    return f_beta(rows.tp, rows.fp, rows.fn, 1)


@register("metric", summary="F-measure that weights recall twice as much as precision", order=6, shown_in={"page": 50})
def f2(rows: ResampledRows) -> Floats:
    return f_beta(rows.tp, rows.fp, rows.fn, 2)


@register(
    "metric",
    summary="Mean of the F1 scores of comments with and without the label",
    order=7,
    one_label=False,
    shown_in={"headline": 50},
)
def f1_both_classes(rows: ResampledRows) -> Floats:
    return (f_beta(rows.tp, rows.fp, rows.fn, 1) + f_beta(rows.tn, rows.fn, rows.fp, 1)) / 2


@register("metric", summary="Mean of recall and specificity", order=8)
def balanced_accuracy(rows: ResampledRows) -> Floats:
    return (recall(rows) + specificity(rows)) / 2


@register("metric", summary="Matthews correlation of verdicts and labels (Matthews 1975)", order=9)
def mcc(rows: ResampledRows) -> Floats:
    tp, fp, fn, tn = rows.tp, rows.fp, rows.fn, rows.tn
    correlation = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.where(np.isnan(correlation), 0.0, correlation)


@register(
    "metric",
    summary="Share of comments that are flagged; given only for the production prevalence, because it depends on the "
    "share of toxic rows",
    order=13,
    production_only=True,
    shown_in={"production": 50},
)
def flag_rate(rows: ResampledRows) -> Floats:
    return (rows.tp + rows.fp) / rows.total
