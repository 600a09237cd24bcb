"""Comments as sparse 0/1 matrices of their n-grams of jamo and of syllables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toxiclf.graph import Graph
from toxiclf.text.encoder import Encoded

if TYPE_CHECKING:
    import scipy.sparse as sp

NgramRows = dict[str, "sp.csr_matrix"]
"""Float32 matrices (n, n-grams), by the keys "jamo" and "syllable"; 1 if the comment holds the n-gram, else 0."""


@dataclass(frozen=True)
class Ngrams:
    """Converts encoded comments to sparse 0/1 matrices (:data:`NgramRows`).

    Attributes
    ----------
    sizes : number of known n-grams of jamo and of syllables, by the keys "jamo" and "syllable".
    """

    sizes: Mapping[str, int]

    def transform(self, encoded: Encoded) -> NgramRows:
        """Return a 0/1 matrix (n, n-grams) for each key of ``sizes``; column j is the n-gram with id j + 1."""
        import scipy.sparse as sp

        rows = {}
        for name, size in self.sizes.items():
            ids = encoded.views[name]
            ones = np.ones(len(ids.flat), dtype=np.float32)
            rows[name] = sp.csr_matrix((ones, ids.flat - 1, ids.starts), shape=(len(ids), size))
        return rows

    def write(self, graph: Graph) -> str:
        """Add nothing and return "", because the model itself reads the ids from the graph's inputs."""
        return ""
