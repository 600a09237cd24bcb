"""Comments as sequences of word vectors, the input of sequence networks."""

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
    """Comments as sequences of word vectors.

    Attributes
    ----------
    ids : of each comment's tokens; id i stands for ``matrix[i]``.
    matrix : float32 (tokens + 1, size); the first row, of padding, is zeros.
    longest : most tokens a comment.
    """

    ids: Ids
    matrix: NDArray[np.float32]
    longest: int

    def averages(self) -> NDArray[np.float32]:
        """The mean vector of each comment, float32 (n, size); zeros where there is no token."""
        import scipy.sparse as sp

        rows = np.repeat(np.arange(len(self.ids)), self.ids.lengths)
        ones = np.ones(len(rows), dtype=np.float32)
        counts = sp.csr_matrix((ones, (rows, self.ids.flat)), shape=(len(self.ids), len(self.matrix)))
        sums = np.asarray(counts @ self.matrix)
        return np.asarray(sums / np.maximum(self.ids.lengths, 1)[:, None], dtype=np.float32)

    def renumbered(self, numbers: NDArray[np.int32]) -> Sequences:
        """The same comments with ``numbers[i]`` in place of the id i."""
        return replace(self, ids=Ids(numbers[self.ids.flat], self.ids.starts))


@dataclass(frozen=True)
class SequenceVectors:
    """What turns ids into :class:`Sequences`.

    Attributes
    ----------
    matrix : as of :class:`Sequences`.
    longest : most tokens a comment.
    """

    matrix: NDArray[np.float32]
    longest: int

    @classmethod
    def of(cls, vectors: WordVectors, longest: int) -> SequenceVectors:
        """Word vectors, below a row of zeros."""
        return cls(np.vstack([np.zeros_like(vectors.matrix[:1]), vectors.matrix]), longest)

    def transform(self, encoded: Encoded) -> Sequences:
        """The sequences."""
        return Sequences(encoded.views[WORDS], self.matrix, self.longest)

    def write(self, graph: Graph) -> str:
        """Add nothing: a network looks its vectors up itself."""
        return ""
