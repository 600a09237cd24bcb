"""The input rows of networks, and the batches of an epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.vocabulary import Ids

_SPREAD = 0.2  # of lengths in a bucket, so that comments meet other ones in each epoch

Batches = Callable[[NDArray[np.int32], int, np.random.Generator], Iterator[NDArray[np.intp]]]
"""Lengths of all rows, size of a batch and a generator to the rows of each batch of an epoch."""


class Rows(Protocol):
    """Rows as the network takes them.

    Attributes
    ----------
    lengths : how long each row is in a batch of its own, (n,).
    """

    lengths: NDArray[np.int32]

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """The network's input for some rows."""

    def digest(self) -> bytes:
        """Hash of the content."""


class VectorRows:
    """A vector a comment.

    Parameters
    ----------
    matrix : float32 (n, width).
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._matrix = matrix
        self.lengths = np.ones(len(matrix), dtype=np.int32)

    def __len__(self) -> int:
        return len(self._matrix)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 (rows, width)."""
        return self._matrix[rows]

    def digest(self) -> bytes:
        """Hash of the matrix."""
        return hashlib.sha256(self._matrix.tobytes()).digest()


class IdRows:
    """Ids of each comment's tokens; a batch is as long as its longest comment.

    Parameters
    ----------
    time : length of every batch; None for that of its longest comment.
    """

    def __init__(self, ids: Ids, time: int | None = None) -> None:
        self._ids, self._time = ids, time
        self.lengths = ids.lengths if time is None else np.full(len(ids), time, dtype=np.int32)

    def __len__(self) -> int:
        return len(self._ids)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.int32]:
        """int32 (rows, longest), padded on the right with 0."""
        padded = self._ids.take(rows).padded()
        if self._time is None:
            return padded
        return np.pad(padded, [(0, 0), (0, self._time - padded.shape[1])])

    def digest(self) -> bytes:
        """Hash of ids and lengths."""
        return hashlib.sha256(self._ids.flat.tobytes() + self._ids.starts.astype(np.int64).tobytes()).digest()


def batches(lengths: NDArray[np.int32], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Rows in batches of like length, in random order.

    Parameters
    ----------
    lengths : of each row, (n,); where all are equal, rows are simply shuffled.
    """
    order = np.argsort(lengths * (1 + _SPREAD * rng.random(len(lengths))), kind="stable")
    starts = np.arange(0, len(order), size)
    for start in rng.permutation(starts):
        yield order[start : start + size]


def balanced_batches(classes: NDArray[np.intp]) -> Batches:
    """Batches that hold as many rows of each class; rows of the rarer ones come again as often as need be.

    Parameters
    ----------
    classes : of each row, (n,).
    """
    members = [np.flatnonzero(classes == value) for value in np.unique(classes)]

    def drawn(lengths: NDArray[np.int32], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        each = max(2, size // len(members))
        count = -(-len(lengths) // (each * len(members)))
        rounds = [_endless(rows, each * count, rng) for rows in members]
        for i in range(count):
            yield np.concatenate([rows[i * each : (i + 1) * each] for rows in rounds])

    return drawn


def _endless(rows: NDArray[np.intp], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """That many rows: all in random order, and again in another one."""
    return np.concatenate([rng.permutation(rows) for _ in range(-(-count // len(rows)))])[:count]
