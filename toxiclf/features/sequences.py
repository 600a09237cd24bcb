"""Comments as sequences of word vectors, which are the input of sequence networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toxiclf.embeddings.word_vectors import WordVectors
from toxiclf.features.pooling import WORDS
from toxiclf.graph import Graph
from toxiclf.text.encoder import Encoded
from toxiclf.text.vocabulary import Ids


@dataclass(frozen=True)
class Sequences:
    """A batch of comments as sequences of word vectors.

    Attributes
    ----------
    ids : ids of each comment's tokens; the word vector of id i is ``matrix[i]``.
    matrix : word vectors, float32 (tokens + 1, size); row 0, for padding, is zeros.
    longest : maximum number of tokens per comment; longer comments were cut.
    """

    ids: Ids
    matrix: NDArray[np.float32]
    longest: int

    def averages(self) -> NDArray[np.float32]:
        """Return the mean word vector of each comment, float32 (n, size); zeros for a comment without tokens."""
        import scipy.sparse as sp

        rows = np.repeat(np.arange(len(self.ids)), self.ids.lengths)
        ones = np.ones(len(rows), dtype=np.float32)
        counts = sp.csr_matrix((ones, (rows, self.ids.flat)), shape=(len(self.ids), len(self.matrix)))
        sums = np.asarray(counts @ self.matrix)
        return np.asarray(sums / np.maximum(self.ids.lengths, 1)[:, None], dtype=np.float32)

    def renumbered(self, numbers: NDArray[np.int32]) -> Sequences:
        """Return the same comments, with ``numbers[i]`` in place of each id i; ``matrix`` stays unchanged."""
        return replace(self, ids=Ids(numbers[self.ids.flat], self.ids.starts))


@dataclass(frozen=True)
class SequenceVectors:
    """Converts encoded comments to :class:`Sequences`.

    Attributes
    ----------
    matrix : word vectors, float32 (tokens + 1, size); row 0, for padding, is zeros.
    longest : maximum number of tokens per comment; longer comments were cut.
    """

    matrix: NDArray[np.float32]
    longest: int

    @classmethod
    def of(cls, vectors: WordVectors, longest: int) -> SequenceVectors:
        """Make a converter from word vectors, to which a first row of zeros is added for padding."""
        return cls(np.vstack([np.zeros_like(vectors.matrix[:1]), vectors.matrix]), longest)

    def transform(self, encoded: Encoded) -> Sequences:
        """Return encoded comments as sequences of word vectors."""
        return Sequences(encoded.views[WORDS], self.matrix, self.longest)

    def write(self, graph: Graph) -> str:
        """Add nothing and return "", because the network itself looks up the word vectors."""
        return ""
