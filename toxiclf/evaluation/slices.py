"""Metrics of subgroups of comments, which show where a model flags more comments that are not toxic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.sections import Slice
from toxiclf.text.obfuscation import readings
from toxiclf.text.tokenizers.mecab import MecabTokenizer

Bools = NDArray[np.bool_]

_LENGTHS = (10, 20, 40, 80)  # characters; a slice ends at each
_MOST_VALUES = 20  # of a column; rarer values are one slice
_FEWEST = 10  # rows of a slice
_REST = "(other values)"

NOBODY = ("identity", "none of these")
"""The subgroup of comments that name no group."""
NO_PEOPLE = ("length", "spelling")
"""Criteria of subgroups that have nothing to do with people."""


def slice_rows(
    normalized: Sequence[str], column: str = "", values: Sequence[str] = ()
) -> Iterator[tuple[str, str, Bools]]:
    """Subgroups of comments: the criterion, the name, and which comments it holds, bool (n,).

    By length of the normalized text; by whether a word is disguised (:mod:`toxiclf.text.obfuscation` reads it otherwise); by
    terms of identity that they name (:func:`identity_terms`; a comment may name several, or none); and by the values of a
    column. Subgroups of less than ten comments are left out, and so are those that are the last of their criterion.

    Parameters
    ----------
    normalized : texts of comments.
    column, values : the name of a column, and its value in each row; none where values is empty.
    """
    subgroups: list[tuple[str, str, Bools]] = []
    lengths = np.array([len(text) for text in normalized])
    low = 0
    for high in _LENGTHS:
        subgroups.append(("length", f"{low + 1} to {high} characters", (lengths > low) & (lengths <= high)))
        low = high
    subgroups.append(("length", f"more than {low} characters", lengths > low))
    disguised = np.array([bool(readings(text)) for text in normalized], dtype=np.bool_)
    subgroups += [("spelling", "disguised words", disguised), ("spelling", "plain words", ~disguised)]
    named = _identities(normalized)
    subgroups += [("identity", group, rows) for group, rows in named.items()]
    subgroups.append((*NOBODY, ~np.logical_or.reduce(list(named.values()))))
    if len(values):
        common = [value for value, _ in Counter(values).most_common(_MOST_VALUES)]
        by, known, array = f"column {column}", set(common), np.array(values, dtype=object)
        subgroups += [(by, value or "(empty)", array == value) for value in common]
        subgroups.append((by, _REST, np.array([value not in known for value in values])))
    large = [subgroup for subgroup in subgroups if subgroup[2].sum() >= _FEWEST]
    n_of = Counter(by for by, _, _ in large)
    yield from (subgroup for subgroup in large if n_of[subgroup[0]] > 1)


def of_column(by: str) -> bool:
    """Whether the criterion is a column of the user's file."""
    return by.startswith("column ")


@cache
def identity_terms() -> dict[str, tuple[str, ...]]:
    """Neutral words for groups of people, by group; insults are left out, because they are toxic by themselves."""
    content = json.loads(files("toxiclf.evaluation").joinpath("identity_terms.json").read_text("utf-8"))
    return {group: tuple(terms) for group, terms in content.items()}


def _identities(normalized: Sequence[str]) -> dict[str, Bools]:
    """Which texts name which group: a term counts where it is made of whole morphemes, so that 게이 is not found in 게이머."""
    tokenizer = MecabTokenizer()
    named = {group: np.zeros(len(normalized), dtype=np.bool_) for group in identity_terms()}
    for i, text in enumerate(normalized):
        lowered = text.lower()
        hits = [(group, term) for group, terms in identity_terms().items() for term in terms if term in lowered]
        if not hits:
            continue
        spans = tokenizer.spans(text)
        starts, ends = {start for start, _ in spans}, {end for _, end in spans}
        for group, term in hits:
            at = lowered.find(term)
            while at >= 0 and not named[group][i]:
                named[group][i] = at in starts and at + len(term) in ends
                at = lowered.find(term, at + 1)
    return named


