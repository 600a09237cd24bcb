"""Split comments into subgroups, and compute their metrics, to find subgroups with more false positives."""

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

_LENGTHS = (10, 20, 40, 80)  # characters: the upper limits of subgroups by length
_MOST_VALUES = 20  # values of a column with a subgroup each; all rarer values share one
_FEWEST = 10  # rows that a subgroup must have
_REST = "(other values)"

NOBODY = ("identity", "none of these")
"""Criterion and name of the subgroup of comments that name no group of people."""
NO_PEOPLE = ("length", "spelling")
"""Criteria of subgroups that do not concern people."""


def slice_rows(
    normalized: Sequence[str], column: str = "", values: Sequence[str] = ()
) -> Iterator[tuple[str, str, Bools]]:
    """Yield subgroups of comments, each as its criterion, its name, and whether each comment belongs to it, bool (n,).

    The criteria are the length of the normalized text; whether a word is disguised, as found by
    :mod:`toxiclf.text.obfuscation`; the groups of people that a comment names, if any (:func:`identity_terms`); and the
    values of a column. Subgroups of less than ten comments are skipped, and so are criteria with only one subgroup
    left.

    Parameters
    ----------
    normalized : normalized texts of the comments.
    column, values : name of the column, and its value for each comment; without values, no subgroups by column are
        yielded.
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
    """Return whether the criterion of a subgroup is a column of the user's file."""
    return by.startswith("column ")


@cache
def identity_terms() -> dict[str, tuple[str, ...]]:
    """Return neutral terms for groups of people: group → terms. Insults, which are toxic themselves, are left out."""
    content = json.loads(files("toxiclf.evaluation").joinpath("identity_terms.json").read_text("utf-8"))
    return {group: tuple(terms) for group, terms in content.items()}


def _identities(normalized: Sequence[str]) -> dict[str, Bools]:
    """Return, for each group of people, whether each text names the group, bool (n,).

    A text names a group if a term of :func:`identity_terms` is in it as whole morphemes, so 게이 is not found in 게이머.
    """
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
    flags: Bools, labels: Sequence[str],
) -> list[Slice]:  # fmt: skip
    """Compute the metrics of each subgroup and label.

    Parameters
    ----------
    subgroups : subgroups as :func:`slice_rows` yields them.
    scores, targets, flags : scores, 0/1 targets, and whether rows are flagged, (n, n_labels).

    Returns
    -------
    One :class:`toxiclf.evaluation.sections.Slice` for each subgroup and label. ``by`` is the criterion; ``rows`` and
    ``toxic`` are counts. ``low`` and ``high`` are the 95 % interval of ``false_positive_rate`` (Wilson 1927). ``gap``
    is this rate minus that of all other comments, with the interval ``gap_low`` to ``gap_high`` (Newcombe 1998, method
    10). ``notable`` says whether the gap is statistically significant after Bonferroni's correction for all subgroups
    and labels. Undefined metrics are None.
    """
    from sklearn.metrics import average_precision_score

    rows: list[Slice] = []
    strict = 1 - 0.05 / max(1, len(subgroups) * len(labels))
    for by, name, inside in subgroups:
        for j, label in enumerate(labels):
            toxic, flagged = targets[:, j] == 1, flags[:, j]
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
    """Return how reports name comments with a label: "toxic" if there is one label, else the label in quotes.

    >>> class_name(["toxic"], "toxic"), class_name(["hate", "insult"], "hate")
    ('toxic', "'hate'")
    """
    return "toxic" if len(labels) == 1 else f"'{label}'"


def other_class_name(labels: Sequence[str], label: str) -> str:
    """Return how reports name comments without a label: "not toxic" if there is one label, else "not" and the label."""
    return "not toxic" if len(labels) == 1 else f"not '{label}'"


def negatives_name(labels: Sequence[str]) -> str:
    """Return a plural noun phrase for comments without the label, such as "comments that are not toxic"."""
    return "comments that are not toxic" if len(labels) == 1 else "comments without the label"
