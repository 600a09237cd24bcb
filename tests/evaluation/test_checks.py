"""Findings: raised when they should be, silent when not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toxiclf._registry import components
from toxiclf.balance.weights import ClassWeights
from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.bootstrap import evaluate
from toxiclf.evaluation.checks import CheckedRun, Finding, run_checks
from toxiclf.evaluation.checks.scores import tells_nothing_apart
from toxiclf.evaluation.checks.techniques import double_weighting
from toxiclf.evaluation.prevalence import prevalence_weights

rng = np.random.default_rng(0)


BALANCED = ClassWeights(("negative", "toxic"), (90, 10), (0.56, 5.0))
PLAIN = ClassWeights(("negative", "toxic"), (90, 10), (1.0, 1.0))


def findings(labels: Sequence[str] = ("toxic",), **facts: Any) -> list[Finding]:
    """Findings of a run of which nothing else is known."""
    return run_checks(CheckedRun(labels=labels, **facts))


def codes(**facts: Any) -> list[str]:
    """Their codes."""
    return [finding.code for finding in findings(**facts)]


def checked(scores: np.ndarray, targets: np.ndarray, threshold: float) -> list[Finding]:
    """Findings of one label's scores but those of calibration."""
    scores, targets = scores.astype(np.float32), targets.astype(np.uint8)
    evaluation = evaluate(scores, targets, [threshold], ["toxic"], seed=0)
    run = CheckedRun(labels=["toxic"], scores=scores, targets=targets, thresholds=[threshold], evaluation=evaluation)
    return list(tells_nothing_apart(run))


def test_nothing_is_found_where_nothing_is_known() -> None:
    assert findings() == []


def test_findings_come_in_one_order_and_are_all_registered() -> None:
    run = {
        "n_rejected": 2,
        "n_read": 100,
        "no_graph": "none",
        "copies": (1, 10),
        "gan": {"collapsed": True, "reason": "r"},
    }
    assert codes(**run) == ["no_bundle", "few_copies", "gan_collapse", "rejected_rows"]
    assert set(codes(**run)) <= set(components("finding"))


def test_a_model_at_the_majority_class_is_found() -> None:
    targets = np.arange(100)[:, None] >= 80
    scores = np.arange(100)[:, None] / 500  # tells them apart, below .2
    for threshold, what in ((0.5, "no comment is"), (0.0, "every comment is")):
        (finding,) = checked(scores, targets, threshold)
        assert (finding.code, finding.severity) == ("majority_only", "error")
        assert f"at threshold {threshold:.3f} {what} flagged" in finding.message
    assert not checked(scores, targets, 0.1)


def test_comments_of_one_class_say_nothing_about_the_model() -> None:
    for target in (0, 1):
        for n in (1, 200):
            assert not checked(np.full((n, 1), 0.3), np.full((n, 1), target), 0.5)
        targets = np.full((200, 1), target, np.uint8)
        (finding,) = findings(test_targets=targets, rates=(0.35,), saved=True, calibration="platt")
        assert "evaluate comments drawn at random" in finding.next_step
        assert "--prior" not in finding.next_step  # no prior is 0 or 1


def test_a_rare_class_that_never_has_the_highest_score_is_found() -> None:
    targets = np.zeros((100, 2), np.uint8)
    targets[:5, 0], targets[5:50, 1] = 1, 1
    scores = np.column_stack([np.linspace(0.3, 0.1, 100), np.where(targets[:, 1], 0.6, 0.1)]).astype(np.float32)
    evaluation = evaluate(scores, targets, [0.2, 0.5], ["a", "b"], seed=0, arg_max=True)
    run = CheckedRun(
        labels=["a", "b"], scores=scores, targets=targets, thresholds=[0.2, 0.5], evaluation=evaluation, arg_max=True
    )
    (finding,) = tells_nothing_apart(run)
    assert finding.message == "label 'a': by the highest score no comment is flagged."
    assert "set decision.exclusive = thresholds" in finding.next_step


