"""Checks of the labels: whether they look inverted, so that 0 means toxic."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from toxiclf._registry import register
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.checks._run import CheckedRun, Finding
from toxiclf.text.obfuscation import stem_pattern

_MOST_ROWS = 20_000
_FEWEST = 10  # comments with known abuse but without the label
_FACTOR = 3.0  # inverted corpora are at 10 to 30, all others below 1; a label of the milder kind of abuse reaches 2.9


@register(
    "finding",
    "labels_may_be_inverted",
    summary="Comments without a label contain known abuse far more often than comments with it",
    order=3,
)
def labels_may_be_inverted(run: CheckedRun) -> Iterator[Finding]:
    """Warn if known abuse is over three times as common in comments without a label as in those with it.

    Known abuse means the plainly written stems of :mod:`toxiclf.text.obfuscation`. The lower end of the ratio's 95 % interval
    must be above three. Labels that exclude each other are taken as one.
    """
    comments = run.comments
    if comments is None or not len(comments):
        return
    rows = np.unique(np.linspace(0, len(comments) - 1, min(len(comments), _MOST_ROWS)).astype(np.intp))
    search = stem_pattern().search
    abusive = np.array([search(unicodedata.normalize("NFC", comments.texts[row])) is not None for row in rows])
    targets = comments.targets[rows] == 1
    columns = {"": targets.any(axis=1)} if comments.exclusive else dict(zip(comments.labels, targets.T, strict=True))
    for label, column in columns.items():
        without, having = abusive[~column], abusive[column]
        if without.sum() >= _FEWEST and len(having) and _least_ratio(without, having) > _FACTOR:
            named = f"label '{label}'" if label else "any label"
            yield Finding(
                "labels_may_be_inverted", "warning",
                f"{without.mean():.1%} of comments without {named} contain known "
                f"abuse, but only {having.mean():.1%} of those with {'it' if label else 'one'}.",
                _next_step(comments, label),
            )  # fmt: skip


def _least_ratio(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the lower end of the 95 % interval of a ratio of shares (Walter's method, which adds 1/2 to each count)."""
    (a, n), (b, m) = ((rows.sum() + 0.5, len(rows) + 0.5) for rows in (first, second))
    return float(math.exp(math.log(a / n / (b / m)) - 1.96 * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)))


def _next_step(comments: Comments, label: str) -> str:
    known = comments.label_map
    if len(known.columns) > 1:
        return (
            f"If 0 means toxic for '{label}', swap 0 and 1 in its column; if it marks comments that are not toxic, leave it "
            "out with --label."
        )
    if len(known.columns) == 1 and known.positive_from is None:
        if known.positive:
            return f"If {' or '.join(known.positive)} means not toxic, give it with --negative instead."
        if known.negative:
            return f"If {' or '.join(known.negative)} means toxic, name the values that are not toxic with --negative instead."
        not_toxic = "1" if len(comments.labels) == 1 else label
        return f"If {not_toxic} means not toxic in this file, add --negative {not_toxic}."
    return "Check which value means toxic, and invert the labels if needed."
