"""Find the tokens that move scores most, and labels that may be wrong."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.sections import Doubt, DoubtedRow, Token
from toxiclf.text.occlusion import Occluded
from toxiclf.text.personal import readable

_FEWEST = 3  # a token in fewer comments is not reported
_MOST_DOUBTED = 100  # comments that are listed for each label; the count includes all


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
            seen.setdefault(readable(comment.text[a:b]), []).append(effect)
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
