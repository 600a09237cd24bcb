"""Networks as models: what they train and leave alone, where they begin, which weights they keep, and what they say."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tests.conftest import rest_in_check
from tests.models.small import (
    EVERY_LENGTH,
    TOKENS,
    fitted,
    learnable,
    made,
    raw_of,
    sequences,
    targets_of,
    task_of,
    unfitted,
)
from toxiclf import backend
from toxiclf.backend import keras
from toxiclf.balance.losses import CROSSENTROPY, Focal
from toxiclf.features.sequences import Sequences
from toxiclf.models._base import HeldOut
from toxiclf.models._progress import FitContext
from toxiclf.text.vocabulary import Ids

TRAINED, WATCHED, UNSEEN = range(1, 7), range(7, 10), range(10, TOKENS + 1)  # tokens of the parts


def of_tokens(tokens: range, count: int = 20) -> Sequences:
    """Comments that hold all of these tokens and no others."""
    flat = np.resize(np.array(tokens, np.int32), 3 * count)
    return Sequences(Ids(flat, np.arange(0, 3 * count + 1, 3)), sequences([]).matrix, 5)


def matrix_after(name: str, **changes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Word vectors before and after training on other tokens than are watched."""
    features, targets = of_tokens(TRAINED), targets_of(20)
    model = unfitted(name, epochs=3, **changes)
    model.fit(features, task_of(targets), HeldOut(of_tokens(WATCHED), targets))
    return features.matrix, np.asarray(model.blocks_[0].layer.get_weights()[0])  # type: ignore[attr-defined]


@pytest.mark.parametrize("changes", [{"embedding": "fine_tuned"}, {"embedding": "scratch", "optimizer": "rmsprop"}])
@pytest.mark.parametrize("name", rest_in_check(["lstm", "cnn"], quick=["cnn"]))
def test_training_changes_the_vectors_of_training_tokens_and_of_no_others(name: str, changes: Any) -> None:
    before, after = matrix_after(name, **changes)
    assert (before[list(TRAINED)] != after[list(TRAINED)]).any(axis=1).all()
    others = [0, *WATCHED, *UNSEEN]
    assert before[others].tobytes() == after[others].tobytes()


@pytest.mark.parametrize("name", rest_in_check(["lstm", "dnn_sequence"], quick=["dnn_sequence"]))
def test_frozen_vectors_stay_as_they_are(name: str) -> None:
    before, after = matrix_after(name, embedding="frozen")
    assert before.tobytes() == after.tobytes()


def start_of(name: str, targets: np.ndarray, *, exclusive: bool = False, weight: Any = "none", **changes: Any) -> Any:
    """A network after an epoch whose steps are too small to move anything; its features and its task."""
    features = sequences([3] * len(targets))
    task = task_of(targets, exclusive=exclusive, weight=weight, **changes)
    still = {"epochs": 1, "learning_rate": 1e-20, "batch_size": 1000, "dropout": 0.0, "spatial_dropout": 0.0}
    return unfitted(name, **still).fit(features, task, HeldOut(features, targets)), features


RARE = np.array([[1, 0], [0, 1], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]], np.uint8)  # shares 1/8 and 3/8


def test_a_network_begins_at_the_log_odds_of_its_rows() -> None:
    model, _ = start_of("dnn_sequence", RARE)
    assert model.network_.get_weights()[-1] == pytest.approx(np.log([1 / 7, 3 / 5]), abs=1e-6)


def test_a_network_begins_at_the_log_odds_of_its_weighted_rows() -> None:
    model, _ = start_of("dnn_sequence", RARE, weight={"label 0": 2.0, "negative": 0.5})
    assert model.network_.get_weights()[-1] == pytest.approx(np.log([2 / 3.5, 3 / 2.5]), abs=1e-6)
    balanced, _ = start_of("dnn_sequence", RARE, weight="balanced")
    assert balanced.network_.get_weights()[-1] == pytest.approx(0, abs=1e-6)


