"""A benchmark can be interrupted, does nothing twice, and its tables say what its rows say."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.browsing import Browsed, chromium, needs_chromium
from toxiclf.benchmark import rows, tables
from toxiclf.benchmark.measuring import thinned
from toxiclf.benchmark.plan import Plan, load_plan, of_flags, parsed, shipped
from toxiclf.benchmark.rivals import RIVALS
from toxiclf.benchmark.running import run_plan
from toxiclf.cli import run
from toxiclf.corpus.comments import Comments
from toxiclf.errors import DataError, UsageError

SMALL = {"model.jamo": 3, "model.syllable": 2}
TIMES = ("fit_seconds", "peak_mb", "latency_ms", "seconds")
CONTENT: dict[str, Any] = {
    "corpora": [{"source": "corpus:sample"}],
    "entries": [
        {"name": "plain", "recipe": "ngram_logistic", "settings": SMALL},
        {"name": "weak", "recipe": "ngram_logistic", "settings": {**SMALL, "model.C": 0.001}, "published": {"f1": 0.5}},
        {"name": "none", "rival": "majority"},
        {"name": "smote of sequences", "recipe": "cnn", "settings": {"balance.resample": "smote"}},
    ],
    "seeds": [0, 1],
    "settings": {"decision.folds": 2},
}


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in TIMES}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return parsed(CONTENT, "test")


@pytest.fixture(scope="module")
def done(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("benchmark")
    return out, run_plan(plan, out)


def test_every_run_is_a_row(plan: Plan, done: tuple[Path, list[dict[str, Any]]]) -> None:
    out, found = done
    assert len(found) == 8
    assert len(list((out / "rows").glob("*.json"))) == 8
    ours = [row for row in found if row["entry"] == "plain"]
    assert [row["seed"] for row in ours] == [0, 1]
    for row in ours:
        assert row["status"] == "done"
        assert 0.5 < row["metrics"]["average_precision"] < 1
        assert row["metrics"]["brier"] < row["metrics"]["brier_uncalibrated"]
        assert min(row[key] for key in ("fit_seconds", "peak_mb", "latency_ms", "bundle_bytes")) > 0
    (nothing, _) = (row for row in found if row["entry"] == "none")
    assert nothing["metrics"]["recall"] == 0
    assert nothing["metrics"]["roc_auc"] == 0.5
    failed = [row for row in found if row["status"] == "failed"]
    assert {row["entry"] for row in failed} == {"smote of sequences"}
    assert "balance.resample makes rows of averaged word vectors" in failed[0]["reason"]


def test_a_second_call_runs_only_what_is_new(
    plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    shutil.copytree(done[0], tmp_path / "out")
    out = tmp_path / "out"
    before = {path.name: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    gone = done[1][0]["key"]
    rows.path_of(out, gone).unlink()
    more = parsed({**CONTENT, "seeds": [0, 1], "title": "another name"}, "test")
    said: list[str] = []
    found = run_plan(more, out, say=said.append)
    assert "8 runs, 7 finished before" in said[1]
    after = {path.name: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    assert {name: at for name, at in after.items() if name != f"{gone}.json"} == {
        name: at for name, at in before.items() if name != f"{gone}.json"
    }
    assert [untimed(row) for row in found] == [untimed(row) for row in done[1]]


def test_two_processes_give_the_same_figures(
    plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    assert [untimed(row) for row in run_plan(plan, tmp_path, jobs=2)] == [untimed(row) for row in done[1]]


def test_a_killed_benchmark_goes_on(done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(_toml(CONTENT), "utf-8")
    command = [sys.executable, "-m", "toxiclf", "benchmark", "plan.toml", "--out", "out"]
    for wanted in (1, 3):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        folder = tmp_path / "out" / "rows"
        until = time.monotonic() + 120
        while len(list(folder.glob("*.json")) if folder.exists() else []) < wanted and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
        process.communicate(timeout=60)  # waits for its processes, too, which end with it and do not run on
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert 0 < len(before) < 8  # else nothing was interrupted
    assert run(["benchmark", str(tmp_path / "plan.toml"), "--out", str(tmp_path / "out")]) == 0
    after = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert {name: content for name, content in after.items() if name in before} == before
    expected = {row["key"]: untimed(row) for row in done[1]}
    assert {content["key"]: untimed(content) for content in map(json.loads, after.values())} == expected


def test_the_table_says_what_the_rows_say(plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    lines = {line.entry: line for line in tables.write(plan, done[1], tmp_path)}
    of = {
        name: np.array([row["metrics"]["f1"] for row in done[1] if row["entry"] == name]) for name in ("plain", "weak")
    }
    weak = lines["weak"].figures["f1"]
    assert weak.mean == pytest.approx(of["weak"].mean())
    assert weak.deviation == pytest.approx(of["weak"].std(ddof=1))
    assert weak.difference == pytest.approx((of["weak"] - of["plain"]).mean())
    interval = stats.t.interval(0.95, 1, (of["weak"] - of["plain"]).mean(), stats.sem(of["weak"] - of["plain"]))
    assert (weak.difference_low, weak.difference_high) == pytest.approx(interval)
    assert weak.published == 0.5
    assert lines["plain"].figures["f1"].difference is None
    assert lines["none"].rank == 3
    assert lines["smote of sequences"].figures == {}
    text = (tmp_path / "table.md").read_text("utf-8")
    assert "smote of sequences, 2 runs: balance.resample makes" in text
    cells = list(csv.DictReader((tmp_path / "table.csv").read_text("utf-8").splitlines()))
    assert {cell["entry"] for cell in cells} == {"plain", "weak", "none"}
    assert len(json.loads((tmp_path / "table.json").read_text("utf-8"))["rows"]) == 8
    page = unescape((tmp_path / "table.html").read_text("utf-8"))
    assert "default-src 'none'" in page
    assert page.count("<table") == 1


@needs_chromium
def test_the_page_sorts_its_tables(plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    hostile = [
        {**row, "reason": "<script>window.hacked = 1</script>"} if row["status"] == "failed" else row for row in done[1]
    ]
    tables.write(plan, hostile, tmp_path)
    with chromium() as browser:
        browsed = Browsed(browser.new_page(), tmp_path / "table.html")
        heading = browsed.page.get_by_role("button", name="f1")
        shown = []
        for _ in range(2):
            heading.click()
            cells = browsed.page.locator("tbody tr").all()
            shown.append([row.locator("td").nth(5).inner_text() for row in cells])
        browsed.page.locator(".main-svg").first.wait_for()
        assert browsed.page.evaluate("window.hacked") is None
        assert browsed.console == []
        assert browsed.requests == [(tmp_path / "table.html").as_uri()]
    numbers = [[float(cell.split()[0]) for cell in column if cell != "–"] for column in shown]
    assert numbers[0] == sorted(numbers[0], reverse=True)
    assert numbers[1] == sorted(numbers[1])


def test_holm_s_correction() -> None:
    corrected = tables._holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_thinning_drops_toxic_comments_alone(sample: Comments) -> None:
    few = thinned(sample, 0.05, np.random.default_rng(0))
    others = int((sample.targets == 0).sum())
    assert int((few.targets == 0).sum()) == others
    assert few.targets.mean() == pytest.approx(0.05, abs=0.001)
    with pytest.raises(UsageError, match=r"a rate of 0\.5 is above that"):
        thinned(sample, 0.5, np.random.default_rng(0))


def test_a_thinned_corpus_has_figures_at_its_rate(tmp_path: Path) -> None:
    corpora = [{"source": "corpus:sample", "rate": 0.05}, {"source": "corpus:sample", "rate": 0.01}]
    found = run_plan(
        parsed({**CONTENT, "corpora": corpora, "entries": CONTENT["entries"][:1], "seeds": [0]}, "test"), tmp_path
    )
    assert found[0]["corpus"] == "sample, 5 %"
    assert found[0]["at_rate"]["average_precision"] < found[0]["metrics"]["average_precision"]
    whole = run_plan(parsed({**CONTENT, "entries": CONTENT["entries"][:1], "seeds": [0]}, "test"), tmp_path)
    assert found[0]["parts"]["test"] == whole[0]["parts"]["test"]
    assert found[0]["parts"]["training"]["classes"]["toxic"] < whole[0]["parts"]["training"]["classes"]["toxic"] / 2
    assert "toxic training comments are left" in found[1]["reason"]


def test_an_entry_may_be_for_some_corpora() -> None:
    content = {
        **CONTENT, "seeds": [0],
        "corpora": [{"name": "small", "source": "corpus:sample"}, {"name": "small", "source": "corpus:sample", "rate": 0.1},
                    {"name": "large", "source": "corpus:sample"}],
        "entries": [{"name": "slow", "rival": "majority", "corpora": "small"}, {"name": "fast", "rival": "majority"}],
    }  # fmt: skip
    found = [(run.corpus.title, run.entry.name) for run in parsed(content, "test").runs()]
    assert [corpus for corpus, entry in found if entry == "slow"] == ["small", "small, 10 %"]
    assert len(found) == 5


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    for change, sentence in (
        ({"baseline": "best"}, "the baseline 'best' is no entry"),
        ({"seeds": []}, "at least one"),
        ({"entries": [{"name": "x"}]}, "needs a recipe or a rival"),
        ({"entries": [{"name": "x", "rival": "bert"}]}, "unknown rival 'bert'"),
        ({"entries": CONTENT["entries"][:1] * 2}, "stands there twice"),
        ({"entries": [{**CONTENT["entries"][0], "corpora": "smple"}]}, "unknown corpus 'smple'"),
        ({"corpora": []}, "corpora"),
        ({"metrics": ["f11"]}, "unknown metric 'f11'"),
        ({"speed": 1}, "speed"),
    ):
        with pytest.raises(UsageError, match=sentence):
            parsed({**CONTENT, **change}, "plan.toml")
    with pytest.raises(UsageError, match="unknown plan 'note'"):
        load_plan("note")
    with pytest.raises(UsageError, match="unknown resampler 'smoth'"):
        of_flags(["corpus:sample"], ["svm"], ["smoth"], [0], {}, "")
    (tmp_path / "rows").mkdir()
    rows.path_of(tmp_path, "abc").write_text("{", "utf-8")
    with pytest.raises(DataError, match="delete it to run it again"):
        rows.read(tmp_path, "abc")


@pytest.mark.parametrize("name", shipped())
def test_plans_that_ship_are_whole(name: str) -> None:
    plan = load_plan(name)
    assert len(plan.seeds) == 5
    for planned in plan.runs():
        planned.recipe()


@pytest.mark.parametrize("name", ["korcen", "fasttext", "tfidf_svm"])
def test_rivals_tell_plain_abuse_from_kindness(name: str, sample: Comments) -> None:
    pytest.importorskip({"korcen": "korcen", "fasttext": "fasttext", "tfidf_svm": "sklearn"}[name])
    fitted = RIVALS[name](sample.texts, sample.targets[:, 0], 0)
    rude, kind = fitted(["시발 꺼져 병신아", "고맙습니다 좋은 하루 되세요\n내일 봐요"])
    assert rude > kind
    again = RIVALS[name](sample.texts, sample.targets[:, 0], 0)
    assert (again(sample.texts[:50]) == fitted(sample.texts[:50])).all()


def test_flags_make_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--corpus",
        "corpus:sample",
        "--model",
        "logistic,majority",
        "--resample",
        "none,smote",
        "--seeds",
        "3..3",
    ]
    assert run(["benchmark", *arguments, "--set", "decision.folds=2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert (
        printed.splitlines()[0].split("\t")[:2] == ["", "n"]
        or printed.splitlines()[0].split("\t")[1] == "average precision"
    )
    assert "logistic, smote" in printed
    assert "majority, smote" not in printed


def _toml(content: dict[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(content)
