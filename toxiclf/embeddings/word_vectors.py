"""Word vectors in memory: of known tokens, and of Hangul syllables and jamo, which are the pieces of unknown tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import DataError
from toxiclf.recipe import VectorsSection
from toxiclf.text.hangul import (
    FINALS,
    FIRST_SYLLABLE,
    INITIALS,
    LAST_SYLLABLE,
    MEDIALS,
    codes_of,
    decompose,
    decompose_codes,
)
from toxiclf.text.vocabulary import TokenVocabulary

Say = Callable[[str], None]

JAMO = tuple(dict.fromkeys(INITIALS + MEDIALS + FINALS))
"""The 51 modern compatibility jamo."""
PIECES = (*map(chr, range(FIRST_SYLLABLE, LAST_SYLLABLE + 1)), *JAMO)
"""Pieces that every Korean word can be split into: all 11,172 syllables, then the jamo."""


@dataclass(frozen=True)
class WordVectors:
    """Word vectors of tokens and of the pieces of unknown tokens.

    Attributes
    ----------
    tokens : tokens of the training texts, in order of falling frequency, then all other :data:`PIECES` (none in vectors
        that are drawn at random).
    matrix : vector of each token, float32 (len(tokens), size).
    frequencies : share of each token in the training texts, float64 (len(tokens),); 0 for tokens that do not occur.
    origin : source of the vectors, for reports and bundles.
    packed : int8 vectors (len(tokens), size) and float32 scales (len(tokens),) if the vectors are quantized; else None.
    """

    tokens: list[str]
    matrix: NDArray[np.float32]
    frequencies: NDArray[np.float64]
    origin: dict[str, str] = field(default_factory=dict)
    packed: tuple[NDArray[np.int8], NDArray[np.float32]] | None = None

    @property
    def size(self) -> int:
        """Number of dimensions of a vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def vocabulary(self) -> TokenVocabulary:
        """Vocabulary that gives each token its id, and an unknown token the ids of its known pieces."""
        return TokenVocabulary(self.tokens)

    def neighbours(self, word: str, count: int = 10) -> list[tuple[str, float]]:
        """Return the ``count`` tokens whose vectors are most similar to that of ``word``, and the cosine similarities.

        The highest similarity comes first. Only tokens of the training texts are returned, without ``word`` itself.

        Parameters
        ----------
        word : a token; if it has no vector, the mean vector of its known pieces is used.

        Raises
        ------
        DataError : neither the word nor any of its pieces has a vector.
        """
        ids = self.vocabulary.ids([[word]]).flat - 1
        if not len(ids):
            raise DataError(f"no piece of '{word}' has a vector; give a word from the training texts")
        seen = np.flatnonzero(self.frequencies > 0)
        length = np.maximum(np.linalg.norm(self.matrix, axis=1), 1e-12)
        wanted = self.matrix[ids].mean(axis=0)
        similarity = (self.matrix @ wanted / length / max(float(np.linalg.norm(wanted)), 1e-12))[seen]
        order = np.argsort(-similarity, kind="stable")
        neighbours = [
            (self.tokens[seen[i]], float(similarity[i])) for i in order[: count + 1] if self.tokens[seen[i]] != word
        ]
        return neighbours[:count]


def with_pieces(
    tokens: Sequence[str],
    matrix: NDArray[np.float32],
    counts: NDArray[np.float64],
    vectors_of: Callable[[Sequence[str]], NDArray[np.float32]] | None = None,
) -> WordVectors:
    """Add vectors of all Hangul syllables and jamo, so that a Korean token without a vector has pieces with vectors.

    Parameters
    ----------
    tokens : distinct tokens, in order of falling frequency.
    matrix : vectors of the tokens, float32 (len(tokens), size).
    counts : number of occurrences of each token, (len(tokens),).
    vectors_of : function that computes the vectors of pieces, as FastText can. If it is None or returns zeros, a
        piece gets the mean vector of the tokens that hold it, weighted by the square root of their counts. A syllable
        in no token gets the mean of its jamo, and a jamo in no token gets the weighted mean of all tokens.
    """
    known = set(tokens)
    missing = [piece for piece in PIECES if piece not in known]
    made = np.zeros((len(missing), matrix.shape[1]), np.float32) if vectors_of is None else vectors_of(missing)
    bare = np.abs(made).max(axis=1) == 0
    if bare.any():
        means = _means_of_holders(tokens, matrix, counts)[[_PLACES[piece] for piece in missing]]
        made = np.where(bare[:, None], means, made)
    shares = np.concatenate([counts / counts.sum(), np.zeros(len(missing))])
    return WordVectors([*tokens, *missing], np.vstack([matrix, made.astype(np.float32)]), shares)


_PLACES = {piece: i for i, piece in enumerate(PIECES)}


def _means_of_holders(
    tokens: Sequence[str], matrix: NDArray[np.float32], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each of :data:`PIECES` the mean vector of the tokens that hold it, (len(PIECES), size).

    The mean is weighted by the square root of the tokens' counts. A syllable in no token gets the mean of its jamo,
    and a jamo in no token gets the weighted mean of all tokens.
    """
    import scipy.sparse as sp

    places = [[_PLACES[p] for p in {*token, *decompose(token)} if p in _PLACES] for token in tokens]
    sizes = np.fromiter(map(len, places), dtype=np.intp, count=len(places))
    weights = np.sqrt(counts)
    holds = sp.csr_matrix(
        (np.repeat(weights, sizes), np.fromiter(chain.from_iterable(places), np.intp), np.append(0, np.cumsum(sizes))),
        shape=(len(tokens), len(PIECES)),
    )
    total = np.asarray(holds.sum(axis=0)).ravel()
    means = (holds.T @ matrix.astype(np.float64)) / np.maximum(total, 1e-12)[:, None]
    syllables, jamo = np.split(means, [len(PIECES) - len(JAMO)])
    jamo[total[-len(JAMO) :] == 0] = (weights @ matrix) / weights.sum()
    letters, starts = decompose_codes(codes_of("".join(PIECES[: len(syllables)])))
    places_of_letters = np.array([_PLACES[chr(letter)] - len(syllables) for letter in letters])
    spelt = np.add.reduceat(jamo[places_of_letters], starts[:-1]) / np.diff(starts)[:, None]
    unseen = total[: len(syllables)] == 0
    syllables[unseen] = spelt[unseen]
    return np.vstack([syllables, jamo])


def random_vectors(tokens: Sequence[list[str]], options: VectorsSection, seed: int) -> WordVectors:
    """Draw random vectors, uniform in ±0.05, for the tokens that occur ``min_count`` times in the training rows.

    A network starts its training with these vectors. Pieces get none, because training would leave most of them random.

    Raises
    ------
    DataError : no token occurs ``min_count`` times.
    """
    min_count = 2 if options.min_count == "auto" else options.min_count
    counts = Counter(token for comment in tokens for token in comment)
    frequent = sorted((token for token, count in counts.items() if count >= min_count), key=lambda t: (-counts[t], t))
    if not frequent:
        raise DataError(f"no token occurs {min_count} times in the training rows; lower vectors.min_count")
    shares = np.array([counts[token] for token in frequent], dtype=np.float64)
    matrix = np.random.default_rng(seed).uniform(-0.05, 0.05, (len(frequent), options.size))
    return WordVectors(frequent, matrix.astype(np.float32), shares / shares.sum(), {"source": "drawn at random"})
