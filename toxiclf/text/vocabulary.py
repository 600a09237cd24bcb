"""Vocabularies, which map tokens or n-grams to the int32 ids that a model's graph reads.

:class:`TokenVocabulary` has one id for each known token and splits an unknown token into known pieces.
:class:`NgramVocabulary` has one id for each known n-gram of jamo or of characters. Id 0 is padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf._compiled import compiled
from toxiclf.text._ngram_hashes import SPACE, HashTable, hashes_of, rolling, units_of
from toxiclf.text.chunks import chunks
from toxiclf.text.hangul import codes_of, decompose

_ngrams = compiled("toxiclf.text._ngrams")
IS_COMPILED = _ngrams is not None
"""Whether n-grams are found by ``_ngrams.c``; else by numpy."""

_REMEMBERED = 50_000  # maximum number of unknown tokens whose pieces are cached; then the cache is cleared


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a batch of n comments, without padding; comment ``i`` has the ids ``flat[starts[i]:starts[i + 1]]``.

    Attributes
    ----------
    flat : int32 (total,), the ids of all comments, one comment after the other.
    starts : intp (n + 1,), for each comment the index of its first id in ``flat``; the last entry is ``total``.
    """

    flat: NDArray[np.int32]
    starts: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Number of ids of each comment, int32 (n,)."""
        return np.diff(self.starts).astype(np.int32)

    @classmethod
    def joined(cls, parts: Sequence[Ids]) -> Ids:
        """Concatenate batches: return the ids of the comments of all ``parts``, in order."""
        if len(parts) == 1:
            return parts[0]
        ends = np.cumsum([0, *(len(ids.flat) for ids in parts)])
        starts = [np.zeros(1, np.intp), *(ids.starts[1:] + end for ids, end in zip(parts, ends[:-1], strict=True))]
        return cls(np.concatenate([np.zeros(0, np.int32), *(ids.flat for ids in parts)]), np.concatenate(starts))

    def take(self, rows: NDArray[np.intp]) -> Ids:
        """Return the ids of the comments at the indices ``rows``, in that order."""
        lengths = self.lengths[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        if len(rows) and rows[0] >= 0 and np.all(np.diff(rows) > 0):  # one byte for each id instead of sixteen
            is_taken = np.zeros(len(self), dtype=np.bool_)
            is_taken[rows] = True
            return Ids(self.flat[np.repeat(is_taken, self.lengths)], starts)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        return Ids(self.flat[np.repeat(self.starts[rows], lengths) + within], starts)

    def cut(self, longest: int) -> Ids:
        """Return the first ``longest`` ids of each comment, or all if it has fewer."""
        within = np.arange(len(self.flat)) - np.repeat(self.starts[:-1], self.lengths)
        lengths = np.minimum(self.lengths, min(longest, len(self.flat)))
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        return Ids(self.flat[within < longest], starts)

    def padded(self) -> NDArray[np.int32]:
        """Return the ids as a matrix (n, longest comment), padded with 0 on the right; it has at least one column."""
        lengths = self.lengths
        matrix = np.zeros((len(self), max(1, lengths.max(initial=0))), dtype=np.int32)
        matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = self.flat
        return matrix


class TokenVocabulary:
    """Maps each known token to an id, from 1 up, and each unknown token to the ids of its longest known pieces.

    An unknown token is split from left to right into the longest known pieces. Where no known piece begins, the
    syllable is decomposed and its known jamo are used. Jamo without an id are left out.

    Parameters
    ----------
    tokens : distinct tokens; ``tokens[i]`` gets the id ``i + 1``.

    >>> vocabulary = TokenVocabulary(["시", "발점", "ㅋ"])
    >>> vocabulary.ids([["시발점", "크"]]).flat.tolist()
    [1, 2, 3]
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = list(tokens)
        self._ids = {token: i for i, token in enumerate(self.tokens, start=1)}
        if len(self._ids) != len(self.tokens):
            raise ValueError("the tokens of a vocabulary must be distinct")
        self._lengths = sorted({len(token) for token in self.tokens if token}, reverse=True)
        self._pieces: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    def ids(self, tokens: Sequence[Sequence[str]]) -> Ids:
        """Return the ids of tokenized comments."""
        flat: list[int] = []
        starts = [0]
        known = self._ids
        for comment in tokens:
            for token in comment:
                known_id = known.get(token)
                if known_id is not None:
                    flat.append(known_id)
                else:
                    flat += self._known_pieces(token)
            starts.append(len(flat))
        return Ids(np.array(flat, dtype=np.int32), np.array(starts, dtype=np.intp))

    def _known_pieces(self, token: str) -> list[int]:
        pieces = self._pieces.get(token)
        if pieces is None:
            pieces = self._split(token)
            if len(self._pieces) >= _REMEMBERED:
                self._pieces.clear()
            self._pieces[token] = pieces
        return pieces

    def _split(self, token: str) -> list[int]:
        ids: list[int] = []
        at = 0
        while at < len(token):
            for length in self._lengths:
                piece = token[at : at + length]
                if piece in self._ids:
                    ids.append(self._ids[piece])
                    at += len(piece)
                    break
            else:
                ids += [self._ids[jamo] for jamo in decompose(token[at]) if jamo in self._ids]
                at += 1
        return ids


