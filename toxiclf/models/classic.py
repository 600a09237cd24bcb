"""Classic models on scikit-learn: linear, SVM, forest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.svm import SVC

from toxiclf.balance.weights import problems
from toxiclf.features.ngrams import NgramRows
from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._trees import of_sklearn, shares_of, write_trees
from toxiclf.recipe import LogisticOptions, NgramLogisticOptions, RandomForestOptions, SvmOptions

Floats = NDArray[np.float64]


def binary_problems(task: Task) -> list[tuple[NDArray[np.intp], Floats]]:
    """One class against the rest, with row weights: a label each, or each value (the negative one first) of exclusive labels."""
    result = []
    for classes, weights in zip(problems(task.targets, exclusive=task.exclusive), task.weights, strict=True):
        rows = np.array(weights.weights)[classes]
        chosen = range(len(weights.names)) if task.exclusive else [1]
        result += [((classes == c).astype(np.intp), rows) for c in chosen]
    return result


def against_negative(margins: Floats, *, exclusive: bool) -> Floats:
    return margins[:, 1:] - margins[:, :1] if exclusive else margins


def write_against_negative(graph: Graph, margins: str, columns: int, *, exclusive: bool) -> str:
    if not exclusive:
        return margins
    one = graph.constant([1], np.int64)
    rest = graph.add("Slice", margins, one, graph.constant([columns], np.int64), one)
    first = graph.add("Slice", margins, graph.constant([0], np.int64), one, one)
    return graph.add("Sub", rest, first)


class _Linear:
    """Coefficients (features, columns) and intercepts (columns) of one logistic regression a binary problem.

    Parameters
    ----------
    C : inverse strength of the L2 penalty.
    dual : solve the dual problem, for more features than rows.
    """

    def __init__(self, C: float, *, dual: bool) -> None:
        self._C, self._dual = C, dual

    def fit(self, features: Any, task: Task, scales: Callable[[NDArray[np.intp]], Floats] | None = None) -> _Linear:
        """Learn; ``scales`` gives, for the 0/1 classes of a problem, a factor for each feature, (features,)."""
        columns, intercepts = [], []
        for classes, weights in binary_problems(task):
            factors = None if scales is None else scales(classes)
            scaled = features if factors is None else features @ sp.diags(factors)
            estimator = LogisticRegression(
                C=self._C, solver="liblinear", dual=self._dual, max_iter=2000, random_state=task.seed
            ).fit(scaled, classes, sample_weight=weights)
            columns.append(estimator.coef_[0] if factors is None else estimator.coef_[0] * factors)
            intercepts.append(estimator.intercept_[0])
        coefficients = np.column_stack(columns)
        self.coefficients_ = against_negative(coefficients, exclusive=task.exclusive)
        self.intercepts_ = against_negative(np.array([intercepts]), exclusive=task.exclusive)[0]
        return self

    def raw(self, features: Any) -> Floats:
        return np.asarray(features @ self.coefficients_ + self.intercepts_)


class NgramLogistic(Model):
    """Logistic regression over TF-IDF of distinct n-grams, every view scaled to length one.

    Before it is fitted, each n-gram is scaled by its log-count ratio (Wang and Manning 2012, "Baselines and Bigrams"): held-out
    average precision on curse rises from .870 to .887 (10 seeds). As a graph it is a gather, a sum and a norm a view, since all
    factors go into the gathered table. Presence in place of counts loses nothing on comments.
    """

    def __init__(self, options: NgramLogisticOptions) -> None:
        self.options = options

    def fit(self, features: NgramRows, task: Task, held_out: HeldOut | None = None) -> NgramLogistic:
        """Learn from sparse rows of ones, one matrix a view."""
        self.idf_ = {
            view: np.log((1 + rows.shape[0]) / (1 + np.asarray(rows.sum(axis=0)).ravel())) + 1
            for view, rows in features.items()
        }
        ratios = partial(_log_count_ratios, features) if self.options.log_count_ratio else None
        self.linear_ = _Linear(self.options.C, dual=True).fit(self._scaled(features), task, ratios)
        return self

    def raw(self, features: NgramRows) -> Floats:
        """Log-odds."""
        return self.linear_.raw(self._scaled(features))

    def write(self, graph: Graph, features: str = "") -> str:
        """Add the model; it reads the views' ids itself."""
        coefficients = self.linear_.coefficients_
        columns = coefficients.shape[1]
        axis, ends = (
            graph.constant([1], np.int64),
            [graph.constant([end], np.int64) for end in (0, columns, columns + 1)],
        )
        total = graph.constant(self.linear_.intercepts_)
        begin = 0
        for view, idf in self.idf_.items():
            block = coefficients[begin : begin + len(idf)] * idf[:, None] / np.sqrt(len(self.idf_))
            begin += len(idf)
            table = np.vstack([np.zeros(columns + 1), np.column_stack([block, idf**2])])
            sums = graph.sum_over_time(graph.add("Gather", graph.constant(table), graph.ids(view)))
            dots = graph.add("Slice", sums, ends[0], ends[1], axis)
            squares = graph.add("Slice", sums, ends[1], ends[2], axis)
            norm = graph.add("Max", graph.add("Sqrt", squares), graph.constant([1e-6]))
            total = graph.add("Add", total, graph.add("Div", dots, norm))
        return total

    def _scaled(self, features: NgramRows) -> Any:
        blocks = [
            normalize(features[view] @ sp.diags(idf)) / np.sqrt(len(self.idf_)) for view, idf in self.idf_.items()
        ]
        return sp.hstack(blocks, format="csr")


