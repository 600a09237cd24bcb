"""A run with a search: what it prints and leaves, and how it resumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import toxiclf
from toxiclf.cli import run
from toxiclf.recipe import Recipe

RECIPE = """
[model]
name = "ngram_logistic"
jamo = 2
syllable = 1

[decision]
folds = 3

[search]
method = "grid"
folds = 3

[search.space]
"model.C" = [3, 0.001]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample_path: Path) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    (folder / "grid.toml").write_text(RECIPE, "utf-8")
    assert run(["train", str(sample_path), "--recipe", str(folder / "grid.toml"), "--out", str(folder / "run")]) == 0
    return folder


def test_the_run_leaves_the_asked_and_the_best_recipe(folder: Path) -> None:
    asked = Recipe.load(folder / "run" / "recipe.toml")
    best = Recipe.load(folder / "run" / "best_recipe.toml")
    assert asked.model_dump() == Recipe.load(folder / "grid.toml").model_dump()
    assert best == asked.changed({"model.C": 0.001}).model_copy(update={"search": Recipe().search})
    report = json.loads((folder / "run" / "report.json").read_text("utf-8"))
    assert report["recipe"] == best.model_dump(mode="json")
    manifest = toxiclf.load(folder / "run" / "bundle").manifest
    assert manifest.recipe_sha256 == best.sha256()


def test_the_report_holds_the_grids_table(folder: Path) -> None:
    report = json.loads((folder / "run" / "report.json").read_text("utf-8"))["search"]
    assert (report["method"], report["metric"], report["best"]) == ("grid", "average_precision", 2)
    assert [trial["settings"] for trial in report["trials"]] == [{"model.C": 3}, {"model.C": 0.001}]
    assert [len(trial["folds"]) for trial in report["trials"]] == [3, 3]
    lines = (folder / "run" / "report.md").read_text("utf-8").splitlines()
    table = lines[lines.index("## Search: folds of the training set") :]
    assert table[4] == "| trial | model.C | average precision | deviation | seconds |"
    assert table[6].startswith(f"| 2 | 0.001 | {report['trials'][1]['value']:.4f} | ")
    assert table[7].startswith(f"| 1 | 3 | {report['trials'][0]['value']:.4f} | ")


def test_training_the_best_recipe_gives_the_same_model(folder: Path, sample_path: Path) -> None:
    out = folder / "again"
    assert run(["train", str(sample_path), "--recipe", str(folder / "run/best_recipe.toml"), "--out", str(out)]) == 0
    first, second = (
        json.loads((folder / name / "report.json").read_text("utf-8"))["summary"] for name in ("run", "again")
    )
    assert first == second


def test_the_same_command_takes_finished_trials_over(
    folder: Path, sample_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(sample_path), "--recipe", str(folder / "grid.toml"), "--out", str(folder / "run")]
    assert run(arguments) == 0
    shown = capsys.readouterr()
    assert "search: 2 trials are reused from " in shown.err
    assert "search 1 of 2" not in shown.err
    assert "search: the best of 2: model.C=0.001" in shown.err
    assert shown.out.startswith("Best trials of the search\ntrial\tmodel.C\taverage precision\tdeviation\tseconds\n")
    assert f"best recipe: {folder / 'run' / 'best_recipe.toml'}" in shown.out


def test_a_run_without_a_search_leaves_no_best_recipe(folder: Path, sample_path: Path) -> None:
    recipe = {"model": {"name": "ngram_logistic", "jamo": 2, "syllable": 1}, "decision": {"folds": 3}}
    out = folder / "plain"
    out.mkdir()
    (out / "best_recipe.toml").write_text("of an earlier run", "utf-8")
    trained = toxiclf.train(sample_path, recipe)
    trained.save(out)
    assert not (out / "best_recipe.toml").exists()
    assert trained.report.to_dict()["search"] is None
    assert "## Search" not in trained.report.to_markdown()


@pytest.mark.check
def test_a_search_in_which_all_diverge_leaves_a_report_and_no_bundle(
    folder: Path, sample_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = ["train", str(sample_path), "--out", str(out), "--set", "vectors.size=8", "--set", "vectors.epochs=1"]
    assert run([*arguments, "--model", "logistic"]) == 0
    wild = [
        "model.learning_rate=1e38",
        "model.clip_norm=none",
        "model.epochs=1",
        "search.method=grid",
        "search.folds=2",
    ]
    settings = [part for key in [*wild, "search.space.model.units=[[4], [8]]"] for part in ("--set", key)]
    assert run([*arguments, "--model", "dnn", *settings]) == 6
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["findings"][0]["code"] == "diverged"
    assert not (out / "bundle").exists()
    assert (out / "bundle.previous").is_dir()


def test_without_a_test_part_the_report_does_not_call_its_figures_proof(sample_path: Path, folder: Path) -> None:
    trained = toxiclf.train(sample_path, {**Recipe.load(folder / "grid.toml").model_dump(), "split": {"test": 0}})
    text = trained.report.to_markdown()
    assert (
        "The best of many trials looks better than it is; so do the metrics above, which come from the same rows."
        in text
    )
    assert "the test set shows" not in text


def test_the_folder_of_a_run_is_named_after_its_recipe(
    folder: Path, sample_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["train", str(sample_path), "--recipe", str(folder / "grid.toml")]) == 0
    assert (tmp_path / "runs" / "sample_comments-grid" / "bundle").is_dir()
