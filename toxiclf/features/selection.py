"""Select the dimensions of a comment's vector that are most important to a random forest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import UsageError
from toxiclf.graph import Graph

_TREES = 100


class Selection:
    """Selects the dimensions of comment vectors that are most important to a random forest.

    The importance of a dimension is the decrease of impurity by the splits on it (Breiman 2001). In the forest, each
    class has the same total weight.

    Parameters
    ----------
    count : number of dimensions to keep.
    seed : seed of the random forest.

    Attributes
    ----------
    importances_ : importance of each dimension, float64 (width,); the sum is 1.
    columns_ : indexes of the dimensions that are kept, ascending, intp (count,).

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
        """Fit the random forest and choose the dimensions.

        Parameters
        ----------
        features : comment vectors, float32 (n, width).
        classes : class of each row, (n,), or 0/1 values of independent labels, (n, n_labels).

        Raises
        ------
        UsageError : ``count`` is not smaller than the number of dimensions.
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
        """Return the dimensions that are kept, float32 (n, count)."""
        return np.ascontiguousarray(features[:, self.columns_])

    def write(self, graph: Graph, features: str) -> str:
        """Add a Gather of the dimensions that are kept; return the name of its output (batch, count)."""
        return graph.add("Gather", features, graph.constant(self.columns_, np.int64), axis=1)

    def facts(self) -> dict[str, Any]:
        """Return facts for reports, as JSON types: numbers of dimensions (kept and in all), share of the importance
        that is kept, and the importance of every dimension, highest first."""
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
