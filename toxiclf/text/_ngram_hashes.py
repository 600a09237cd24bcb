"""N-grams of many texts by numpy, each as a 64-bit hash: the reference of ``_ngrams.c``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.hangul import codes_of, decompose_codes

SPACE = ord(" ")
_SEED = np.uint64(0x243F6A8885A308D3)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class HashTable:
    """Looks up the ids of 64-bit hashes: the top bits of a hash select the few known hashes to compare with."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        order = np.argsort(hashes, kind="stable")
        self._sorted = np.append(hashes[order], np.uint64(0))  # the last entry ends the search
        self._ids = np.append(order + 1, 0)
        bits = max(1, len(hashes).bit_length() + 1)
        self._shift = np.uint64(64 - bits)
        slots = (hashes[order] >> self._shift).astype(np.intp)
        self._first = np.searchsorted(slots, np.arange(2**bits)).astype(np.int32)
        self._steps = int(np.bincount(slots, minlength=1).max()) if len(hashes) else 0

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the id of each hash, or 0 if the hash is unknown."""
        at = self._first[(hashes >> self._shift).astype(np.intp)]
        there = self._sorted[at]
        ids = np.where(there == hashes, self._ids[at], 0)
        (left,) = np.nonzero(there < hashes)  # few hashes: most slots hold one hash or none
        last = np.int32(len(self._sorted) - 1)
        for _ in range(1, self._steps):
            if not len(left):
                break
            at[left] = np.minimum(at[left] + np.int32(1), last)
            there, sought = self._sorted[at[left]], hashes[left]
            hit = there == sought
            ids[left[hit]] = self._ids[at[left[hit]]]
            left = left[there < sought]
        return ids


def units_of(texts: Sequence[str], *, is_jamo: bool) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points (or jamo) of all texts in one array and, for each, the index of its text."""
    padded = [f" {text.lower()} " for text in texts]
    codes = codes_of("".join(padded))
    lengths = np.fromiter(map(len, padded), dtype=np.intp, count=len(padded))
    if is_jamo:
        codes, starts = decompose_codes(codes)
        lengths = np.diff(starts[np.cumsum(lengths)], prepend=0)
    return codes, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def rolling(
    codes: NDArray[np.uint32], rows: NDArray[np.int64], high: int
) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.intp]]]:
    """For each n up to ``high``, yield n, the hashes of the n-grams, and their starts in ``codes``.

    ``rows`` is the index of the text of each code point; no n-gram spans two texts.
    """
    hashes = np.full(len(codes), _SEED)
    for n in range(1, high + 1):
        count = max(0, len(codes) - n + 1)
        hashes = _extended(hashes[:count], codes[n - 1 :])
        (at,) = np.nonzero(rows[:count] == rows[n - 1 :])
        yield n, hashes[at], at


def hashes_of(ngrams: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the hash of each n-gram; ``ngrams`` is (n-grams, n)."""
    hashes = np.full(len(ngrams), _SEED)
    for column in ngrams.T:
        hashes = _extended(hashes, column)
    return hashes


def _extended(hashes: NDArray[np.uint64], codes: NDArray[np.uint32]) -> NDArray[np.uint64]:
    mixed = (hashes ^ codes) * _MULTIPLIER
    return mixed ^ (mixed >> _SHIFT)