def test_a_network_of_exclusive_labels_begins_at_their_shares() -> None:
    model, _ = start_of("dnn_sequence", RARE, exclusive=True)
    odds = np.exp(model.network_.get_weights()[-1].astype(np.float64))
    assert odds / odds.sum() == pytest.approx([4 / 8, 1 / 8, 3 / 8], abs=1e-6)


@pytest.mark.parametrize("gamma", [None, 2.0])
def test_class_weights_and_the_focal_loss_enter_the_loss(gamma: float | None) -> None:
    weight = {"negative": 0.5, "label 0": 3.0, "label 1": 5.0}
    loss = CROSSENTROPY if gamma is None else Focal(gamma)
    model, features = start_of("dnn_sequence", RARE, weight=weight, loss=loss)
    p = 1 / (1 + np.exp(-model.raw(features)))
    right = np.where(RARE, p, 1 - p)
    losses = -np.log(right) * (1 if gamma is None else (1 - right) ** gamma)
    expected = (np.where(RARE, [3.0, 5.0], 0.5) * losses).mean()
    assert model.history_[0]["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [None, 2.0])
def test_class_weights_and_the_focal_loss_enter_the_loss_of_exclusive_labels(gamma: float | None) -> None:
    weight = {"none": 0.5, "label 0": 3.0, "label 1": 5.0}
    loss = CROSSENTROPY if gamma is None else Focal(gamma)
    model, features = start_of("dnn_sequence", RARE, exclusive=True, weight=weight, loss=loss)
    odds = np.exp(np.column_stack([np.zeros(len(RARE)), model.raw(features)]))  # against the negative value
    classes = np.where(RARE.any(axis=1), RARE.argmax(axis=1) + 1, 0)
    right = (odds / odds.sum(axis=1, keepdims=True))[np.arange(len(RARE)), classes]
    losses = -np.log(right) * (1 if gamma is None else (1 - right) ** gamma)
    expected = (np.array([0.5, 3.0, 5.0])[classes] * losses).mean()
    assert model.history_[0]["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("changes", rest_in_check([{}, {"normalization": "batch"}], quick=[{}]))
def test_the_model_is_as_good_as_the_best_epoch_of_its_history(changes: Any) -> None:
    model = fitted("cnn", epochs=6, learning_rate=0.1, **changes)
    values = [row["validation_average_precision"] for row in model.history_]
    watched, targets = learnable(40, seed=1)
    assert average_precision_score(targets, model.raw(watched)) == max(values)


def test_tokens_that_only_watched_comments_hold_count_there() -> None:
    watched = sequences([1, 2, 3, 4] * 10, tokens=5)
    other = replace(watched, ids=Ids(watched.ids.flat + 7, watched.ids.starts))  # tokens 8 to 12
    targets = (watched.ids.flat[watched.ids.starts[:-1]] < 3).astype(np.uint8)[:, None]
    model = unfitted("cnn", epochs=1, embedding="frozen")
    matrix = sequences([]).matrix
    model.fit(replace(watched, matrix=matrix), task_of(targets), HeldOut(replace(other, matrix=matrix), targets))
    precision = average_precision_score(targets, model.raw(replace(other, matrix=matrix)))
    assert model.history_[0]["validation_average_precision"] == precision != targets.mean()


@pytest.mark.parametrize(("columns", "exclusive"), rest_in_check([(3, False), (2, True)], quick=[(2, True)]))
def test_several_labels_are_judged_by_their_mean_average_precision(columns: int, exclusive: bool) -> None:
    features = sequences([0, *range(1, 8)] * 5)
    targets = targets_of(40, columns=columns, exclusive=exclusive)
    task = task_of(targets, exclusive=exclusive)
    model = unfitted("cnn", epochs=2).fit(features, task, HeldOut(features, targets))
    best = max(row["validation_average_precision"] for row in model.history_)
    raw = model.raw(features)
    assert raw.shape == (40, columns)
    assert np.mean([average_precision_score(targets[:, j], raw[:, j]) for j in range(columns)]) == pytest.approx(best)


@pytest.mark.parametrize("name", ["lstm", "dnn_sequence"])
def test_scores_are_those_of_each_comment_alone(name: str) -> None:
    model = made(name)
    together = model.raw(EVERY_LENGTH)
    for i in range(len(EVERY_LENGTH.ids)):
        padded = EVERY_LENGTH.ids.take(np.array([i])).padded()
        if name == "dnn_sequence":
            padded = np.pad(padded, [(0, 0), (0, 7 - padded.shape[1])])
        assert raw_of(model, padded) == pytest.approx(together[[i]], abs=1e-6)


RUNAWAY = {"learning_rate": 1e6, "clip_norm": 0, "epochs": 3}


@pytest.mark.parametrize(
    ("name", "changes", "cause", "cures", "idle"),
    [
        pytest.param(
            "lstm",
            {"activation": "relu"},
            "the unbounded activation relu of a recurrent layer",
            ["model.activation = tanh"],
            [],
            marks=pytest.mark.check,
        ),
        (
            "cnn",
            {},
            "the learning rate of 1e+06 is probably too high",
            ["lower model.learning_rate (to 0.001)"],
            ["model.activation"],
        ),
        (
            "cnn",
            {"clip_norm": 1.0},
            "the learning rate of 1e+06 is probably too high",
            ["lower model.learning_rate (to 0.001)"],
            ["model.clip_norm"],
        ),
    ],
)
def test_a_divergence_names_its_cause_and_its_cure_and_leaves_finite_weights(
    name: str, changes: Any, cause: str, cures: list[str], idle: list[str]
) -> None:
    model = fitted(name, **{**RUNAWAY, **changes})
    assert model.divergence_ is not None
    assert cause in model.divergence_.cause
    assert all(cure in model.divergence_.cure for cure in cures)
    assert not any(key in model.divergence_.cure for key in idle)
    last = model.history_[-1]
    assert last["epoch"] == model.divergence_.epoch
    assert last["loss"] == model.divergence_.loss or np.isnan(last["loss"])
    assert np.isnan(last["validation_average_precision"])
    assert all(np.isfinite(weight).all() for weight in model.network_.get_weights())
    assert np.isfinite(raw_of(model, EVERY_LENGTH.ids.padded())).all()


@pytest.mark.check
@pytest.mark.parametrize(("clip_norm", "named"), [(0, True), (1.0, False)])
def test_where_gradients_are_not_clipped_clipping_is_a_cure(clip_norm: Any, named: bool) -> None:
    features, targets = of_tokens(TRAINED), targets_of(20)
    features = replace(features, matrix=features.matrix * 1e6)
    model = unfitted("dnn_sequence", clip_norm=clip_norm).fit(features, task_of(targets), HeldOut(features, targets))
    assert model.divergence_ is not None
    assert ("set model.clip_norm = 1" in model.divergence_.cure) == named
    assert "lower model.learning_rate (to 0.0001)" in model.divergence_.cure


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"activation": "softmax"}, ["model.activation = softmax"]),
        ({"recurrent_activation": "softmax"}, ["model.recurrent_activation = softmax"]),
        (
            {"activation": "softmax", "recurrent_activation": "softmax"},
            ["model.activation = softmax", "model.recurrent_activation = softmax"],
        ),
    ],
)
def test_softmax_gates_have_no_graph_and_say_which(changes: Any, lacking: list[str]) -> None:
    model = unfitted("bilstm", **changes)
    assert model.no_graph_ == f"ONNX Runtime's LSTM cannot compute {' and '.join(lacking)}"


