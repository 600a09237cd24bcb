"""Findings: raised when they should be, silent when not."""

from __future__ import annotations

import numpy as np

from toxiclf.evaluation import checks
from toxiclf.evaluation.metrics import evaluate

rng = np.random.default_rng(0)


def test_a_model_at_the_majority_class_is_found() -> None:
    scores = rng.random((100, 1)).astype(np.float32) * 0.2
    assert [f.code for f in checks.check_scores(scores, [0.5], ["toxic"])] == ["majority_only"]
    assert [f.code for f in checks.check_scores(scores, [0.0], ["toxic"])] == ["majority_only"]
    assert not list(checks.check_scores(scores, [0.1], ["toxic"]))


def test_a_model_that_gives_one_score_is_found() -> None:
    assert [f.code for f in checks.check_scores(np.full((9, 1), 0.3, np.float32), [0.2], ["x"])] == ["constant_scores"]


def test_another_share_of_toxic_rows_in_the_test_part_is_found() -> None:
    train = (rng.random((5000, 1)) < 0.10).astype(np.uint8)
    same = (rng.random((1000, 1)) < 0.10).astype(np.uint8)
    other = (rng.random((1000, 1)) < 0.25).astype(np.uint8)
    assert not list(checks.check_prevalence(train, same, ["toxic"]))
    assert [f.code for f in checks.check_prevalence(train, other, ["toxic"])] == ["prevalence_shift"]


def test_a_decision_on_few_toxic_rows_is_found() -> None:
    targets = np.array([[1]] * 49 + [[0]] * 400, dtype=np.uint8)
    assert [f.code for f in checks.check_decision_rows(targets, ["toxic"], "validation")] == ["small_validation"]
    assert not list(checks.check_decision_rows(np.ones((50, 1), np.uint8), ["toxic"], "validation"))


def test_a_model_that_does_not_beat_the_baseline_hears_it_in_words() -> None:
    targets = (rng.random((500, 1)) < 0.3).astype(np.uint8)
    good = (targets + rng.normal(size=(500, 1)) * 0.4).astype(np.float32)
    bad = (targets + rng.normal(size=(500, 1)) * 1.5).astype(np.float32)
    strong, weak = (evaluate(s, targets, [0.5], ["toxic"], seed=0) for s in (good, bad))
    (finding,) = checks.check_baseline(weak, strong)
    assert finding.code == "below_baseline"
    assert "is below the ngram_logistic baseline" in finding.message
    (finding,) = checks.check_baseline(strong, strong)
    assert "is not clearly above" in finding.message
    assert not list(checks.check_baseline(strong, weak))


def test_scores_that_do_not_mean_what_they_say_are_found() -> None:
    targets = (rng.random((2000, 1)) < 0.1).astype(np.uint8)
    honest, loud = np.full((2000, 1), 0.1, np.float32), np.full((2000, 1), 0.4, np.float32)
    assert not list(checks.check_calibration(honest, targets, ["toxic"], "platt"))
    assert [f.code for f in checks.check_calibration(loud, targets, ["toxic"], "platt")] == ["uncalibrated"]
    assert [f.code for f in checks.check_calibration(honest, targets, ["toxic"], "none")] == ["uncalibrated"]


def test_what_happened_to_rows_is_found() -> None:
    found = checks.check_rows(rejected=2, total=100, leaked=3, truncated=4, unknown=5, texts=98)
    assert [f.code for f in found] == ["rejected_rows", "duplicate_leak", "truncated", "no_known_tokens"]
    assert not list(checks.check_rows(0, 100, 0, 0, 0, 100))


def test_an_objective_that_no_threshold_reaches_is_found() -> None:
    assert [f.code for f in checks.check_objective([True, False], ["a", "b"], "x")] == ["objective_unreached"]
