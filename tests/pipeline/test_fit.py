"""What is learned between features and model: from training rows alone, said in the report, drawn, and part of the graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.conftest import rest_in_check, tiny
from toxiclf._registry import components
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, split
from toxiclf.errors import DataError, UsageError
from toxiclf.features.selection import Selection
from toxiclf.pipeline.calibrate import learn
from toxiclf.pipeline.save import TrainedModel
from toxiclf.recipe import Recipe

GAN = {"resample": "wgan", "gan_steps": 20, "gan_units": [8], "class_weight": "none"}
METRIC = {"metric": "triplet", "metric_size": 4, "metric_units": [8], "metric_epochs": 2}


def recipe_of(model: str = "logistic", **more: Any) -> Recipe:
    return Recipe.load({**tiny(model), "decision": {"folds": 2}, **more})


@pytest.fixture(scope="module")
def parts(sample: Comments) -> Split:
    return split(sample, test=0.2, validation=0.1, seed=0)


@pytest.fixture(scope="module")
def run(sample: Comments) -> TrainedModel:
    """Selection, then a metric, then a GAN, then SMOTE, then a model."""
    balance = {**GAN, "resample": ["wgan", "smote"], "ratio": [0.5, 1.0]}
    return toxiclf.train(sample, recipe_of(features={"select": 10, **METRIC}, balance=balance))


def test_numbers_that_tell_the_classes_apart_are_kept() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20)).astype(np.float32)
    classes = (X[:, 3] + X[:, 11] > 0).astype(int)
    found = Selection(2, seed=0).fit(X, classes)
    assert found.columns_.tolist() == [3, 11]
    assert (found.transform(X) == X[:, [3, 11]]).all()
    facts = found.facts()
    assert [entry["number"] for entry in facts["importances"][:2] if entry["kept"]] == sorted(
        [3, 11], key=lambda i: -found.importances_[i]
    )
    with pytest.raises(
        UsageError, match=r"features\.select is 20, but a comment's vector has 20 dimensions; give a smaller"
    ):
        Selection(20, seed=0).fit(X, classes)


@pytest.mark.parametrize(
    ("model", "features"),
    rest_in_check(
        [("logistic", {"select": 5}), ("random_forest", METRIC), ("dnn", METRIC), ("voting", {"select": 5})],
        quick=[("logistic", {"select": 5})],
    ),
)
def test_the_graph_holds_them(model: str, features: dict[str, Any], parts: Split) -> None:
    recipe = recipe_of(model, features=features)
    if model == "voting":
        recipe = recipe.changed({"model.members": ["logistic", {"name": "random_forest", "trees": 5}]})
    learned = learn(parts, recipe, lambda message: None)
    assert parts.test is not None
    encoded = learned.fitted.encoder.encode(["", "ㅋ" * 300, *parts.test.texts])
    assert learned.graph is not None
    assert np.abs(Scorer(learned.graph).run(encoded) - learned.fitted.raw_of(encoded)).max() <= 1e-5


@pytest.mark.check
def test_labels_of_the_test_part_have_no_say(parts: Split) -> None:
    assert parts.test is not None
    turned = Comments(parts.test.texts, 1 - parts.test.targets, parts.test.labels, source="turned")
    recipe = recipe_of(features={"select": 10, **METRIC})
    first, again = (
        learn(Split(parts.train, parts.validation, test, parts.leaked), recipe, lambda message: None)
        for test in (parts.test, turned)
    )
    assert first.graph == again.graph


@pytest.mark.check
def test_what_they_learned_is_said_and_drawn(run: TrainedModel, tmp_path: Path) -> None:
    folder = run.save(tmp_path)
    details = json.loads((folder / "report.json").read_text("utf-8"))["data"]["details"]
    assert set(details) == {"selection", "metric", "gan"}
    assert details["selection"]["kept"] == 10
    assert details["metric"]["size"] == 4
    assert details["gan"]["held_out"] < details["gan"]["real"]
    page = (folder / "report.md").read_text("utf-8")
    for heading in ("Selected dimensions", "Metric", "Generated rows"):
        assert f"\n## {heading}\n" in page
    assert {"importance", "metric_learning", "generated_rows", "class_balance"} <= set(run.report.figures())
    assert [stage["name"] for stage in run.report.data["stages"]] == ["as given", "wgan", "smote"]
    assert run.report.baseline_rows  # plain, whatever was asked for


@pytest.mark.check
def test_generated_rows_are_among_training_rows_alone(run: TrainedModel, parts: Split) -> None:
    """Figures, calibration and thresholds are of comments, and there are as many as in the file."""
    counts = {name: part["rows"] for name, part in run.report.data["sets"].items()}
    assert run.predictions is not None
    assert len(run.predictions) == counts["test"]
    learned = learn(parts, recipe_of(balance=GAN), lambda message: None)
    rows = parts.train.joined(parts.validation)
    assert (learned.decision_targets == rows.targets).all()
    assert learned.fitted.stages[-1].rows > len(rows)


@pytest.mark.parametrize("model", ["autoencoder", "isolation_forest"])
def test_errors_of_anomaly_models_are_drawn_with_the_threshold(model: str, sample: Comments, tmp_path: Path) -> None:
    run = toxiclf.train(sample, tiny(model))
    run.save(tmp_path)
    errors = toxiclf.Report.read(tmp_path).points("errors")
    assert errors is not None
    assert errors["called"] == ("reconstruction error" if model == "autoencoder" else "anomaly score")
    assert run.predictions is not None
    threshold = np.float32(run.report.thresholds["toxic"])
    if errors["threshold"] is not None:
        flagged, scores = np.asarray(errors["raw"]) >= errors["threshold"], run.predictions.scores[:, 0]
        assert (flagged[scores > threshold]).all()  # scores, in float32, may be equal where raw outputs are not
        assert (~flagged[scores < threshold]).all()
    assert run.report.data["class_weights"][1]["weight"] == 1.0


@pytest.mark.parametrize(
    "model", [name for name, entry in components("model").items() if entry["learns_from_negatives"]]
)
def test_anomaly_models_take_one_label(model: str, two_labels: Comments) -> None:
    with pytest.raises(
        UsageError, match=rf"model {model} takes one label, but there are 2 .*; use another model, or choose one"
    ):
        toxiclf.train(two_labels, tiny(model))


def test_a_metric_takes_one_label(exclusive: Comments) -> None:
    with pytest.raises(UsageError, match=r"features\.metric_learning takes one label, but there are 2"):
        toxiclf.train(exclusive, recipe_of(features=METRIC))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"model": "ngram_logistic", "features": {"select": 5}}, r"features\.select has no effect on the model ngram_logistic"),
        ({"model": "cnn", "features": {"metric_learning": "triplet"}}, r"features\.metric_learning has no effect on the model cnn"),
        ({"model": "svm", "features": {"metric_size": 5}}, r"metric_size has no effect while features\.metric_learning is 'none'"),
        ({"model": "svm", "features": {"metric": "triplet", "metric_temperature": 0.2}}, "metric_temperature has no effect on"),
        ({"model": "svm", "features": {"metric": "triplet", "metric_encoder": "cnn", "select": 3}}, "select has no effect on the"),
        ({"model": "svm", "features": {"metric": "triplets"}}, "'triplet'"),
        ({"model": "vae", "features": {"select": 3}}, "select has no effect on the model vae, which learns only from comments"),
        ({"model": "vae", "balance": {"class_weight": "none"}}, "class_weight has no effect on the model vae"),
        ({"model": "rusboost", "balance": {"class_weight": "none"}}, "the model rusboost, which balances classes itself"),
        ({"model": "svm", "balance": {"resample": "smote", "gan_steps": 5}}, r"gan_steps has no effect on balance\.resample"),
    ],
)  # fmt: skip
def test_keys_without_effect_are_errors(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Recipe.load(content)


def test_a_validation_part_of_one_class_is_refused_in_a_sentence(sample: Comments) -> None:
    not_toxic = sample.take(np.flatnonzero(sample.targets[:, 0] == 0)[:200])
    toxic = sample.take(np.flatnonzero(sample.targets[:, 0] == 1)[:40])
    parts = Split(not_toxic.take(np.arange(150)).joined(toxic), not_toxic.take(np.arange(150, 200)), None, 0)
    with pytest.raises(DataError, match=r"but all are of one class; raise split\.validation"):
        learn(parts, recipe_of(features=METRIC), lambda message: None)


@pytest.mark.check
def test_a_search_tries_features_and_models(sample: Comments) -> None:
    space = {"features.select": ["all", 5], "model.name": ["knn", "logistic"]}
    recipe = {"model": "logistic", "vectors": {"size": 8, "epochs": 1}, "decision": {"folds": 2},
              "search": {"method": "grid", "folds": 2, "space": space}}  # fmt: skip
    trials = toxiclf.train(sample, recipe).report.search["trials"]
    assert len({trial["value"] for trial in trials}) == 4
