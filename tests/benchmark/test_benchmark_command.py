"""What a benchmark takes, what it says while it runs, and what it writes beside the tables."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import tomllib
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from tests.machine import PATIENCE, wait_until
from toxiclf.benchmark import jobs
from toxiclf.benchmark.page import page
from toxiclf.benchmark.plan import READING, CorpusEntry, Entry, Plan, load_plan, of_flags, parsed, template
from toxiclf.benchmark.running import _Progress, run_plan
from toxiclf.benchmark.tables import Figure, Line, cost_table, starred, table, to_latex
from toxiclf.benchmark.time_left import TimeLeft, usual_seconds
from toxiclf.benchmark.writing import check_tables, write_tables
from toxiclf.cli import run
from toxiclf.datasets.reading import read_comments
from toxiclf.errors import UsageError

RESULTS = Path(__file__).parents[2] / "docs/results/models.csv"


def flags_plan(models: list[str], **more: Any) -> Plan:
    return of_flags(["corpus:sample"], models, [0, 1], **more)


def test_a_plan_that_ships_is_shown_as_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark", "--show", "curse"]) == 0
    assert parsed(tomllib.loads(capsys.readouterr().out), "shown") == load_plan("curse")
    assert run(["benchmark", "--show", "cruse"]) == 2
    assert "unknown plan 'cruse'; did you mean 'curse'?" in capsys.readouterr().err


def test_a_plan_to_start_from_is_valid_names_every_key_and_replaces_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plans" / "mine.toml"
    assert run(["benchmark", "--init", str(path)]) == 0
    assert f"then run: toxiclf benchmark {path}" in capsys.readouterr().out
    assert [entry.name for entry in load_plan(path).entries] == ["ngram_logistic", "svm", "svm, smote", "tfidf_svm"]
    for fields in (Plan.model_fields, CorpusEntry.model_fields, Entry.model_fields):
        for key in set(fields) - {"corpora", "entries"}:
            assert re.search(rf"^(# )?{key} = ", template(), re.MULTILINE), key
    commented = re.sub(r"^# (?=\w+ = |\[\[)", "", template(), flags=re.MULTILINE)
    assert len(parsed(tomllib.loads(commented), "all keys").entries) > 10
    path.write_text("mine", "utf-8")
    assert run(["benchmark", "--init", str(path)]) == 2
    assert run(["benchmark", "--init", str(tmp_path / "plan.csv")]) == 2
    assert path.read_text("utf-8") == "mine"


def test_a_corpus_takes_every_argument_that_says_how_to_read_a_file() -> None:
    assert set(READING) == set(signature(read_comments).parameters) - {"source", "by", "part", "like"}
    assert set(READING) <= set(CorpusEntry.model_fields)
    flags = set(signature(_command()).parameters)
    assert set(READING) <= flags


def _command() -> Any:
    from toxiclf.cli.benchmark import benchmark

    return benchmark


def test_flags_say_how_to_read_a_file_and_combine_techniques(tmp_path: Path) -> None:
    path = tmp_path / "forum.csv"
    path.write_text("번호;글;판정\n1;좋은 하루;일반\n2;이 멍청이;욕설\n", "utf-8")
    columns = {"text": "글", "label": ("판정",), "negative": ("일반",), "delimiter": ";"}
    plan = of_flags(
        [str(path)],
        ["logistic", "majority"],
        [0],
        resample=["none", "smote"],
        augment=["none", "aeda"],
        columns=columns,
    )
    comments, _ = jobs.corpus(plan.corpora[0])
    assert comments.texts == ["좋은 하루", "이 멍청이"]
    assert comments.targets[:, 0].tolist() == [0, 1]
    names = ["logistic", "logistic, aeda", "logistic, smote", "logistic, smote, aeda", "majority"]
    assert [entry.name for entry in plan.entries] == names
    assert plan.entries[3].settings == {
        "balance.class_weight": "none", "balance.resample": "smote", "balance.augment": "aeda",
    }  # fmt: skip
    for planned in plan.runs():
        planned.recipe()
    with pytest.raises(UsageError, match="unknown augmenter 'ada'; did you mean 'aeda'"):
        flags_plan(["svm"], augment=["ada"])


@pytest.mark.parametrize(
    "flags", [["--text", "글", "--negative", "0"], ["--augment", "aeda"], ["--max-rejected", "0.5"]]
)
def test_flags_that_a_plan_says_itself_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark", "curse", *flags]) == 2
    named = ", ".join(flag for flag in flags if flag.startswith("--"))
    assert f"{named} cannot be combined with a plan" in capsys.readouterr().err


def test_the_time_left_comes_from_measured_fits_and_then_from_finished_runs() -> None:
    with RESULTS.open(encoding="utf-8") as stream:
        published = {
            row["entry"]: float(row["fit_seconds"]) for row in csv.DictReader(stream) if row["corpus"] == "curse"
        }
    plan = flags_plan(list(published), settings={"decision.folds": 3})
    runs = {planned.entry.name: planned for planned in plan.runs()}
    for name, seconds in published.items():
        assert seconds < (usual_seconds(runs[name], 5825) or 0) < seconds + 2
    fast, slow, *_ = flags_plan(["majority", "svm"]).runs()
    left = TimeLeft(1)
    first = _seconds(left, [slow])
    assert left.text([fast, slow]).startswith("about ")
    left.add(fast, 100 * (usual_seconds(fast, 855) or 0))  # a slow machine
    assert _seconds(left, [slow]) == pytest.approx(100 * first, rel=0.01)
    left.add(slow, 7.0)
    assert _seconds(left, [slow]) == 7
    assert TimeLeft(2).text([]) == ""


def _seconds(left: TimeLeft, runs: list[Any]) -> float:
    return sum(left._estimate(run) or 0.0 for run in runs)


def _line(entry: str, difference: float | None = None) -> Line:
    ends = {} if difference is None else {"difference_low": difference - 0.01, "difference_high": difference + 0.01}
    figure = Figure(0.8, 0.02, difference=difference, holm=0.01 if difference else None, **ends)
    return Line(
        "sample",
        entry,
        "",
        2,
        {"average_precision": figure},
        {},
        1.0,
        None,
        3.4,
        216.0,
        0.58,
        1_698_532.0,
        {},
        {},
        0.1,
        False,
    )


def test_costs_are_a_table_of_their_own_and_latex_has_both() -> None:
    plan, lines = flags_plan(["logistic", "svm"]), [_line("logistic"), _line("svm", 0.03)]
    assert cost_table(lines)[1] == ["logistic", "3.4", "216", "0.58", "1,699"]
    assert not {"fit, s", "memory, MB", "latency, ms", "bundle, kB"} & set(table(plan, lines)[0])
    latex = to_latex(plan, lines)
    assert latex.count(r"\toprule") == 2
    assert r"& $\Delta$ vs baseline &" in latex
    assert r"\textbf{+0.030 (+0.020 to +0.040)}" in latex
    assert starred(table(plan, lines))[2][3] == "+0.030 (+0.020 to +0.040) *"  # bold is for Markdown
    assert r"svm & 3.4 & 216 & 0.58 & 1,699 \\" in latex


def test_the_page_draws_differences_with_their_intervals_around_zero() -> None:
    plan, lines = flags_plan(["logistic", "svm", "knn"]), [_line("logistic"), _line("svm", 0.003), _line("knn", -0.002)]
    (figure,) = _figures(page(plan, lines)).values()
    (points,) = figure["data"]
    assert points["y"] == ["knn", "svm"]  # the first is drawn at the bottom
    assert points["x"] == pytest.approx([-0.002, 0.003])
    for side in ("array", "arrayminus"):
        assert points["error_x"][side] == pytest.approx([0.01, 0.01])
    low, high = figure["layout"]["xaxis"]["range"]
    assert low == -high
    assert high > 0.02
    assert _figures(page(plan, [_line("logistic"), _line("svm")])) == {}  # no interval, no plot


def _figures(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return dict(json.loads(match[1]))


def test_tables_of_other_corpora_are_not_replaced(tmp_path: Path) -> None:
    plan = flags_plan(["logistic"])
    check_tables(plan, tmp_path)
    write_tables(plan, [], tmp_path)
    check_tables(flags_plan(["svm"]), tmp_path)
    other = of_flags(["other.csv"], ["svm"], [0])
    sentence = f"{tmp_path} holds the tables of a benchmark on corpus:sample, not on other.csv; choose another folder with --out"
    with pytest.raises(UsageError, match=re.escape(sentence)):
        check_tables(other, tmp_path)
    (tmp_path / "table.json").write_text("{}", "utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        check_tables(plan, tmp_path)


@pytest.mark.long
def test_an_interrupted_benchmark_says_that_the_same_command_resumes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toxiclf", "benchmark", "--corpus", "corpus:sample", "--model", "majority,logistic",
               "--seeds", "0..3", "--set", "decision.folds=2", "--out", "out"]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: list((tmp_path / "out" / "rows").glob("*.json")))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130
    assert "a rough estimate from the size of each corpus" in said
    match = re.search(r"(\d) of 8 runs are finished and kept in out; the same command resumes with the others", said)
    assert match is not None
    finished = len(list((tmp_path / "out" / "rows").glob("*.json")))
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert f"8 runs, {finished} finished before" in again.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_benchmark_that_ends_at_its_first_line_says_how_to_resume(error: type[BaseException], tmp_path: Path) -> None:
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        if "rough estimate" in message:
            raise error

    with pytest.raises(error):
        run_plan(flags_plan(["majority"]), tmp_path, say=say)
    assert said[-1] == f"0 of 2 runs are finished and kept in {tmp_path}; the same command resumes with the others"


def test_the_bar_of_a_benchmark_ends_with_it() -> None:
    with _Progress(0, {}, TimeLeft(1), lambda message: None, bar=True):
        pass
