"""Metrics: the field's own, with intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from toxiclf.bundle.verdicts import class_scores
from toxiclf.evaluation.bootstrap import evaluate, paired_difference
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.prevalence import prevalence_weights

ORACLES = {
    "accuracy": lambda y, p, s: sk.accuracy_score(y, p),
    "precision": lambda y, p, s: sk.precision_score(y, p, zero_division=0),
    "recall": lambda y, p, s: sk.recall_score(y, p),
    "specificity": lambda y, p, s: sk.recall_score(1 - y, ~p),
    "f1": lambda y, p, s: sk.f1_score(y, p, zero_division=0),
    "f2": lambda y, p, s: sk.fbeta_score(y, p, beta=2, zero_division=0),
    "f1_macro": lambda y, p, s: sk.f1_score(y, p, average="macro", zero_division=0),
    "balanced_accuracy": lambda y, p, s: sk.balanced_accuracy_score(y, p),
    "mcc": lambda y, p, s: sk.matthews_corrcoef(y, p),
    "roc_auc": lambda y, p, s: sk.roc_auc_score(y, s),
    "average_precision": lambda y, p, s: sk.average_precision_score(y, s),
    "brier": lambda y, p, s: sk.brier_score_loss(y, s),
}


OF_LABELS = {
    "f1_macro": lambda y, p, s: sk.f1_score(y, p, average="macro", zero_division=0),
    "f1_micro": lambda y, p, s: sk.f1_score(y, p, average="micro", zero_division=0),
    "f1_weighted": lambda y, p, s: sk.f1_score(y, p, average="weighted", zero_division=0),
    "exact_match": lambda y, p, s: sk.accuracy_score(y, p),
    "average_precision_macro": lambda y, p, s: sk.average_precision_score(y, s, average="macro"),
}
OF_CLASSES = {
    "accuracy": sk.accuracy_score,
    "f1_macro": lambda y, p, **w: sk.f1_score(y, p, average="macro", **w),
    "f1_micro": lambda y, p, **w: sk.f1_score(y, p, average="micro", **w),
    "f1_weighted": lambda y, p, **w: sk.f1_score(y, p, average="weighted", **w),
}


def test_every_metric_has_an_oracle() -> None:
    assert set(ORACLES) == set(metric_names(of="one"))
    assert {*ORACLES, *OF_LABELS, "f1_both_classes"} == {*metric_names(of="labels"), *metric_names(of="classes")}
    assert set(metric_names(of="labels")) >= set(OF_LABELS)
    assert set(metric_names(of="classes")) >= set(OF_CLASSES)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(4, 60), st.floats(0, 1))
def test_metrics_over_several_labels_are_scikit_learns(seed: int, n: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((n, 3)).round(1).astype(np.float32)
    targets = (random.random((n, 3)) < 0.4).astype(np.uint8)
    targets[:2] = [[0, 0, 0], [1, 1, 1]]
    evaluation = evaluate(scores, targets, [threshold] * 3, ["a", "b", "c"], seed=0, resamples=20)
    flagged = (scores >= np.float32(threshold)).astype(np.uint8)
    for metric, oracle in OF_LABELS.items():
        row, expected = evaluation.row(metric), oracle(targets, flagged, scores)
        assert row.value == pytest.approx(expected, abs=1e-6), metric
        assert row.low is not None
        assert row.low <= row.high, metric  # type: ignore[operator]
    for j, label in enumerate("abc"):
        both = sk.f1_score(targets[:, j], flagged[:, j], average="macro", zero_division=0)
        assert evaluation.value("f1_both_classes", label) == pytest.approx(both)
        assert OF_LABELS.keys().isdisjoint(evaluation.label_draws[label])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(4, 60), st.sampled_from([None, (0.1, 0.3)]))
def test_metrics_over_exclusive_classes_are_scikit_learns(seed: int, n: int, prior: tuple[float, float] | None) -> None:
    random = np.random.default_rng(seed)
    scores = random.dirichlet([1, 1, 1], n).astype(np.float32)[:, 1:]
    classes = np.append([0, 1, 2], random.integers(0, 3, n - 3))
    targets = np.column_stack([classes == 1, classes == 2]).astype(np.uint8)
    evaluation = evaluate(
        scores, targets, [0.1, 0.9], ["a", "b"], seed=0, prior=prior, exclusive=True, arg_max=True, resamples=20
    )
    verdict = class_scores(scores).argmax(axis=1)
    weights = {} if prior is None else {"sample_weight": prevalence_weights(targets, prior, exclusive=True)[:, 0]}
    for metric, oracle in OF_CLASSES.items():
        row = evaluation.row(metric)
        assert row.value == pytest.approx(oracle(classes, verdict, **weights)), metric
        assert row.low is not None
        assert row.low <= row.high, metric  # type: ignore[operator]
    assert evaluation.class_confusion == sk.confusion_matrix(classes, verdict).tolist()
    assert evaluation.value("f1", "b") == pytest.approx(sk.f1_score(classes == 2, verdict == 2, **weights))


def test_labels_with_weights_of_their_own_have_no_exact_match_in_production() -> None:
    random = np.random.default_rng(0)
    scores = random.random((50, 2)).astype(np.float32)
    targets = (random.random((50, 2)) < 0.4).astype(np.uint8)
    live = evaluate(scores, targets, [0.5, 0.5], ["a", "b"], seed=0, prior=[0.1, 0.2], resamples=0)
    assert live.value("exact_match") is None
    assert live.value("f1_macro") == pytest.approx(live.value("f1"))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(4, 60), st.floats(0, 1))
def test_every_metric_is_scikit_learns(seed: int, n: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((n, 1)).round(1).astype(np.float32)
    targets = (random.random((n, 1)) < 0.4).astype(np.uint8)
    targets[:2, 0] = 0, 1
    evaluation = evaluate(scores, targets, [threshold], ["toxic"], seed=0, resamples=0)
    flagged = scores[:, 0] >= np.float32(threshold)
    for metric, oracle in ORACLES.items():
        expected = oracle(targets[:, 0], flagged, scores[:, 0])
        assert evaluation.value(metric) == pytest.approx(expected, abs=1e-6), metric
    tn, fp, fn, tp = sk.confusion_matrix(targets[:, 0], flagged, labels=[0, 1]).ravel().tolist()
    assert evaluation.confusion["toxic"] == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    truth = 0.8
    covered = 0
    for seed in range(60):
        targets = (random.random((300, 1)) < 0.5).astype(np.uint8)
        right = random.random((300, 1)) < truth
        scores = np.where(right, targets, 1 - targets).astype(np.float32)
        row = next(r for r in evaluate(scores, targets, [0.5], ["toxic"], seed=seed).rows if r.metric == "accuracy")
        assert row.low is not None
        assert row.high is not None
        covered += row.low <= truth <= row.high
    assert covered >= 50


def test_the_seed_of_the_bootstrap_reproduces() -> None:
    scores = np.linspace(0, 1, 50, dtype=np.float32)[:, None]
    targets = (scores > 0.6).astype(np.uint8)
    assert evaluate(scores, targets, [0.5], ["a"], seed=1).rows == evaluate(scores, targets, [0.5], ["a"], seed=1).rows
    assert evaluate(scores, targets, [0.5], ["a"], seed=1).rows != evaluate(scores, targets, [0.5], ["a"], seed=2).rows


def test_the_summary_is_the_mean_over_labels() -> None:
    random = np.random.default_rng(0)
    scores = random.random((80, 3)).astype(np.float32)
    targets = (random.random((80, 3)) < 0.3).astype(np.uint8)
    evaluation = evaluate(scores, targets, [0.5] * 3, ["a", "b", "c"], seed=0)
    for metric in evaluation.label_draws["a"]:
        values = [evaluation.value(metric, label) for label in "abc"]
        assert evaluation.value(metric) == pytest.approx(np.mean([v for v in values if v is not None]))


def test_a_metric_that_is_not_defined_is_none_and_not_a_number_made_up() -> None:
    scores = np.array([[0.1], [0.9]], dtype=np.float32)
    evaluation = evaluate(scores, np.zeros((2, 1), np.uint8), [0.5], ["toxic"], seed=0)
    assert evaluation.value("recall") is None
    assert evaluation.value("average_precision") is None
    assert evaluation.value("accuracy") == 0.5


def test_paired_differences_see_what_separate_intervals_do_not() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((600, 1)) < 0.3).astype(np.uint8)
    weak = (targets * 0.5 + random.normal(size=(600, 1)) * 0.5).astype(np.float32)
    strong = (weak + 0.3 * targets).astype(np.float32)
    a, b = (evaluate(s, targets, [0.5], ["toxic"], seed=0) for s in (strong, weak))
    interval = paired_difference(a, b, "average_precision")
    assert interval is not None
    assert interval[0] > 0


WEIGHTED = {
    "accuracy": lambda y, p, s, w: sk.accuracy_score(y, p, sample_weight=w),
    "precision": lambda y, p, s, w: sk.precision_score(y, p, sample_weight=w, zero_division=0),
    "recall": lambda y, p, s, w: sk.recall_score(y, p, sample_weight=w),
    "f1": lambda y, p, s, w: sk.f1_score(y, p, sample_weight=w, zero_division=0),
    "f1_both_classes": lambda y, p, s, w: sk.f1_score(y, p, average="macro", sample_weight=w, zero_division=0),
    "mcc": lambda y, p, s, w: sk.matthews_corrcoef(y, p, sample_weight=w),
    "roc_auc": lambda y, p, s, w: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, p, s, w: sk.average_precision_score(y, s, sample_weight=w),
    "brier": lambda y, p, s, w: sk.brier_score_loss(y, s, sample_weight=w),
    "flag_rate": lambda y, p, s, w: np.average(p, weights=w),
}


@pytest.mark.check
@given(st.integers(0, 10_000), st.floats(0.01, 0.45), st.booleans())
def test_figures_at_the_production_prevalence_are_scikit_learns_with_weights(
    seed: int, rate: float, exclusive: bool
) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((60, 2)).round(1).astype(np.float32)
    classes = np.append([0, 1, 2], random.integers(0, 3, 57))
    targets = np.column_stack([classes == 1, classes == 2]).astype(np.uint8)
    live = [rate, 0.5]
    evaluation = evaluate(scores, targets, [0.6, 0.4], ["a", "b"], seed=0, prior=live, exclusive=exclusive, resamples=0)
    weights = prevalence_weights(targets, live, exclusive=exclusive)
    for j, label in enumerate("ab"):
        flagged = scores[:, j] >= np.float32([0.6, 0.4][j])
        for metric, oracle in WEIGHTED.items():
            expected = oracle(targets[:, j], flagged, scores[:, j], weights[:, j])
            assert evaluation.value(metric, label) == pytest.approx(expected, abs=1e-6), metric
        assert sum(evaluation.confusion[label].values()) == 60  # rows as they are


def test_the_share_that_rows_have_is_the_production_prevalence_that_changes_nothing() -> None:
    random = np.random.default_rng(0)
    scores = random.random((80, 1)).astype(np.float32)
    targets = (np.arange(80) < 20).astype(np.uint8)[:, None]
    as_they_are = evaluate(scores, targets, [0.5], ["toxic"], seed=0)
    live = evaluate(scores, targets, [0.5], ["toxic"], seed=0, prior=[0.25])
    for metric in as_they_are.draws:
        assert live.value(metric) == pytest.approx(as_they_are.value(metric))


def test_intervals_at_the_production_prevalence_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    truth = 0.05 * 0.8 / (0.05 * 0.8 + 0.95 * 0.1)  # recall .8, one false alarm in ten, production prevalence 5 %
    covered = 0
    for seed in range(40):
        targets = (random.random((300, 1)) < 0.4).astype(np.uint8)
        scores = (random.random((300, 1)) < np.where(targets == 1, 0.8, 0.1)).astype(np.float32)
        row = evaluate(scores, targets, [0.5], ["toxic"], seed=seed, prior=[0.05]).row("precision")
        assert row.low is not None
        assert row.high is not None
        covered += row.low <= truth <= row.high
    assert covered >= 34


def test_rows_without_a_class_have_no_figures_at_a_production_prevalence() -> None:
    scores = np.array([[0.1, 0.3], [0.9, 0.6]], dtype=np.float32)
    targets = np.array([[0, 0], [0, 1]], dtype=np.uint8)
    evaluation = evaluate(scores, targets, [0.5, 0.5], ["a", "b"], seed=0, prior=[0.02, 0.02])
    for metric in evaluation.label_draws["a"]:
        assert evaluation.value(metric, "a") is None
        assert evaluation.value(metric) == evaluation.value(metric, "b")
    assert evaluation.value("precision", "b") == evaluation.value("f1_macro") == 1