@pytest.mark.parametrize(
    ("name", "changes"), [("lstm", {}), ("lstm", {"activation": "relu"}), ("cnn", {"activation": "softmax"})]
)
def test_other_networks_have_a_graph(name: str, changes: Any) -> None:
    assert unfitted(name, **changes).no_graph_ == ""


def said(name: str, **changes: Any) -> list[str]:
    sentences: list[str] = []
    fitted(name, task={"context": FitContext("this fit", sentences.append)}, **changes)
    return sentences


@pytest.mark.check
def test_automatic_choices_are_said_and_marked() -> None:
    plan, first, second, best = said("cnn", batch_size="auto", epochs=2)
    assert plan == (
        "this fit: 60 comments in batches of 64 (auto), at most 2 epochs; stops if the average precision of 40 validation "
        "comments has not risen for 5 epochs; on the CPU"
    )
    assert first.startswith("this fit: epoch 1 of 2: loss ")
    assert second.startswith("this fit: epoch 2 of 2: loss ")
    assert best.startswith("this fit: best validation average precision 0.")
    assert "at most 30 epochs (auto)" in said("cnn", epochs="auto", patience=1)[0]


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"), [(1, 64, 30), (20_000, 64, 30), (60_000, 128, 10), (300_000, 256, 5)]
)
def test_automatic_choices_follow_the_number_of_rows(rows: int, batch_size: int, epochs: int) -> None:
    targets = np.zeros((rows, 1), np.uint8)
    auto = unfitted("cnn")._plan(task_of(targets))
    assert (auto.batch_size, auto.epochs) == (batch_size, epochs)
    own = unfitted("cnn", batch_size=3, epochs=77)._plan(task_of(targets))
    assert (own.batch_size, own.epochs) == (3, 77)


