"""What ``report.json`` has beyond metrics, and the page shows: thresholds, calibration, kinds of comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.curves import calibration_curve, threshold_curve
from toxiclf.evaluation.slices import slice_figures, slice_rows
from toxiclf.text.normalize import Normalizer

_Scores = NDArray[np.float32]


def analysis_of(
    comments: Comments,
    scores: _Scores,
    thresholds: Sequence[float],
    normalizer: Normalizer,
    decided: tuple[str, _Scores, NDArray[np.uint8]] | None,
) -> dict[str, Any]:
    """What can be worked out at once.

    Parameters
    ----------
    comments, scores : the rows that the report speaks of, scores (n, n_labels).
    decided : the rows that thresholds may be chosen on: which they are, in words, their scores and targets; None where they are
        not at hand.

    Returns
    -------
    ``thresholds`` (``rows``, and ``labels``, see :func:`toxiclf.evaluation.curves.threshold_curve`), ``calibration``, ``slices``.
    """
    kinds = list(slice_rows(comments.texts, normalizer, comments.group_column, comments.groups))
    found: dict[str, Any] = {
        "calibration": calibration_curve(scores, comments.targets, comments.labels),
        "slices": slice_figures(kinds, scores, comments.targets, thresholds, comments.labels),
    }
    if decided is not None:
        rows, of, targets = decided
        found["thresholds"] = {"rows": rows, "labels": threshold_curve(of, targets, thresholds, comments.labels)}
    return found
