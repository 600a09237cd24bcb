"""Metrics over all labels at once, or over the classes of exclusive labels, in the words of the literature."""

from __future__ import annotations

import numpy as np

from toxiclf._registry import register
from toxiclf.evaluation.metrics._counts import ResampledLabels, mean
from toxiclf.evaluation.prevalence import Floats, f_beta


@register(
    "metric",
    summary="Mean F1 of all labels; for one label or exclusive labels, of all classes including not toxic",
    order=20,
    over=("labels", "classes"),
    shown_in={"headline": 50, "labels": 20, "classes": 20},
)
def f1_macro(rows: ResampledLabels) -> Floats:
    return mean(_f1_of_parts(rows))


@register(
    "metric",
    summary="F1 score of the true positives, false positives and false negatives of all labels or classes together",
    order=21,
    over=("labels", "classes"),
    one_label=False,
    shown_in={"labels": 30, "classes": 40},
)
def f1_micro(rows: ResampledLabels) -> Floats:
    tp, fp, fn = (np.nansum(counts, axis=0) for counts in _counts(rows))
    return f_beta(tp, fp, fn, 1)


@register(
    "metric",
    summary="Mean of the F1 scores of all labels or classes, weighted by their numbers of comments",
    order=22,
    over=("labels", "classes"),
    one_label=False,
    shown_in={"labels": 40, "classes": 30},
)
def f1_weighted(rows: ResampledLabels) -> Floats:
    tp, _, fn = _counts(rows)
    return np.asarray(np.nansum(_f1_of_parts(rows) * (tp + fn), axis=0) / np.nansum(tp + fn, axis=0))


@register(
    "metric",
    summary="Share of comments whose verdicts are right for every label",
    order=23,
    over=("labels",),
    shown_in={"labels": 50},
)
def exact_match(rows: ResampledLabels) -> Floats:
    return rows.right / rows.total


@register(
    "metric",
    summary="Mean of the labels' average precisions",
    order=24,
    over=("labels",),
    shown_in={"labels": 10},
)
def average_precision_macro(rows: ResampledLabels) -> Floats:
    return mean(rows.of_labels["average_precision"])


def _counts(rows: ResampledLabels) -> tuple[Floats, Floats, Floats]:
    """Return true positives, false positives and false negatives of each label or class, (n_parts, resamples) each."""
    tp, fp, fn = zip(*((part.tp, part.fp, part.fn) for part in rows.parts), strict=True)
    return np.stack(tp), np.stack(fp), np.stack(fn)


def _f1_of_parts(rows: ResampledLabels) -> Floats:
    return f_beta(*_counts(rows), 1)