def slice_figures(
    subgroups: Sequence[tuple[str, str, Bools]], scores: NDArray[np.float32], targets: NDArray[np.uint8],
    thresholds: Sequence[float], labels: Sequence[str],
) -> list[Slice]:  # fmt: skip
    """Figures of each subgroup and label.

    Returns
    -------
    A row each: ``by``, ``name``, ``label``, ``rows``, ``toxic``; ``average_precision``, ``precision``, ``recall``, ``f1``,
    ``false_positive_rate`` with its 95 % interval ``low`` and ``high`` (Wilson 1927); and ``gap``, that rate minus that of all
    other comments, with ``gap_low`` and ``gap_high`` (Newcombe 1998, method 10). None where there is nothing to divide by.
    ``notable`` says whether the gap's interval leaves out zero at a level that allows for all rows (Bonferroni).
    """
    from sklearn.metrics import average_precision_score

    rows: list[Slice] = []
    strict = 1 - 0.05 / max(1, len(subgroups) * len(labels))
    for by, name, inside in subgroups:
        for j, label in enumerate(labels):
            toxic, flagged = targets[:, j] == 1, scores[:, j] >= np.float32(thresholds[j])
            tp, fp = int((inside & toxic & flagged).sum()), int((inside & ~toxic & flagged).sum())
            positives, negatives = int((inside & toxic).sum()), int((inside & ~toxic).sum())
            elsewhere = int((~inside & ~toxic & flagged).sum()), int((~inside & ~toxic).sum())
            rate, other = _proportion(fp, negatives), _proportion(*elsewhere)
            gap = None if rate is None or other is None else _difference(rate, other)
            notable = False
            if gap is not None:
                one, rest = _proportion(fp, negatives, strict), _proportion(*elsewhere, strict)
                assert one is not None
                assert rest is not None
                _, least, most = _difference(one, rest)
                notable = least > 0 or most < 0
            both = positives > 0 and negatives > 0
            share, low, high = rate or (None, None, None)
            difference, gap_low, gap_high = gap or (None, None, None)
            rows.append(
                {
                    "by": by, "name": name, "label": label, "rows": int(inside.sum()), "toxic": positives,
                    "average_precision": float(average_precision_score(toxic[inside], scores[inside, j])) if both else None,
                    "precision": _share(tp, tp + fp), "recall": _share(tp, positives),
                    "f1": _share(2 * tp, tp + fp + positives) if positives else None,
                    "false_positive_rate": share, "low": low, "high": high,
                    "gap": difference, "gap_low": gap_low, "gap_high": gap_high, "notable": notable,
                }
            )  # fmt: skip
    return rows


def _share(count: int, total: int) -> float | None:
    return count / total if total else None


def _proportion(count: int, total: int, confidence: float = 0.95) -> tuple[float, float, float] | None:
    if not total:
        return None
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(confidence, method="wilson")
    return count / total, float(interval.low), float(interval.high)


def _difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    (p, low, high), (q, other_low, other_high) = one, other
    below = float(np.hypot(p - low, other_high - q))
    above = float(np.hypot(high - p, q - other_low))
    return p - q, p - q - below, p - q + above


def class_name(labels: Sequence[str], label: str) -> str:
    """What comments with a label are called.

    >>> class_name(["toxic"], "toxic"), class_name(["hate", "insult"], "hate")
    ('toxic', "'hate'")
    """
    return "toxic" if len(labels) == 1 else f"'{label}'"


def other_class_name(labels: Sequence[str], label: str) -> str:
    """What comments without it are called: of several labels, one without may still be toxic."""
    return "not toxic" if len(labels) == 1 else f"not '{label}'"


def negatives_name(labels: Sequence[str]) -> str:
    """What all comments without the label are called."""
    return "comments that are not toxic" if len(labels) == 1 else "comments without the label"