def test_a_model_that_gives_one_score_is_found() -> None:
    (finding,) = checked(np.full((9, 1), 0.3), np.arange(9)[:, None] > 5, 0.2)
    assert finding.code == "constant_scores"


def test_a_model_that_does_not_beat_guessing_is_found() -> None:
    targets = np.arange(400)[:, None] % 5 == 0
    noise = np.random.default_rng(5).random((400, 1))
    (finding,) = checked(noise, targets, 0.5)
    assert (finding.code, finding.severity) == ("majority_only", "warning")
    assert "does not beat guessing, which reaches 0.200, the share of comments with the label" in finding.message
    (finding,) = checked(noise - targets, targets, 0.5)
    assert (finding.code, finding.severity) == ("majority_only", "error")  # worse than guessing
    assert not checked(0.5 * targets + noise, targets, 0.5)


def test_each_label_is_checked_by_itself() -> None:
    targets = np.column_stack([np.arange(400) % 5 == 0, np.arange(400) % 4 == 0]).astype(np.uint8)
    scores = np.column_stack([targets[:, 0] * 0.9, np.full(400, 0.25)]).astype(np.float32)
    evaluation = evaluate(scores, targets, [0.5, 0.5], ["a", "b"], seed=0)
    run = CheckedRun(labels=["a", "b"], scores=scores, targets=targets, thresholds=[0.5, 0.5], evaluation=evaluation)
    (finding,) = tells_nothing_apart(run)
    assert finding.code == "constant_scores"
    assert finding.message.startswith("label 'b'")


@pytest.mark.parametrize("loss", ["focal", "logit_adjusted"])
def test_class_weights_beside_another_loss_are_found(loss: str) -> None:
    (finding,) = double_weighting(CheckedRun(labels=["toxic"], class_weights=[PLAIN, BALANCED], loss=loss))
    assert finding.code == "double_weighting"
    assert "balance.class_weight = none, or balance.loss = crossentropy" in finding.next_step
    assert "double_weighting" not in codes(class_weights=[PLAIN], loss=loss)
    assert not codes(class_weights=[BALANCED])


def test_weights_given_by_hand_beside_resampling_are_found() -> None:
    assert codes(class_weights=[BALANCED], weights_by_hand=True, resampled=True) == ["double_weighting"]
    for by_hand, resampled in ((True, False), (False, True)):  # those that are computed follow the rows
        assert not codes(class_weights=[BALANCED], weights_by_hand=by_hand, resampled=resampled)
    assert not codes(class_weights=[PLAIN], weights_by_hand=True, resampled=True)


def test_a_loss_that_calibration_takes_back_is_found() -> None:
    assert codes(loss="logit_adjusted", calibration="platt") == ["no_effect"]
    assert "no_effect" not in codes(loss="logit_adjusted", calibration="none")
    assert not codes(loss="focal", calibration="platt")


def test_another_share_of_toxic_rows_in_the_test_part_is_found() -> None:
    train = (rng.random((5000, 1)) < 0.10).astype(np.uint8)
    same = (rng.random((1000, 1)) < 0.10).astype(np.uint8)
    other = (rng.random((1000, 1)) < 0.25).astype(np.uint8)
    assert not codes(train_targets=train, test_targets=same)
    assert codes(train_targets=train, test_targets=other) == ["prevalence_shift"]


def test_evaluated_rows_with_another_share_name_the_prior_that_corrects_it() -> None:
    targets = (np.arange(1000) < 100).astype(np.uint8)[:, None]
    (finding,) = findings(test_targets=targets, rates=(0.35,), saved=True, calibration="platt")
    assert finding.code == "prevalence_shift"
    assert "35.0% of calibration rows have it, but 10.0% of these rows" in finding.message
    assert "--prior 0.1 (Python: prior=0.1)" in finding.next_step
    assert not findings(test_targets=targets, rates=(0.11,), saved=True)
    assert not findings(test_targets=targets, rates=(0.35,), saved=True, corrected=("toxic",))
    two = np.hstack([targets, targets])
    both = findings(labels=["toxic", "hate"], test_targets=two, rates=(0.1, 0.4), saved=True, calibration="platt")
    assert ['--prior hate=0.1 (Python: prior={"hate": 0.1})' in finding.next_step for finding in both] == [True]


