"""The decision function of support vector machines in an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from toxiclf.graph import Graph


def write_kernel_expansion(graph: Graph, scaled: str, estimator: Any) -> str:
    """Add the decision function of one of scikit-learn's support vector machines, linear or RBF, in double precision.

    Squared distances as ``|x|² + |s|² - 2 x·s`` need double precision to agree to 1e-5; one matrix product is still some ten times
    as fast as ONNX's own SVM operator.
    """
    intercept = graph.constant(estimator.intercept_, np.float64)
    if estimator.kernel == "linear":
        kernel = graph.add("MatMul", scaled, graph.constant(estimator.coef_.T, np.float64))
        return graph.add("Add", kernel, intercept)
    vectors = estimator.support_vectors_
    squares = graph.add("ReduceSum", graph.add("Mul", scaled, scaled), graph.integers(1), keepdims=1)
    gamma = estimator._gamma  # what "scale" came to; scikit-learn has no public name for it
    products = graph.add("MatMul", scaled, graph.constant(2 * gamma * vectors.T, np.float64))
    offsets = graph.add("Mul", squares, graph.constant(gamma, np.float64))
    offsets = graph.add("Add", offsets, graph.constant(gamma * (vectors**2).sum(axis=1), np.float64))
    kernel = graph.add("Exp", graph.add("Sub", products, offsets))
    return graph.add("Add", graph.add("MatMul", kernel, graph.constant(estimator.dual_coef_.T, np.float64)), intercept)
