"""Calibration, which maps raw outputs to scores in [0, 1]; training and scoring share this code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = NDArray[np.float64]
Bounded = Annotated[float, Field(ge=-1e100, le=1e100)]
"""A finite number that does not overflow in arithmetic with float32 values."""


class LabelCalibration(BaseModel):
    """The parameters that map one label's raw outputs to scores.

    Platt scaling uses ``slope`` and ``intercept``. Isotonic calibration interpolates linearly from ``knots_raw`` to
    ``knots_score``. ``shift`` is then added to the log-odds of the score, to correct it to a production prevalence:
    see :meth:`Calibration.at`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    slope: Bounded = 1.0
    intercept: Bounded = 0.0
    knots_raw: tuple[Bounded, ...] = ()
    knots_score: tuple[Bounded, ...] = ()
    shift: Bounded = 0.0


class Calibration(BaseModel):
    """The calibration of all labels, which maps raw outputs to scores.

    Independent labels: Platt scaling (Platt 1999) computes ``sigmoid(slope · raw + intercept)``. Isotonic calibration
    interpolates the raw output between the label's knots.

    Exclusive labels: raw outputs are log-odds against the negative value (not toxic). Platt scaling computes the
    softmax of ``slope · raw + intercept`` over all labels and the negative value, for which 0 is used. Isotonic
    calibration computes the softmax of the raw outputs, interpolates each probability between the label's knots, and
    divides the scores of a comment by their sum if this sum exceeds 1.

    If a production prevalence is set, the ``shift`` of each label is then added to the log-odds of its score. Log-odds
    of exclusive labels are against the negative value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    method: Literal["platt", "isotonic", "none"]
    exclusive: bool
    labels: tuple[LabelCalibration, ...]

    @model_validator(mode="after")
    def _knots_fit(self) -> Calibration:
        for label in self.labels:
            if len(label.knots_raw) != len(label.knots_score) or (self.method == "isotonic") != bool(label.knots_raw):
                raise ValueError(
                    "isotonic calibration needs as many knots_raw as knots_score; other methods need no knots"
                )
            rising = all(knots == tuple(sorted(knots)) for knots in (label.knots_raw, label.knots_score))
            if not rising or any(not 0 <= score <= 1 for score in label.knots_score):
                raise ValueError("knots_raw and knots_score must rise, and knots_score must lie in [0, 1]")
            if self.method == "none" and label.shift:
                raise ValueError("scores that are not calibrated cannot be shifted to a production prevalence")
        return self

    def apply(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores in [0, 1], float32 (n, n_labels), for finite raw outputs (n, n_labels)."""
        return self.function()(raw)

    def function(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """Return :meth:`apply` as a function with its parameters prepared, for many small calls."""
        exclusive = self.exclusive
        shift = np.array([label.shift for label in self.labels])
        is_shifted = bool(shift.any())
        if self.method == "isotonic":
            knots = [(np.array(label.knots_raw), np.array(label.knots_score)) for label in self.labels]

            def isotonic(raw: NDArray[np.float32]) -> NDArray[np.float32]:
                values = raw.astype(np.float64)
                shares = shares_of(values, exclusive=True) if exclusive else values
                scores = np.column_stack([np.interp(shares[:, j], *of_label) for j, of_label in enumerate(knots)])
                if exclusive:
                    scores /= np.maximum(1.0, scores.sum(axis=1, keepdims=True))
                if is_shifted:
                    scores = shifted(scores, shift, exclusive=exclusive)
                return scores.astype(np.float32)

            return isotonic
        slopes = np.array([label.slope for label in self.labels])
        intercepts = np.array([label.intercept for label in self.labels])

        def sigmoid(raw: NDArray[np.float32]) -> NDArray[np.float32]:
            log_odds = raw * slopes + intercepts  # float64, as the parameters are
            if is_shifted:
                log_odds += shift
            return shares_of(log_odds, exclusive=exclusive).astype(np.float32)

        return sigmoid

    def at(self, rates: Sequence[float], wanted: Sequence[float]) -> Calibration:
        """Return a copy with scores corrected to production prevalences (Saerens, Latinne and Decaestecker 2002).

        Uncorrected scores are probabilities if labels are as common in production as in the rows that calibration was
        fitted on. The correction assumes that production differs from these rows only in the share of each label. It
        replaces any earlier correction.

        Log-odds are shifted by ``log(wanted / (1 - wanted)) - log(rate / (1 - rate))``. For exclusive labels, the share
        of the negative value replaces ``1 - wanted`` and ``1 - rate``, and log-odds are against the negative value.

        Parameters
        ----------
        rates : share of each label among the rows that calibration was fitted on.
        wanted : share of each label in production; see :func:`toxiclf.bundle.prevalence.production_prevalence`.
        """
        rest = [1.0 - sum(shares) for shares in (wanted, rates)]
        labels = []
        for label, rate, share in zip(self.labels, rates, wanted, strict=True):
            without = rest if self.exclusive else [1.0 - share, 1.0 - rate]
            shift = _log_ratio(share, rate) - _log_ratio(*without)
            labels.append(label.model_copy(update={"shift": shift}))
        return self.model_copy(update={"labels": tuple(labels)})


def shares_of(log_odds: Floats, *, exclusive: bool) -> Floats:
    """Convert log-odds to probabilities; both are (n, n_labels).

    Independent labels: the sigmoid. Exclusive labels: the softmax over all labels and the negative value (not toxic),
    whose log-odds are 0.
    """
    if exclusive:
        top = np.maximum(log_odds.max(axis=1, keepdims=True, initial=0.0), 0.0)
        odds = np.exp(log_odds - top)
        return np.asarray(odds / (odds.sum(axis=1, keepdims=True) + np.exp(-top)))
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def shifted(scores: Floats, shift: Floats, *, exclusive: bool) -> Floats:
    """Add ``shift`` (n_labels,) to the log-odds of scores (n, n_labels), and return the new scores.

    Log-odds of exclusive labels are against the negative value (not toxic).
    """
    if exclusive:
        top = max(0.0, float(shift.max(initial=0.0)))
        odds = scores * np.exp(shift - top)
        rest = np.maximum(1.0 - scores.sum(axis=1, keepdims=True), 0.0) * np.exp(-top)
        return np.asarray(odds / np.maximum(odds.sum(axis=1, keepdims=True) + rest, _TINY))
    odds = scores * np.exp(np.minimum(shift, 0.0))
    return np.asarray(odds / np.maximum(odds + (1.0 - scores) * np.exp(np.minimum(-shift, 0.0)), _TINY))


def _log_ratio(wanted: float, rate: float) -> float:
    """Return ``log(wanted / rate)``, which is 0 if the two are equal, even if both are 0."""
    return 0.0 if wanted == rate else float(np.log(wanted) - np.log(rate))


_TINY = float(np.finfo(float).tiny)