def _log_count_ratios(features: NgramRows, classes: NDArray[np.intp]) -> Floats:
    """How telling each n-gram is, (n-grams of all views,): |log of its share in class 1 by its share in class 0|, by view."""
    ratios = []
    for rows in features.values():
        shares = []
        for c in (0, 1):
            counts = 1 + np.asarray(rows[classes == c].sum(axis=0), dtype=np.float64).ravel()
            shares.append(counts / counts.sum())
        ratios.append(np.abs(np.log(shares[1] / shares[0])))
    return np.concatenate(ratios)


class Scaling:
    """Standardization by the training rows, or none."""

    def __init__(self, features: NDArray[np.float32], *, standardize: bool) -> None:
        self.mean = features.mean(axis=0, dtype=np.float64) if standardize else np.zeros(features.shape[1])
        deviation = features.std(axis=0, dtype=np.float64) if standardize else np.ones(features.shape[1])
        self.deviation = np.where(deviation > 1e-8, deviation, 1.0)

    def apply(self, features: NDArray[np.float32]) -> Floats:
        return (features - self.mean) / self.deviation

    def write(self, graph: Graph, features: str, dtype: Any = np.float32) -> str:
        centred = graph.add("Sub", features, graph.constant(self.mean, dtype))
        return graph.add("Div", centred, graph.constant(self.deviation, dtype))