def test_findings_speak_of_thresholds_only_where_these_decide() -> None:
    targets = (np.arange(1000) < 100).astype(np.uint8)[:, None]
    shares = {"train_targets": np.repeat(targets, 3, axis=0)[:1000], "test_targets": targets, "calibration": "platt"}
    few = {"decision_targets": targets[60:], "decision_source": "out_of_fold"}
    for arg_max in (False, True):
        shift, small = findings(**shares, **few, arg_max=arg_max)
        assert {shift.code, small.code} == {"prevalence_shift", "small_validation"}
        told = (shift.message + shift.next_step + small.message + small.next_step).lower()
        assert ("threshold" in told) is not arg_max


def test_scores_that_the_share_explains_name_the_prior() -> None:
    targets = (rng.random((4000, 1)) < 0.1).astype(np.uint8)
    odds = np.exp(2 * (rng.normal(size=(4000, 1)) + 2 * targets) - 2)
    scores = (odds * 0.6 / (odds * 0.6 + 0.4)).astype(np.float32)
    (finding,) = findings(scores=scores, targets=targets, calibration="platt", rates=(0.6,))
    assert finding.code == "uncalibrated"
    assert f"with --prior {targets.mean():.3g} the mean score is" in finding.next_step
    (finding,) = findings(scores=np.full_like(scores, 0.9), targets=targets, calibration="platt", rates=(0.1,))
    assert "toxiclf calibrate" in finding.next_step


def test_a_decision_on_few_toxic_rows_is_found() -> None:
    targets = np.array([[1]] * 49 + [[0]] * 400, dtype=np.uint8)
    assert codes(decision_targets=targets, decision_source="validation") == ["small_validation"]
    assert not codes(decision_targets=np.ones((50, 1), np.uint8), decision_source="validation")


def test_a_model_that_does_not_beat_the_baseline_hears_it_in_words() -> None:
    targets = (rng.random((500, 1)) < 0.3).astype(np.uint8)
    good = (targets + rng.normal(size=(500, 1)) * 0.4).astype(np.float32)
    bad = (targets + rng.normal(size=(500, 1)) * 1.5).astype(np.float32)
    strong, weak = (evaluate(s, targets, [0.5], ["toxic"], seed=0) for s in (good, bad))
    (finding,) = findings(evaluation=weak, baseline=strong)
    assert finding.code == "below_baseline"
    assert "is below the ngram_logistic baseline" in finding.message
    (finding,) = findings(evaluation=strong, baseline=strong)
    assert "is not clearly above" in finding.message
    assert not findings(evaluation=strong, baseline=weak)


def test_scores_that_do_not_mean_what_they_say_are_found() -> None:
    targets = (rng.random((2000, 1)) < 0.1).astype(np.uint8)
    honest, loud = np.full((2000, 1), 0.1, np.float32), np.full((2000, 1), 0.4, np.float32)
    assert not codes(scores=honest, targets=targets, calibration="platt")
    assert codes(scores=loud, targets=targets, calibration="platt") == ["uncalibrated"]
    assert codes(scores=honest, targets=targets, calibration="none") == ["uncalibrated"]


def test_what_happened_to_rows_is_found() -> None:
    rows = {"scores": np.zeros((98, 1), np.float32), "n_read": 100}
    found = codes(**rows, n_rejected=2, n_leaked=3, n_truncated=4, n_unknown=5)
    assert found == ["rejected_rows", "duplicate_leak", "truncated", "no_known_tokens"]
    assert not codes(**rows)


def test_an_objective_that_no_threshold_reaches_is_found() -> None:
    assert codes(labels=["a", "b"], reached=[True, False], objective="x") == ["objective_unreached"]


