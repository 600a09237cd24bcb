"""Support vector machines over averaged word vectors: fitted to both classes, or only to comments without the label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._base import HeldOut, Model, Task, unlabelled_rows
from toxiclf.models._binary import Floats, Scaling, against_negative, binary_problems, write_against_negative
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import NoEffect, Positive

if TYPE_CHECKING:
    from toxiclf.graph import Graph


def write_kernel_expansion(graph: Graph, scaled: str, estimator: Any) -> str:
    """Add the decision function of a scikit-learn SVM (linear or RBF); return the name of the values (batch, 1).

    ``scaled`` is the name of the scaled features. They must be in double precision: squared distances are computed as
    ``|x|² + |s|² - 2 x·s``, and in float32 the result would differ from scikit-learn's by more than 1e-5. The added
    nodes are about ten times as fast as ONNX's own SVM operator.
    """
    intercept = graph.constant(estimator.intercept_, np.float64)
    if estimator.kernel == "linear":
        kernel = graph.add("MatMul", scaled, graph.constant(estimator.coef_.T, np.float64))
        return graph.add("Add", kernel, intercept)
    vectors = estimator.support_vectors_
    squares = graph.add("ReduceSum", graph.add("Mul", scaled, scaled), graph.integers(1), keepdims=1)
    gamma = estimator._gamma  # the value of "scale"; scikit-learn has no public attribute for it
    products = graph.add("MatMul", scaled, graph.constant(2 * gamma * vectors.T, np.float64))
    offsets = graph.add("Mul", squares, graph.constant(gamma, np.float64))
    offsets = graph.add("Add", offsets, graph.constant(gamma * (vectors**2).sum(axis=1), np.float64))
    kernel = graph.add("Exp", graph.add("Sub", products, offsets))
    return graph.add("Add", graph.add("MatMul", kernel, graph.constant(estimator.dual_coef_.T, np.float64)), intercept)


class SvmOptions(ModelOptions):
    """Options of ``svm``."""

    name: Literal["svm"] = "svm"
    kernel: Literal["rbf", "linear"] = "rbf"
    """Shape of the boundary: curved (rbf) or straight (linear)."""
    C: Positive = 1.0
    """Penalty on training rows on the wrong side of the margin; higher fits them more closely."""
    gamma: Positive | Literal["scale"] = "scale"
    """How fast the RBF kernel falls with squared distance; "scale" is 1 / (dimensions · variance)."""
    standardize: bool = True
    """Whether each dimension is first scaled to mean 0 and standard deviation 1."""

    def without_effect(self) -> list[NoEffect]:
        """Return ``gamma`` if the kernel is linear: only the RBF kernel uses it."""
        return [NoEffect("model", ["gamma"], "while model.kernel is 'linear'")] if self.kernel == "linear" else []


@register(
    "model", "svm", order=12, options=SvmOptions,
    summary="Support vector machine with an RBF kernel over averaged word vectors",
)  # fmt: skip
class Svm(Model):
    """Support vector machine (Cortes and Vapnik 1995) by scikit-learn, one per binary problem.

    Its raw output is the decision value, above 0 on the toxic side. The graph computes it in double precision.
    """

    options: SvmOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Svm:
        """Fit the scaling, and one support vector machine per binary problem, to feature vectors (n, width)."""
        from sklearn.svm import SVC

        self.exclusive_ = task.exclusive
        self.scaling_ = Scaling(features, standardize=self.options.standardize)
        scaled = self.scaling_.apply(features)
        self.estimators_ = [
            SVC(
                kernel=self.options.kernel, C=self.options.C, gamma=self.options.gamma,
                cache_size=500, random_state=task.seed,
            ).fit(scaled, y, sample_weight=weights)
            for y, weights in binary_problems(task)
        ]  # fmt: skip
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return SVM decision values, (n, n_labels), above 0 on the toxic side."""
        scaled = self.scaling_.apply(features)
        margins = np.column_stack([estimator.decision_function(scaled) for estimator in self.estimators_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the scaling and the decision functions; return the name of the decision values (batch, n_labels)."""
        scaled = self.scaling_.write(graph, graph.double(features), np.float64)
        margins = [write_kernel_expansion(graph, scaled, estimator) for estimator in self.estimators_]
        raw = write_against_negative(graph, graph.concat(margins), len(margins), exclusive=self.exclusive_)
        return graph.single(raw)


class OneClassSvmOptions(ModelOptions):
    """Options of ``one_class_svm``."""

    name: Literal["one_class_svm"] = "one_class_svm"
    nu: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Maximum share of the comments without the label outside the boundary."""
    gamma: Positive | Literal["scale"] = "scale"
    """How fast the RBF kernel falls with squared distance; "scale" is 1 / (dimensions · variance)."""
    standardize: bool = True
    """Whether each dimension is first scaled to mean 0 and standard deviation 1."""


@register(
    "model", "one_class_svm", order=61, options=OneClassSvmOptions,
    learns_from_negatives=True, multi_label=False, raw_name="anomaly score",
    summary="One-class support vector machine over averaged word vectors, trained only on comments without the label",
)  # fmt: skip
class OneClassSvm(Model):
    """One-class SVM: a boundary around comments without the label (Schölkopf et al. 2001).

    Its raw output is the negated decision value, above 0 outside the boundary.
    """

    options: OneClassSvmOptions

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> OneClassSvm:
        """Fit the scaling and the boundary to the training rows that do not have the label."""
        from sklearn.svm import OneClassSVM

        rows = unlabelled_rows(task.targets, "the training set")
        self.scaling_ = Scaling(features[rows], standardize=self.options.standardize)
        scaled = self.scaling_.apply(features[rows])
        self.estimator_ = OneClassSVM(nu=self.options.nu, gamma=self.options.gamma, cache_size=500).fit(scaled)
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Return negated decision values, (n, 1), above 0 outside the boundary."""
        return np.asarray(-self.estimator_.decision_function(self.scaling_.apply(features))[:, None])

    def write(self, graph: Graph, features: str) -> str:
        """Add the scaling and the negated decision function; return the name of the raw outputs (batch, 1)."""
        scaled = self.scaling_.write(graph, graph.double(features), np.float64)
        return graph.single(graph.add("Neg", write_kernel_expansion(graph, scaled, self.estimator_)))
