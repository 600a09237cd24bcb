"""A benchmark can be interrupted, does nothing twice, and its tables say what its rows say."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from scipy import stats

from tests.browsing import Browsed, chromium
from tests.conftest import rest_in_check, small_vectors
from tests.machine import PATIENCE, needs_chromium, wait_until
from toxiclf._files import locked
from toxiclf._registry import components
from toxiclf.benchmark import jobs, measuring, plans, rows, running, tables
from toxiclf.benchmark.jobs import Job, disguised, parts_of, subsampled
from toxiclf.benchmark.measuring import killed, measured
from toxiclf.benchmark.plan import CorpusEntry, Plan, load_plan, of_flags, parsed
from toxiclf.benchmark.rivals import RIVALS
from toxiclf.benchmark.running import run_plan
from toxiclf.benchmark.writing import write_tables
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer

SMALL = {"model.jamo": 3, "model.syllable": 2}
TIMES = ("fit_seconds", "memory_mb", "latency_ms", "seconds")
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
        assert min(row[key] for key in ("fit_seconds", "memory_mb", "latency_ms", "bundle_bytes")) > 0
    (nothing, _) = (row for row in found if row["entry"] == "none")
    assert nothing["metrics"]["recall"] == 0
    assert nothing["metrics"]["roc_auc"] == 0.5
    failed = [row for row in found if row["status"] == "failed"]
    assert {row["entry"] for row in failed} == {"smote of sequences"}
    assert "balance.resample works on averaged word vectors" in failed[0]["reason"]


@pytest.mark.long
def test_the_first_network_does_not_pay_for_tensorflow(tmp_path: Path) -> None:
    network = {"name": "dnn", "recipe": "dnn", "settings": {"model.epochs": 1, "vectors.pretrained": small_vectors()}}
    plan = parsed({**CONTENT, "entries": [network]}, "test")
    first, second = (row["memory_mb"] for row in run_plan(plan, tmp_path))
    assert abs(first - second) < 250  # TensorFlow takes 490


@pytest.mark.check
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


@pytest.mark.check
def test_two_processes_give_the_same_figures(
    plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    assert [untimed(row) for row in run_plan(plan, tmp_path, jobs=2)] == [untimed(row) for row in done[1]]


@pytest.mark.long
def test_a_killed_benchmark_goes_on(done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(_toml(CONTENT), "utf-8")
    command = [sys.executable, "-m", "toxiclf", "benchmark", "plan.toml", "--out", "out"]
    folder = tmp_path / "out" / "rows"
    for wanted in (1, 3):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        wait_until(lambda n=wanted: len(list(folder.glob("*.json"))) >= n)
        process.kill()
        process.communicate(timeout=PATIENCE)  # waits for its processes, too, which end with it and do not run on
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert 0 < len(before) < 8  # else nothing was interrupted
    assert run(["benchmark", str(tmp_path / "plan.toml"), "--out", str(tmp_path / "out")]) == 0
    after = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert {name: content for name, content in after.items() if name in before} == before
    expected = {row["key"]: untimed(row) for row in done[1]}
    assert {content["key"]: untimed(content) for content in map(json.loads, after.values())} == expected


def test_the_table_says_what_the_rows_say(plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    lines = {line.entry: line for line in write_tables(plan, done[1], tmp_path)}
    of = {
        name: np.array([row["metrics"]["f1"] for row in done[1] if row["entry"] == name]) for name in ("plain", "weak")
    }
    weak = lines["weak"].figures["f1"]
    assert weak.mean == pytest.approx(of["weak"].mean())
    assert weak.deviation == pytest.approx(of["weak"].std(ddof=1))
    assert weak.difference == pytest.approx((of["weak"] - of["plain"]).mean())
    differences = of["weak"] - of["plain"]
    error = differences.std(ddof=1) * np.sqrt(1 / 2 + 0.2 / 0.8)  # a fifth is the test set (Nadeau and Bengio 2003)
    interval = stats.t.interval(0.95, 1, differences.mean(), error)
    assert (weak.difference_low, weak.difference_high) == pytest.approx(interval)
    assert weak.published == 0.5
    assert lines["plain"].figures["f1"].difference is None
    assert weak.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 1))
    assert lines["none"].rank == 3
    assert lines["smote of sequences"].figures == {}
    text = (tmp_path / "table.md").read_text("utf-8")
    assert "smote of sequences, 2 runs: balance.resample works" in text
    cells = list(csv.DictReader((tmp_path / "table.csv").read_text("utf-8").splitlines()))
    assert {cell["entry"] for cell in cells} == {"plain", "weak", "none"}
    assert len(json.loads((tmp_path / "table.json").read_text("utf-8"))["rows"]) == 8
    page = unescape((tmp_path / "table.html").read_text("utf-8"))
    assert "default-src 'none'" in page
    assert page.count("<table") == 2


def test_latency_is_the_least_over_seeds_and_the_time_of_a_fit_the_middle(
    plan: Plan, done: tuple[Path, list[dict[str, Any]]]
) -> None:
    (line,) = (line for line in tables.lines_of(plan, done[1]) if line.entry == "plain")
    of = [row for row in done[1] if row["entry"] == "plain"]
    assert line.latency_ms == min(row["latency_ms"] for row in of)
    assert line.fit_seconds == pytest.approx(np.median([row["fit_seconds"] for row in of]))


@pytest.mark.check
@needs_chromium
def test_the_page_sorts_its_tables(plan: Plan, done: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    hostile = [
        {**row, "reason": "<script>window.hacked = 1</script>"} if row["status"] == "failed" else row for row in done[1]
    ]
    write_tables(plan, hostile, tmp_path)
    with chromium() as browser:
        browsed = Browsed(browser.new_page(), tmp_path / "table.html")
        heading = browsed.page.get_by_role("button", name="f1")
        shown = []
        for _ in range(2):
            heading.click()
            cells = browsed.page.locator("tbody").first.locator("tr").all()
            shown.append([row.locator("td").nth(5).inner_text() for row in cells])
        browsed.page.locator(".main-svg").first.wait_for()
        assert browsed.page.evaluate("window.hacked") is None
        assert browsed.console == []
        assert browsed.requests == [(tmp_path / "table.html").as_uri()]
    numbers = [[float(cell.split()[0]) for cell in column if cell != "–"] for column in shown]
    assert numbers[0] == sorted(numbers[0], reverse=True)
    assert numbers[1] == sorted(numbers[1])


def _row(entry: str, seed: int, value: float, **more: Any) -> dict[str, Any]:
    return {
        "corpus": "sample", "entry": entry, "seed": seed, "status": "done", "findings": [], "fit_seconds": 1.0,
        "metrics": {"average_precision": value}, "parts": {"training": {"rows": 2, "classes": {"toxic": 1}}},
        "test_sha256": f"test set {seed}", "test_part": "drawn", **more,
    }  # fmt: skip


def test_figures_of_other_test_parts_are_not_set_against_each_other(plan: Plan) -> None:
    found = [_row("plain", seed, 0.5 + seed / 100) for seed in (0, 1)]
    found += [_row("weak", 0, 0.4), _row("weak", 1, 0.1, test_sha256="another")]
    (_, weak) = tables.lines_of(plan, found)
    assert weak.figures["average_precision"].difference == pytest.approx(-0.1)
    assert weak.figures["average_precision"].p is None


def test_one_test_part_for_all_seeds_says_nothing_of_another(plan: Plan) -> None:
    found = [_row(name, seed, value, test_part="own", test_sha256="one")
             for name, value in (("plain", 0.5), ("weak", 0.6)) for seed in (0, 1)]  # fmt: skip
    lines = tables.lines_of(plan, found)
    assert lines[1].figures["average_precision"].difference == pytest.approx(0.1)
    assert lines[1].figures["average_precision"].p is None
    assert "the same for all seeds" in tables.caption(plan, lines)
    assert "text.html_entities = true, text.mask_personal = true, text.views = all." in tables.caption(plan, lines)
    off = plan.model_copy(update={"settings": {**plan.settings, "text.views": "none"}})
    assert "text.html_entities = true, text.mask_personal = true, text.views = none." in tables.caption(off, lines)
    drawn = [{**row, "test_part": "drawn", "test_sha256": row["seed"]} for row in found]
    figure = tables.lines_of(plan, drawn)[1].figures["average_precision"]
    assert figure.holm == 0  # the same at each seed, and still one of those that are corrected for
    assert "the same for all seeds" not in tables.caption(plan, tables.lines_of(plan, drawn))
    alike = [{**row, "metrics": found[0]["metrics"]} for row in drawn]
    assert tables.lines_of(plan, alike)[1].figures["average_precision"].p == 1


def test_only_entries_with_all_seeds_are_ranked(plan: Plan) -> None:
    found = [_row("plain", seed, 0.5) for seed in (0, 1)] + [_row("weak", 1, 0.9)]
    assert [line.rank for line in tables.lines_of(plan, found)] == [1, None]


def test_names_do_not_become_formulas_or_markup(tmp_path: Path) -> None:
    hostile = "=1+1<img src=x onerror=alert(1)>"
    plan = parsed({**CONTENT, "title": hostile, "corpora": [{"source": "corpus:sample", "name": hostile}]}, "test")
    found = [{**_row("plain", seed, 0.5), "corpus": hostile} for seed in (0, 1)]
    write_tables(plan, found, tmp_path)
    assert "<img" not in (tmp_path / "table.md").read_text("utf-8")
    assert "<img" not in (tmp_path / "table.html").read_text("utf-8")
    (cell, *_) = csv.DictReader((tmp_path / "table.csv").read_text("utf-8").splitlines())
    assert cell["corpus"] == "'" + hostile


def test_subsampling_drops_toxic_comments_alone(sample: Comments) -> None:
    few = subsampled(sample, 0.05, np.random.default_rng(0))
    others = int((sample.targets == 0).sum())
    assert int((few.targets == 0).sum()) == others
    assert few.targets.mean() == pytest.approx(0.05, abs=0.001)
    with pytest.raises(UsageError, match=r"the rate is 0\.5, but only .* lower the rate"):
        subsampled(sample, 0.5, np.random.default_rng(0))


@pytest.mark.check
def test_a_subsampled_corpus_has_figures_at_its_rate(tmp_path: Path) -> None:
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


def test_a_name_alone_is_a_preset_or_a_rival_and_each_is_every_component_of_a_kind() -> None:
    settings = {"balance.class_weight": "none", "balance.resample": "{}"}
    each = {
        "each": "resampler",
        "name": "logistic, {}",
        "recipe": "logistic",
        "against": "logistic",
        "settings": settings,
    }
    plan = parsed({**CONTENT, "entries": ["logistic", "majority", each]}, "test")
    logistic, majority, *resampled = plan.entries
    assert (logistic.recipe, majority.rival) == ("logistic", "majority")
    assert [entry.name for entry in resampled] == [f"logistic, {name}" for name in components("resampler")]
    assert resampled[0].settings["balance.resample"] == next(iter(components("resampler")))
    with pytest.raises(UsageError, match="unknown kind 'resamler'; did you mean 'resampler'"):
        parsed({**CONTENT, "entries": [{**each, "each": "resamler"}]}, "test")


def test_a_disguised_corpus_is_trained_on_as_it_is_and_measured_with_abusive_words_written_otherwise(
    sample: Comments,
) -> None:
    corpora = [{"source": "corpus:sample"}, {"name": "disguised", "source": "corpus:sample", "disguised": True}]
    entries = CONTENT["entries"][:1]
    plain, hidden = parsed({**CONTENT, "corpora": corpora, "entries": entries, "seeds": [0]}, "test").runs()
    before, after = parts_of(plain, plain.recipe()), parts_of(hidden, hidden.recipe())
    assert before.train.texts == after.train.texts
    assert before.test is not None
    assert after.test is not None
    toxic = before.test.targets.any(axis=1)
    changed = np.array([one != other for one, other in zip(before.test.texts, after.test.texts, strict=True)])
    assert changed.any()
    assert not changed[~toxic].any()
    again = parts_of(hidden, hidden.recipe()).test
    assert again is not None
    assert again.texts == after.test.texts
    assert Job.of(plain).key != Job.of(hidden).key
    ways = {disguised(Comments.of(["시발"], [1]), seed).texts[0] for seed in range(50)}
    assert {"ㅅㅣ발", "시1발", "시이이발", "시.발"} <= ways


def test_settings_are_of_the_plan_or_of_one_entry() -> None:
    text = {"max_chars": 99, "repeat_cap": 2, "html_entities": False}  # what decides which comments are equal
    content = {
        **CONTENT, "settings": {"split": {"test": 0.4}, "decision": {"folds": 2, "objective": "f2"}, "text": text}
    }  # fmt: skip
    entries = [
        {"name": "a", "recipe": "ngram_logistic"}, {"name": "b", "recipe": "logistic", "settings": {"decision.folds": 3}},
        {"name": "c", "rival": "majority"},
    ]  # fmt: skip
    plan = parsed({**content, "entries": entries, "seeds": [0]}, "test")
    for _ in range(2):
        first, second, rival = (run.recipe() for run in plan.runs())
        assert [recipe.split.test for recipe in (first, second, rival)] == [0.4, 0.4, 0.4]
        assert [recipe.decision.folds for recipe in (first, second, rival)] == [2, 3, 2]
        assert rival.decision.objective == "f2"
        assert recipe_normalizer(rival) == recipe_normalizer(first) != recipe_normalizer(Recipe())
    assert plan.test_share == 0.4


def test_a_test_part_of_its_own_may_be_drawn_anew(sample: Comments, monkeypatch: pytest.MonkeyPatch) -> None:
    own = sample.take(np.arange(100))
    monkeypatch.setattr(jobs, "read_parts", lambda *_, **__: (sample.take(np.arange(100, len(sample))), own))
    for test, rows_of in (("own", [len(sample) - 100, 100]), ("drawn", [len(sample)])):
        comments, found = jobs._read.__wrapped__(CorpusEntry(source="corpus:beep", test=test))
        assert [len(part) for part in (comments, found) if part is not None] == rows_of


def test_a_row_is_named_by_all_that_decides_it(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    entry = {"name": "a", "recipe": "logistic", "settings": {"vectors.unlabeled": [str(texts)]}}
    (planned,) = parsed({**CONTENT, "entries": [entry], "seeds": [0]}, "test").runs()
    keys = set()
    for text in ("안녕하세요", "안녕히 가세요"):
        texts.write_text(text, "utf-8")
        keys.add(Job.of(planned).key)
    texts.unlink()
    with pytest.raises(DataError, match="does not exist; give a file"):
        Job.of(planned)
    unfit = {"name": "a", "recipe": "cnn", "settings": {"balance.resample": "smote"}}
    for settings in ({}, {"decision.folds": 3}):
        (planned,) = parsed({**CONTENT, "entries": [unfit], "seeds": [0], "settings": settings}, "test").runs()
        keys.add(Job.of(planned).key)
    assert len(keys) == 4
    corpus = {"source": "corpus:sample", "max_rejected": 0.9}  # decides whether there is a row, not what is in it
    (planned,) = parsed(
        {**CONTENT, "entries": [unfit], "seeds": [0], "settings": settings, "corpora": [corpus]}, "test"
    ).runs()
    assert Job.of(planned).key in keys


def test_a_corpus_that_changes_meanwhile_is_said(plan: Plan, tmp_path: Path) -> None:
    job = next(Job.of(planned) for planned in plan.runs())
    with pytest.raises(DataError, match="changed while the benchmark ran"):
        measured(replace(job, data=("another", None)), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_killed_process_costs_no_run(tmp_path: Path, done: tuple[Path, list[dict[str, Any]]]) -> None:
    (tmp_path / "plan.toml").write_text(_toml(CONTENT), "utf-8")
    command = [sys.executable, "-m", "toxiclf", "benchmark", "plan.toml", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for pid in wait_until(lambda: _pool_of(process.pid)):
        os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    found = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "out" / "rows").glob("*.json")]
    assert {row["key"]: untimed(row) for row in found} == {row["key"]: untimed(row) for row in done[1]}


def _pool_of(pid: int) -> list[int]:
    """Processes of the pool of a benchmark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"popen_loky" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.long
