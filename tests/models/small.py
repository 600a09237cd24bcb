"""Small real networks and sequences: a moment to build, and none of their weights trivial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toxiclf.balance.weights import class_weights
from toxiclf.bundle.scorer import Scorer
from toxiclf.features.sequences import Sequences
from toxiclf.graph import Graph
from toxiclf.models import make_model
from toxiclf.models._base import HeldOut, Task
from toxiclf.models._network import Classifier, SequenceNetwork
from toxiclf.recipe import model_options
from toxiclf.text.encoder import Encoded, join_views
from toxiclf.text.vocabulary import Ids

TOKENS, SIZE, LONGEST = 12, 3, 7
SMALL: dict[str, dict[str, Any]] = {
    **{name: {"units": 4} for name in ("lstm", "lstm2", "bilstm", "bilstm2")},
    "cnn": {"widths": [2], "filters": 3},
    "dnn_sequence": {"dense": [4]},
    "dnn": {"units": [4]},
}
SEQUENCE = [name for name in SMALL if name != "dnn"]
RECURRENT = SEQUENCE[:4]


def options(name: str, **changes: Any) -> Any:
    """Options of a small network."""
    return model_options({"name": name, **SMALL[name], **changes})


def unfitted(name: str, **changes: Any) -> Any:
    """A small network over sequences that has not learned yet."""
    return make_model(options(name, **changes))


def ids_of(lengths: Sequence[int], *, seed: int = 0, tokens: int = TOKENS) -> Ids:
    """Comments of random tokens, of these lengths."""
    flat = np.random.default_rng(seed).integers(1, tokens + 1, sum(lengths), dtype=np.int32)
    return Ids(flat, np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp))


def sequences(
    lengths: Sequence[int], *, seed: int = 0, tokens: int = TOKENS, size: int = SIZE, longest: int = LONGEST
) -> Sequences:
    """The same with vectors."""
    matrix = np.random.default_rng(99).normal(size=(tokens + 1, size)).astype(np.float32)
    matrix[0] = 0.0
    return Sequences(ids_of(lengths, seed=seed, tokens=tokens), matrix, longest)


EVERY_LENGTH = sequences(list(range(LONGEST + 1)))


def targets_of(count: int, *, columns: int = 1, exclusive: bool = False, seed: int = 0) -> np.ndarray:
    """Targets at random of which each column has some of both kinds; at most one a row where they exclude each other."""
    values = np.random.default_rng(seed).integers(0, 1 + (columns if exclusive else 1), (count, columns))
    if exclusive:
        return (values[:, :1] == np.arange(1, columns + 1)).astype(np.uint8)
    return values.astype(np.uint8)


def task_of(targets: np.ndarray, *, exclusive: bool = False, weight: Any = "none", seed: int = 0, **more: Any) -> Task:
    """What to learn from targets."""
    labels = [f"label {j}" for j in range(targets.shape[1])]
    weights = class_weights(targets, labels, "none" if exclusive else None, weight)
    return Task(targets, exclusive, weights, seed, **more)


def learnable(count: int, *, seed: int = 0) -> tuple[Sequences, np.ndarray]:
    """Comments that are toxic where they hold token 1, but for some noise; one of them is empty."""
    rng = np.random.default_rng([seed, count])
    features = sequences([0, *rng.integers(1, LONGEST + 1, count - 1)], seed=seed + 1000)
    toxic = np.array([1 in features.ids.take(np.array([i])).flat for i in range(count)])
    return features, (toxic ^ (rng.random(count) < 0.15)).astype(np.uint8)[:, None]


def fitted(name: str, *, exclusive: bool = False, seed: int = 0, task: Any = None, **changes: Any) -> SequenceNetwork:
    """A network over sequences, trained for a moment on 60 comments; watches 40 others."""
    features, targets = learnable(60)
    watched, watched_targets = learnable(40, seed=1)
    model = unfitted(name, **{"epochs": 2, "batch_size": 16, **changes})
    model.fit(features, task_of(targets, seed=seed, **(task or {})), HeldOut(watched, watched_targets))
    return model


def randomized(model: Classifier, seed: int = 5) -> Classifier:
    """The model with all its weights drawn at random: biases, scales and moving averages, too."""
    rng = np.random.default_rng(seed)
    network = model.network_
    weights = [rng.uniform(-0.9, 0.9, weight.shape).astype(np.float32) for weight in network.get_weights()]
    for weight, variable in zip(weights, network.weights, strict=True):
        if "variance" in variable.path or "gamma" in variable.path:
            weight[:] = np.abs(weight) + 0.3
    network.set_weights(weights)
    return model


def made(
    name: str, *, columns: int = 1, exclusive: bool = False, longest: int = LONGEST,
    matrix: np.ndarray | None = None, **changes: Any,
) -> Classifier:  # fmt: skip
    """A network over sequences of tokens, as it is built to be trained, with random weights."""
    model = unfitted(name, **changes)
    model.time_, model.exclusive_ = longest, exclusive
    targets = np.full((1, columns + exclusive), 0.25)
    model.network_ = model._build(sequences([]).matrix if matrix is None else matrix, (targets, np.ones_like(targets)))
    return randomized(model)


def scorer_of(model: Classifier, columns: int = 1) -> Scorer:
    """The graph of a network over sequences, ready to run."""
    graph = Graph()
    return Scorer(graph.build(model.write(graph, ""), columns))


def encoded(ids: Ids) -> Encoded:
    """Comments as a graph takes them."""
    whole = np.zeros(len(ids), dtype=np.bool_)
    return join_views({"words": (ids, whole)}, whole)


def raw_of(model: Classifier, ids: np.ndarray) -> np.ndarray:
    """Logits of a matrix of ids by Keras, however it is padded."""
    return np.asarray(model.network_(ids, training=False), dtype=np.float64)
