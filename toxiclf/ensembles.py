"""Models that decide together: fitted side by side, put together by what each says of comments it did not learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from toxiclf.balance.pool import Pool, Stage
from toxiclf.balance.weights import ClassWeights, problems
from toxiclf.decision import fit_calibration
from toxiclf.fitting import Features, Fitted, Fitter, features_key
from toxiclf.graph import Graph
from toxiclf.models import MODELS
from toxiclf.models.classic import against_negative, write_against_negative
from toxiclf.models.progress import Surroundings
from toxiclf.recipe import EnsembleOptions, VotingOptions
from toxiclf.text.encoder import Encoded, TextEncoder, View
from toxiclf.vectors.features import Prepared

Floats = NDArray[np.float64]
_STEPS = 1000  # of the weights' search, which has long converged by then
_IDLE = 0.005  # share of the vote below which a member is not worth the time it takes
_LEAST = 1e-30  # below any probability that matters, and no logarithm of it is infinite
_DOUBLE, _FLOAT = 11, 1  # onnx.TensorProto's numbers


class Combination(ABC):
    """From what each member says to what the ensemble says; members first become calibrated log-odds (Platt 1999).

    Attributes
    ----------
    slopes_, intercepts_ : (members, n_labels), from a member's raw outputs to log-odds.
    """

    def __init__(self, options: Any, *, exclusive: bool, seed: int) -> None:
        self.options, self.exclusive, self.seed = options, exclusive, seed

    def fit(self, raw: Floats, targets: NDArray[np.uint8]) -> Combination:
        """Learn from rows that the members did not learn from.

        Parameters
        ----------
        raw : of each member, (members, n, n_labels).
        targets : (n, n_labels).
        """
        lines = [fit_calibration(member, targets, method="platt", exclusive=self.exclusive).labels for member in raw]
        self.slopes_ = np.array([[label.slope for label in labels] for labels in lines])
        self.intercepts_ = np.array([[label.intercept for label in labels] for labels in lines])
        self._fit(self._log_odds(raw), targets)
        return self

    def raw(self, raw: Floats) -> Floats:
        """What the ensemble says, (n, n_labels), of what its members say, (members, n, n_labels)."""
        return self._raw(self._log_odds(raw))

    def write(self, graph: Graph, raw: Sequence[str]) -> str:
        """Add the same function to a graph that holds the members' raw outputs, in double precision."""
        log_odds = []
        for name, slope, intercept in zip(raw, self.slopes_, self.intercepts_, strict=True):
            double = graph.add("Mul", graph.add("Cast", name, to=_DOUBLE), graph.constant(slope, np.float64))
            log_odds.append(graph.add("Add", double, graph.constant(intercept, np.float64)))
        return graph.add("Cast", self._write(graph, log_odds), to=_FLOAT)

    def _log_odds(self, raw: Floats) -> Floats:
        return np.asarray(raw * self.slopes_[:, None] + self.intercepts_[:, None])

    def only(self, members: Sequence[int]) -> Combination:
        """The same combination without the other members, which have no say in it."""
        part = copy(self)
        part.slopes_, part.intercepts_ = self.slopes_[members], self.intercepts_[members]
        return part

    @abstractmethod
    def weights(self) -> list[list[float]]:
        """How much each member says, for each label (of exclusive labels of voting, one for all)."""

    @abstractmethod
    def _fit(self, log_odds: Floats, targets: NDArray[np.uint8]) -> None: ...

    @abstractmethod
    def _raw(self, log_odds: Floats) -> Floats: ...

    @abstractmethod
    def _write(self, graph: Graph, log_odds: Sequence[str]) -> str: ...


class Voting(Combination):
    """The log-odds of the weighted mean of the members' probabilities.

    Weights that are learned are those of the least cross-entropy, found by expectation maximization: the weights of a mixture of
    fixed components have one optimum, and no rate to be set (Dempster, Laird and Rubin 1977). What comes out below half a percent
    is no vote: a member without one need not be asked.

    Attributes
    ----------
    weights_ : (members, problems), each column of which sums to 1; a problem a label, or one of exclusive labels.
    """

    options: VotingOptions

    def weights(self) -> list[list[float]]:
        """Shares of the vote."""
        return [[float(weight) for weight in row] for row in self.weights_]

    def only(self, members: Sequence[int]) -> Combination:
        """The same vote without members that have none."""
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
            self.weights_ = np.column_stack([_mixture(np.exp(shares[j]), of) for j, of in enumerate(classes)])
        else:
            weights = np.ones(len(log_odds)) if given == "equal" else np.array(given)
            self.weights_ = np.repeat((weights / weights.sum())[:, None], columns, axis=1)

    def _log_shares(self, log_odds: Floats) -> list[Floats]:
        """Logarithms of the probabilities of each problem's classes, the negative one first: (members, n, classes)."""
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
        # in logarithms throughout: ONNX Runtime's Sigmoid says 0 where a probability is 1e-20
        if self.exclusive:
            pads = graph.constant([0, 1, 0, 0], np.int64)
            mixed = self._mixed(graph, [graph.add("LogSoftmax", graph.add("Pad", z, pads), axis=1) for z in log_odds])
            return write_against_negative(graph, mixed, self.slopes_.shape[1] + 1, exclusive=True)
        there = [_write_log_sigmoid(graph, z) for z in log_odds]
        absent = [graph.add("Sub", logs, z) for logs, z in zip(there, log_odds, strict=True)]
        return graph.add("Sub", self._mixed(graph, there), self._mixed(graph, absent))

    def _mixed(self, graph: Graph, log_shares: Sequence[str]) -> str:
        first = graph.constant([0], np.int64)
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
    """Weights (members,) at which the mixture of ``shares`` (members, n, classes) makes the classes (n,) most likely."""
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


