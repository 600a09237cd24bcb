"""Calibration and thresholds: fitted on held-out scores, and true to their objective."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, fbeta_score, precision_score, recall_score

from tests.conftest import rest_in_check
from toxiclf.bundle.prevalence import production_prevalence
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.pipeline.decision import choose_threshold, fit_calibration

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


def f1_macro(targets: Targets, flagged: NDArray[np.bool_]) -> float:
    return float(f1_score(targets, flagged, average="macro", zero_division=0))


MEASURES = {
    "f1": lambda y, p: f1_score(y, p, zero_division=0),
    "f2": lambda y, p: fbeta_score(y, p, beta=2, zero_division=0),
    "accuracy": accuracy_score,
    "f1_macro": f1_macro,
}


@pytest.mark.parametrize("objective", rest_in_check(MEASURES, quick=["f1", "accuracy"]))
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


@pytest.mark.check
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


# -- at the production prevalence

OBJECTIVES = [*MEASURES, "recall_at_precision=0.7", "precision_at_recall=0.6", "flag_rate=0.3"]


@pytest.mark.parametrize("objective", OBJECTIVES)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_a_row_of_weight_three_is_three_rows(objective: str, seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(n).round(1).astype(np.float32)
    targets = (random.random(n) < scores).astype(np.uint8)
    weights = random.integers(1, 5, n)
    weighted = choose_threshold(scores, targets, objective, weights.astype(np.float64))
    assert weighted == choose_threshold(scores.repeat(weights), targets.repeat(weights), objective)
    assert choose_threshold(scores, targets, objective, np.ones(n)) == choose_threshold(scores, targets, objective)


@pytest.mark.parametrize("objective", [*MEASURES, "recall_at_precision", "precision_at_recall", "flag_rate"])
def test_a_production_prevalence_that_is_the_share_of_the_rows_changes_no_threshold(objective: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(400):
        n = int(random.integers(5, 60))
        scores = random.random(n).round(1).astype(np.float32)
        targets = (random.random(n) < 0.2 + 0.6 * scores).astype(np.uint8)
        if not 0 < targets.sum() < n:
            continue
        asked = objective if objective in MEASURES else f"{objective}={random.integers(1, 20) / 20:g}"
        weights = prevalence_weights(targets[:, None], [float(targets.mean())], exclusive=False)[:, 0]
        assert choose_threshold(scores, targets, asked, weights) == choose_threshold(scores, targets, asked)


@pytest.mark.parametrize("objective", ["recall_at_precision", "precision_at_recall", "flag_rate"])
def test_a_rate_is_kept_to_however_weights_round(objective: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(600):
        scores = random.random(30).round(1).astype(np.float32)
        targets = (random.random(30) < 0.2 + 0.6 * scores).astype(np.uint8)
        weights = np.where(targets == 1, random.integers(1, 12), 1)
        asked = f"{objective}={random.integers(1, 20) / 20:g}"
        whole = choose_threshold(scores, targets, asked, weights.astype(np.float64))
        assert choose_threshold(scores, targets, asked, weights * 3 / 7) == whole


@given(st.integers(0, 10_000), st.booleans())
def test_weighted_rows_hold_labels_at_the_prevalences(seed: int, exclusive: bool) -> None:
    random = np.random.default_rng(seed)
    classes = np.append([0, 1, 2], random.integers(0, 3, 50))
    targets = np.column_stack([classes == 1, classes == 2]).astype(np.uint8)
    live = random.dirichlet([1, 1, 1])[1:] * 0.99 + 0.001
    weights = prevalence_weights(targets, live.tolist(), exclusive=exclusive)
    np.testing.assert_allclose((weights * targets).mean(axis=0), live)
    np.testing.assert_allclose(weights.mean(axis=0), 1)
    if exclusive:
        assert (weights[:, 0] == weights[:, 1]).all()


def test_rows_without_a_class_have_no_weights() -> None:
    targets = np.array([[0, 1], [0, 0]], dtype=np.uint8)
    assert np.isnan(prevalence_weights(targets, [0.02, 0.02], exclusive=False)).all(axis=0).tolist() == [True, False]
    assert np.isnan(prevalence_weights(targets, [0.02, 0.02], exclusive=True)).all()


RATES, LIVE = np.array([0.35, 0.2]), np.array([0.02, 0.05])


def drawn(n: int, rates: NDArray[np.float64], exclusive: bool, seed: int) -> tuple[NDArray[np.float32], Targets]:
    """Raw outputs of two labels, normal around 0 and 2, and the targets."""
    random = np.random.default_rng(seed)
    if exclusive:
        classes = random.choice(3, size=n, p=[1 - rates.sum(), *rates])
        targets = np.column_stack([classes == 1, classes == 2])
    else:
        targets = random.random((n, 2)) < rates
    return (random.normal(size=(n, 2)) + 2.0 * targets).astype(np.float32), targets.astype(np.uint8)


def posterior(raw: NDArray[np.float32], rates: NDArray[np.float64], exclusive: bool) -> NDArray[np.float64]:
    """The true probabilities of the labels."""
    ratios = np.exp(2.0 * raw.astype(np.float64) - 2.0)  # of the densities with and without the label
    if exclusive:
        joint = ratios * rates
        return joint / (joint.sum(axis=1, keepdims=True) + 1 - rates.sum())
    return ratios * rates / (ratios * rates + 1 - rates)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_scores_at_the_production_prevalence_are_the_probabilities_there(method: str, exclusive: bool) -> None:
    raw, targets = drawn(40_000, RATES, exclusive, 1)
    calibration = fit_calibration(raw.astype(np.float64), targets, method=method, exclusive=exclusive)
    rates = tuple(targets.mean(axis=0).tolist())
    live = production_prevalence(dict(zip("ab", LIVE.tolist(), strict=True)), "ab", rates, exclusive=exclusive)
    raw, targets = drawn(40_000, LIVE, exclusive, 2)
    scores = calibration.at(rates, live).apply(raw)
    wrong = calibration.apply(raw)
    truth = posterior(raw, LIVE, exclusive)
    # a curve a label is not quite the posterior of exclusive labels
    assert np.abs(scores - truth).mean() < (0.02 if exclusive and method == "isotonic" else 0.01)
    assert np.abs(scores - truth).mean() < np.abs(wrong - truth).mean() / 5
    assert np.abs(scores.mean(axis=0) / LIVE - 1).max() < 0.2
    assert (wrong.mean(axis=0) / LIVE > 1.5).all()


@pytest.mark.parametrize("exclusive", [False, True])
def test_thresholds_keep_their_promises_in_production(exclusive: bool) -> None:
    raw, targets = drawn(40_000, RATES, exclusive, 3)
    rates = tuple(targets.mean(axis=0).tolist())
    calibration = fit_calibration(raw.astype(np.float64), targets, method="platt", exclusive=exclusive)
    scores = calibration.at(rates, LIVE.tolist()).apply(raw)
    weights = prevalence_weights(targets, LIVE.tolist(), exclusive=exclusive)
    raw, live_targets = drawn(200_000, LIVE, exclusive, 4)
    live_scores = calibration.at(rates, LIVE.tolist()).apply(raw)
    for j in range(2):
        hits = live_targets[:, j] == 1

        def flagged(objective: str, j: int = j) -> NDArray[np.bool_]:
            threshold, reached = choose_threshold(scores[:, j], targets[:, j], objective, weights[:, j])
            assert reached
            return np.asarray(live_scores[:, j] >= np.float32(threshold))

        assert abs(flagged("flag_rate=0.03").mean() - 0.03) < 0.004
        assert abs(hits[flagged("recall_at_precision=0.5")].mean() - 0.5) < 0.06
        assert abs(flagged("precision_at_recall=0.6")[hits].mean() - 0.6) < 0.04
        plain, _ = choose_threshold(scores[:, j], targets[:, j], "f1")
        assert f1_score(hits, flagged("f1")) > f1_score(hits, live_scores[:, j] >= plain)