def test_a_pool_that_breaks_while_a_run_is_handed_over_costs_no_run(
    done: tuple[Path, list[dict[str, Any]]], plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = iter([False, True])  # the second run is refused

    def submit(self: Any, *arguments: Any) -> Any:
        if next(broken, False):
            raise BrokenProcessPool
        return whole(self, *arguments)

    whole = type(get_reusable_executor(max_workers=1)).submit
    monkeypatch.setattr(type(get_reusable_executor(max_workers=1)), "submit", submit)
    found = run_plan(plan, tmp_path, jobs=2)
    assert next(broken, None) is None  # it was
    assert {row["key"]: untimed(row) for row in found} == {row["key"]: untimed(row) for row in done[1]}


@pytest.mark.check
def test_what_a_worker_prints_does_nothing_to_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    executor = get_reusable_executor(max_workers=1, env=running.ONE_THREAD, initializer=running._begin, initargs=(0,))
    try:
        executor.submit(warnings.warn, "column \x1b[31m\u202e").result()
    finally:
        executor.shutdown(wait=True, kill_workers=True)
    assert "column \\x1b[31m\\u202e" in capfd.readouterr().err


def test_a_run_that_kills_its_process_alone_is_a_row(plan: Plan, tmp_path: Path) -> None:
    job = next(Job.of(planned) for planned in plan.runs())
    assert "memory ran out" in killed(job, tmp_path)["reason"]
    assert rows.read(tmp_path, job.key) == killed(job, tmp_path)


@pytest.mark.check
def test_what_the_machine_lacks_is_tried_again(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = next(Job.of(planned) for planned in plan.runs())
    (tmp_path / "cache").write_text("no folder", "utf-8")
    assert measured(job, tmp_path)["status"] == "done"  # without what would have been kept
    monkeypatch.setattr(measuring, "_figures", lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
    row = measured(job, tmp_path)
    assert "no space left" in row["reason"]
    assert row["passing"]
    only = parsed({**CONTENT, "entries": CONTENT["entries"][:1], "seeds": [0]}, "test")
    assert run_plan(only, tmp_path)[0]["status"] == "done"


def test_one_benchmark_at_a_time_runs_in_a_folder(plan: Plan, tmp_path: Path) -> None:
    with locked(tmp_path / ".lock", lambda: None), pytest.raises(UsageError, match="another benchmark is running in"):
        run_plan(plan, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "ngram_logstic"], "unknown recipe 'ngram_logstic'; did you mean 'ngram_logistic'?"),
        (["--model", "ngram_logistic", "--set", "decision.fold=2"], "unknown recipe key 'decision.fold'"),
        (["--model", "majority", "--tables"], "no run of this plan is in"),
        (["--model", "majority", "--seeds", "0..x"], "expected a range such as 0..4"),
    ],
)
def test_slips_end_it_before_it_begins(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["benchmark", "--corpus", "corpus:sample", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


def test_files_of_one_name_are_numbered() -> None:
    content = {"corpora": [{"source": "a/t.csv"}, {"source": "b/t.csv"}], "entries": ["a/r.toml", "b/r.toml"]}
    plan = parsed(content, "test")
    assert [corpus.title for corpus in plan.corpora] == ["t.csv", "t.csv (2)"]
    assert [entry.name for entry in plan.entries] == ["r.toml", "r.toml (2)"]


@pytest.mark.check
def test_where_nothing_could_be_run_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.csv"
    path.write_text("comment,label\n" + "".join(f"좋은 하루 {i},0\n" for i in range(30)), "utf-8")
    assert (
        run(["benchmark", "--corpus", str(path), "--model", "majority", "--seeds", "0", "--out", str(tmp_path / "out")])
        == 3
    )
    assert "no run succeeded" in capsys.readouterr().err


@pytest.mark.check
def test_few_test_comments_are_enough(tmp_path: Path) -> None:
    content = {
        **CONTENT,
        "entries": [{"name": "none", "rival": "majority"}],
        "seeds": [0],
        "settings": {"split.test": 0.01},
    }
    (row,) = run_plan(parsed(content, "test"), tmp_path)
    assert row["status"] == "done"


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    for change, sentence in (
        ({"baseline": "best"}, "the baseline 'best' is not an entry"),
        ({"seeds": []}, "at least one"),
        ({"entries": [{"name": "x"}]}, "needs a recipe or a rival"),
        ({"entries": [{"name": "x", "rival": "bert"}]}, "unknown rival 'bert'"),
        ({"entries": CONTENT["entries"][:1] * 2}, "appears twice"),
        ({"entries": [{**CONTENT["entries"][0], "corpora": "smple"}]}, "unknown corpus 'smple'"),
        (
            {"entries": [{**CONTENT["entries"][0], "settings": {"split": {"test": 0.1}}}]},
            "all entries share one split",
        ),
        ({"entries": [{"name": "x", "rival": "majority", "settings": {"model.C": 1}}]}, "has no effect on a rival"),
        ({"entries": [{**CONTENT["entries"][0], "published": {"accurcy": 0.5}}]}, "unknown metric 'accurcy'"),
        ({"entries": [{**CONTENT["entries"][0], "name": "a\nb"}]}, "line breaks"),
        ({"settings": {"seed": 3}}, "give all seeds as seeds"),
        ({"seeds": "0..4"}, "write a list in brackets, not '0..4'"),
        ({"corpora": []}, "corpora"),
        ({"metrics": ["f11"]}, "unknown metric 'f11'"),
        ({"speed": 1}, "speed"),
    ):
        with pytest.raises(UsageError, match=sentence):
            parsed({**CONTENT, **change}, "plan.toml")
    with pytest.raises(UsageError, match="unknown plan 'note'"):
        load_plan("note")
    with pytest.raises(UsageError, match="unknown resampler 'smoth'"):
        of_flags(["corpus:sample"], ["svm"], [0], resample=["smoth"])
    (tmp_path / "rows").mkdir()
    for content in ("{", '{"key": "abc", "status": "done"}'):
        rows.path_of(tmp_path, "abc").write_text(content, "utf-8")
        with pytest.raises(DataError, match="delete the file to repeat the run"):
            rows.read(tmp_path, "abc")


@pytest.mark.parametrize("name", plans.names())
def test_plans_that_ship_are_whole(name: str) -> None:
    plan = load_plan(name)
    assert len(plan.seeds) == 5
    for planned in plan.runs():
        planned.recipe()


@pytest.mark.parametrize("name", rest_in_check(["korcen", "fasttext", "tfidf_svm"], quick=["korcen"]))
def test_rivals_tell_plain_abuse_from_kindness(name: str, sample: Comments) -> None:
    pytest.importorskip({"korcen": "korcen", "fasttext": "fasttext", "tfidf_svm": "sklearn"}[name])
    fitted = RIVALS[name](sample.texts, sample.targets[:, 0], 0)
    rude, kind = fitted(["시발 꺼져 병신아", "고맙습니다 좋은 하루 되세요\n내일 봐요"])
    assert rude > kind
    again = RIVALS[name](sample.texts, sample.targets[:, 0], 0)
    assert (again(sample.texts[:50]) == fitted(sample.texts[:50])).all()


@pytest.mark.check
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
    assert "average precision" in printed.splitlines()[0]
    assert "logistic, smote" in printed
    assert "majority, smote" not in printed


def _toml(content: dict[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(content)


def test_fasttext_that_diverges_learns_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("fasttext")
    whole, rates = library.train_supervised, []

    def train(*arguments: Any, **options: Any) -> Any:
        rates.append(options["lr"])
        if len(rates) == 1:
            raise RuntimeError("Encountered NaN.")
        return whole(*arguments, **options)

    monkeypatch.setattr(library, "train_supervised", train)
    RIVALS["fasttext"](["좋은 글", "나쁜 놈"] * 10, np.array([0, 1] * 10, np.uint8), 0)
    assert rates == [0.5, 0.25]