def test_scores_are_judged_at_the_production_prevalence() -> None:
    random = np.random.default_rng(3)
    targets = (random.random((4000, 1)) < 0.4).astype(np.uint8)
    raw = random.normal(size=(4000, 1)) + 2.0 * targets
    odds = np.exp(2.0 * raw - 2.0)

    def scores(rate: float) -> np.ndarray:
        return (odds * rate / (odds * rate + 1 - rate)).astype(np.float32)

    def found(rate: float, live: float, targets: np.ndarray = targets) -> list[Finding]:
        weights = prevalence_weights(targets, [live], exclusive=False)
        return findings(scores=scores(rate), targets=targets, calibration="platt", weights=weights)

    assert found(0.02, live=0.02) == []
    assert found(0.4, live=0.4) == []
    assert [f.code for f in found(0.4, live=0.02)] == ["uncalibrated"]
    assert [f.code for f in found(0.02, live=0.4)] == ["uncalibrated"]
    assert [f.code for f in found(0.05, live=0.02)] == ["uncalibrated"]  # within five points, and twice the rate
    (finding,) = found(0.4, live=0.02)
    assert "expected 2.0 %, the production prevalence" in finding.message
    assert not found(0.4, live=0.02, targets=np.zeros_like(targets))


def test_a_label_at_its_production_prevalence_has_no_shift() -> None:
    train, test = (
        np.array([[1, 1]] * 300 + [[0, 0]] * 700, np.uint8),
        np.array([[1, 1]] * 50 + [[0, 0]] * 950, np.uint8),
    )
    shares = {"labels": ["a", "b"], "train_targets": train, "test_targets": test}
    assert len(findings(**shares)) == 2
    (finding,) = findings(**shares, corrected=["a"])
    assert finding.message.startswith("label 'b'")
    assert "decision.prior" in finding.next_step


def inverted(comments: Comments, **label_map: Any) -> Comments:
    return replace(comments, targets=1 - comments.targets, label_map=LabelMap(**label_map))


@pytest.mark.parametrize(
    ("label_map", "next_step"),
    [
        ({"columns": ["label"]}, "If 1 means not toxic in this file, add --negative 1."),
        ({"columns": ["판정"], "positive": ["정상"]}, "If 정상 means not toxic, give it with --negative instead."),
        (
            {"columns": ["판정"], "negative": ["욕설", "혐오"]},
            "If 욕설 or 혐오 means toxic, name the values that are not",
        ),
        ({"columns": ["score"], "positive_from": 0.5}, "invert the labels"),
        ({}, "invert the labels"),
    ],
)
def test_inverted_labels_are_found(label_map: dict[str, Any], next_step: str, sample: Comments) -> None:
    assert codes(comments=sample) == []
    (finding,) = findings(comments=inverted(sample, **label_map))
    assert (finding.code, finding.severity) == ("labels_may_be_inverted", "warning")
    assert finding.message == (
        "40.8% of comments without label 'toxic' contain known abuse, but only 4.1% of those with it."
    )
    assert next_step in finding.next_step


def test_one_of_several_labels_may_be_inverted(sample: Comments) -> None:
    values = LabelMap(columns=("label",), separator="|")
    targets = np.hstack([sample.targets, 1 - sample.targets])
    several = replace(sample, targets=targets, labels=("악성", "정상"), label_map=values)
    (finding,) = findings(several.labels, comments=several)
    assert finding.next_step == "If 정상 means not toxic in this file, add --negative 정상."
    (finding,) = findings(several.labels, comments=replace(several, label_map=LabelMap(columns=("악성", "정상"))))
    assert "without label '정상'" in finding.message
    assert "if it marks comments that are not toxic, leave it out with --label" in finding.next_step
    exclusive = replace(several, negative="none")
    assert codes(labels=several.labels, comments=exclusive) == []


def test_few_abusive_comments_are_no_sign_of_inverted_labels(sample: Comments) -> None:
    assert codes(comments=inverted(sample.take(np.arange(100)))) == []
    english = Comments.of([f"you idiot {i}" for i in range(99)], [0, 0, 1] * 33)
    assert codes(comments=english) == []
