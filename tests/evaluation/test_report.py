"""A report is one schema: what an older or a newer version wrote is read, or refused with a sentence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.conftest import SAMPLE, rest_in_check, tiny
from tests.evaluation.conftest import comments_of, save_run, scores_of
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError
from toxiclf.evaluation.bootstrap import MetricRow
from toxiclf.evaluation.compare import compare
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.report import FORMAT, Report
from toxiclf.evaluation.saved import drawable_report
from toxiclf.pipeline.save import TrainedModel

OLD = Path(__file__).parent.parent / "fixtures" / "0.1"
"""A run that toxiclf 0.1 saved: ngram_logistic on the sample comments, with a prior of .1."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The run with another report.json."""
    path = folder / "report.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder


def without(content: Any, key: str) -> None:
    """Take a key out, however deep it lies."""
    if isinstance(content, dict):
        content.pop(key, None)
        for value in content.values():
            without(value, key)


# -- a run of 0.1


def test_a_report_of_0_1_says_what_it_said(old: Path) -> None:
    written = json.loads((old / "report.json").read_text("utf-8"))
    assert "format" not in written
    report = Report.read(old)
    content = report.to_dict()
    assert content["format"] == FORMAT
    written["production"] = {**written.pop("live_rate"), "baseline": None}
    written["data"]["sets"] = written["data"].pop("parts")
    written["evaluated_on"] = "the test set"  # it was "the test part"
    for model in (written, written["baseline"]):
        for figures in (model["summary"], model["labels"]["toxic"]):
            figures["f1_macro"] = figures.pop("macro_f1")
    assert {key: content[key] for key in written} == written
    assert report.summary["average_precision"]["value"] == written["summary"]["average_precision"]["value"]
    assert report.production_prevalence == {"toxic": 0.1}
    assert "## 10,000 comments at the production prevalence of 10.0 %" in report.to_markdown()
    assert "<table>" in report._repr_html_()
    assert report.table()[0] == ["metric", "ngram_logistic", "ngram_logistic (baseline)"]


def test_a_run_of_0_1_is_compared(old: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(old, tmp_path / "copy")
    assert {row.value for row in compare([old, copy]).differences} == {0.0}

    def as_now(content: dict[str, Any]) -> None:
        features = content["recipe"]["features"]
        features["metric_learning"] = features.pop("metric")
        content["recipe"]["decision"]["exclusive"] = "arg_max"  # which has no effect on one label
        content["recipe"]["text"]["html_entities"] = False

    # neither a key by another name nor a new one that says what 0.1 did is a difference
    assert compare([old, rewritten(copy, as_now)]).recipe() == {}


def test_a_bundle_of_0_1_scores_as_it_did(old: Path) -> None:
    moderator = toxiclf.load(old / "bundle")
    lines = [row.split(",") for row in (old / "predictions.csv").read_text("utf-8-sig").splitlines()[1:]]
    comments = toxiclf.read_comments(SAMPLE)
    of_line = {int(line): text for line, text in zip(comments.lines, comments.texts, strict=True)}
    scores = moderator.score([of_line[int(line[1])] for line in lines])[:, 0]
    assert (scores == np.array([line[4] for line in lines], dtype=np.float32)).all()


def test_the_macro_f1_of_several_labels_keeps_its_name_and_is_not_compared(old: Path, tmp_path: Path) -> None:
    """It was the mean over labels of the mean F1 of both classes; f1_macro is the mean of the labels' F1."""
    comments = comments_of(20, labels=("a", "b"))
    folder = save_run(tmp_path / "new", comments, scores_of(comments, 1.0))

    def as_before(content: dict[str, Any]) -> None:
        del content["format"]
        for figures in (content["summary"], *content["labels"].values()):
            for name in ("f1_macro", "f1_micro", "f1_weighted", "exact_match", "average_precision_macro"):
                figures.pop(name, None)
            figures["macro_f1"] = figures.pop("f1_both_classes")

    older = rewritten(Path(shutil.copytree(folder, tmp_path / "older")), as_before)
    report, now = Report.read(older), Report.read(folder)
    assert report.estimate("macro_f1").value == now.estimate("f1_both_classes").value
    assert report.estimate("f1_macro").value is None
    assert report.estimate("f1_both_classes", "a") == now.estimate("f1_both_classes", "a")
    assert "| macro_f1 |" in report.to_markdown()
    comparison = compare([older, folder])  # of scores
    assert "macro_f1" not in {row.metric for row in comparison.differences}
    assert {row.value for row in comparison.differences if row.metric == "f1_macro"} == {0.0}


def test_a_recipe_of_0_1_is_read(old: Path) -> None:
    recipe = toxiclf.Recipe.load(old / "recipe.toml")
    assert (recipe.model.name, recipe.decision.prior) == ("ngram_logistic", 0.1)
    assert not recipe.text.html_entities  # 0.1 did not decode them


# -- other versions


def test_a_metric_that_an_older_run_lacks_is_not_defined(old: Path, tmp_path: Path) -> None:
    rewritten(old, lambda content: without(content, "f1"))
    report = Report.read(old)
    assert report.estimate("f1") == MetricRow("", "f1", None, None, None)
    assert ["f1", "–", "–"] in report.table()
    report.write(tmp_path / "again")
    assert (tmp_path / "again" / "report.html").is_file()
    comparison = compare([old, shutil.copytree(OLD, tmp_path / "new")])  # of scores, so that nothing is lacking
    assert {row.value for row in comparison.differences if row.metric == "f1"} == {0.0}


def test_a_metric_of_another_version_is_kept(old: Path, tmp_path: Path) -> None:
    figure = {"value": 0.25, "low": None, "high": None}

    def add(content: dict[str, Any]) -> None:
        content["summary"]["kappa"] = content["labels"]["toxic"]["kappa"] = figure

    report = Report.read(rewritten(old, add))
    assert report.estimate("kappa", "toxic").value == 0.25
    assert "| kappa | 0.250 |" in report.to_markdown()
    report.write(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "report.json").read_text("utf-8"))["summary"]["kappa"] == figure
    assert len(compare([old, shutil.copytree(OLD, tmp_path / "new")]).differences) == len(metric_names(of="one")) * 2


