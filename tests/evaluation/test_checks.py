"""Findings: raised when they should be, silent when not."""

from __future__ import annotations

import numpy as np
import pytest

from toxiclf.balance.weights import ClassWeights
from toxiclf.evaluation import checks
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.decision import live_weights
from toxiclf.evaluation.metrics import evaluate

rng = np.random.default_rng(0)


BALANCED = ClassWeights(("negative", "toxic"), (90, 10), (0.56, 5.0))
PLAIN = ClassWeights(("negative", "toxic"), (90, 10), (1.0, 1.0))


def checked(scores: np.ndarray, targets: np.ndarray, threshold: float) -> list[Finding]:
    """Findings of one label's scores."""
    scores, targets = scores.astype(np.float32), targets.astype(np.uint8)
    evaluation = evaluate(scores, targets, [threshold], ["toxic"], seed=0)
    return list(checks.check_scores(scores, targets, [threshold], evaluation, ["toxic"]))


def test_a_model_at_the_majority_class_is_found() -> None:
    targets = np.arange(100)[:, None] >= 80
    scores = np.arange(100)[:, None] / 500  # tells them apart, below .2
    for threshold, what in ((0.5, "no comment is"), (0.0, "every comment is")):
        (finding,) = checked(scores, targets, threshold)
        assert (finding.code, finding.severity) == ("majority_only", "error")
        assert f"at threshold {threshold:.3f} {what} called toxic" in finding.message
    assert not checked(scores, targets, 0.1)


def test_a_model_that_gives_one_score_is_found() -> None:
    (finding,) = checked(np.full((9, 1), 0.3), np.arange(9)[:, None] > 5, 0.2)
    assert finding.code == "constant_scores"


def test_a_model_that_does_not_beat_guessing_is_found() -> None:
    targets = np.arange(400)[:, None] % 5 == 0
    noise = np.random.default_rng(5).random((400, 1))
    (finding,) = checked(noise, targets, 0.5)
    assert (finding.code, finding.severity) == ("majority_only", "warning")
    assert "does not beat 0.200, the share of such comments, which guessing reaches" in finding.message
    (finding,) = checked(noise - targets, targets, 0.5)
    assert (finding.code, finding.severity) == ("majority_only", "error")  # worse than guessing
    assert not checked(0.5 * targets + noise, targets, 0.5)


def test_each_label_is_checked_by_itself() -> None:
    targets = np.column_stack([np.arange(400) % 5 == 0, np.arange(400) % 4 == 0]).astype(np.uint8)
    scores = np.column_stack([targets[:, 0] * 0.9, np.full(400, 0.25)]).astype(np.float32)
    evaluation = evaluate(scores, targets, [0.5, 0.5], ["a", "b"], seed=0)
    (finding,) = checks.check_scores(scores, targets, [0.5, 0.5], evaluation, ["a", "b"])
    assert finding.code == "constant_scores"
    assert finding.message.startswith("label 'b'")


@pytest.mark.parametrize("loss", ["focal", "logit_adjusted"])
def test_class_weights_beside_another_loss_are_found(loss: str) -> None:
    kept = {"by_hand": False, "resampled": False}
    (finding,) = checks.check_weighting([PLAIN, BALANCED], loss, **kept)
    assert finding.code == "double_weighting"
    assert "balance.class_weight = none, or balance.loss = crossentropy" in finding.next_step
    assert not list(checks.check_weighting([PLAIN], loss, **kept))
    assert not list(checks.check_weighting([BALANCED], "crossentropy", **kept))


def test_weights_given_by_hand_beside_resampling_are_found() -> None:
    (finding,) = checks.check_weighting([BALANCED], "crossentropy", by_hand=True, resampled=True)
    assert finding.code == "double_weighting"
    for by_hand, resampled in ((True, False), (False, True)):  # those that are computed follow the rows
        assert not list(checks.check_weighting([BALANCED], "crossentropy", by_hand=by_hand, resampled=resampled))
    assert not list(checks.check_weighting([PLAIN], "crossentropy", by_hand=True, resampled=True))


def test_a_loss_that_calibration_takes_back_is_found() -> None:
    (finding,) = checks.check_loss("logit_adjusted", "platt")
    assert finding.code == "no_effect"
    assert not list(checks.check_loss("logit_adjusted", "none"))
    assert not list(checks.check_loss("focal", "platt"))


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


def test_scores_are_judged_at_the_live_rate() -> None:
    random = np.random.default_rng(3)
    targets = (random.random((4000, 1)) < 0.4).astype(np.uint8)
    raw = random.normal(size=(4000, 1)) + 2.0 * targets
    odds = np.exp(2.0 * raw - 2.0)

    def scores(rate: float) -> np.ndarray:
        return (odds * rate / (odds * rate + 1 - rate)).astype(np.float32)

    def codes(rate: float, live: float) -> list[str]:
        weights = live_weights(targets, [live], exclusive=False)
        return [f.code for f in checks.check_calibration(scores(rate), targets, ["toxic"], "platt", weights)]

    assert codes(0.02, live=0.02) == []
    assert codes(0.4, live=0.4) == []
    assert codes(0.4, live=0.02) == ["uncalibrated"]
    assert codes(0.02, live=0.4) == ["uncalibrated"]
    assert codes(0.05, live=0.02) == ["uncalibrated"]  # within five points, and twice the rate
    weights = live_weights(targets, [0.02], exclusive=False)
    (finding,) = checks.check_calibration(scores(0.4), targets, ["toxic"], "platt", weights)
    assert "where it should be the live rate, 2.0 %" in finding.message
    none = np.zeros_like(targets)
    weights = live_weights(none, [0.02], exclusive=False)
    assert not list(checks.check_calibration(scores(0.4), none, ["toxic"], "platt", weights))


def test_a_label_at_its_live_rate_has_no_shift() -> None:
    train, test = (
        np.array([[1, 1]] * 300 + [[0, 0]] * 700, np.uint8),
        np.array([[1, 1]] * 50 + [[0, 0]] * 950, np.uint8),
    )
    assert len(list(checks.check_prevalence(train, test, ["a", "b"]))) == 2
    (finding,) = checks.check_prevalence(train, test, ["a", "b"], ["a"])
    assert finding.message.startswith("label 'b'")
    assert "decision.prior" in finding.next_step
