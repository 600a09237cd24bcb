"""What becomes of a run: a model, a divergence that is told of, or figures without a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments

SCRATCH: dict[str, Any] = {"text": {"tokenizer": "whitespace"}, "vectors": {"size": 4}}
LSTM = {"name": "lstm", "embedding": "scratch", "units": 4, "epochs": 1}
CNN = {"name": "cnn", "embedding": "scratch", "widths": [2], "filters": 2, "epochs": 2}

RUNAWAY = {"epochs": 3, "learning_rate": 1e6, "clip_norm": 0}


def recipe(model: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {**SCRATCH, "model": model, **sections}


@pytest.fixture(scope="module")
def few(sample: Comments) -> Comments:
    """Some comments of the sample corpus."""
    return sample.take(np.arange(320))


@pytest.fixture(scope="module")
def few_path(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("few") / "few.csv"
    path.write_text("".join(sample_path.read_text("utf-8").splitlines(keepends=True)[:321]), "utf-8")
    return path


def command(few_path: Path, content: dict[str, Any], folder: Path) -> list[str]:
    path = folder / "recipe.toml"
    path.write_text(toxiclf.Recipe.load(content).to_toml(), "utf-8")
    return ["train", str(few_path), "--recipe", str(path), "--out", str(folder / "run")]


def findings(folder: Path) -> dict[str, dict[str, str]]:
    report = json.loads((folder / "run" / "report.json").read_text("utf-8"))
    return {finding["code"]: finding for finding in report["findings"]}


def test_a_diverged_run_ends_with_six_and_a_report_and_no_bundle(
    few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(few_path, recipe({**CNN, **RUNAWAY}), tmp_path)) == 6
    out = capsys.readouterr().out
    finding = findings(tmp_path)["diverged"]
    assert finding["severity"] == "error"
    assert "the learning rate of 1e+06 is probably too high; no bundle was made." in finding["message"]
    assert finding["next_step"] == "Lower model.learning_rate (to 0.001)."
    assert finding["message"] in out
    assert "\nbundle: " not in out
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.json", "report.md", "recipe.toml", "history.json"} <= left
    assert not {"bundle", "checkpoints", "predictions.csv"} & left
    last = json.loads((tmp_path / "run" / "history.json").read_text("utf-8"))[-1]
    assert last["validation_average_precision"] is None
    assert last["loss"] is None or last["loss"] > 100
    assert 'id="figure-history"' in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.check
def test_an_unbounded_activation_in_a_recurrent_layer_is_named_in_json_too(
    few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command(few_path, recipe({**LSTM, **RUNAWAY, "activation": "relu"}), tmp_path), "--json"]) == 6
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["code"] == "diverged"
    assert "the unbounded activation relu of a recurrent layer" in finding["message"]
    assert "model.activation = tanh" in finding["next_step"]


@pytest.mark.check
def test_softmax_gates_are_trained_and_reported_and_have_no_bundle(
    few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(few_path, recipe({**LSTM, "recurrent_activation": "softmax"}), tmp_path)) == 0
    assert "\nbundle: " not in capsys.readouterr().out
    finding = findings(tmp_path)["no_bundle"]
    assert (
        finding["message"]
        == "no bundle was made: ONNX Runtime's LSTM cannot compute model.recurrent_activation = softmax."
    )
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert 0 < report["summary"]["average_precision"]["value"] <= 1
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"predictions.csv", "learned.csv", "history.json"} <= left
    assert not {"bundle", "checkpoints"} & left
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert all(f'id="figure-{name}"' in page for name in ("history", "precision_recall"))


@pytest.mark.check
def test_a_model_without_a_bundle_says_why_it_cannot_be_used(few: Comments) -> None:
    softmax = recipe({**LSTM, "activation": "softmax"})
    trained = toxiclf.train(few, softmax)
    assert not trained.has_bundle
    assert not trained.diverged
    for use in (lambda: trained.moderator, lambda: toxiclf.ToxicClassifier(softmax).fit(few.texts, few.targets[:, 0])):
        with pytest.raises(
            toxiclf.TrainingError, match=r"ONNX Runtime's LSTM cannot compute model\.activation = softmax"
        ):
            use()


def test_a_classifier_that_diverges_says_why(few: Comments) -> None:
    model = toxiclf.ToxicClassifier(recipe({**CNN, "learning_rate": 1e6}))
    with pytest.raises(toxiclf.TrainingError, match=r"training diverged: .*; lower model.learning_rate"):
        model.fit(few.texts, few.targets[:, 0])


def test_automatic_choices_are_told(few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = recipe({**CNN, "epochs": "auto", "patience": 1})
    assert run(command(few_path, content, tmp_path)) == 0
    told = capsys.readouterr().err
    assert "tokens per comment (auto: 99.5 % of the training comments fit)" in told
    assert "in batches of 64 (auto), at most 30 epochs (auto); stops if the average precision of" in told
    history = json.loads((tmp_path / "run" / "history.json").read_text("utf-8"))
    assert told.count("cnn: epoch ") == len(history)


@pytest.mark.check
def test_what_was_chosen_by_hand_is_not_called_automatic(few: Comments) -> None:
    said: list[str] = []
    content = recipe(
        {**CNN, "batch_size": 50}, text={"tokenizer": "whitespace", "max_tokens": 9}, balance={"loss": "focal"}
    )
    report = toxiclf.train(few, content, say=said.append).report
    assert "cnn: at most 9 tokens per comment" in said
    assert not any("auto" in sentence for sentence in said)
    assert "double_weighting" in report.codes()  # weights are balanced unless told otherwise
