"""Split comments into training, validation and test sets, or into folds; equal comments always stay together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from toxiclf.datasets.comments import PLAIN, Comments, check_classes
from toxiclf.errors import DataError, UsageError
from toxiclf.text.normalize import Normalizer

_SMALLEST_STRATUM = 10


@dataclass(frozen=True)
class Split:
    """Training, validation and test set.

    Attributes
    ----------
    train, validation, test : the three sets; ``test`` is None if no test set is wanted.
    leaked : number of rows that were removed because a ready-made test set holds the same comment.
    """

    train: Comments
    validation: Comments
    test: Comments | None
    leaked: int = 0


def split(
    comments: Comments, *, test: float | Comments, validation: float, seed: int, normalizer: Normalizer = PLAIN
) -> Split:
    """Split comments at random into training, validation and test sets, stratified by label.

    Parameters
    ----------
    test : share of the rows, or a ready-made test set. In the latter case, rows of ``comments`` with a comment that is
        also in the test set are removed.
    validation : share of the rows; if ``test`` is a ready-made test set, share of the rows that remain.
    normalizer : comments that are equal after this normalization stay in the same set.

    Raises
    ------
    DataError : a set would have no row of a class, or too few rows remain after those of the test set are removed.
    UsageError : the shares leave no rows to train on.
    """
    leaked = 0
    rest = np.arange(len(comments))
    part: Comments | None = None
    if isinstance(test, Comments):
        held_out_keys = set(test.keys(normalizer))
        rest = np.array(
            [i for i, key in enumerate(comments.keys(normalizer)) if key not in held_out_keys], dtype=np.intp
        )
        leaked = len(comments) - len(rest)
        part = test
        if leaked:
            _check_left(comments.take(rest), leaked)
    elif test + validation >= 1:
        raise UsageError(
            f"split.test {test} and split.validation {validation} leave nothing to train on; lower one of them"
        )
    elif test > 0:
        rest, held_out = _held_out(comments, rest, test, seed, normalizer)
        part = comments.take(held_out)
    share = validation if isinstance(test, Comments) else validation * len(comments) / len(rest)
    train, held_out = _held_out(comments, rest, share, seed + 1, normalizer)
    result = Split(comments.take(train), comments.take(held_out), part, leaked)
    pieces = {"training": result.train, "validation": result.validation} | ({"test": part} if part is not None else {})
    for name, piece in pieces.items():
        for label, count in piece.counts().items():
            if count in (0, len(piece)):
                raise DataError(
                    f"the {name} set has no comment {'without' if count else 'with'} label '{label}'; label more "
                    "of them, give the set a larger share, or leave this label out with --label"
                )
    return result


def folds(
    comments: Comments,
    count: int,
    seed: int,
    normalizer: Normalizer = PLAIN,
    *,
    stratified: bool = True,
    key: str = "decision.folds",
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the row numbers of each fold as (rows to fit, held-out rows); equal comments are held out together.

    Parameters
    ----------
    count : number of folds.
    stratified : whether each fold has the same share of each class.
    key : recipe key that sets ``count``, for error messages.

    Raises
    ------
    UsageError : there are more folds than distinct comments of the rarest class.
    DataError : in some fold, a label would be on none or on all of the rows to fit.
    """
    groups, strata, _ = _groups(comments, np.arange(len(comments)), normalizer)
    fewest = int(np.unique(strata, return_counts=True)[1].min())
    if count > fewest:
        raise UsageError(
            f"{key} is {count}, but there are only {fewest} distinct comments of the rarest class to divide; "
            f"set {key} to at most {fewest}, or label more of them"
        )
    splitter = (StratifiedKFold if stratified else KFold)(count, shuffle=True, random_state=seed)
    held = np.empty(strata.shape, dtype=np.intp)
    for fold, (_, rows) in enumerate(splitter.split(strata, strata)):
        held[rows] = fold
    fold_of = held[groups]
    pairs = [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(count)]
    for inside, _ in pairs:
        for label, positives in comments.take(inside).counts().items():
            if positives in (0, len(inside)):
                raise DataError(
                    f"a fold would have no training comment with label '{label}'; label more of them, or raise {key}"
                )
    return pairs


def _check_left(rest: Comments, leaked: int) -> None:
    try:
        check_classes(rest)
    except DataError as error:
        raise DataError(
            f"{leaked} training comments were removed because the test set holds them, too; without them, {error.message}"
        ) from None


def _held_out(
    comments: Comments, rows: NDArray[np.intp], share: float, seed: int, normalizer: Normalizer
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    groups, strata, targets = _groups(comments, rows, normalizer)
    _, counts = np.unique(strata, return_counts=True)
    size = math.ceil(share * len(strata))
    if counts.min() < 2 or min(size, len(strata) - size) < len(counts):
        raise DataError(
            f"{len(strata)} distinct comments are too few to hold out {share:.0%} of them with every class in both parts; "
            "label more comments of the rare classes"
        )
    _, held = train_test_split(np.arange(len(strata)), test_size=size, stratify=strata, random_state=seed)
    is_held = np.zeros(len(strata), dtype=np.bool_)
    is_held[held] = True
    _spread(is_held, targets, seed)
    return rows[~is_held[groups]], rows[is_held[groups]]


def _spread(is_held: NDArray[np.bool_], targets: NDArray[np.uint8], seed: int) -> None:
    """Change ``is_held`` so that each label, and "no label", has a group held out and one not held out, if possible.

    If all groups of a label are on one side, a random group of them moves to the other side."""
    columns = np.column_stack([targets > 0, ~targets.any(axis=1)])
    rng = np.random.default_rng(seed)
    for j in np.argsort(columns.sum(axis=0), kind="stable"):
        having = np.flatnonzero(columns[:, j])
        if len(having) > 1 and is_held[having].all() | ~is_held[having].any():
            moved = rng.choice(having)
            is_held[moved] = ~is_held[moved]


def _groups(
    comments: Comments, rows: NDArray[np.intp], normalizer: Normalizer
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]:
    """Group equal comments: return the group of each row, and the stratum and the targets of each group.

    A group's stratum is its rarest label, or "no label". With several labels, a stratum with fewer than ten groups is
    merged into a more common one, so that each stratum can be split.
    """
    keys = comments.keys(normalizer)
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(keys[i], len(numbers)) for i in rows], dtype=np.intp)
    first = np.zeros(len(numbers), dtype=np.intp)
    first[groups[::-1]] = np.arange(len(rows))[::-1]
    order = np.argsort(comments.targets[rows].sum(axis=0), kind="stable")  # rarest label first
    targets = comments.targets[rows][first]
    ranked = targets[:, order]
    strata = np.where(ranked.any(axis=1), ranked.argmax(axis=1), len(order))
    if len(order) > 1:
        for stratum in range(len(order)):
            if (strata == stratum).sum() < _SMALLEST_STRATUM:
                strata[strata == stratum] = stratum + 1
        if (strata == len(order)).sum() < _SMALLEST_STRATUM:  # hardly any comment has no label
            strata[strata == len(order)] = np.bincount(strata).argmax()
    return groups, strata, targets