class Logistic(Model):
    """Logistic regression over standardized comment vectors."""

    def __init__(self, options: LogisticOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Logistic:
        """Learn from dense vectors."""
        self.scaling_ = Scaling(features, standardize=True)
        self.linear_ = _Linear(self.options.C, dual=False).fit(self.scaling_.apply(features), task)
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Log-odds."""
        return self.linear_.raw(self.scaling_.apply(features))

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling, product and sum."""
        product = graph.add("MatMul", self.scaling_.write(graph, features), graph.constant(self.linear_.coefficients_))
        return graph.add("Add", product, graph.constant(self.linear_.intercepts_))


class Svm(Model):
    """Support vector machine, one a binary problem; its raw output is the signed distance to the boundary.

    The graph computes in double precision: squared distances as ``|x|² + |s|² - 2 x·s`` need it to agree to 1e-5, and one
    matrix product is still some ten times as fast as ONNX's own SVM operator.
    """

    def __init__(self, options: SvmOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Svm:
        """Learn from dense vectors."""
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
        """Signed distances."""
        scaled = self.scaling_.apply(features)
        margins = np.column_stack([estimator.decision_function(scaled) for estimator in self.estimators_])
        return against_negative(margins, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling and kernel expansions."""
        double = graph.add("Cast", features, to=_DOUBLE)
        scaled = self.scaling_.write(graph, double, np.float64)
        margins = [write_kernel_expansion(graph, scaled, estimator) for estimator in self.estimators_]
        joined = graph.add("Concat", *margins, axis=1) if len(margins) > 1 else margins[0]
        raw = write_against_negative(graph, joined, len(margins), exclusive=self.exclusive_)
        return graph.add("Cast", raw, to=_FLOAT)


def write_kernel_expansion(graph: Graph, scaled: str, estimator: Any) -> str:
    """Add the decision function of one of scikit-learn's support vector machines, linear or RBF, in double precision."""
    intercept = graph.constant(estimator.intercept_, np.float64)
    if estimator.kernel == "linear":
        kernel = graph.add("MatMul", scaled, graph.constant(estimator.coef_.T, np.float64))
        return graph.add("Add", kernel, intercept)
    vectors = estimator.support_vectors_
    squares = graph.add("ReduceSum", graph.add("Mul", scaled, scaled), graph.constant([1], np.int64), keepdims=1)
    gamma = estimator._gamma  # what "scale" came to; scikit-learn has no public name for it
    products = graph.add("MatMul", scaled, graph.constant(2 * gamma * vectors.T, np.float64))
    offsets = graph.add("Mul", squares, graph.constant(gamma, np.float64))
    offsets = graph.add("Add", offsets, graph.constant(gamma * (vectors**2).sum(axis=1), np.float64))
    kernel = graph.add("Exp", graph.add("Sub", products, offsets))
    return graph.add("Add", graph.add("MatMul", kernel, graph.constant(estimator.dual_coef_.T, np.float64)), intercept)


_FLOAT, _DOUBLE = 1, 11  # onnx.TensorProto's numbers


class RandomForest(Model):
    """Random forest; its raw output is the log-odds of the trees' mean share, each class raised by half a tree's vote."""

    def __init__(self, options: RandomForestOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> RandomForest:
        """Learn from dense vectors."""
        options = self.options
        self.exclusive_ = task.exclusive
        self.estimators_ = []
        for classes, weights in zip(problems(task.targets, exclusive=task.exclusive), task.weights, strict=True):
            forest = RandomForestClassifier(
                n_estimators=options.trees,
                max_depth=None if options.max_depth == "none" else options.max_depth,
                min_samples_leaf=options.min_samples_leaf,
                min_samples_split=options.min_samples_split,
                n_jobs=-1,
                random_state=task.seed,
            )
            forest.fit(features, classes, sample_weight=np.array(weights.weights)[classes])
            self.estimators_.append(forest.set_params(n_jobs=1))  # threads would add the trees' shares in any order
        return self

    def raw(self, features: NDArray[np.float32]) -> Floats:
        """Log-odds of shares."""
        return np.column_stack([self._log_odds(forest.predict_proba(features)) for forest in self.estimators_])

    def _log_odds(self, shares: Floats) -> Floats:
        logs = np.log(shares + 0.5 / self.options.trees)
        return logs[:, 1:] - logs[:, :1]

    def write(self, graph: Graph, features: str) -> str:
        """Add the trees and the log-odds."""
        outputs = []
        for forest in self.estimators_:
            trees = [of_sklearn(tree.tree_, shares_of(tree.tree_) / len(forest)) for tree in forest.estimators_]
            shares = write_trees(graph, features, trees)
            logs = graph.add("Log", graph.add("Add", shares, graph.constant(0.5 / self.options.trees)))
            outputs.append(write_against_negative(graph, logs, forest.n_classes_, exclusive=True))
        return graph.add("Concat", *outputs, axis=1) if len(outputs) > 1 else outputs[0]
