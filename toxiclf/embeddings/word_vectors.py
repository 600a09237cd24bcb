"""Word vectors in memory: for known tokens, and for every Hangul syllable and jamo as pieces of unknown tokens."""

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
"""The modern compatibility jamo, 51."""
PIECES = (*map(chr, range(FIRST_SYLLABLE, LAST_SYLLABLE + 1)), *JAMO)
"""What every Korean word can be broken into: all 11,172 syllables, then the jamo."""


@dataclass(frozen=True)
class WordVectors:
    """Vectors of tokens.

    Attributes
    ----------
    tokens : those that were seen, in order of falling frequency, then those :data:`PIECES` that are not among them.
    matrix : float32 (len(tokens), size).
    frequencies : share of each token among all tokens seen, float64 (len(tokens),); 0 for pieces that were not seen alone.
    origin : what they were made from, for reports and bundles.
    packed : the same numbers as int8 (len(tokens), size) and float32 scales (len(tokens),), where they were kept so.
    """

    tokens: list[str]
    matrix: NDArray[np.float32]
    frequencies: NDArray[np.float64]
    origin: dict[str, str] = field(default_factory=dict)
    packed: tuple[NDArray[np.int8], NDArray[np.float32]] | None = None

    @property
    def size(self) -> int:
        """Dimensions of a vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def vocabulary(self) -> TokenVocabulary:
        """Ids of tokens, and of the known pieces of all others."""
        return TokenVocabulary(self.tokens)

    def neighbours(self, word: str, count: int = 10) -> list[tuple[str, float]]:
        """The tokens with the most similar vectors and their cosine similarities, the most similar first.

        Parameters
        ----------
        word : a token; one without a vector is taken as the mean of its known pieces.

        Raises
        ------
        DataError : nothing of the word is known.
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
    """Give every Hangul syllable and jamo a vector, too, so that each Korean token has one or is made of pieces that have.

    Parameters
    ----------
    tokens : distinct, in order of falling frequency.
    matrix : float32 (len(tokens), size), their vectors.
    counts : how often each was seen, (len(tokens),).
    vectors_of : makes the vectors of pieces (FastText can). Where there is none, or it gives zeros, a piece has the mean of the
        tokens that hold it, weighted by the square root of their counts; a syllable that stands in no token, the mean of its jamo.
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
    """The vector of each piece, (len(PIECES), size)."""
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
    """Vectors to begin learning with, uniform in ±0.05, of the tokens that the training rows hold ``min_count`` times.

    Pieces get none: what no row teaches would stay as it was drawn.

    Raises
    ------
    DataError : there is no such token.
    """
    min_count = 2 if options.min_count == "auto" else options.min_count
    counts = Counter(token for comment in tokens for token in comment)
    frequent = sorted((token for token, count in counts.items() if count >= min_count), key=lambda t: (-counts[t], t))
    if not frequent:
        raise DataError(f"no token occurs {min_count} times in the training rows; lower vectors.min_count")
    shares = np.array([counts[token] for token in frequent], dtype=np.float64)
    matrix = np.random.default_rng(seed).uniform(-0.05, 0.05, (len(frequent), options.size))
    return WordVectors(frequent, matrix.astype(np.float32), shares / shares.sum(), {"source": "drawn at random"})
