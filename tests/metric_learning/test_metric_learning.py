"""A learned metric: losses as in the papers, balanced batches, and the same bits in training and in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import rest_in_check
from tests.models.small import encoded, learnable, sequences, targets_of, task_of
from toxiclf.backend import tf
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import DataError, UsageError
from toxiclf.graph import Graph
from toxiclf.metric_learning._learner import MetricLearner
from toxiclf.metric_learning.supervised_contrastive import contrastive_loss
from toxiclf.metric_learning.triplet import triplet_loss
from toxiclf.models._base import HeldOut
from toxiclf.models._rows import balanced_batches
from toxiclf.recipe import FeaturesSection

LOSSES = ("triplet", "supervised_contrastive")


def section(loss: str = "triplet", **more: Any) -> FeaturesSection:
    small = {"metric_size": 4, "metric_epochs": 2, "metric_batch_size": 16}
    if more.get("metric_encoder", "mlp") == "mlp":
        small["metric_units"] = [8]
    return FeaturesSection(metric_learning=loss, **{**small, **more})


def rings(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are toxic where they lie far out, which no line tells apart; one in five."""
    rng = np.random.default_rng([seed, count])
    toxic = np.arange(count) % 5 == 0
    X = rng.normal(size=(count, 6))
    X *= np.where(toxic, 4.0, 1.5)[:, None] / np.linalg.norm(X, axis=1, keepdims=True)
    return X.astype(np.float32), toxic.astype(np.uint8)[:, None]


def fitted(loss: str = "triplet", *, seed: int = 0, **more: Any) -> MetricLearner:
    X, targets = rings(150)
    watched, watched_targets = rings(60, seed=1)
    return MetricLearner(section(loss, **more)).fit(X, task_of(targets, seed=seed), HeldOut(watched, watched_targets))


def unit(count: int, seed: int = 0) -> np.ndarray:
    X = np.random.default_rng(seed).normal(size=(count, 3))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def slow_triplets(X: np.ndarray, classes: np.ndarray, margin: float) -> float:
    """As the paper tells it, one pair after the other."""
    distances = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    losses = []
    for a in range(len(X)):
        for p in range(len(X)):
            if a == p or classes[a] != classes[p]:
                continue
            others = distances[a][classes != classes[a]]
            farther = others[others > distances[a, p]]
            negative = farther.min() if len(farther) else others.max()
            losses.append(max(0.0, margin + distances[a, p] - negative))
    return float(np.mean(losses))


def slow_contrast(X: np.ndarray, classes: np.ndarray, temperature: float) -> float:
    likeness = X @ X.T / temperature
    losses = []
    for a in range(len(X)):
        others = [k for k in range(len(X)) if k != a]
        whole = np.log(np.exp(likeness[a, others]).sum())
        positives = [p for p in others if classes[p] == classes[a]]
        losses.append(-np.mean([likeness[a, p] - whole for p in positives]))
    return float(np.mean(losses))


@pytest.mark.parametrize("seed", range(3))
def test_losses_are_those_of_the_papers(seed: int) -> None:
    X, classes = unit(12, seed), np.random.default_rng(seed).permutation(np.repeat([0.0, 1.0], [7, 5]))
    ours = float(triplet_loss(X, tf.constant(classes, tf.float32), 0.3))
    assert ours == pytest.approx(slow_triplets(X, classes, 0.3), rel=1e-4)
    ours = float(contrastive_loss(X, tf.constant(classes, tf.float32), 0.2))
    assert ours == pytest.approx(slow_contrast(X, classes, 0.2), rel=1e-4)


def test_losses_of_a_class_with_one_row_and_of_equal_rows_are_numbers() -> None:
    X = np.repeat(unit(1), 6, axis=0)
    for classes in ([0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1]):
        given = tf.constant(classes, tf.float32)
        assert np.isfinite(float(triplet_loss(X, given, 0.3)))
        assert np.isfinite(float(contrastive_loss(X, given, 0.1)))


@pytest.mark.parametrize("rare", [1, 3, 50])
def test_batches_hold_as_many_rows_of_each_class(rare: int) -> None:
    classes = np.repeat([0, 1], [100, rare])
    batches = list(balanced_batches(classes)(np.ones(len(classes), np.int32), 20, np.random.default_rng(0)))
    assert all(np.bincount(classes[batch]).tolist() == [10, 10] for batch in batches)
    assert len(batches) == -(-len(classes) // 20)
    assert set(range(100, 100 + rare)) <= set(np.concatenate(batches).tolist()) or rare > 10 * len(batches)


@pytest.mark.parametrize("loss", rest_in_check(LOSSES, quick=["supervised_contrastive"]))
def test_what_no_line_tells_apart_is_told_apart_by_its_nearest_mean(loss: str) -> None:
    learner = fitted(loss, metric_epochs=30, metric_units=[32], metric_learning_rate=5e-3, metric_dropout=0.0)
    assert max(row["validation_average_precision"] for row in learner.history_) > 0.9
    X, targets = rings(100, seed=2)
    vectors = learner.transform(X)
    assert vectors.shape == (100, 4)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    toxic, other = vectors[targets[:, 0] == 1].mean(axis=0), vectors[targets[:, 0] == 0].mean(axis=0)
    assert np.linalg.norm(toxic - other) > 0.5


def test_a_row_has_the_same_bits_alone_and_among_others() -> None:
    learner = fitted()
    X = rings(64, seed=3)[0]
    together = learner.transform(X)
    assert (np.concatenate([learner.transform(row[None]) for row in X]) == together).all()
    assert learner.transform(X[:0]).shape == (0, 4)


@pytest.mark.parametrize("encoder", rest_in_check(["cnn", "lstm"], quick=["cnn"]))
def test_sequences_are_read_as_the_graph_reads_them(encoder: str) -> None:
    features, targets = learnable(60)
    watched, watched_targets = learnable(40, seed=1)
    options = section(metric_encoder=encoder, metric_epochs=1)
    learner = MetricLearner(options).fit(features, task_of(targets), HeldOut(watched, watched_targets))
    probe = sequences([0, 1, 3, 7], seed=6)
    graph = Graph()
    scores = Scorer(graph.build(learner.write(graph, ""), 4)).run(encoded(probe.ids))
    assert (scores == learner.transform(probe)).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("loss", rest_in_check(LOSSES, quick=["supervised_contrastive"]))
def test_the_seed_gives_the_same_metric_and_another_another(loss: str) -> None:
    X = rings(20, seed=4)[0]
    first, again, other = (fitted(loss, seed=seed).transform(X) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("targets", "held_out", "sentence"),
    [
        ([[1]] + [[0]] * 9, [[0], [1]], "needs at least two training comments of each class, but one class has 1"),
        ([[0]] * 10, [[0], [1]], "but one class has 0"),
        ([[1], [0]] * 5, [[0], [0]], "but all are of one class; raise split.validation"),
    ],
)
def test_too_few_of_a_class_are_refused_in_a_sentence(targets: Any, held_out: Any, sentence: str) -> None:
    X = rings(10)[0]
    with pytest.raises(DataError, match=sentence):
        MetricLearner(section()).fit(
            X, task_of(np.array(targets, dtype=np.uint8)), HeldOut(X[:2], np.array(held_out, dtype=np.uint8))
        )


def test_several_labels_are_refused() -> None:
    X, targets = rings(10)[0], targets_of(10, columns=2)
    with pytest.raises(UsageError, match="needs one label, but there are 2"):
        MetricLearner(section()).fit(X, task_of(targets), HeldOut(X, targets))
