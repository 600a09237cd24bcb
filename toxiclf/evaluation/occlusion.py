"""Which tokens push a comment's score: what is left of it without each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.normalize import Normalizer

Score = Callable[[Sequence[str]], NDArray[np.float32]]
Spans = Callable[[str], list[tuple[int, int]]]

_MOST_TOKENS = 60  # of a comment; what comes later is left alone
_MOST_CHARACTERS = 40_000  # of all that is scored for a comment
_FEWEST = 3  # comments that hold a token, to speak of it


@dataclass(frozen=True)
class Occluded:
    """A normalized comment, spans of its tokens, and what each does to the score.

    Attributes
    ----------
    text : the normalized text.
    spans : half-open, of at most 60 tokens; fewer of a very long comment.
    effects : float32 (len(spans), n_labels), the score minus the score of the comment without that token.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    effects: NDArray[np.float32]


def occluded(texts: Sequence[str], normalizer: Normalizer, spans: Spans, score: Score) -> list[Occluded]:
    """Leave out each token of each comment in turn; all that this makes is scored as one batch.

    Parameters
    ----------
    spans : of the tokens of a normalized text.
    score : scores of comments, float32 (n, n_labels).
    """
    normalized = normalizer.batch(texts)[0]
    found = [tuple(spans(text)[: min(_MOST_TOKENS, _MOST_CHARACTERS // (len(text) or 1))]) for text in normalized]
    without = [text[:a] + text[b:] for text, of in zip(normalized, found, strict=True) for a, b in of]
    scores = score([*normalized, *without])
    whole, rest = scores[: len(normalized)], scores[len(normalized) :]
    result, at = [], 0
    for i, (text, of) in enumerate(zip(normalized, found, strict=True)):
        result.append(Occluded(text, of, whole[i] - rest[at : at + len(of)]))
        at += len(of)
    return result


def telling_tokens(comments: Sequence[Occluded], labels: Sequence[str], most: int = 15) -> list[dict[str, Any]]:
    """The tokens that raise, and those that lower, the scores of some comments most.

    Returns
    -------
    For each label up to ``most`` rows of each kind, highest effect first: ``label``, ``token``, ``comments`` that hold it (three or
    more), and ``effect``, the mean of the score minus the score without it.
    """
    effects: dict[str, list[NDArray[np.float32]]] = {}
    for comment in comments:
        seen: dict[str, list[NDArray[np.float32]]] = {}
        for (a, b), effect in zip(comment.spans, comment.effects, strict=True):
            seen.setdefault(comment.text[a:b], []).append(effect)
        for token, of in seen.items():
            effects.setdefault(token, []).append(np.mean(of, axis=0, dtype=np.float32))
    common = {token: of for token, of in effects.items() if len(of) >= _FEWEST}
    rows = []
    for j, label in enumerate(labels):
        means = sorted(((float(np.mean([e[j] for e in of])), token) for token, of in common.items()), reverse=True)
        raising = [entry for entry in means if entry[0] > 0][:most]
        lowering = [entry for entry in means if entry[0] < 0][-most:]
        rows += [
            {"label": label, "token": token, "comments": len(common[token]), "effect": effect}
            for effect, token in [*raising, *lowering]
        ]
    return rows
