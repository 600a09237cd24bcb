"""The training loop: every row once an epoch, the loss by its formula, the best weights, and a stop where it diverges."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.models.small import ids_of
from toxiclf.balance.losses import CROSSENTROPY, Focal
from toxiclf.errors import UsageError
from toxiclf.models._checkpoint import Checkpoint
from toxiclf.models._plan import Plan
from toxiclf.models._progress import SILENT, FitContext
from toxiclf.models._rows import IdRows, VectorRows, batches
from toxiclf.models._training_loop import TrainingLoop, predicted

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60)
POINTS = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
WANTED = (POINTS[:, :1] + 0.5 * POINTS[:, 1:] > 0).astype(np.float64)
ROWS, ONES = VectorRows(POINTS), np.ones((24, 1))


def plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "network": "dense", "optimizer": "adam", "learning_rate": 0.1, "batch_size": 8, "epochs": 6,
        "patience": 9, "clip_norm": 1.0,
        "loss": CROSSENTROPY, "exclusive": False, "seed": 0, "blame": ("the likely cause is this", "do that"),
    }  # fmt: skip
    return Plan(**(given | changes))


def network(kernel: Any = ((0.1,), (-0.2,)), bias: Any = (0.0,)) -> keras.Model:
    """One dense layer with these weights."""
    vector = keras.Input((2,))
    model = keras.Model(vector, keras.layers.Dense(len(bias))(vector))
    model.set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return model


def run(
    judged: Iterable[float] | None = None, *, model: keras.Model | None = None, rows: VectorRows = ROWS,
    wanted: np.ndarray = WANTED, weights: np.ndarray | None = None, **changes: Any,
) -> tuple[TrainingLoop, list[np.ndarray]]:  # fmt: skip
    """A trained loop and the weights that it leaves; ``judged`` are the figures of its epochs."""
    model = network() if model is None else model
    figures = None if judged is None else iter(judged)
    judge: Callable[[np.ndarray], float] = lambda logits: (  # noqa: E731
        -float(np.abs(logits - wanted).mean()) if figures is None else next(figures)
    )
    loop = TrainingLoop(model, plan(**changes), judge)
    loop.run(rows, wanted, np.ones_like(wanted) if weights is None else weights, rows, SILENT)
    return loop, model.get_weights()


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all((a == b).all() for a, b in zip(one, other, strict=True))


@given(LENGTHS, st.integers(1, 70), st.integers(0, 9))
def test_an_epoch_has_every_row_once(lengths: list[int], size: int, seed: int) -> None:
    found = list(batches(np.array(lengths, np.int32), size, np.random.default_rng(seed)))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    assert sorted(map(len, found), reverse=True)[:-1] == [size] * (len(found) - 1)
    again = list(batches(np.array(lengths, np.int32), size, np.random.default_rng(seed)))
    assert all((one == other).all() for one, other in zip(found, again, strict=True))


@given(st.lists(st.integers(1, 200), min_size=40, max_size=80), st.integers(0, 9))
def test_rows_of_a_batch_are_of_like_length(lengths: list[int], seed: int) -> None:
    found = list(batches(np.array(lengths, np.int32), 8, np.random.default_rng(seed)))
    ordered = sorted(lengths)
    tightest = sum(8 * max(ordered[at : at + 8]) for at in range(0, len(ordered), 8))
    assert sum(8 * max(lengths[i] for i in batch) for batch in found) <= 1.25 * tightest + 8 * 8


def test_epochs_differ_in_the_order_of_batches_and_in_what_stands_together() -> None:
    for lengths in (np.random.default_rng(0).integers(1, 30, 200), np.ones(200)):
        first, second = (
            list(batches(lengths.astype(np.int32), 10, np.random.default_rng([3, epoch]))) for epoch in (1, 2)
        )
        assert {frozenset(batch.tolist()) for batch in first} != {frozenset(batch.tolist()) for batch in second}
        assert [lengths[batch].max() for batch in first] != sorted(lengths[batch].max() for batch in first) or (
            lengths.min() == lengths.max()
        )


@given(LENGTHS)
def test_a_batch_is_only_as_long_as_its_longest_comment(lengths: list[int]) -> None:
    ids = ids_of(lengths)
    for batch in batches(ids.lengths, 7, np.random.default_rng(0)):
        taken = IdRows(ids).take(batch)
        assert taken.shape == (len(batch), max(1, max(lengths[i] for i in batch)))
        assert all(
            (row[: lengths[i]] == ids.take(np.array([i])).flat).all() for row, i in zip(taken, batch, strict=True)
        )
        assert ((taken > 0).sum(axis=1) == [lengths[i] for i in batch]).all()
    assert IdRows(ids, 50).take(np.arange(len(ids))).shape == (len(ids), 50)


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=20))
def test_predictions_are_those_of_each_row_alone_and_in_order(lengths: list[int]) -> None:
    ids = ids_of(lengths)
    sizes = []

    def forward(batch: np.ndarray) -> np.ndarray:
        sizes.append(batch.shape)
        return np.stack([batch.sum(axis=1), (batch * np.arange(1, batch.shape[1] + 1)).sum(axis=1)], axis=1)

    together = predicted(forward, IdRows(ids))
    alone = [forward(ids.take(np.array([i])).padded())[0] for i in range(len(ids))]
    assert (together == np.array(alone)).all()
    assert all(rows * longest <= 2**15 for rows, longest in sizes)


def test_what_is_scored_at_once_is_bounded_where_every_batch_is_as_long_as_the_longest_comment() -> None:
    sizes = []

    def forward(batch: np.ndarray) -> np.ndarray:
        sizes.append(batch.size)
        return batch.sum(axis=1, keepdims=True)

    ids = ids_of([1] * 3000)
    assert (predicted(forward, IdRows(ids, 1000))[:, 0] == ids.flat).all()
    assert max(sizes) <= 2**15


def first_loss(logits: Any, wanted: Any, weights: Any = None, **changes: Any) -> float:
    """The loss before any step: of a network that gives these logits to every row."""
    wanted = np.array(wanted, np.float64)
    logits = np.array(logits, np.float32)
    model = network(np.zeros((2, len(logits))), logits)
    given = None if weights is None else np.array(weights, np.float64)
    rows = VectorRows(POINTS[: len(wanted)])
    loop, _ = run(model=model, rows=rows, wanted=wanted, weights=given, epochs=1, batch_size=99, **changes)
    return loop.history[0]["loss"]


def test_the_loss_is_the_mean_of_weighted_cross_entropies() -> None:
    p = 1 / (1 + math.exp(-0.7))
    assert first_loss([0.7], [[1]]) == pytest.approx(-math.log(p))
    assert first_loss([0.7], [[0]]) == pytest.approx(-math.log(1 - p))
    assert first_loss([0.7], [[1], [0]], [[3], [0.5]]) == pytest.approx((-3 * math.log(p) - 0.5 * math.log(1 - p)) / 2)
    q = 1 / (1 + math.exp(0.2))
    both = first_loss([0.7, -0.2], [[1, 0]], [[3, 0.5]])
    assert both == pytest.approx((-3 * math.log(p) - 0.5 * math.log(1 - q)) / 2)


def test_exclusive_labels_share_one_softmax() -> None:
    logits, wanted, weights = [0.7, -0.2, 1.0], [[0, 1, 0], [0, 0, 1]], [[3] * 3, [0.5] * 3]
    p = np.exp(logits) / np.exp(logits).sum()
    expected = (-3 * math.log(p[1]) - 0.5 * math.log(p[2])) / 2
    assert first_loss(logits, wanted, weights, exclusive=True) == pytest.approx(expected, rel=1e-5)
    expected = (-3 * (1 - p[1]) ** 2 * math.log(p[1]) - 0.5 * (1 - p[2]) ** 2 * math.log(p[2])) / 2
    assert first_loss(logits, wanted, weights, exclusive=True, loss=Focal(2.0)) == pytest.approx(expected, rel=1e-5)


def test_the_focal_loss_makes_light_of_what_is_known() -> None:
    p = 1 / (1 + math.exp(-0.7))
    assert first_loss([0.7], [[1]], loss=Focal(2.0)) == pytest.approx(-((1 - p) ** 2) * math.log(p))
    assert first_loss([0.7], [[0]], loss=Focal(1.5)) == pytest.approx(-(p**1.5) * math.log(1 - p))


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_focal_loss_of_gamma_zero_is_cross_entropy(exclusive: bool) -> None:
    wanted = np.eye(3)[np.arange(24) % 3] if exclusive else WANTED
    columns = wanted.shape[1]
    (plain, weights), (focal, others) = (
        run(
            model=network(POINTS[:2, :1].repeat(columns, 1), [0.1] * columns),
            wanted=wanted,
            exclusive=exclusive,
            **more,
        )
        for more in ({}, {"loss": Focal(0.0)})
    )
    assert plain.history == focal.history
    assert same(weights, others)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_of_what_is_certain_has_a_gradient(gamma: float) -> None:
    loop, weights = run(model=network(bias=[90.0]), wanted=np.ones((24, 1)), loss=Focal(gamma))
    assert loop.divergence is None
    assert all(np.isfinite(weight).all() for weight in weights)


def test_history_is_one_plain_row_an_epoch() -> None:
    loop, _ = run([0.2, 0.4, 0.3], epochs=3)
    assert [list(row) for row in loop.history] == [["epoch", "loss", "validation_average_precision"]] * 3
    assert [row["epoch"] for row in loop.history] == [1, 2, 3]
    assert [row["validation_average_precision"] for row in loop.history] == [0.2, 0.4, 0.3]
    assert all(type(value) in (int, float) for row in loop.history for value in row.values())


def test_the_best_epochs_weights_are_restored_and_the_first_of_equal_ones() -> None:
    loop, weights = run([0.2, 0.5, 0.5, 0.1, 0.5], epochs=5)
    assert len(loop.history) == 5
    assert same(weights, run([0.2, 0.5], epochs=2)[1])
    assert not same(weights, run([0.2, 0.5, 0.6], epochs=3)[1])


def test_training_stops_when_nothing_got_better_for_as_long_as_patience_says() -> None:
    assert len(run([0.5, 0.6, 0.6, 0.5, 0.9], epochs=99, patience=2)[0].history) == 4
    assert len(run([0.5, 0.4, 0.6, 0.5, 0.7, 0.9], epochs=6, patience=2)[0].history) == 6
    assert len(run([0.5, 0.4], epochs=99, patience=1)[0].history) == 2


def test_the_epoch_whose_weights_are_kept_is_told() -> None:
    said: list[str] = []
    model = network()
    figures = iter([0.2, 0.5, 0.5, 0.1])
    loop = TrainingLoop(model, plan(epochs=4), lambda logits: next(figures))
    loop.run(ROWS, WANTED, ONES, ROWS, FitContext("this fit", said.append))
    assert said[-1] == "this fit: best validation average precision 0.5000, in epoch 2 of 4"


def test_figures_that_are_no_number_never_count_as_better() -> None:
    loop, weights = run([math.nan, 0.1, math.nan, math.nan], epochs=99, patience=2)
    assert len(loop.history) == 4
    assert same(weights, run([0.0, 0.1], epochs=2)[1])


def test_the_seed_reproduces_training_and_another_seed_differs() -> None:
    (_, first), (_, again), (_, other) = run(epochs=2), run(epochs=2), run(epochs=2, seed=1)
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.check
def test_the_optimizer_and_the_limit_of_gradients_have_an_effect() -> None:
    trained = [run(**more)[1] for more in ({}, {"optimizer": "rmsprop"}, {"clip_norm": 1e-4}, {"learning_rate": 0.01})]
    assert all(not same(trained[i], trained[j]) for i in range(4) for j in range(i))
    assert same(run(clip_norm=None)[1], run(clip_norm=1e9)[1])


def test_gradients_are_clipped_by_the_norm_of_all_together() -> None:
    start = network().get_weights()
    moved = []
    for clip in (1e-7, 2e-7):
        _, weights = run(clip_norm=clip, epochs=1, batch_size=99)
        moved.append(np.concatenate([(w - s).ravel() for w, s in zip(weights, start, strict=True)]))
    assert (
        0 < np.abs(moved[0]).max() < np.abs(moved[1]).max() < 0.09
    )  # Adam's first step would be 0.1, but beside its epsilon such gradients are small


def test_a_step_that_explodes_stops_training_there_and_takes_nothing_over() -> None:
    start = network().get_weights()
    loop, weights = run(learning_rate=1e6, clip_norm=None)
    assert loop.divergence is not None
    assert (loop.divergence.epoch, loop.divergence.step) == (1, 2)  # the first step is taken, the second one sees it
    assert loop.divergence.loss > 100
    assert loop.divergence.what.startswith(f"the loss rose from {first_part_of_an_epoch():.2f} to ")
    assert same(weights, start)
    assert len(loop.history) == 1
    assert loop.history[0]["loss"] == loop.divergence.loss
    assert math.isnan(loop.history[0]["validation_average_precision"])


def first_part_of_an_epoch() -> float:
    """The loss of the first batch."""
    batch = next(iter(batches(ROWS.lengths, 8, np.random.default_rng([0, 1]))))
    logits = POINTS[batch] @ np.array([[0.1], [-0.2]])
    return float(np.mean(np.logaddexp(0, logits) - WANTED[batch] * logits))


def test_an_epoch_that_explodes_leaves_the_weights_of_the_one_before() -> None:
    loop, weights = run([0.7], learning_rate=1e4, clip_norm=None, batch_size=24)
    assert loop.divergence is not None
    assert (loop.divergence.epoch, loop.divergence.step) == (2, 1)
    assert loop.divergence.what.startswith(f"the loss rose from {loop.history[0]['loss']:.2f} to ")
    assert [row["epoch"] for row in loop.history] == [1, 2]
    assert same(weights, run([0.7], learning_rate=1e4, clip_norm=None, batch_size=24, epochs=1)[1])
    assert all(np.isfinite(weight).all() for weight in weights)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_training(bad: float) -> None:
    points = POINTS.copy()
    points[5] = bad
    start = network().get_weights()
    loop, weights = run(rows=VectorRows(points))
    assert loop.divergence is not None
    assert not math.isfinite(loop.divergence.loss)
    assert str(loop.divergence).startswith(f"the loss was NaN or infinite at step {loop.divergence.step} of epoch 1")
    assert same(weights, start)


def test_held_out_logits_that_are_no_numbers_stop_training() -> None:
    points = POINTS.copy()
    points[0] = math.inf
    model = network()
    loop = TrainingLoop(model, plan(), lambda logits: 0.5)
    loop.run(ROWS, WANTED, ONES, VectorRows(points), SILENT)
    assert loop.divergence is not None
    assert (loop.divergence.epoch, loop.divergence.step) == (1, 3)
    assert same(model.get_weights(), network().get_weights())


def test_a_divergence_says_where_from_what_to_what_and_why() -> None:
    loop, _ = run([0.7], learning_rate=1e4, clip_norm=None, batch_size=24)
    before, loss = loop.history[0]["loss"], loop.history[1]["loss"]
    assert str(loop.divergence) == (
        f"the loss rose from {before:.2f} to {loss:.3g} at step 1 of epoch 2; the likely cause is this"
    )
    assert loop.divergence is not None
    assert loop.divergence.cure == "do that"


def test_a_divergence_at_the_very_first_step_says_no_nan() -> None:
    loop, _ = run(model=network(bias=[1e4]), wanted=np.zeros((24, 1)))
    assert loop.divergence is not None
    assert (loop.divergence.epoch, loop.divergence.step) == (1, 1)
    assert "nan" not in str(loop.divergence)


def test_gradients_that_are_no_numbers_stop_training_though_the_loss_is_one() -> None:
    vector = keras.Input((2,))
    dense = keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)
    model = keras.Model(vector, keras.ops.sqrt(keras.ops.relu(dense(vector))))  # at 0, infinitely steep
    loop, weights = run(model=model)
    assert loop.divergence is not None
    assert (loop.divergence.epoch, loop.divergence.step) == (1, 1)
    assert "the gradients were NaN or infinite (loss 0.693)" in str(loop.divergence)
    assert (weights[0] == 0).all()


def test_a_high_loss_below_the_limit_is_no_divergence() -> None:
    loop, _ = run(model=network(bias=[90.0]), wanted=np.zeros((24, 1)))
    assert loop.divergence is None
    assert loop.history[0]["loss"] > 80


def test_weights_of_classes_do_not_count_as_an_explosion() -> None:
    loop, _ = run(weights=np.full((24, 1), 1e4))
    assert loop.divergence is None


def test_what_batch_normalization_saw_in_an_exploding_step_is_forgotten() -> None:
    vector = keras.Input((2,))
    model = keras.Model(vector, keras.layers.Dense(1)(keras.layers.BatchNormalization()(vector)))
    start = model.get_weights()
    points = POINTS.copy()
    points[:] = math.inf
    loop, weights = run(model=model, rows=VectorRows(points))
    assert loop.divergence is not None
    assert same(weights, start)


def kept(path: Path, *, model: keras.Model | None = None, rows: VectorRows = ROWS, wanted: np.ndarray = WANTED,
    weights: np.ndarray = ONES, held_out: VectorRows = ROWS, **changes: Any,
) -> tuple[TrainingLoop, list[np.ndarray], list[str]]:  # fmt: skip
    """A fit that resumes from a checkpoint if there is one: the loop, the weights that it leaves and what it said."""
    said: list[str] = []
    model = network() if model is None else model
    loop = TrainingLoop(model, plan(**{"epochs": 3, **changes}), lambda logits: float(-np.abs(logits).mean()))
    context = FitContext("this fit", said.append, checkpoint=Checkpoint(path, resume=True))
    loop.run(rows, wanted, weights, held_out, context)
    return loop, model.get_weights(), said


def test_a_finished_fit_is_not_trained_again(tmp_path: Path) -> None:
    first, weights, _ = kept(tmp_path / "fit.safetensors")
    again, same_weights, said = kept(tmp_path / "fit.safetensors")
    assert said[0] == "this fit: resuming after epoch 3 of 3"
    assert not any(sentence.startswith("this fit: epoch") for sentence in said)
    assert again.history == first.history
    assert same(weights, same_weights)


OTHER_POINTS = VectorRows(POINTS + np.eye(24, 2, dtype=np.float32))


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": OTHER_POINTS}, {"held_out": OTHER_POINTS}, {"wanted": 1 - WANTED}, {"weights": ONES * 2}, {"seed": 1},
        {"learning_rate": 0.2}, {"network": "another"}, {"loss": Focal(1.0)}, {"model": network(bias=[0.5])},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_a_fit_never_goes_on_from_another_ones_state(changes: dict[str, Any], tmp_path: Path) -> None:
    kept(tmp_path / "fit.safetensors")
    with pytest.raises(UsageError, match="belongs to other comments, another recipe or other versions"):
        kept(tmp_path / "fit.safetensors", **changes)


def test_a_resumed_fit_may_be_given_more_epochs(tmp_path: Path) -> None:
    kept(tmp_path / "fit.safetensors", epochs=2)
    resumed, whole = kept(tmp_path / "fit.safetensors", epochs=4), kept(tmp_path / "other.safetensors", epochs=4)
    assert len(resumed[0].history) == 4
    assert resumed[0].history == whole[0].history
    assert same(resumed[1], whole[1])


def test_a_resumed_fit_stops_where_an_uninterrupted_one_would(tmp_path: Path) -> None:
    kept(tmp_path / "fit.safetensors", epochs=2)  # the second epoch is worse than the first
    resumed, whole = (kept(tmp_path / f"{name}.safetensors", epochs=9, patience=3) for name in ("fit", "other"))
    assert resumed[0].history == whole[0].history
    assert len(whole[0].history) == 4


def without_a_variable(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    del arrays["variable.0000"]


def with_a_wider_variable(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    arrays["variable.0000"] = np.zeros((2, 9), np.float32)


def without_a_best_weight(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    del arrays["best.0001"]


def with_a_history_of_nothing(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    facts["history"] = []


def with_another_history(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    facts["history"] = [{"epoch": 1}]


@pytest.mark.parametrize(
    "changed",
    [without_a_variable, with_a_wider_variable, without_a_best_weight, with_a_history_of_nothing, with_another_history],
)
def test_a_checkpoint_that_was_tampered_with_is_refused_whole(changed: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "fit.safetensors"
    kept(path)
    with safe_open(path, framework="numpy") as file:
        facts = json.loads(file.metadata()["facts"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
    changed(arrays, facts)
    save_file(arrays, path, {"facts": json.dumps(facts)})
    model = network()
    with pytest.raises(UsageError, match="does not belong to this network; leave out --resume to start over"):
        kept(path, model=model)
    assert same(model.get_weights(), network().get_weights())


class Watched(VectorRows):
    """Rows that note which of them are taken together."""

    def __init__(self, matrix: np.ndarray) -> None:
        super().__init__(matrix)
        self.taken: list[list[int]] = []

    def take(self, rows: np.ndarray) -> np.ndarray:
        self.taken.append(rows.tolist())
        return super().take(rows)


def test_each_epoch_of_training_has_batches_of_its_own() -> None:
    rows = Watched(POINTS)
    loop = TrainingLoop(network(), plan(epochs=2), lambda logits: 0.5)
    loop.run(rows, WANTED, ONES, VectorRows(POINTS), SILENT)
    first, second = rows.taken[:3], rows.taken[3:]
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(24))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