@pytest.mark.parametrize(("clip_norm", "limit"), [(0, None), ("none", None), (0.0, None), (2, 2.0)])
def test_zero_and_none_both_mean_that_gradients_are_not_clipped(clip_norm: Any, limit: float | None) -> None:
    assert unfitted("lstm", clip_norm=clip_norm)._plan(task_of(targets_of(9))).clip_norm == limit


def test_fitting_leaves_everybody_elses_random_numbers_as_they_were() -> None:
    random.seed(3)
    np.random.seed(3)
    drawn = [(random.random(), np.random.random()) for _ in range(2)]
    random.seed(3)
    np.random.seed(3)
    assert (random.random(), np.random.random()) == drawn[0]
    fitted("dnn_sequence", epochs=1)
    assert (random.random(), np.random.random()) == drawn[1]


def test_names_by_whose_order_gradients_are_added_up_do_not_hang_on_what_was_built_before() -> None:
    def names() -> list[str]:
        layers = made("cnn", widths=[1, 2, 3]).network_.layers
        return [layer.name for layer in layers if isinstance(layer, keras.layers.Conv1D)]

    first = names()
    assert len(first) == 3
    assert names() == first


@pytest.mark.check
def test_batches_of_one_comment_train_too() -> None:
    model = fitted("cnn", batch_size=1, epochs=1, normalization="batch")
    assert model.divergence_ is None


@pytest.mark.check
@pytest.mark.parametrize(
    ("name", "features"),
    [("lstm", sequences([0, 1, 1] * 4, tokens=1, size=1, longest=1)), ("cnn", sequences([0] * 12))],
    ids=["one token", "none"],
)
def test_one_token_or_none_at_all_is_enough_to_train(name: str, features: Sequences) -> None:
    targets = np.array([[0], [1]] * 6, np.uint8)
    model = unfitted(name, epochs=1)
    model.fit(features, task_of(targets), HeldOut(features, targets))
    assert model.divergence_ is None
    assert np.isfinite(model.raw(features)).all()


def test_networks_are_float32_whatever_the_program_has_set() -> None:
    def settings() -> tuple[Any, ...]:
        config = keras.config
        return config.dtype_policy().name, config.floatx(), config.epsilon(), config.image_data_format()

    before = settings()
    try:
        backend._configure("mixed_float16", "float16", 1e-3, "channels_first")
        theirs = settings()
        with backend.seeded(0):
            assert settings() == ("float32", "float32", 1e-7, "channels_last")
        assert settings() == theirs
    finally:
        backend._configure(*before)


@pytest.mark.check
def test_settings_of_the_user_change_no_network(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(
        '{"backend": "torch", "floatx": "float16", "epsilon": 0.1}', "utf-8"
    )
    show = "keras.config.backend(), keras.config.floatx(), keras.config.epsilon(), os.environ['KERAS_BACKEND']"
    code = f"import os; from toxiclf.backend import keras; print({show})"
    environment = os.environ | {"HOME": str(tmp_path), "KERAS_HOME": str(tmp_path / ".keras"), "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "tensorflow float32 1e-07 jax\n"
