"""Combine the outputs of an ensemble's members, by a weighted vote or by a regression over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from toxiclf._registry import component, register
from toxiclf.balance.weights import problems
from toxiclf.graph import Graph
from toxiclf.models._binary import against_negative, write_against_negative
from toxiclf.pipeline.decision import fit_calibration
from toxiclf.recipe import ModelOptions

Floats = NDArray[np.float64]
_STEPS = 1000  # maximum number of iterations of expectation maximization, which converges long before
_IDLE = 0.005  # lower weights are set to 0: such a member is not worth its scoring time
_LEAST = 1e-30  # smallest probability that is used, so that no logarithm is infinite


class Combination(ABC):
    """Base class: combines the members' raw outputs after Platt calibration of each member (Platt 1999).

    Attributes
    ----------
    slopes_, intercepts_ : Platt calibration of each member, from raw outputs to log-odds; (members, n_labels) each.
    """

    def __init__(self, options: Any, *, exclusive: bool, seed: int) -> None:
        self.options, self.exclusive, self.seed = options, exclusive, seed

    def fit(self, raw: Floats, targets: NDArray[np.uint8]) -> Combination:
        """Fit the combination to rows that the members did not learn from.

        Parameters
        ----------
        raw : raw outputs of the members, (members, n, n_labels).
        targets : 0/1 labels of the rows, (n, n_labels).
        """
        lines = [fit_calibration(member, targets, method="platt", exclusive=self.exclusive).labels for member in raw]
        self.slopes_ = np.array([[label.slope for label in labels] for labels in lines])
        self.intercepts_ = np.array([[label.intercept for label in labels] for labels in lines])
        self._fit(self._log_odds(raw), targets)
        return self

    def raw(self, raw: Floats) -> Floats:
        """Compute the ensemble's raw outputs, (n, n_labels), from ``raw``.

        ``raw`` holds the raw outputs of the members, (members, n, n_labels).
        """
        return self._raw(self._log_odds(raw))

    def write(self, graph: Graph, raw: Sequence[str]) -> str:
        """Add nodes that combine the members' raw outputs ``raw`` in double precision; return the output's name."""
        log_odds = []
        for name, slope, intercept in zip(raw, self.slopes_, self.intercepts_, strict=True):
            double = graph.add("Mul", graph.double(name), graph.constant(slope, np.float64))
            log_odds.append(graph.add("Add", double, graph.constant(intercept, np.float64)))
        return graph.single(self._write(graph, log_odds))

    def _log_odds(self, raw: Floats) -> Floats:
        return np.asarray(raw * self.slopes_[:, None] + self.intercepts_[:, None])

    def only(self, members: Sequence[int]) -> Combination:
        """Return a copy for the members at these positions only; all other members must have the weight 0."""
        part = copy(self)
        part.slopes_, part.intercepts_ = self.slopes_[members], self.intercepts_[members]
        return part

    @abstractmethod
    def weights(self) -> list[list[float]]:
        """Return a list for each member: a weight per label, or a single weight for voting with exclusive labels."""

    @abstractmethod
    def _fit(self, log_odds: Floats, targets: NDArray[np.uint8]) -> None: ...

    @abstractmethod
    def _raw(self, log_odds: Floats) -> Floats: ...

    @abstractmethod
    def _write(self, graph: Graph, log_odds: Sequence[str]) -> str: ...


@register("combination", "voting", summary="The weighted mean of the members' probabilities")
class Voting(Combination):
    """Combines members by a weighted mean of their probabilities; the raw output is the log-odds of this mean.

    With ``weights = "auto"``, expectation maximization finds the weights with the lowest cross-entropy (Dempster,
    Laird and Rubin 1977). Only the weights are fitted, not the members, so there is one optimum. Expectation
    maximization needs no learning rate. Weights below 0.5 % are set to 0. A member whose weights are all 0 is not used
    for scoring.

    Attributes
    ----------
    weights_ : weights of the members, (members, n_labels), or (members, 1) for exclusive labels; each column sums to 1.
    """

    def weights(self) -> list[list[float]]:
        """Return ``weights_`` as lists, one list per member."""
        return [[float(weight) for weight in row] for row in self.weights_]

    def only(self, members: Sequence[int]) -> Combination:
        """Return a copy for the members at these positions only; all other members must have the weight 0."""
        part = super().only(members)
        assert isinstance(part, Voting)
        part.weights_ = self.weights_[members]
        return part

    def _fit(self, log_odds: Floats, targets: NDArray[np.uint8]) -> None:
        columns = 1 if self.exclusive else targets.shape[1]
        given = self.options.weights
        if given == "auto":
            classes = problems(targets, exclusive=self.exclusive)
            shares = self._log_shares(log_odds)
            self.weights_ = np.column_stack([_mixture(np.exp(shares[j]), own) for j, own in enumerate(classes)])
        else:
            weights = np.ones(len(log_odds)) if given == "equal" else np.array(given)
            self.weights_ = np.repeat((weights / weights.sum())[:, None], columns, axis=1)

    def _log_shares(self, log_odds: Floats) -> list[Floats]:
        """Return log-probabilities of classes: one array (members, n, classes) per label, or one for exclusive labels.

        The first class is the one that is not toxic.
        """
        if self.exclusive:
            logits = np.concatenate([np.zeros_like(log_odds[:, :, :1]), log_odds], axis=2)
            return [logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)]
        both = -np.logaddexp(0, np.stack([log_odds, -log_odds], axis=-1))
        return [both[:, :, j] for j in range(log_odds.shape[2])]

    def _raw(self, log_odds: Floats) -> Floats:
        columns = []
        for shares, logs in zip(self._log_shares(log_odds), self._log_weights().T, strict=True):
            mixed = np.logaddexp.reduce(shares + logs[:, None, None], axis=0)
            columns.append(mixed[:, 1:] - mixed[:, :1])
        return np.concatenate(columns, axis=1)

    def _log_weights(self) -> Floats:
        return np.asarray(np.log(np.maximum(self.weights_, _LEAST)))

    def _write(self, graph: Graph, log_odds: Sequence[str]) -> str:
        # all nodes compute with logarithms: ONNX Runtime's Sigmoid returns 0 for a probability of 1e-20
        if self.exclusive:
            pads = graph.integers(0, 1, 0, 0)
            mixed = self._mixed(graph, [graph.add("LogSoftmax", graph.add("Pad", z, pads), axis=1) for z in log_odds])
            return write_against_negative(graph, mixed, self.slopes_.shape[1] + 1, exclusive=True)
        there = [_write_log_sigmoid(graph, z) for z in log_odds]
        absent = [graph.add("Sub", logs, z) for logs, z in zip(there, log_odds, strict=True)]
        return graph.add("Sub", self._mixed(graph, there), self._mixed(graph, absent))

    def _mixed(self, graph: Graph, log_shares: Sequence[str]) -> str:
        first = graph.integers(0)
        weighted = [
            graph.add("Unsqueeze", graph.add("Add", name, graph.constant(logs, np.float64)), first)
            for name, logs in zip(log_shares, self._log_weights(), strict=True)
        ]
        return graph.add("ReduceLogSumExp", graph.add("Concat", *weighted, axis=0), axes=[0], keepdims=0)


def _write_log_sigmoid(graph: Graph, z: str) -> str:
    tail = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    rest = graph.add("Log", graph.add("Add", tail, graph.constant(1.0, np.float64)))
    return graph.add("Sub", graph.add("Min", z, graph.constant(0.0, np.float64)), rest)


def _mixture(shares: Floats, classes: NDArray[np.intp]) -> Floats:
    """Find the member weights, (members,), that give the true classes the highest likelihood.

    ``shares`` holds each member's probabilities, (members, n, classes); ``classes`` holds the true classes, (n,).
    """
    likely = np.maximum(shares[:, np.arange(len(classes)), classes], _LEAST)
    weights = np.full(len(shares), 1 / len(shares))
    for _ in range(_STEPS):
        parts = weights[:, None] * likely
        after = (parts / parts.sum(axis=0)).mean(axis=1)
        done = np.abs(after - weights).max() < 1e-7
        weights = after
        if done:
            break
    weights = np.where(weights < _IDLE, 0.0, weights)
    return np.asarray(weights / weights.sum())


@register("combination", "stacking", summary="A logistic regression over the members' log-odds")
class Stacking(Combination):
    """Combines members by a logistic regression over their log-odds (Wolpert 1992).

    Each label has its own regression, over the members' log-odds of this label. Exclusive labels share one regression,
    over the members' log-odds of all labels.

    Attributes
    ----------
    coefficients_ : (members · n_labels, n_labels): a row for each label of each member, a column for each regression.
    offsets_ : intercepts of the regressions, (n_labels,).
    """

    def weights(self) -> list[list[float]]:
        """Return a list for each member: for each label, the coefficient of the member's log-odds of this label."""
        members, labels = self.slopes_.shape
        return [[float(self.coefficients_[m * labels + j, j]) for j in range(labels)] for m in range(members)]

    def _fit(self, log_odds: Floats, targets: NDArray[np.uint8]) -> None:
        members, _, labels = log_odds.shape
        rows = self._rows(log_odds)
        regression = LogisticRegression(C=self.options.C, max_iter=2000, random_state=self.seed)
        if self.exclusive:
            regression.fit(rows, problems(targets, exclusive=True)[0])
            coefficients = regression.coef_.T
            if labels == 1:
                self.coefficients_, self.offsets_ = coefficients, regression.intercept_
            else:
                self.coefficients_ = against_negative(coefficients, exclusive=True)
                self.offsets_ = against_negative(regression.intercept_[None], exclusive=True)[0]
            return
        self.coefficients_, self.offsets_ = np.zeros((members * labels, labels)), np.zeros(labels)
        for j in range(labels):
            own = np.arange(members) * labels + j
            regression.fit(rows[:, own], targets[:, j])
            self.coefficients_[own, j], self.offsets_[j] = regression.coef_[0], regression.intercept_[0]

    def _rows(self, log_odds: Floats) -> Floats:
        """Put the members' log-odds side by side, (n, members · n_labels)."""
        return np.concatenate(list(log_odds), axis=1)

    def _raw(self, log_odds: Floats) -> Floats:
        return np.asarray(self._rows(log_odds) @ self.coefficients_ + self.offsets_)

    def _write(self, graph: Graph, log_odds: Sequence[str]) -> str:
        product = graph.add(
            "MatMul", graph.add("Concat", *log_odds, axis=1), graph.constant(self.coefficients_, np.float64)
        )
        return graph.add("Add", product, graph.constant(self.offsets_, np.float64))


def combination(
    options: ModelOptions, raw: Floats, targets: NDArray[np.uint8], *, exclusive: bool, seed: int
) -> Combination:
    """Make the combination set in ``options`` and fit it to ``raw`` and ``targets``, see :meth:`Combination.fit`."""
    made: Combination = component("combination", options.name).target(options, exclusive=exclusive, seed=seed)
    return made.fit(raw, targets)


def cross_fitted(
    options: ModelOptions, raw: Floats, targets: NDArray[np.uint8], outside: Sequence[NDArray[np.intp]], *,
    exclusive: bool, seed: int,
) -> Floats:  # fmt: skip
    """Compute out-of-fold raw outputs of the ensemble, (n, n_labels).

    For each fold, a combination is fitted to the rows of all other folds. Neither the members nor the combination
    learned from the rows that they score.

    Parameters
    ----------
    raw : out-of-fold raw outputs of the members, (members, n, n_labels).
    outside : for each fold, the numbers of its held-out rows.
    """
    together = np.empty(targets.shape)
    for rows in outside:
        others = np.setdiff1d(np.arange(len(targets)), rows)
        learned = combination(options, raw[:, others], targets[others], exclusive=exclusive, seed=seed)
        together[rows] = learned.raw(raw[:, rows])
    return together
