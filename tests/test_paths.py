"""What is written carries the names of files, not the folders that they lie in."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from toxiclf.benchmark.jobs import Job
from toxiclf.benchmark.measuring import measured
from toxiclf.benchmark.plan import of_flags, parsed
from toxiclf.benchmark.writing import check_tables, write_tables
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import UsageError

FOLDER = "kim-secret-folder"
MAY_NAME_IT = {"recipe.toml", "best_recipe.toml"}
"""A run is repeated with these, so they keep the paths of word vectors and of texts without labels."""


@pytest.fixture
def place(tmp_path: Path, sample: Comments) -> Path:
    """A folder with comments, one of them without a label, texts without labels, and a recipe."""
    place = tmp_path / FOLDER
    place.mkdir()
    with (place / "forum.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(sample.texts[:400], sample.targets[:400, 0].tolist(), strict=True)
        csv.writer(file).writerows([["text", "label"], *rows, ["댓글", ""]])
    (place / "texts.txt").write_text("\n".join(sample.texts), "utf-8")
    (place / "mine.toml").write_text(
        f'model.name = "logistic"\nvectors.unlabeled = "{place / "texts.txt"}"\nvectors.size = 8\nvectors.epochs = 1\n'
        "decision.folds = 2\n",
        "utf-8",
    )
    return place


def naming_it(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in MAY_NAME_IT and FOLDER.encode() in path.read_bytes()
    }


@pytest.mark.check
def test_no_file_that_is_written_names_the_folder_of_the_comments(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, forum = tmp_path / "out", str(place / "forum.csv")
    vectors = ["--set", f"vectors.pretrained={place / 'vectors'}", "--set", "decision.folds=2"]
    commands = [
        ["pretrain", str(place / "texts.txt"), "--out", str(place / "vectors"), "--size", "8", "--epochs", "1"],
        ["pretrain", forum, "--out", str(out / "vectors"), "--size", "8", "--epochs", "1"],
        ["train", forum, "--recipe", str(place / "mine.toml"), "--out", str(out / "run")],
        ["train", forum, "--model", "svm", *vectors, "--out", str(out / "other")],
        ["evaluate", str(out / "run"), forum, "--out", str(out / "evaluation")],
        ["calibrate", str(out / "run"), forum, "--out", str(out / "calibrated")],
        ["predict", "--bundle", str(out / "run"), forum, "--out", str(out / "scores.csv")],
        ["compare", str(out / "run"), str(out / "other"), "--out", str(out / "compared.md")],
        ["figures", str(out / "run"), "--out", str(out / "figures")],
        ["benchmark", "--corpus", forum, "--model", str(place / "mine.toml"), "--seeds", "0", "--out", str(out / "b")],
    ]  # fmt: skip
    for command in commands:
        assert run(command) == 0, capsys.readouterr().err
    assert not naming_it(out)
    assert len(list(out.rglob("*"))) > 40
    assert run(["train", forum, "--recipe", str(out / "run" / "recipe.toml"), "--out", str(out / "run")]) == 0
    assert "another recipe" not in capsys.readouterr().err


def test_rejected_rows_of_a_file_without_any_other_name_no_folder(place: Path, tmp_path: Path) -> None:
    (place / "none.jsonl").write_text("x\ny\n" + '{"text": "가", "label": null}\n' * 2, "utf-8")
    assert run(["train", str(place / "none.jsonl"), "--out", str(tmp_path / "out" / "run")]) == 3
    assert "none.jsonl" in (tmp_path / "out" / "run.rejected.csv").read_text("utf-8")
    assert not naming_it(tmp_path / "out")


def test_tables_of_another_file_of_the_same_name_are_not_replaced(tmp_path: Path) -> None:
    plans = [of_flags([str(tmp_path / name / "forum.csv")], ["majority"], [0]) for name in ("a", "b")]
    write_tables(plans[0], [], tmp_path / "tables")
    check_tables(plans[0], tmp_path / "tables")
    with pytest.raises(UsageError, match=r"holds the tables of a benchmark on forum\.csv, not on"):
        check_tables(plans[1], tmp_path / "tables")
    content = json.loads((tmp_path / "tables" / "table.json").read_text("utf-8"))
    del content["plan"]["corpora"][0]["path_sha256"]  # as it was written before
    content["plan"]["corpora"][0]["source"] = str(tmp_path / "b" / "forum.csv")
    (tmp_path / "tables" / "table.json").write_text(json.dumps(content), "utf-8")
    check_tables(plans[1], tmp_path / "tables")


def test_files_of_one_name_stay_apart_in_tables(tmp_path: Path) -> None:
    plan = of_flags(["a/forum.csv", "b/forum.csv", "corpus:sample"], ["a/x.toml", "svm"], [0], baseline="a/x.toml")
    assert [corpus.title for corpus in plan.corpora] == ["forum.csv", "forum.csv (2)", "sample"]
    assert ([entry.name for entry in plan.entries], plan.reference) == (["x.toml", "svm"], "x.toml")
    entries = ["a/x.toml", {"name": "y", "recipe": "svm", "corpora": ["a/forum.csv"], "against": "a/x.toml"}]
    plan = parsed({"corpora": [{"source": "a/forum.csv"}], "entries": entries, "baseline": "a/x.toml"}, "test")
    assert plan.reference == plan.reference_of(plan.entries[1]) == "x.toml"
    assert len(list(plan.runs())) == 10


def test_the_reason_of_a_failed_run_names_no_folder(place: Path, tmp_path: Path) -> None:
    (place / "broken.toml").write_text("model", "utf-8")
    (job,) = map(Job.of, of_flags(["corpus:sample"], [str(place / "broken.toml")], [0]).runs())
    row = measured(job, tmp_path / "b")
    assert row["reason"].startswith("broken.toml is not valid TOML")
    assert FOLDER not in row["reason"]