@pytest.mark.parametrize("section", ["analysis", "baseline", "live_rate", "search", "timings", "versions", "recipe"])
def test_a_section_that_an_older_run_lacks_is_empty(old: Path, section: str, tmp_path: Path) -> None:
    report = Report.read(rewritten(old, lambda content: content.pop(section)))
    assert not report.to_dict()[{"live_rate": "production"}.get(section, section)]
    report.write(tmp_path / "again")
    assert report.rows
    assert Report.read(tmp_path / "again") == report


def test_a_newer_format_is_refused(old: Path) -> None:
    rewritten(old, lambda content: content.update(format=FORMAT + 1, seed="of another kind"))
    with pytest.raises(DataError) as error:
        Report.read(old)
    assert str(error.value) == (
        f"{old / 'report.json'} has format {FORMAT + 1}, this toxiclf reads up to {FORMAT}; install a newer toxiclf"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content["confusion"].update(other={}), "confusion: its labels are not those of the report"),
        (lambda content: content["live_rate"]["prior"].update(other=0.1), "production: its labels are not those"),
        (lambda content: content["live_rate"]["prior"].update(toxic=1.5), "live_rate.prior.toxic: "),
        (lambda content: content["analysis"]["calibration"].update(other={"bins": [], "ece": 0}), "analysis: its labels"),
        (lambda content: content["summary"].update(f1=0.5), "summary.f1: "),
        (lambda content: content.pop("labels"), "labels: Field required"),
        (lambda content: content.update(labels={}), "labels: "),
        (lambda content: content.update(format="two"), "format: "),
        (lambda content: content.update(figure_data={"gan": {"training": [[0]]}}), "figure_data.gan.training.0: "),
        (lambda content: content.update(figure_data={"lengths": {"edges": [0, 5], "labels": {}}}), "figure_data: its labels"),
    ],
)  # fmt: skip
def test_a_report_that_contradicts_itself_is_refused(old: Path, change: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        Report.read(rewritten(old, change))
    assert f"is not a report as toxiclf writes it ({reason}" in str(error.value)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e400", "9" * 5000, "[" * 100_000])
def test_numbers_of_a_report_are_finite_anywhere(old: Path, value: str) -> None:
    path = old / "report.json"
    path.write_text(re.sub(r'"recipe": \{', f'"recipe": {{"deep": {value}, ', path.read_text("utf-8")), "utf-8")
    with pytest.raises(DataError, match="is not a report as toxiclf writes it"):
        Report.read(old)


# -- figures of a saved run


def test_a_saved_run_is_opened_for_drawing(tmp_path: Path) -> None:
    comments = comments_of(200)
    folder = save_run(tmp_path / "run", comments, scores_of(comments, 1))
    (folder / "history.json").write_text('[{"epoch": 1, "loss": 0.5, "f1": 0.7}]', "utf-8")
    report = drawable_report(folder)
    assert report.history == [{"epoch": 1, "loss": 0.5, "f1": 0.7}]
    assert report.scored_rows is not None
    assert report.scored_rows.comments is None
    assert (report.scored_rows.targets == comments.targets).all()
    assert "roc" in report.figures()
    (folder / "history.json").write_text("[1", "utf-8")
    with pytest.raises(DataError, match=r"history\.json is not a history"):
        drawable_report(folder)


@pytest.mark.parametrize("model", rest_in_check(["autoencoder", "isolation_forest"], quick=["isolation_forest"]))
def test_points_of_figures_are_in_the_report_without_texts(model: str, sample: Comments, tmp_path: Path) -> None:
    run: TrainedModel = toxiclf.train(sample, tiny(model))
    fresh = run.report.points("errors")
    assert fresh is not None
    folder = run.save(tmp_path, comments=False)
    report = Report.read(folder)
    assert report.points("errors") == fresh
    assert len(fresh["raw"]) == len(fresh["rows"]) == len(fresh["classes"])
    written = json.dumps(report.figure_data, ensure_ascii=False)
    assert not any(text in written for text in sample.texts if len(text) > 5)
