"""Calibration and thresholds: fitted on held-out scores, and true to their objective."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, fbeta_score, precision_score, recall_score

from toxiclf.decision import choose_threshold, fit_calibration

rng = np.random.default_rng(0)
Targets = NDArray[np.uint8]


def scored(n: int = 2000, rate: float = 0.15) -> tuple[NDArray[np.float64], Targets]:
    targets = (rng.random((n, 1)) < rate).astype(np.uint8)
    return rng.normal(size=(n, 1)) + 2.0 * targets, targets


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibrated_scores_mean_what_they_say(method: str) -> None:
    raw, targets = scored(20_000)
    calibration = fit_calibration(raw[:10_000] * 7 - 3, targets[:10_000], method=method, exclusive=False)
    scores = calibration.apply((raw[10_000:] * 7 - 3).astype(np.float32))[:, 0]
    held = targets[10_000:, 0]
    for low in np.arange(0, 1, 0.1):
        rows = (scores >= low) & (scores < low + 0.1)
        if rows.sum() > 200:
            assert abs(scores[rows].mean() - held[rows].mean()) < 0.1
    assert brier_score_loss(held, scores) < held.mean() * (1 - held.mean())
    assert abs(scores.mean() - held.mean()) < 0.02


@pytest.mark.parametrize("method", ["platt", "none"])
def test_calibration_keeps_the_order(method: str) -> None:
    raw, targets = scored()
    calibration = fit_calibration(-raw, targets, method=method, exclusive=False)  # even where the model is upside down
    ordered = calibration.apply(np.sort(raw, axis=0).astype(np.float32))[:, 0]
    assert (np.diff(ordered) >= 0).all()


@pytest.mark.parametrize("method", ["platt", "isotonic", "none"])
def test_exclusive_scores_leave_room_for_the_negative_value(method: str) -> None:
    classes = rng.choice(3, size=3000, p=[0.6, 0.3, 0.1])
    targets = np.column_stack([classes == 1, classes == 2]).astype(np.uint8)
    raw = rng.normal(size=(3000, 2)) + 2.5 * targets
    scores = fit_calibration(raw, targets, method=method, exclusive=True).apply(raw.astype(np.float32))
    assert scores.shape == (3000, 2)
    assert (scores.sum(axis=1) <= 1 + 1e-6).all()
    if method != "none":
        assert np.abs(scores.mean(axis=0) - targets.mean(axis=0)).max() < 0.05


def test_separable_scores_do_not_become_certain() -> None:
    targets = np.array([[0]] * 50 + [[1]] * 50, dtype=np.uint8)
    raw = np.where(targets == 1, 5.0, -5.0)
    scores = fit_calibration(raw, targets, method="platt", exclusive=False).apply(raw.astype(np.float32))
    assert 0.001 < scores.min() < 0.05
    assert 0.95 < scores.max() < 0.999


def macro_f1(targets: Targets, flagged: NDArray[np.bool_]) -> float:
    return float(f1_score(targets, flagged, average="macro", zero_division=0))


MEASURES = {
    "f1": lambda y, p: f1_score(y, p, zero_division=0),
    "f2": lambda y, p: fbeta_score(y, p, beta=2, zero_division=0),
    "accuracy": accuracy_score,
    "macro_f1": macro_f1,
}


@pytest.mark.parametrize("objective", list(MEASURES))
@given(data=st.data())
def test_no_other_threshold_does_better(objective: str, data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 25))
    scores = np.array(
        data.draw(st.lists(st.sampled_from(np.linspace(0, 1, 9).tolist()), min_size=n, max_size=n)), np.float32
    )
    targets = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), np.uint8)
    threshold, reached = choose_threshold(scores, targets, objective)
    measure = MEASURES[objective]
    best = max(measure(targets, scores >= np.float32(t)) for t in [*scores.tolist(), 1.0])
    assert reached
    assert 0 <= threshold <= 1
    if targets.any():
        assert measure(targets, scores >= np.float32(threshold)) >= best - 1e-9


@given(st.floats(0.05, 1.0), st.integers(0, 10_000))
def test_recall_at_precision_keeps_the_precision_and_takes_the_most_recall(rate: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(40).round(1).astype(np.float32)
    targets = (random.random(40) < scores).astype(np.uint8)
    threshold, reached = choose_threshold(scores, targets, f"recall_at_precision={rate}")
    fitting = [t for t in np.unique(scores) if precision_score(targets, scores >= t, zero_division=0) >= rate]
    assert reached == bool(fitting)
    if reached:
        flagged = scores >= np.float32(threshold)
        assert precision_score(targets, flagged, zero_division=0) >= rate
        assert recall_score(targets, flagged, zero_division=0) == max(
            recall_score(targets, scores >= t, zero_division=0) for t in fitting
        )


def test_precision_at_recall_keeps_the_recall() -> None:
    raw, targets = scored()
    scores = fit_calibration(raw, targets, method="platt", exclusive=False).apply(raw.astype(np.float32))[:, 0]
    threshold, reached = choose_threshold(scores, targets[:, 0], "precision_at_recall=0.9")
    assert reached
    assert recall_score(targets, scores >= np.float32(threshold)) >= 0.9


@given(st.floats(0.01, 1.0), st.integers(0, 10_000))
def test_flag_rate_flags_no_larger_share_and_takes_the_most_recall(rate: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(40).round(1).astype(np.float32)
    targets = (random.random(40) < scores).astype(np.uint8)
    threshold, reached = choose_threshold(scores, targets, f"flag_rate={rate}")
    fitting = [t for t in np.unique(scores) if (scores >= t).mean() <= rate]
    flagged = scores >= np.float32(threshold)
    assert reached == bool(fitting)
    if reached:
        assert flagged.mean() <= rate
        assert targets[flagged].sum() == max(targets[scores >= t].sum() for t in fitting)
    else:
        assert flagged.mean() == (scores == scores.max()).mean()  # the fewest that any threshold flags


def test_a_fixed_threshold_is_taken_as_it_is() -> None:
    assert choose_threshold(np.array([0.1, 0.9], np.float32), np.array([0, 1], np.uint8), 0.37) == (0.37, True)
