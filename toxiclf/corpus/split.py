"""Split comments into training, validation and test parts; equal comments never straddle the split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from toxiclf.corpus.comments import Comments, equality_keys
from toxiclf.errors import DataError


@dataclass(frozen=True)
class Split:
    """The parts of a corpus.

    Attributes
    ----------
    train, validation, test : ``test`` is None where every row is trained on.
    leaked : number of training rows taken out because the given test part holds the same comment.
    """

    train: Comments
    validation: Comments
    test: Comments | None
    leaked: int = 0


def split(comments: Comments, *, test: float | Comments, validation: float, seed: int) -> Split:
    """Split by share, stratified by label; a test part of its own takes the place of a share.

    Parameters
    ----------
    test : share of the rows, or the test part itself; rows equal to one of its comments leave training.
    validation : share of the rows.

    Raises
    ------
    DataError : a part would have no row of a class.
    """
    leaked = 0
    rest = np.arange(len(comments))
    part: Comments | None = None
    if isinstance(test, Comments):
        held = set(equality_keys(test.texts))
        rest = np.array([i for i, key in enumerate(equality_keys(comments.texts)) if key not in held], dtype=np.intp)
        leaked = len(comments) - len(rest)
        part = test
    elif test > 0:
        rest, held_out = _held_out(comments, rest, test, seed)
        part = comments.take(held_out)
    train, held_out = _held_out(comments, rest, validation * len(comments) / len(rest), seed + 1)
    result = Split(comments.take(train), comments.take(held_out), part, leaked)
    for name, piece in (("training", result.train), ("validation", result.validation), ("test", part)):
        missing = [label for label, count in piece.counts().items() if count == 0] if piece is not None else []
        if missing:
            raise DataError(
                f"the {name} part has no comment with label '{missing[0]}'; label more of them, give it a larger share, "
                "or leave this label out with --label"
            )
    return result


def folds(comments: Comments, count: int, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Stratified folds as (fitted rows, held-out rows); equal comments are held out together."""
    groups, strata = _groups(comments, np.arange(len(comments)))
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    held = np.empty(strata.shape, dtype=np.intp)
    for fold, (_, rows) in enumerate(splitter.split(strata, strata)):
        held[rows] = fold
    fold_of = held[groups]
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(count)]


def _held_out(
    comments: Comments, rows: NDArray[np.intp], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    groups, strata = _groups(comments, rows)
    _, counts = np.unique(strata, return_counts=True)
    if counts.min() < 2 or share * len(strata) < len(counts):
        raise DataError(
            f"{len(strata)} distinct comments are too few to hold out {share:.0%} of them with every class on both sides; "
            "label more of the rare ones"
        )
    _, held = train_test_split(np.arange(len(strata)), test_size=share, stratify=strata, random_state=seed)
    is_held = np.isin(groups, held)
    return rows[~is_held], rows[is_held]


def _groups(comments: Comments, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The group of equal comments that each row is in, and each group's stratum: its rarest label, or none.

    Strata of fewer than ten groups join the next rarer-to-commoner one, so that each can be divided.
    """
    keys = equality_keys([comments.texts[i] for i in rows])
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)
    targets = comments.targets[rows]
    first = np.zeros(len(numbers), dtype=np.intp)
    first[groups[::-1]] = np.arange(len(rows))[::-1]
    order = np.argsort(targets.sum(axis=0), kind="stable")  # rarest label first
    ranked = targets[:, order]
    strata = np.where(ranked.any(axis=1), ranked.argmax(axis=1), len(order))[first]
    for stratum in range(len(order)):
        if len(order) > 1 and 0 < (strata == stratum).sum() < 10:
            strata[strata == stratum] = stratum + 1
    return groups, strata