class Stacking(Combination):
    """A logistic regression over the members' log-odds (Wolpert 1992); of a label those of that label, of exclusive ones all.

    Attributes
    ----------
    coefficients_ : (members · n_labels, n_labels).
    offsets_ : (n_labels,).
    """

    def weights(self) -> list[list[float]]:
        """Coefficients of the members' own log-odds of each label."""
        members, labels = self.slopes_.shape
        return [[float(self.coefficients_[m * labels + j, j]) for j in range(labels)] for m in range(members)]

    def _fit(self, log_odds: Floats, targets: NDArray[np.uint8]) -> None:
        members, _, labels = log_odds.shape
        rows = self._rows(log_odds)
        regression = LogisticRegression(C=self.options.C, max_iter=2000, random_state=self.seed)
        if self.exclusive:
            found = regression.fit(rows, problems(targets, exclusive=True)[0])
            coefficients = found.coef_.T
            if labels == 1:
                self.coefficients_, self.offsets_ = coefficients, found.intercept_
            else:
                self.coefficients_ = against_negative(coefficients, exclusive=True)
                self.offsets_ = against_negative(found.intercept_[None], exclusive=True)[0]
            return
        self.coefficients_, self.offsets_ = np.zeros((members * labels, labels)), np.zeros(labels)
        for j in range(labels):
            own = np.arange(members) * labels + j
            found = regression.fit(rows[:, own], targets[:, j])
            self.coefficients_[own, j], self.offsets_[j] = found.coef_[0], found.intercept_[0]

    def _rows(self, log_odds: Floats) -> Floats:
        """(n, members · n_labels)."""
        return np.concatenate(list(log_odds), axis=1)

    def _raw(self, log_odds: Floats) -> Floats:
        return np.asarray(self._rows(log_odds) @ self.coefficients_ + self.offsets_)

    def _write(self, graph: Graph, log_odds: Sequence[str]) -> str:
        product = graph.add(
            "MatMul", graph.add("Concat", *log_odds, axis=1), graph.constant(self.coefficients_, np.float64)
        )
        return graph.add("Add", product, graph.constant(self.offsets_, np.float64))


def combination(
    options: EnsembleOptions, raw: Floats, targets: NDArray[np.uint8], *, exclusive: bool, seed: int
) -> Combination:
    """Learn how members decide together; parameters as of :meth:`Combination.fit`."""
    kind = Voting if isinstance(options, VotingOptions) else Stacking
    return kind(options, exclusive=exclusive, seed=seed).fit(raw, targets)


def cross_fitted(
    options: EnsembleOptions, raw: Floats, targets: NDArray[np.uint8], outside: Sequence[NDArray[np.intp]], *,
    exclusive: bool, seed: int,
) -> Floats:  # fmt: skip
    """What the ensemble says of rows that neither its members nor their combination learned from, (n, n_labels).

    Parameters
    ----------
    raw : out-of-fold outputs of each member, (members, n, n_labels).
    outside : the rows held out by each fold.
    """
    said = np.empty(targets.shape)
    for rows in outside:
        others = np.setdiff1d(np.arange(len(targets)), rows)
        learned = combination(options, raw[:, others], targets[others], exclusive=exclusive, seed=seed)
        said[rows] = learned.raw(raw[:, rows])
    return said


def fit_members(
    fitters: Sequence[Fitter], pool: Pool, held_out: Prepared, held_out_targets: NDArray[np.uint8],
    surroundings: Sequence[Surroundings],
) -> list[Fitted]:  # fmt: skip
    """Fit each member; those that learn from the same features share them.

    Parameters
    ----------
    fitters, surroundings : one a member.

    Raises
    ------
    DivergedError : training of a network diverged.
    """
    keys = [features_key(fitter.recipe, watched=True) for fitter in fitters]
    # features that one member wants with those of the validation part will do for members that do not look at it
    makers = dict(zip(keys, fitters, strict=True))
    makers |= {key: f for key, f in zip(keys, fitters, strict=True) if MODELS[f.recipe.model.name].watches}
    made: dict[str, Features] = {}
    fitted = []
    for key, fitter, around in zip(keys, fitters, surroundings, strict=True):
        if key not in made:
            made[key] = makers[key].features(pool, held_out, held_out_targets, around)
        fitted.append(fitter.fit_model(made[key], around))
    return fitted


