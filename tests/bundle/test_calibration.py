"""Scores are probabilities, whatever a graph puts out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pydantic import ValidationError

from toxiclf.bundle.calibration import Calibration, LabelCalibration, shares_of, shifted

Raw = NDArray[np.float32]
LARGE = float(np.float32(1e30))
EXTREME = float(np.finfo(np.float32).max)
numbers = st.floats(-1e30, 1e30) | st.floats(-20, 20) | st.sampled_from([0.0, 1e100, -1e100])
slopes = st.floats(0, 1e100) | st.floats(0, 10)


@st.composite
def label_calibrations(draw: st.DrawFn, method: str) -> LabelCalibration:
    shift = 0.0 if method == "none" else draw(st.just(0.0) | numbers)
    if method != "isotonic":
        return LabelCalibration(slope=draw(slopes), intercept=draw(numbers), shift=shift)
    raw = sorted(draw(st.lists(numbers, min_size=1, max_size=6)))
    scores = sorted(draw(st.lists(st.floats(0, 1), min_size=len(raw), max_size=len(raw))))
    return LabelCalibration(knots_raw=tuple(raw), knots_score=tuple(scores), shift=shift)


@st.composite
def calibrated(draw: st.DrawFn, *, exclusive: bool) -> tuple[Calibration, Raw]:
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=5))
    values = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(
        [LARGE, -LARGE, EXTREME, -EXTREME]
    )
    raw = draw(arrays(np.float32, shape, elements=values.map(np.float32)))
    method = draw(st.sampled_from(["platt", "isotonic", "none"]))
    labels = tuple(draw(label_calibrations(method)) for _ in range(shape[1]))
    return Calibration(method=method, exclusive=exclusive, labels=labels), raw  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150)
@given(st.booleans().flatmap(lambda exclusive: calibrated(exclusive=exclusive)))
def test_scores_lie_between_zero_and_one(given: tuple[Calibration, Raw]) -> None:
    calibration, raw = given
    scores = calibration.apply(raw)
    assert scores.shape == raw.shape
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()


@settings(deadline=None, max_examples=150)
@given(calibrated(exclusive=False))
def test_a_higher_output_never_lowers_its_score(given: tuple[Calibration, Raw]) -> None:
    calibration, raw = given
    assert (np.diff(calibration.apply(np.sort(raw, axis=0)), axis=0) >= -1e-6).all()


@settings(deadline=None, max_examples=150)
@given(calibrated(exclusive=True))
def test_scores_of_exclusive_labels_leave_room_for_the_negative_value(given: tuple[Calibration, Raw]) -> None:
    calibration, raw = given
    assert (calibration.apply(raw).sum(axis=1) <= 1 + 1e-6).all()


def test_one_exclusive_label_is_one_independent_label() -> None:
    raw = np.linspace(-30, 30, 61, dtype=np.float32)[:, None]
    for shift in (0.0, -3.0, 2.0):
        labels = (LabelCalibration(slope=0.7, intercept=-0.3, shift=shift),)
        alone, beside = (Calibration(method="platt", exclusive=e, labels=labels).apply(raw) for e in (False, True))
        assert np.abs(alone - beside).max() <= 1e-7
    shares = np.linspace(0, 1, 11)[:, None]
    alone, beside = (shifted(shares, np.array([-3.0]), exclusive=e) for e in (False, True))
    assert np.abs(alone - beside).max() <= 1e-12


def test_platt_is_the_sigmoid_of_a_line() -> None:
    raw = np.array([[-2.0], [0.0], [3.0]], dtype=np.float32)
    scores = Calibration(method="platt", exclusive=False, labels=(LabelCalibration(slope=2, intercept=1),)).apply(raw)
    assert scores[:, 0] == pytest.approx(1 / (1 + np.exp(-(2 * raw[:, 0] + 1))))


def test_isotonic_is_a_line_between_knots_and_level_beyond_them() -> None:
    label = LabelCalibration(knots_raw=(0.0, 2.0), knots_score=(0.2, 0.6))
    raw = np.array([[-1e30], [0], [1], [2], [1e30]], dtype=np.float32)
    scores = Calibration(method="isotonic", exclusive=False, labels=(label,)).apply(raw)
    assert scores[:, 0] == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


@pytest.mark.parametrize("method", ["platt", "isotonic", "none"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_no_outputs_give_no_scores(method: str, exclusive: bool) -> None:
    knots = {"knots_raw": (0.0,), "knots_score": (0.5,)} if method == "isotonic" else {}
    calibration = Calibration(method=method, exclusive=exclusive, labels=(LabelCalibration(**knots),) * 2)  # type: ignore[arg-type]
    assert calibration.apply(np.zeros((0, 2), np.float32)).shape == (0, 2)


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("platt", {"slope": float("nan")}),
        ("platt", {"slope": float("inf")}),
        ("platt", {"intercept": 1e300}),
        ("platt", {"shift": float("nan")}),
        ("platt", {"shift": 1e300}),
        ("none", {"shift": -1.0}),
        ("platt", {"knots_raw": [0], "knots_score": [0.5]}),
        ("isotonic", {}),
        ("isotonic", {"knots_raw": [0, 1], "knots_score": [0.5]}),
        ("isotonic", {"knots_raw": [1, 0], "knots_score": [0.1, 0.2]}),
        ("isotonic", {"knots_raw": [0, 1], "knots_score": [0.2, 0.1]}),
        ("isotonic", {"knots_raw": [0, 1], "knots_score": [0.5, 1.1]}),
        ("isotonic", {"knots_raw": [0, float("nan")], "knots_score": [0.1, 0.2]}),
        ("beta", {}),
    ],
)
def test_a_calibration_that_gives_no_probabilities_is_refused(method: str, label: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Calibration.model_validate({"method": method, "exclusive": False, "labels": [label]})


# -- at the production prevalence

RAW = np.linspace(-6, 6, 49, dtype=np.float32)


def calibration_of(method: str, *, exclusive: bool) -> Calibration:
    """Of two labels; the true posterior where raw outputs are log-odds against the negative value."""
    if method == "platt":
        labels = (LabelCalibration(slope=0.8, intercept=-0.4), LabelCalibration(slope=1.3, intercept=0.2))
    else:
        knots = tuple(np.linspace(0, 1, 5) if exclusive else np.linspace(-6, 6, 5))
        labels = (
            LabelCalibration(knots_raw=knots, knots_score=(0.0, 0.1, 0.3, 0.35, 0.5)),
            LabelCalibration(knots_raw=knots, knots_score=(0.05, 0.05, 0.2, 0.4, 0.5)),
        )
    return Calibration(method=method, exclusive=exclusive, labels=labels)  # type: ignore[arg-type]


every_calibration = pytest.mark.parametrize("method", ["platt", "isotonic"])
both_kinds = pytest.mark.parametrize("exclusive", [False, True])


@every_calibration
@both_kinds
def test_scores_at_a_production_prevalence_are_what_bayes_rule_gives(method: str, exclusive: bool) -> None:
    raw = np.column_stack([RAW, RAW[::-1] / 2])
    rates, live = np.array([0.3, 0.2]), np.array([0.02, 0.1])
    calibration = calibration_of(method, exclusive=exclusive)
    before, after = (c.apply(raw).astype(np.float64) for c in (calibration, calibration.at(rates, live)))
    if exclusive:
        classes = np.column_stack([1 - before.sum(axis=1), before])
        joint = classes * np.append(1 - live.sum(), live) / np.append(1 - rates.sum(), rates)
        expected = (joint / joint.sum(axis=1, keepdims=True))[:, 1:]
    else:
        with_it, without = before * live / rates, (1 - before) * (1 - live) / (1 - rates)
        expected = with_it / (with_it + without)
    assert np.abs(after - expected).max() <= 1e-6


@every_calibration
@both_kinds
def test_the_rate_of_the_calibration_itself_changes_no_bit(method: str, exclusive: bool) -> None:
    raw = np.column_stack([RAW, RAW[::-1]])
    calibration = calibration_of(method, exclusive=exclusive)
    assert calibration.at([0.3, 0.1], [0.3, 0.1]) == calibration
    assert (calibration.at([0.3, 0.1], [0.3, 0.1]).apply(raw) == calibration.apply(raw)).all()


@every_calibration
@both_kinds
def test_a_production_prevalence_takes_the_place_of_an_earlier_one(method: str, exclusive: bool) -> None:
    calibration = calibration_of(method, exclusive=exclusive)
    rates, live = [0.3, 0.1], [0.02, 0.1]
    assert calibration.at(rates, [0.5, 0.4]).at(rates, live) == calibration.at(rates, live)
    assert calibration.at(rates, live).at(rates, rates) == calibration


@every_calibration
def test_a_label_that_keeps_its_rate_keeps_its_scores(method: str) -> None:
    raw = np.column_stack([RAW, RAW[::-1]])
    calibration = calibration_of(method, exclusive=False)
    before, after = (c.apply(raw) for c in (calibration, calibration.at([0.3, 0.1], [0.02, 0.1])))
    assert (before[:, 1] == after[:, 1]).all()
    assert (after[:, 0] <= before[:, 0]).all()
    assert (after[:, 0] < before[:, 0]).any()


@settings(deadline=None, max_examples=100)
@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.booleans())
def test_a_shift_of_scores_is_a_shift_of_log_odds(rate: float, live: float, exclusive: bool) -> None:
    shift = np.array([np.log(live / (1 - live)) - np.log(rate / (1 - rate))])
    log_odds = np.linspace(-20, 20, 41)[:, None]
    scores = shares_of(log_odds, exclusive=exclusive)
    wanted = shares_of(log_odds + shift, exclusive=exclusive)
    np.testing.assert_allclose(shifted(scores, shift, exclusive=exclusive), wanted, rtol=1e-6)
