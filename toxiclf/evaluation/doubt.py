"""Labels that may be wrong."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments

MOST = 100
"""Comments of each label that are named; the number of all is given."""


def doubtful(comments: Comments, scores: NDArray[np.float32], labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Comments whose label is probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021; cleanlab).

    Parameters
    ----------
    comments : that the model did not learn from.
    scores : of them, (n, n_labels).

    Returns
    -------
    By label ``count``, how many there are, and ``rows``, the most doubtful first: ``row`` (its place in ``comments``), ``file``,
    ``line``, ``target`` and ``score``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of progress bars in notebooks, of which it draws none here
        from cleanlab.filter import find_label_issues  # takes a second to load

    found = {}
    for j, label in enumerate(labels):
        targets = comments.targets[:, j].astype(np.int64)
        order: list[int] = []
        if 0 < targets.sum() < len(targets):
            shares = np.clip(scores[:, j].astype(np.float64), 1e-6, 1 - 1e-6)
            pairs = np.column_stack([1 - shares, shares])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are few comments
                found_rows = find_label_issues(targets, pairs, return_indices_ranked_by="self_confidence", n_jobs=1)
            order = found_rows.tolist()
        rows = [
            {"row": i, "file": comments.source, "line": int(comments.lines[i]), "target": int(targets[i]),
             "score": float(scores[i, j])}
            for i in order[:MOST]
        ]  # fmt: skip
        found[label] = {"count": len(order), "rows": rows}
    return found
