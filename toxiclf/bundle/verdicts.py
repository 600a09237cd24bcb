"""From scores to verdicts: labels whose scores reach their thresholds, or the one class with the highest score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ExclusiveVerdict = Literal["arg_max", "thresholds"]
"""How comments get a verdict if labels exclude each other: the one class with the highest score, or each label whose
score reaches its threshold."""

_Scores = NDArray[np.float32]


def class_scores(scores: _Scores) -> NDArray[np.float64]:
    """Return the score of each class of exclusive labels, (n, 1 + n_labels): first the negative value, then the labels.

    The score of the negative value (not toxic) is 1 minus the sum of the label scores.
    """
    exact = scores.astype(np.float64)
    exact /= np.maximum(1.0, exact.sum(axis=1, keepdims=True))  # sums of float32 can exceed 1
    return np.column_stack([1.0 - exact.sum(axis=1), exact])


def flags(scores: _Scores, thresholds: Sequence[float] | _Scores, *, arg_max: bool = False) -> NDArray[np.bool_]:
    """Return whether each comment is flagged for each label, (n, n_labels).

    Parameters
    ----------
    scores : calibrated scores, (n, n_labels).
    thresholds : threshold of each label; a label is flagged if its score reaches it.
    arg_max : whether the class with the highest score is the verdict, whatever the thresholds; then at most one label
        is flagged, and none where the negative value has the highest score. Labels must exclude each other.

    >>> flags(np.array([[0.4, 0.35], [0.2, 0.3]], np.float32), [0.3, 0.3]).tolist()
    [[True, True], [False, True]]
    >>> flags(np.array([[0.4, 0.35], [0.2, 0.3]], np.float32), [0.3, 0.3], arg_max=True).tolist()
    [[True, False], [False, False]]
    """
    if not arg_max:
        return np.asarray(scores >= np.asarray(thresholds, dtype=np.float32))
    return np.asarray(class_scores(scores).argmax(axis=1)[:, None] == np.arange(1, scores.shape[1] + 1))


def margins(scores: _Scores, thresholds: Sequence[float] | _Scores, *, arg_max: bool = False) -> NDArray[np.float64]:
    """Return how far each score is above what flags its label, (n, n_labels): its threshold or, with ``arg_max``, the
    highest score of the other classes."""
    if not arg_max:
        return np.asarray(scores.astype(np.float64) - np.asarray(thresholds, dtype=np.float32))
    of_classes = class_scores(scores)
    best = np.sort(of_classes, axis=1)[:, -2:]
    others = np.where(of_classes == best[:, 1:], best[:, :1], best[:, 1:])
    return np.asarray((of_classes - others)[:, 1:])
