"""Input rows of networks, and functions that split them into the batches of an epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.vocabulary import Ids

_SPREAD = 0.2  # lengths grow at random by up to this share before sorting, so that batches differ between epochs

Batches = Callable[[NDArray[np.int32], int, np.random.Generator], Iterator[NDArray[np.intp]]]
"""Function from row lengths, batch size and random generator to the row indices of each batch of an epoch."""


class Rows(Protocol):
    """The input rows of a network.

    Attributes
    ----------
    lengths : number of time steps of each row before padding to the longest row of its batch, (n,); 1 for a vector.
    """

    lengths: NDArray[np.int32]

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the network's input for the rows with these indices."""

    def digest(self) -> bytes:
        """Return a hash of all rows."""


class VectorRows:
    """Input rows of networks over one vector per comment.

    Parameters
    ----------
    matrix : one vector per row, float32 (n, width).
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._matrix = matrix
        self.lengths = np.ones(len(matrix), dtype=np.int32)

    def __len__(self) -> int:
        return len(self._matrix)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the vectors of the rows with these indices, float32 (rows, width)."""
        return self._matrix[rows]

    def digest(self) -> bytes:
        """Return a hash of the matrix."""
        return hashlib.sha256(self._matrix.tobytes()).digest()


class IdRows:
    """Input rows of networks over sequences: the token ids of each comment.

    Parameters
    ----------
    time : number of tokens to which every batch is padded; None pads to the longest comment of the batch.
    """

    def __init__(self, ids: Ids, time: int | None = None) -> None:
        self._ids, self._time = ids, time
        self.lengths = ids.lengths if time is None else np.full(len(ids), time, dtype=np.int32)

    def __len__(self) -> int:
        return len(self._ids)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the ids of the rows with these indices, int32 (rows, time), padded on the right with 0."""
        padded = self._ids.take(rows).padded()
        if self._time is None:
            return padded
        return np.pad(padded, [(0, 0), (0, self._time - padded.shape[1])])

    def digest(self) -> bytes:
        """Return a hash of all ids and lengths."""
        return hashlib.sha256(self._ids.flat.tobytes() + self._ids.starts.astype(np.int64).tobytes()).digest()


def batches(lengths: NDArray[np.int32], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the row indices of each batch of an epoch. Rows of a batch have similar lengths; batches are shuffled.

    Parameters
    ----------
    lengths : length of each row, (n,); if all are equal, the rows are shuffled.
    size : number of rows in a batch; one batch may be smaller.
    """
    order = np.argsort(lengths * (1 + _SPREAD * rng.random(len(lengths))), kind="stable")
    starts = np.arange(0, len(order), size)
    for start in rng.permutation(starts):
        yield order[start : start + size]


def balanced_batches(classes: NDArray[np.intp]) -> Batches:
    """Return a function that yields batches with the same number of rows, at least two, from each class.

    An epoch has about as many rows as the training set: rows of rarer classes are repeated as often as necessary, and
    some rows of frequent classes are left out.

    Parameters
    ----------
    classes : class of each row, (n,).
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
    """Return ``count`` row indices: all rows in random order, then all again in a new order, and so on."""
    return np.concatenate([rng.permutation(rows) for _ in range(-(-count // len(rows)))])[:count]