@dataclass(frozen=True)
class FittedEnsemble:
    """Fitted members and their combination; offers what :class:`toxiclf.fitting.Fitted` does.

    Attributes
    ----------
    members, names : fitted side by side, each with a name of its own.
    heard : the members that have a say.
    combined : how those decide together.
    told : what a report says of all members: weights, and average precision on rows that each did not learn from, the mean over
        labels; and that of all together.
    """

    members: tuple[Fitted, ...]
    names: tuple[str, ...]
    heard: tuple[Fitted, ...]
    combined: Combination
    told: Mapping[str, Any]

    @classmethod
    def of(
        cls, members: Sequence[Fitted], options: EnsembleOptions, raw: Floats, together: Floats,
        targets: NDArray[np.uint8], *, exclusive: bool, seed: int,
    ) -> FittedEnsemble:  # fmt: skip
        """Put members together by their out-of-fold outputs ``raw``; ``together`` are the ensemble's, cross-fitted."""
        combined = combination(options, raw, targets, exclusive=exclusive, seed=seed)
        weights, names = combined.weights(), member_names(options)
        precisions = [round(float(average_precision_score(targets, outputs)), 4) for outputs in (*raw, together)]
        told = [
            {"name": name, "weights": [round(weight, 4) for weight in row], "average_precision": precision}
            for name, row, precision in zip(names, weights, precisions[:-1], strict=True)
        ]
        heard = [i for i, row in enumerate(weights) if any(row)]
        facts = {"members": told, "average_precision": precisions[-1]}
        return cls(tuple(members), names, tuple(members[i] for i in heard), combined.only(heard), facts)

    @property
    def encoder(self) -> TextEncoder:
        """All views of those that are heard, equal ones once."""
        return TextEncoder(self.heard[0].encoder.preprocessor, _joined_views(self.heard)[0])

    @property
    def origin(self) -> Mapping[str, str]:
        """Of the word vectors of the first that has some."""
        return next((member.origin for member in self.heard if member.origin), {})

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch of each member that is a network, with its name."""
        return [
            {"member": name, **row}
            for name, member in zip(self.names, self.members, strict=True)
            for row in member.history
        ]

    @property
    def no_graph(self) -> str:
        """Why there is no ONNX form."""
        return next((member.no_graph for member in self.heard if member.no_graph), "")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Of the member to which most was done."""
        return max((member.stages for member in self.members), key=len)

    @property
    def weights(self) -> list[ClassWeights]:
        """Class weights of the first member that takes some."""
        weighted = (m.weights for m in self.members if any(len(set(entry.weights)) > 1 for entry in m.weights))
        return next(weighted, self.members[0].weights)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the members and their combination have to tell, as JSON types."""
        own: dict[str, Any] = {}
        for member in self.members:
            own |= member.facts
        own["ensemble"] = dict(self.told)
        return own

    @property
    def pictures(self) -> Mapping[str, Any]:
        """Points of the members' figures."""
        return {name: points for member in self.members for name, points in member.pictures.items()}

    def raw(self, rows: Prepared) -> Floats:
        """Raw outputs of prepared rows by the training libraries, (n, n_labels)."""
        return self.combined.raw(np.stack([member.raw(rows) for member in self.heard]))

    def raw_of(self, encoded: Encoded) -> Floats:
        """The same of encoded rows."""
        own = _joined_views(self.heard)[1]
        parts = [
            replace(encoded, views={view: encoded.views[joined] for view, joined in names.items()}) for names in own
        ]
        return self.combined.raw(
            np.stack([member.raw_of(part) for member, part in zip(self.heard, parts, strict=True)])
        )

    def seen(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Comments before and after the metric of the first member that has one."""
        return next(member for member in self.members if "metric" in member.facts).seen(texts)

    def graph(self, columns: int) -> bytes | None:
        """All members and their combination as one ONNX graph; None where one has no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        written: dict[int, str] = {}
        raw = []
        for member, names in zip(self.heard, _joined_views(self.heard)[1], strict=True):
            with graph.calling(names):
                key = id(member.representation)
                if key not in written:
                    written[key] = member.representation.write(graph)
                raw.append(member.model.write(graph, written[key]))
        return graph.build(self.combined.write(graph, raw), columns)


def member_names(options: EnsembleOptions) -> tuple[str, ...]:
    """Names of the members; of two with the same model the second has a number."""
    names: list[str] = []
    for member in options.members:
        before = sum(name.partition(" ")[0] == member.name for name in names)
        names.append(f"{member.name} {before + 1}" if before else member.name)
    return tuple(names)


def _joined_views(members: Sequence[Fitted]) -> tuple[dict[str, View], list[dict[str, str]]]:
    """Views of all members under names of their own, equal ones once; and for each member what its views are called there."""
    joined: dict[str, View] = {}
    contents: dict[str, tuple[Any, Any]] = {}
    own = []
    for member in members:
        names = {}
        for name, view in member.encoder.views.items():
            content = (view.spec(), view.vocabulary_json())
            found = next((known for known, other in contents.items() if other == content), None)
            if found is None:
                found = name if name not in joined else f"{name}{sum(key.startswith(name) for key in joined) + 1}"
                joined[found], contents[found] = view, content
            names[name] = found
        own.append(names)
    return joined, own
