"""Select the dimensions of a comment's vector that matter most to a forest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import UsageError
from toxiclf.graph import Graph

_TREES = 100


class Selection:
    """Selects the most important dimensions of dense vectors by a random forest.

    A number's importance is how much splits on it lessen the impurity of a random forest (Breiman 2001), fitted to the rows that
    are given, in which each class weighs the same.

    Parameters
    ----------
    count : how many numbers are kept.
    seed : of the forest.

    Attributes
    ----------
    importances_ : float64 (width,), of all numbers; they sum to 1.
    columns_ : intp (count,), which numbers are kept, in their order in the vector.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> classes = rng.integers(0, 2, 200)
    >>> vectors = rng.normal(size=(200, 4)).astype(np.float32)
    >>> vectors[:, 2] += 3 * classes
    >>> Selection(1, seed=0).fit(vectors, classes).columns_
    array([2])
    """

    def __init__(self, count: int, *, seed: int) -> None:
        self.count, self.seed = count, seed

    def fit(self, features: NDArray[np.float32], classes: NDArray[Any]) -> Selection:
        """Find them.

        Parameters
        ----------
        classes : (n,), or 0/1 (n, k) of independent labels.

        Raises
        ------
        UsageError : there are not more numbers than are to be kept.
        """
        from sklearn.ensemble import RandomForestClassifier

        width = features.shape[1]
        if self.count >= width:
            raise UsageError(
                f"features.select is {self.count}, but a comment's vector has {width} dimensions; give a smaller "
                "number, or leave it out"
            )
        forest = RandomForestClassifier(
            _TREES, min_samples_leaf=3, class_weight="balanced", n_jobs=-1, random_state=self.seed
        )
        self.importances_: NDArray[np.float64] = forest.fit(features, classes).feature_importances_
        self.columns_ = np.sort(np.argsort(-self.importances_, kind="stable")[: self.count])
        return self

    def transform(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The numbers that are kept, float32 (n, count)."""
        return np.ascontiguousarray(features[:, self.columns_])

    def write(self, graph: Graph, features: str) -> str:
        """Add a gather."""
        return graph.add("Gather", features, graph.constant(self.columns_, np.int64), axis=1)

    def facts(self) -> dict[str, Any]:
        """What a report says of it, as JSON types."""
        order = np.argsort(-self.importances_, kind="stable")
        selected = set(self.columns_.tolist())
        return {
            "kept": self.count,
            "of": len(self.importances_),
            "share": round(float(self.importances_[self.columns_].sum()), 4),
            "importances": [
                {"number": int(i), "importance": round(float(self.importances_[i]), 5), "kept": int(i) in selected}
                for i in order
            ],
        }
