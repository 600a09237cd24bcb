"""Rows from a GAN: of the rarer class alone, after the given ones, and checked against real rows that it did not see."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from toxiclf.backend import keras
from toxiclf.balance.resampler import Resampler
from toxiclf.balance.resampling import _two_sample as two_sample
from toxiclf.balance.resampling import _wgan_sampler as wgan
from toxiclf.balance.resampling._wgan_sampler import WganSampler
from toxiclf.errors import DataError, UsageError
from toxiclf.evaluation.checks import CheckedRun
from toxiclf.evaluation.checks.techniques import gan_collapse

Rows = tuple[NDArray[np.float32], NDArray[np.intp]]
SMALL = {"units": (16,), "noise": 8}


def clouds(rare: int = 60, *, seed: int = 0) -> Rows:
    """300 rows around 0 and some around 4, ten numbers wide."""
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(size=(300, 10)), rng.normal(4.0, 0.5, size=(rare, 10))])
    return X.astype(np.float32), np.repeat([0, 1], [300, rare])


@pytest.fixture(scope="module")
def made() -> tuple[WganSampler, Rows]:
    """A sampler after 300 steps, and what it gave."""
    sampler = WganSampler(steps=300, units=(64,), noise=8, learning_rate=3e-3, random_state=0)
    return sampler, sampler.fit_resample(*clouds())


def test_given_rows_come_first_and_new_ones_are_of_the_rarer_class(made: tuple[WganSampler, Rows]) -> None:
    X, y = clouds()
    more, classes = made[1]
    assert (more[: len(X)] == X).all()
    assert (classes[: len(X)] == y).all()
    assert more.dtype == X.dtype
    assert classes[len(X) :].tolist() == [1] * 240


def test_generated_rows_lie_where_real_ones_of_their_class_do(made: tuple[WganSampler, Rows]) -> None:
    new = made[1][0][360:]
    nearer = np.linalg.norm(new - 4.0, axis=1) < np.linalg.norm(new, axis=1)
    assert nearer.mean() > 0.95
    assert not made[0].facts_["collapsed"]
    looks = [look["discrepancy"] for look in made[0].facts_["history"]]
    assert min(looks) < 0.5 * looks[0]


def test_the_check_says_how_well_they_can_be_told_from_rows_that_were_held_out(made: tuple[WganSampler, Rows]) -> None:
    facts = made[0].facts_
    json.dumps(facts, allow_nan=False)
    assert (facts["real"], facts["held_out"], facts["generated"]) == (60, 12, 240)
    assert 0 <= facts["auc"] <= 1
    assert abs(facts["auc_real"] - 0.5) < 0.35
    assert 0 < facts["p_value"] <= 1
    assert facts["steps"] == facts["history"][-1]["step"]
    assert facts["best_step"] == min(facts["history"], key=lambda look: look["discrepancy"])["step"]
    picture = made[0].picture_
    assert {name: points.shape for name, points in picture.items()} == {
        "training": (48, 2), "held_out": (12, 2), "generated": (240, 2)
    }  # fmt: skip


def test_rows_of_noise_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    real, noise = rng.normal(size=(200, 5)), rng.normal(3.0, 1.0, size=(200, 5))
    assert two_sample.told_apart(real[:100], real[100:], rng) == pytest.approx(0.5, abs=0.15)
    assert two_sample.told_apart(real, noise, rng) > 0.95
    kernel = two_sample.Kernel.of(real)
    assert two_sample.permuted(kernel, real[:100], real[100:], rng)[1] > 0.05
    assert two_sample.permuted(kernel, real, noise, rng)[1] < 0.01


@pytest.mark.check
def test_one_seed_gives_the_same_rows_another_others_and_global_chance_is_left_alone() -> None:
    X, y = clouds(20)
    rows = []
    for seed in (1, 1, 2):
        np.random.seed(5)
        random.seed(5)
        before = np.random.get_state()[1].copy(), random.getstate()
        rows.append(WganSampler(steps=20, random_state=seed, **SMALL).fit_resample(X, y)[0])
        assert (np.random.get_state()[1] == before[0]).all()
        assert random.getstate() == before[1]
        for _ in range(5):  # what was built before must not count, though Keras numbers layers through
            keras.layers.Dense(1)
    assert (rows[0] == rows[1]).all()
    assert (rows[0][320:] != rows[2][320:]).any()


@pytest.mark.check
def test_rows_that_were_held_out_are_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wgan, "_EVERY", 20)  # one look, so that they cannot choose when to stop either
    X, y = clouds(20)
    sampler = WganSampler(steps=20, random_state=0, **SMALL)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    own = np.random.default_rng(seed).permutation(np.flatnonzero(y == 1))
    other = X.copy()
    other[own[:4]] += 100.0
    first, again = sampler.fit_resample(X, y)[0], sampler.fit_resample(other, y)[0]
    assert (first[320:] == again[320:]).all()
    other[own[4:8]] += 100.0
    assert (sampler.fit_resample(other, y)[0][320:] != first[320:]).any()


def test_a_generator_that_says_one_thing_only_has_collapsed() -> None:
    X, y = clouds(40)
    rng = np.random.default_rng(0)
    rows = wgan._Rows.of(X.astype(np.float64), y == 1, rng)
    alike = np.tile(rows.training[:1], (100, 1)) + 0.01 * rng.normal(size=(100, 10))
    facts = wgan._facts(rows, alike, rng)
    verdict = wgan._verdict(facts, "")
    assert verdict["collapsed"]
    assert facts["auc"] > 0.8
    (finding,) = gan_collapse(CheckedRun(labels=["toxic"], gan=verdict))
    assert (finding.code, finding.severity) == ("gan_collapse", "warning")
    assert f"generated rows vary only {facts['spread']:.0%} as much as real rows" in finding.message
    assert not wgan._verdict(wgan._facts(rows, rows.training, rng), "")["collapsed"]
    assert not list(gan_collapse(CheckedRun(labels=["toxic"])))


@pytest.mark.check
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that overflow on the way
def test_training_that_falls_apart_is_said_with_what_to_do() -> None:
    X, y = clouds(20)
    sampler = WganSampler(steps=100, learning_rate=1e30, random_state=0, **SMALL)
    with pytest.raises(DataError, match=r"wgan: training diverged by step 50 .*; lower balance\.gan_learning_rate"):
        sampler.fit_resample(X, y)


@pytest.mark.check
def test_a_tiny_class_will_do() -> None:
    X, y = clouds(6)
    sampler = WganSampler(steps=10, random_state=0, **SMALL)
    more, _ = sampler.fit_resample(X, y)
    assert len(more) == 600
    assert np.isfinite(more).all()
    assert sampler.facts_["auc"] is None  # two rows held out say nothing of that kind
    json.dumps(sampler.facts_, allow_nan=False)


@pytest.mark.parametrize(
    ("rows", "kind", "sentence"),
    [
        (clouds(5), DataError, "wgan needs at least 6 rows of each class, but a fit has only 5"),
        ((np.ones((60, 3)), np.repeat([0, 1], [40, 20])), DataError, "all 20 rows of the rarer class are the same"),
        ((np.eye(60), np.repeat([0, 1, 2], 20)), UsageError, "needs two classes, but there are 3; use smote"),
        (clouds(300), DataError, "nothing to generate: .*; raise the ratio, or leave wgan out"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_a_sentence(rows: Rows, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        WganSampler(steps=5, **SMALL).fit_resample(*rows)


def test_one_class_and_missing_numbers_are_refused() -> None:
    X, y = clouds(20)
    with pytest.raises(ValueError, match="more than 1 class"):
        WganSampler(steps=5).fit_resample(X, np.zeros_like(y))
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        WganSampler(steps=5).fit_resample(X, y)
    with pytest.raises(ValueError, match="'steps' parameter"):
        WganSampler(steps=0).fit_resample(*clouds(20))


@pytest.mark.check
def test_smote_may_come_after_it() -> None:
    sampler = Resampler(["wgan", "smote"], ratio=[0.5, 1.0], gan={"steps": 10, **SMALL}, random_state=0)
    sampler.fit_resample(*clouds(20))
    assert [(name, after) for name, _, after in sampler.steps_] == [
        ("wgan", {0: 300, 1: 150}),
        ("smote", {0: 300, 1: 300}),
    ]
    assert sampler.gans_[0].facts_["generated"] == 130


def test_its_parameters_are_refused_where_they_say_nothing() -> None:
    with pytest.raises(UsageError, match="gan has no effect on smote"):
        Resampler("smote", gan={"steps": 10}).fit_resample(*clouds(20))
    with pytest.raises(UsageError, match=r"unknown key of gan 'step'.*did you mean 'steps'"):
        Resampler("wgan", gan={"step": 10}).fit_resample(*clouds(20))


@pytest.mark.check
def test_nothing_is_generated_where_nothing_is_fitted(capfd: pytest.CaptureFixture[str]) -> None:
    """In a pipeline, rows that are scored stay as they are; and it is silent."""
    X, y = clouds(20)
    pipeline = make_pipeline(Resampler("wgan", gan={"steps": 5, **SMALL}, random_state=0), LogisticRegression())
    assert len(pipeline.fit(X, y).predict(X)) == len(X)
    assert capfd.readouterr() == ("", "")
