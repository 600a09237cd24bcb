"""Autoencoders: they learn from comments without the label alone, and say how much of a comment they cannot give back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import rest_in_check
from tests.models.small import LONGEST, encoded, sequences, task_of
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import DataError
from toxiclf.graph import Graph
from toxiclf.models import make_model
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._checkpoint import Checkpoint
from toxiclf.models._progress import FitContext
from toxiclf.recipe import model_options

VECTOR: dict[str, dict[str, Any]] = {
    "autoencoder": {"units": [6, 3]},
    "overcomplete_autoencoder": {"units": [16]},
    "vae": {"units": [6], "latent": 3},
}
SEQUENCE = {"lstm_autoencoder": {"units": 4}}


def rows(name: str, count: int, seed: int = 0) -> Any:
    """Features, of which the third number follows from the first two, as far as they are not toxic."""
    rng = np.random.default_rng(seed)
    if name in SEQUENCE:
        return sequences([0, *rng.integers(1, LONGEST + 1, count - 1)], seed=seed + 5)
    X = rng.normal(size=(count, 4))
    X[:, 2] = X[:, 0] - X[:, 1]
    return (3 + 2 * X).astype(np.float32)


def targets(count: int) -> np.ndarray:
    return (np.arange(count) % 5 == 0).astype(np.uint8)[:, None]


def fit(name: str, features: Any, *, seed: int = 0, task: dict[str, Any] | None = None, **options: Any) -> Model:
    made = {"name": name, "epochs": 2, "batch_size": 16, **VECTOR.get(name, {}), **SEQUENCE.get(name, {}), **options}
    model = make_model(model_options(made))
    held_out = HeldOut(rows(name, 30, seed=9), targets(30))
    return model.fit(features, task_of(targets(80), seed=seed, **(task or {})), held_out)


@pytest.mark.parametrize("name", rest_in_check(VECTOR, quick=["vae"]))
def test_the_graph_gives_the_same_error(name: str) -> None:
    model = fit(name, rows(name, 80))
    X = np.concatenate([rows(name, 50, seed=3), np.zeros((1, 4), dtype=np.float32)])
    graph = Graph()
    scores = graph.session(model.write(graph, graph.vectors("vectors", 4)), 1)({"vectors": X})
    assert np.abs(scores - model.raw(X)).max() <= 1e-5
    assert model.raw(X).shape == (51, 1)
    assert (model.raw(X) >= 0).all()


@pytest.mark.check
def test_the_graph_of_a_sequence_gives_the_same_error_alone_and_padded() -> None:
    model = fit("lstm_autoencoder", rows("lstm_autoencoder", 80))
    features = sequences(list(range(LONGEST + 1)), seed=2)
    graph = Graph()
    scorer = Scorer(graph.build(model.write(graph, ""), 1))
    together = scorer.run(encoded(features.ids))
    alone = np.concatenate([scorer.run(encoded(features.ids.take(np.array([i])))) for i in range(LONGEST + 1)])
    assert np.abs(together - model.raw(features)).max() <= 1e-5
    assert np.abs(together - alone).max() <= 1e-6
    assert together[0] == 0.0  # nothing to give back
    assert (together[1:] > 0).all()


@pytest.mark.parametrize("name", rest_in_check([*VECTOR, *SEQUENCE], quick=["autoencoder"]))
def test_toxic_rows_change_nothing(name: str) -> None:
    features = rows(name, 80)
    if name in SEQUENCE:
        kept = np.repeat(targets(80)[:, 0], features.ids.lengths) == 0
        flat = np.where(kept, features.ids.flat, 1).astype(np.int32)
        other = type(features)(type(features.ids)(flat, features.ids.starts), features.matrix, features.longest)
    else:
        other = features.copy()
        other[targets(80)[:, 0] == 1] = 1e3
    first, again = fit(name, features), fit(name, other)
    probe = rows(name, 20, seed=4)
    assert (first.raw(probe) == again.raw(probe)).all()


@pytest.mark.check  # test_contract.py has one in `make test`
@pytest.mark.parametrize("name", VECTOR)
def test_the_seed_gives_the_same_network_and_another_another(name: str) -> None:
    probe = rows(name, 20, seed=4)
    first, again, other = (fit(name, rows(name, 80), seed=seed).raw(probe) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("name", rest_in_check(VECTOR, quick=["autoencoder"]))
def test_what_breaks_the_rule_of_harmless_rows_is_given_back_worse(name: str) -> None:
    model = fit(name, rows(name, 80), epochs=60, learning_rate=1e-2, patience=60)
    not_toxic = rows(name, 60, seed=5)
    odd = not_toxic.copy()
    odd[:, 2] = 3 - (odd[:, 2] - 3) * 2
    assert model.raw(odd).mean() > 1.5 * model.raw(not_toxic).mean()
    history = list(model.history_)
    assert set(history[0]) == {"epoch", "loss", "validation_error"}
    assert min(row["validation_error"] for row in history) < 0.8 * history[0]["validation_error"]


@pytest.mark.check
def test_a_resumed_fit_gives_the_same_bits(tmp_path: Path) -> None:
    name = "vae"  # it draws, too
    probe = rows(name, 20, seed=4)

    def around(resume: bool) -> dict[str, Any]:
        return {"context": FitContext(checkpoint=Checkpoint(tmp_path / f"{name}.safetensors", resume))}

    whole = fit(name, rows(name, 80), epochs=3).raw(probe)
    fit(name, rows(name, 80), epochs=1, task=around(False))
    assert (fit(name, rows(name, 80), epochs=3, task=around(True)).raw(probe) == whole).all()


def test_best_is_the_least_error_and_messages_say_so() -> None:
    said: list[str] = []
    model = fit("autoencoder", rows("autoencoder", 80), epochs=4, task={"context": FitContext("ae", said.append)})
    best = min(row["validation_error"] for row in model.history_)
    assert any(f"best validation error {best:.4f}" in line for line in said)
    assert any("stops if the error of 24 validation comments has not fallen" in line for line in said)


def test_a_step_too_far_is_a_divergence_and_not_a_number() -> None:
    model = fit(
        "autoencoder", rows("autoencoder", 80), learning_rate=1e6, clip_norm="none", activation="relu", epochs=5
    )
    assert model.divergence_ is not None
    assert "lower model.learning_rate" in model.divergence_.cure


@pytest.mark.parametrize(
    ("part", "where"), [("training", "the training set has 0"), ("validation", "the validation set has 1")]
)
def test_no_harmless_comments_are_refused_in_a_sentence(part: str, where: str) -> None:
    model = make_model(model_options({"name": "autoencoder"}))
    toxic, mixed = np.ones((10, 1), dtype=np.uint8), targets(10)
    few = toxic.copy()
    few[0] = 0
    X = rows("autoencoder", 10)
    task: Task = task_of(toxic if part == "training" else mixed)
    with pytest.raises(
        DataError, match=f"learns from comments without the label, but {where} of them; add such comments"
    ):
        model.fit(X, task, HeldOut(X, mixed if part == "training" else few))