def distinct(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct values in ascending order; none may be negative.

    Sorting is ten times as fast here as ``np.unique``, which hashes.
    """
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=-1) > 0]


Unit = Literal["jamo", "syllable"]

# Characters that numpy hashes at once. 2**15 takes 1.5 times as long: arrays leave the CPU cache and are allocated anew.
_CHARACTERS = 2**13
_AT_ONCE = 2**20  # characters given to the compiled encoder at once


@dataclass(frozen=True)
class NgramVocabulary:
    """Maps each known n-gram of jamo or of syllables to an id, from 1 up; any other character counts as one unit.

    A comment is lower-cased and gets a space at both ends, so that n-grams mark where words begin and end. No n-gram
    spans two comments. N-grams are looked up by 64-bit hashes: with 300,000 n-grams, the chance that any two share a
    hash is below 3e-9. ``_ngrams.c`` does the work; where it is not compiled, and with the environment variable
    ``TOXICLF_PURE``, numpy gives the same ids, for which one comment costs some thirty array operations.

    Parameters
    ----------
    unit : unit of the n-grams, "jamo" or "syllable".
    ngrams : for each n, all known n-grams in one string; they need no separator, since each has n characters. Ids
        follow this order, from 1.

    >>> vocabulary = NgramVocabulary("syllable", {1: "가나", 2: "가나"})
    >>> vocabulary.ids(["나가", "가나가나"]).flat.tolist()
    [1, 2, 1, 2, 3]
    """

    unit: Unit
    ngrams: Mapping[int, str]
    _table: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.unit not in ("jamo", "syllable"):
            raise ValueError(f"unit is {self.unit!r}; expected 'jamo' or 'syllable'")
        for n, text in self.ngrams.items():
            if n < 1 or not text or len(text) % n:
                raise ValueError(
                    f"the known {n}-grams have {len(text)} characters together; expected a multiple of {n} above 0"
                )
        if IS_COMPILED:
            pairs = [(n, codes_of(text).tobytes()) for n, text in self.ngrams.items()]
            table: Any = _ngrams.Table(self.unit == "jamo", pairs)
        else:
            hashes = [hashes_of(codes_of(text).reshape(-1, n)) for n, text in self.ngrams.items()]
            table = HashTable(np.concatenate([np.zeros(0, np.uint64), *hashes]))
        object.__setattr__(self, "_table", table)

    def __reduce__(self) -> tuple[type[NgramVocabulary], tuple[Unit, dict[int, str]]]:
        """Pickle or copy the n-grams only."""
        return type(self), (self.unit, dict(self.ngrams))

    def __len__(self) -> int:
        return sum(len(text) // n for n, text in self.ngrams.items())

    @classmethod
    def learn(cls, texts: Sequence[str], unit: Unit, low: int, high: int, min_comments: int) -> NgramVocabulary:
        """Learn a vocabulary: the n-grams with n from ``low`` to ``high`` that are in at least ``min_comments`` texts.

        The texts must be normalized. N-grams of spaces alone are left out, because every comment has them.
        """
        ngrams: dict[int, str] = {}
        if IS_COMPILED:
            learned = _ngrams.learned([text.lower() for text in texts], unit == "jamo", high, min_comments)
            ngrams = {n: str(units, "utf-32-le") for n, units in enumerate(learned, start=1) if n >= low and units}
            return cls(unit, ngrams)
        codes, rows = units_of(texts, is_jamo=unit == "jamo")
        for n, hashes, at in rolling(codes, rows, high):
            if n < low:
                continue
            _, example, inverse = np.unique(hashes, return_index=True, return_inverse=True)
            comments = distinct(rows[at] * np.int64(len(example)) + inverse) % max(1, len(example))
            is_frequent = np.bincount(comments, minlength=len(example)) >= min_comments
            begin = np.sort(at[example[is_frequent]])  # in order of appearance
            units = codes[begin[:, None] + np.arange(n)]
            text = units[(units != SPACE).any(axis=1)].astype("<u4").tobytes().decode("utf-32-le")
            if text:
                ngrams[n] = text
        return cls(unit, ngrams)

    def subset(self, kept: NDArray[np.bool_]) -> NgramVocabulary:
        """Return the vocabulary of some n-grams, in the same order; ``kept[i]`` is for the n-gram with the id ``i + 1``."""
        ngrams, begin = {}, 0
        for n, text in self.ngrams.items():
            units = codes_of(text).reshape(-1, n)
            some = units[kept[begin : begin + len(units)]]
            begin += len(units)
            if len(some):
                ngrams[n] = some.astype("<u4").tobytes().decode("utf-32-le")
        return type(self)(self.unit, ngrams)

    def ids(self, texts: Sequence[str]) -> Ids:
        """Return the ids, ascending, of the distinct known n-grams of each normalized text."""
        if IS_COMPILED:
            found = (self._table.ids([text.lower() for text in part]) for part in chunks(texts, characters=_AT_ONCE))
            return Ids.joined(
                [Ids(np.frombuffer(flat, np.int32), np.frombuffer(starts, np.int64)) for flat, starts in found]
            )
        return Ids.joined([self._ids(part) for part in chunks(texts, characters=_CHARACTERS)])

    def sums(self, texts: list[str], table: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Add rows of a table over the distinct known n-grams of each text, lower-cased; needs the compiled encoder.

        Parameters
        ----------
        table : float32 (1 + number of n-grams, columns), row ``i`` for the n-gram with the id ``i``.
        known : bool (n,), set to True for each text that has a known n-gram.

        Returns
        -------
        float32 (n, columns), added in double precision in the order of the ids.
        """
        sums = np.empty((len(texts), table.shape[1]), dtype=np.float32)
        self._table.sums(texts, table, sums, known)
        return sums

    def _ids(self, texts: Sequence[str]) -> Ids:
        codes, rows = units_of(texts, is_jamo=self.unit == "jamo")
        streams = [
            (hashes, at) for n, hashes, at in rolling(codes, rows, max(self.ngrams, default=0)) if n in self.ngrams
        ]
        ids = self._table.find(np.concatenate([np.zeros(0, np.uint64), *(hashes for hashes, _ in streams)]))
        at = np.concatenate([np.zeros(0, np.intp), *(at for _, at in streams)])
        size = np.int64(len(self) + 1)
        cells = distinct((rows[at] * size + ids)[ids > 0])
        starts = np.searchsorted(cells, np.arange(len(texts) + 1, dtype=np.int64) * size)
        return Ids((cells % size).astype(np.int32), starts)
