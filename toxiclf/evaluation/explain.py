"""Measure the effect of each token on a comment's score, and find labels that may be wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.sections import Doubt, DoubtedRow, Token
from toxiclf.text.normalize import Normalizer

Score = Callable[[Sequence[str]], NDArray[np.float32]]
Spans = Callable[[str], list[tuple[int, int]]]

_MOST_TOKENS = 60  # tokens of a comment whose effect is measured, from its beginning
_MOST_CHARACTERS = 40_000  # characters that may be scored to explain one comment
_FEWEST = 3  # a token in fewer comments is not reported
_MOST_DOUBTED = 100  # comments that are listed for each label; the count includes all


@dataclass(frozen=True)
class Occluded:
    """A normalized comment with the effect of each token on its score.

    Attributes
    ----------
    text : the normalized text.
    spans : start and end (exclusive) of the first 60 tokens in ``text``; of fewer if the comment is very long.
    effects : score of the comment minus its score without that token, float32 (len(spans), n_labels).
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    effects: NDArray[np.float32]


def occluded(normalized: Sequence[str], normalizer: Normalizer, spans: Spans, score: Score) -> list[Occluded]:
    """Measure the effect of each token on a comment's score by removing the token (occlusion).

    Parameters
    ----------
    normalized : normalized texts of comments.
    normalizer : normalizes the texts again after a token is removed.
    spans : function that returns the token spans of a normalized text.
    score : function that returns scores of normalized texts, float32 (n, n_labels).
    """
    spans_of = [tuple(spans(text)[: min(_MOST_TOKENS, _MOST_CHARACTERS // (len(text) or 1))]) for text in normalized]
    without = [text[:a] + text[b:] for text, places in zip(normalized, spans_of, strict=True) for a, b in places]
    scores = score([*normalized, *normalizer.batch(without)[0]])
    whole, rest = scores[: len(normalized)], scores[len(normalized) :]
    result, at = [], 0
    for i, (text, places) in enumerate(zip(normalized, spans_of, strict=True)):
        result.append(Occluded(text, places, whole[i] - rest[at : at + len(places)]))
        at += len(places)
    return result


def telling_tokens(comments: Sequence[Occluded], labels: Sequence[str], most: int = 15) -> list[Token]:
    """Return the tokens that raise or lower the scores of each label most.

    Returns
    -------
    For each label, up to ``most`` tokens that raise scores and up to ``most`` that lower them, highest effect first.
    The key ``comments`` of a token is the number of comments that have it; tokens in fewer than three comments are left
    out. ``effect`` is the mean, over these comments, of the score minus the score without the token.
    """
    effects: dict[str, list[NDArray[np.float32]]] = {}
    for comment in comments:
        seen: dict[str, list[NDArray[np.float32]]] = {}
        for (a, b), effect in zip(comment.spans, comment.effects, strict=True):
            seen.setdefault(comment.text[a:b], []).append(effect)
        for token, several in seen.items():
            effects.setdefault(token, []).append(np.mean(several, axis=0, dtype=np.float32))
    common = {token: several for token, several in effects.items() if len(several) >= _FEWEST}
    rows: list[Token] = []
    for j, label in enumerate(labels):
        means = sorted(
            ((float(np.mean([e[j] for e in several])), token) for token, several in common.items()), reverse=True
        )
        raising = [entry for entry in means if entry[0] > 0][:most]
        lowering = [entry for entry in means if entry[0] < 0][-most:]
        rows += [
            {"label": label, "token": token, "comments": len(common[token]), "effect": effect}
            for effect, token in [*raising, *lowering]
        ]
    return rows


def doubtful(comments: Comments, scores: NDArray[np.float32], labels: Sequence[str]) -> dict[str, Doubt]:
    """Find comments whose label is probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021; cleanlab).

    Parameters
    ----------
    comments : labeled comments.
    scores : their scores, (n, n_labels), by a model that was not trained on these comments, such as out-of-fold scores;
        a model rarely doubts the labels that it was trained on.

    Returns
    -------
    For each label ``count``, the number of such comments, and ``rows``, up to 100 of them, the most doubtful first:
    ``row`` (row number in ``comments``), ``file``, ``line``, ``target`` and ``score``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning about progress bars in notebooks; none is drawn here
        from cleanlab.filter import find_label_issues  # takes a second to load

    by_label: dict[str, Doubt] = {}
    for j, label in enumerate(labels):
        targets = comments.targets[:, j].astype(np.int64)
        order: list[int] = []
        if 0 < targets.sum() < len(targets):
            shares = np.clip(scores[:, j].astype(np.float64), 1e-6, 1 - 1e-6)
            pairs = np.column_stack([1 - shares, shares])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a warning that there are few comments
                ranked = find_label_issues(targets, pairs, return_indices_ranked_by="self_confidence", n_jobs=1)
            order = ranked.tolist()
        rows: list[DoubtedRow] = [
            {"row": i, "file": comments.source, "line": int(comments.lines[i]), "target": int(targets[i]),
             "score": float(scores[i, j])}
            for i in order[:_MOST_DOUBTED]
        ]  # fmt: skip
        by_label[label] = {"count": len(order), "rows": rows}
    return by_label
