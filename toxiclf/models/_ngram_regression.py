"""Logistic regressions, one for each label, over shared 0/1 rows of n-grams."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf._compiled import compiled

if TYPE_CHECKING:
    import scipy.sparse as sp

_regression = compiled("toxiclf.models._regression")
IS_COMPILED = _regression is not None
"""Whether regressions are fitted by ``_regression.c``; else by liblinear."""

Floats = NDArray[np.float64]

_TOLERANCE = 0.01  # average precision is the same as with scikit-learn's 1e-4
_ROUNDS = 2000
_AT_ONCE = 16  # regressions that _regression.c fits at once


@dataclass(frozen=True)
class ScaledRows:
    """A 0/1 matrix in blocks of columns, each with a scale for each row.

    Attributes
    ----------
    blocks : the blocks, each (n, its columns).
    scales : for each block (n,), the value of a 1 in each row.
    """

    blocks: Sequence[sp.csr_matrix]
    scales: Sequence[Floats]

    def __matmul__(self, coefficients: Floats) -> Floats:
        """Return the product with coefficients, (columns, k), as float64 (n, k)."""
        product, begin = np.zeros((len(self.scales[0]), coefficients.shape[1])), 0
        for rows, scales in zip(self.blocks, self.scales, strict=True):
            product += (rows @ coefficients[begin : begin + rows.shape[1]]) * scales[:, None]
            begin += rows.shape[1]
        return product


def fit_regressions(
    rows: ScaledRows, factors: Floats, classes: NDArray[np.intp], costs: Floats, seed: int
) -> tuple[Floats, Floats]:
    """Fit L2-penalized logistic regressions by dual coordinate descent (Yu, Huang and Lin 2011), as liblinear does.

    Each regression multiplies the columns by factors of its own. ``_regression.c`` fits all of them in one pass
    over the rows; liblinear needs a copy of the rows, scaled for each regression.

    Parameters
    ----------
    factors : (columns, k), for k regressions.
    classes, costs : 0/1 targets, and the cost of an error in each row, (n, k) each.

    Returns
    -------
    coefficients, intercepts : (columns, k), which include the factors, and (k,).
    """
    k = classes.shape[1]
    parts = [slice(begin, begin + _AT_ONCE) for begin in range(0, k, _AT_ONCE)]
    fit = _compiled if IS_COMPILED else _liblinear
    fitted = [fit(rows, factors[:, part], classes[:, part], costs[:, part], seed) for part in parts]
    return np.hstack([coefficients for coefficients, _ in fitted]), np.concatenate([own for _, own in fitted])


def _compiled(
    rows: ScaledRows, factors: Floats, classes: NDArray[np.intp], costs: Floats, seed: int
) -> tuple[Floats, Floats]:
    blocks: list[Sequence[object]] = [
        (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False), scales.astype(np.float32))
        for matrix, scales in zip(rows.blocks, rows.scales, strict=True)
    ]
    widths = np.array([matrix.shape[1] for matrix in rows.blocks], dtype=np.int64)
    signs = np.where(classes == 1, 1, -1).astype(np.int8)
    own = [np.ascontiguousarray(values, dtype=np.float64) for values in (factors, costs)]
    flat, intercepts, rounds = _regression.fit(
        blocks, widths, own[0], signs, own[1], classes.shape[1], _TOLERANCE, _ROUNDS, seed
    )
    if rounds == _ROUNDS:
        warnings.warn(f"a regression did not converge in {_ROUNDS:,} rounds; lower C", stacklevel=2)
    coefficients = np.frombuffer(flat, dtype=np.float32).reshape(factors.shape)
    return coefficients.astype(np.float64), np.frombuffer(intercepts)


def _liblinear(
    rows: ScaledRows, factors: Floats, classes: NDArray[np.intp], costs: Floats, seed: int
) -> tuple[Floats, Floats]:
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression

    blocks = [
        sp.csr_matrix((np.repeat(scales, np.diff(block.indptr)), block.indices, block.indptr), block.shape)
        for block, scales in zip(rows.blocks, rows.scales, strict=True)
    ]
    matrix = sp.hstack(blocks, format="csr")
    del blocks
    scaled = matrix.astype(np.float64)
    fitted: list[Any] = []
    for j in range(classes.shape[1]):
        np.take(factors[:, j], matrix.indices, out=scaled.data, mode="clip")  # "raise" would make a copy
        scaled.data *= matrix.data
        regression = LogisticRegression(
            solver="liblinear", dual=True, tol=_TOLERANCE, max_iter=_ROUNDS, random_state=seed
        )
        fitted.append(regression.fit(scaled, classes[:, j], sample_weight=costs[:, j]))
    coefficients = np.column_stack([regression.coef_[0] for regression in fitted]) * factors
    return coefficients, np.array([regression.intercept_[0] for regression in fitted])
