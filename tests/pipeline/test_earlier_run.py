"""A run of other data is not replaced unless the user says so; one of another recipe is, with a note."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import toxiclf
from tests.conftest import tiny
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import UsageError
from toxiclf.pipeline import train as training
from toxiclf.pipeline.earlier_run import RunData, check_earlier_run
from toxiclf.pipeline.save import TrainedModel
from toxiclf.recipe import Recipe


@pytest.fixture
def folder(saved: Callable[[str, str], Path], tmp_path: Path) -> Path:
    """The run of ngram_logistic on the sample corpus."""
    return Path(shutil.copytree(saved("ngram_logistic", "one"), tmp_path / "run"))


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cut_report(folder: Path) -> None:
    (folder / "report.json").write_text('{"model": "svm"', "utf-8")


def no_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def cut_bundle(folder: Path) -> None:
    no_report(folder)
    (folder / "bundle" / "manifest.json").write_text("{}", "utf-8")


def report_of_0_1(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text("utf-8"))
    del report["data"]["read_sha256"]
    (folder / "report.json").write_text(json.dumps(report), "utf-8")


def as_it_is(folder: Path) -> None:
    """Change nothing."""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (as_it_is, "holds a run on other data: "),
        (report_of_0_1, "holds a run on other data: "),
        (no_report, "holds a run on other data: the comments of its bundle; the new data are "),
        (cut_report, "holds a run that cannot be read ("),
        (cut_bundle, "holds a run that cannot be read (manifest.json has no seal"),
    ],
)
def test_training_on_other_data_stops_before_any_work(
    change: Callable[[Path], None], reason: str, folder: Path, sample_path: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    change(folder)
    before = content(folder)
    other = tmp_path / "other.csv"
    other.write_text("".join(sample_path.read_text("utf-8").splitlines(keepends=True)[:400]), "utf-8")
    assert run(["train", str(other), "--out", str(folder)]) == 2
    said = capsys.readouterr().err
    assert f"toxiclf: {folder} {reason}" in said
    assert "choose another folder, or add --overwrite to replace it" in said
    assert content(folder) == before
    if change is as_it_is:
        assert (
            f"{sample_path.name} (855 comments: toxic 125); the new data are {other.name} (399 comments: toxic " in said
        )
    monkeypatch.setattr(training, "fit_models", begins)
    assert run(["train", str(other), "--out", str(folder), "--overwrite"]) == 2
    assert "training began" in capsys.readouterr().err
    for same in [] if change in (cut_report, cut_bundle) else [str(sample_path)]:
        assert run(["train", same, "--out", str(folder)]) == 2
        assert "training began" in capsys.readouterr().err


def begins(*_: object, **__: object) -> None:
    raise UsageError("training began")


def test_other_labels_or_another_test_set_are_other_data(folder: Path, sample: Comments) -> None:
    recipe = tiny("ngram_logistic")
    flipped = Comments(sample.texts, 1 - sample.targets, sample.labels, source=sample.source)
    for comments, test in ((flipped, None), (sample, sample.take(np.arange(100)))):
        with pytest.raises(UsageError, match="holds a run on other data"):
            check_earlier_run(folder, RunData.of(comments, test, Recipe.load(recipe)), recipe, "--overwrite")


def test_a_run_of_another_recipe_on_the_same_data_is_replaced_with_a_note(
    folder: Path, trained: Callable[[str, str], TrainedModel]
) -> None:
    facts, recipe = (
        RunData.of_facts(trained("ngram_logistic", "one").report.data),
        toxiclf.Recipe.load(tiny("ngram_logistic")),
    )
    assert check_earlier_run(folder, facts, recipe.model_dump(mode="json"), "--overwrite") == ""
    other = recipe.changed({"seed": 3, "model.C": 0.5})
    assert check_earlier_run(folder, facts, other.model_dump(mode="json"), "--overwrite") == (
        f"{folder} holds a run on the same data with another recipe (model.C, seed); the new run replaces it"
    )


def test_saving_in_python_has_the_same_rule(folder: Path, trained: Callable[[str, str], TrainedModel]) -> None:
    before = content(folder)
    other = trained("ngram_logistic", "two")
    with pytest.raises(UsageError, match=r"choose another folder, or add overwrite=True to replace it"):
        other.save(folder)
    assert content(folder) == before
    other.save(folder, overwrite=True)
    assert toxiclf.load(folder).labels == ("toxic", "웃음")


def test_training_run_and_evaluation_do_not_replace_each_other(
    folder: Path, sample_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(folder)
    assert run(["evaluate", str(folder / "bundle"), str(sample_path), "--out", str(folder)]) == 2
    assert "(855 comments: toxic 125), not an evaluation; choose another folder" in capsys.readouterr().err
    assert content(folder) == before
    evaluated = folder / "evaluated"
    assert run(["evaluate", str(folder / "bundle"), str(sample_path), "--out", str(evaluated)]) == 0
    assert check_earlier_run(evaluated, None, {}, "--overwrite") == ""
    assert run(["train", str(sample_path), "--out", str(evaluated)]) == 2
    assert "not a training run; choose another folder" in capsys.readouterr().err
