"""Measure the effect of each token on a comment's scores by removing it (occlusion)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.normalize import Normalized, Normalizer

Score = Callable[[Sequence[str]], NDArray[np.float32]]
Spans = Callable[[str], list[tuple[int, int]]]

_MOST_PARTS = 60  # parts of a comment that are removed in one round
_MOST_CHARACTERS = 30_000  # characters that are scored for one comment in one round
_MOST_TOKENS = 10  # tokens that are named for a label
_NOISE = 1e-6  # by how much other comments in a batch may change a score
_FOLLOWED = 3  # parts at least that are divided in the next round


@dataclass(frozen=True)
class Occluded:
    """A normalized comment with the effects of its tokens on its scores.

    Attributes
    ----------
    text : the normalized text.
    spans : start and end (exclusive) in ``text`` of the tokens whose effects were measured.
    effects : score of the comment minus its score without that token, float32 (len(spans), n_labels).
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    effects: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenEffect:
    """A token of a comment with its effect on the score of a label.

    Attributes
    ----------
    text : str
        The token, as it is written in the comment.
    start, end : int
        Its position in the comment; the character at ``end`` is excluded.
    effect : float
        Score of the comment minus its score without the token: positive if the token raises the score.
    """

    text: str
    start: int
    end: int
    effect: float


def occluded(normalized: Sequence[str], normalizer: Normalizer, spans: Spans, score: Score) -> list[Occluded]:
    """Measure the effect of each token on a comment's scores.

    Of a comment of up to 60 tokens, each is removed in turn. In a longer one, runs of tokens are removed first; then
    those with the largest effects are divided, until single tokens are left.

    Parameters
    ----------
    normalized : normalized texts of comments.
    normalizer : normalizes the texts again after tokens are removed.
    spans : function that returns the token spans of a normalized text.
    score : function that returns scores of normalized texts, float32 (n, n_labels).
    """
    whole = score(normalized)
    measured: list[dict[tuple[int, int], NDArray[np.float32]]] = [{} for _ in normalized]
    rooms = [min(_MOST_PARTS, max(2 * _FOLLOWED, _MOST_CHARACTERS // (len(text) or 1))) for text in normalized]
    runs = [[tokens] if (tokens := list(dict.fromkeys(spans(text)))) else [] for text in normalized]
    while any(runs):
        parts = [(i, part) for i, room in enumerate(rooms) for part in _divided(runs[i], room)]
        without = [normalized[i][: part[0][0]] + normalized[i][part[-1][1] :] for i, part in parts]
        effects = whole[[i for i, _ in parts]] - score(normalizer.batch(without)[0])
        largest: list[list[tuple[float, list[tuple[int, int]]]]] = [[] for _ in normalized]
        for (i, part), effect in zip(parts, effects, strict=True):
            if len(part) == 1:
                measured[i][part[0]] = effect
            else:
                largest[i].append((float(np.abs(effect).max()), part))
        runs = [_followed(of_text, room) for of_text, room in zip(largest, rooms, strict=True)]
    return [
        Occluded(text, tuple(sorted(tokens)), np.array([tokens[s] for s in sorted(tokens)]).reshape(-1, whole.shape[1]))
        for text, tokens in zip(normalized, measured, strict=True)
    ]


def _divided(runs: Sequence[list[tuple[int, int]]], room: int) -> list[list[tuple[int, int]]]:
    """Divide runs of tokens into up to ``room`` parts."""
    sizes = [ceil(len(run) / (room // len(runs))) for run in runs]
    return [run[at : at + size] for run, size in zip(runs, sizes, strict=True) for at in range(0, len(run), size)]


def _followed(parts: list[tuple[float, list[tuple[int, int]]]], room: int) -> list[list[tuple[int, int]]]:
    """Return the parts with the largest effects: three, or more if ``room`` is enough for each of their tokens."""
    longest = max((len(part) for _, part in parts), default=1)
    return [part for _, part in sorted(parts, reverse=True)[: max(_FOLLOWED, room // longest)]]


def strongest(comment: Occluded, label: int, original: str, normalized: Normalized) -> tuple[TokenEffect, ...]:
    """Return the tokens that move the score of a label most, up to ten, strongest first.

    Parameters
    ----------
    label : number of the label.
    original : the comment as it was given.
    normalized : the comment after normalization, whose text ``comment`` has.
    """
    effects = comment.effects[:, label].tolist()
    order = sorted(range(len(effects)), key=lambda i: -abs(effects[i]))[:_MOST_TOKENS]
    spans = ((normalized.original_span(*comment.spans[i]), effects[i]) for i in order if abs(effects[i]) > _NOISE)
    return tuple(TokenEffect(original[start:end], start, end, effect) for (start, end), effect in spans)
