"""Training as a whole: what it may see, what it leaves, what it says."""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import toxiclf
from tests.conftest import VECTORS, tiny
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.predictions import Predictions, read
from toxiclf.pipeline import train as training
from toxiclf.pipeline.calibrate import Checkpoints
from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
from toxiclf.pipeline.save import TrainedModel

FAST = tiny("ngram_logistic")


def test_a_frame_and_lists_are_taken_as_a_file_is(
    sample: Comments, sample_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Taken(Exception):  # noqa: N818  # no error: it ends the run when the comments are read
        pass

    def divided(*comments: Any) -> None:
        raise Taken(*comments[:2])

    monkeypatch.setattr(training, "divided", divided)
    frame = pd.read_csv(sample_path)
    with pytest.raises(Taken) as taken:
        toxiclf.train(frame, text="comment", label=["label"], test=frame.iloc[::7])
    comments, test = taken.value.args
    assert (comments.source, comments.text_column, comments.sha256()) == ("a DataFrame", "comment", sample.sha256())
    assert test.sha256() == sample.take(np.arange(0, len(sample), 7)).sha256()
    with pytest.raises(Taken) as taken:
        toxiclf.train(pd.Series(sample.texts), targets=sample.targets, label=["toxic"])
    assert taken.value.args[0].sha256() == sample.sha256()


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((["가"], [1]), {}, r"the second argument of train, is of the type list; .* train\(texts, targets=targets\)"),
        ((["가"], np.ones(1)), {}, r"the second argument of train, is of the type ndarray"),
        ((["가"],), {}, "comments is of the type list; expected a path"),
        ((["가", "나"],), {"targets": [1]}, r"targets have shape \(1, 1\); expected \(2, 1\)"),
        ((["가"],), {"targets": [[1, 0]]}, r"targets have shape \(1, 2\); expected \(1, 1\)"),
        (("comments.csv",), {"targets": [1]}, "texts is one string"),
        ((["가"],), {"targets": [1], "text": "comment"}, "text has no effect, because the comments were already read"),
    ],
)
def test_comments_and_targets_that_do_not_fit_are_refused(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(toxiclf.UsageError, match=sentence):
        toxiclf.train(*arguments, **options)


def test_an_error_in_the_test_set_says_so(sample_path: Path) -> None:
    frame = pd.DataFrame({"comment": ["가", "나"], "label": ["악플", "아님"]})
    with pytest.raises(toxiclf.UsageError, match="the test set: column 'label' holds '악플'"):
        toxiclf.train(sample_path, test=frame)


def relabelled(comments: Comments, rows: np.ndarray) -> Comments:
    """The same comments with the targets of some rows turned around."""
    targets = comments.targets.copy()
    targets[rows] = 1 - targets[rows]
    return Comments(comments.texts, targets, comments.labels, source=comments.source)


def test_labels_of_the_test_part_change_nothing_but_the_report(sample: Comments) -> None:
    rows = np.arange(len(sample))
    train, test = sample.take(rows[:600]), sample.take(rows[600:])
    flipped = relabelled(test, np.arange(len(test)))
    one, other = (toxiclf.train(train, FAST, test=part) for part in (test, flipped))
    assert one.moderator.manifest.thresholds == other.moderator.manifest.thresholds
    assert (one.moderator.score(test.texts) == other.moderator.score(test.texts)).all()
    assert one.report.rows != other.report.rows


def test_texts_of_the_test_part_are_not_learned_from(sample: Comments) -> None:
    rows = np.arange(len(sample))
    train, test = sample.take(rows[:600]), sample.take(rows[600:])
    other = Comments([text + " 특별한꼬리표" for text in test.texts], test.targets, test.labels)
    one, two = (toxiclf.train(train, FAST, test=part) for part in (test, other))
    assert (one.moderator.score(sample.texts) == two.moderator.score(sample.texts)).all()


def test_training_rows_equal_to_test_rows_are_left_out_and_said(sample: Comments) -> None:
    test = sample.take(np.arange(200))
    trained = toxiclf.train(sample, FAST, test=test)
    assert trained.report.data["leaked"] == 200
    assert "duplicate_leak" in trained.report.codes()
    parts = trained.report.data["sets"]
    assert parts["training"]["rows"] + parts["validation"]["rows"] == len(sample) - 200


def test_without_a_test_part_the_report_says_where_its_figures_come_from(sample: Comments) -> None:
    trained = toxiclf.train(sample, {**FAST, "split": {"test": 0}})
    assert "out-of-fold scores of all rows (no test set" in trained.report.evaluated_on
    assert "test" not in trained.report.data["sets"]
    assert sum(trained.report.confusion["toxic"].values()) == len(sample)
    assert trained.predictions is not None
    assert sorted(trained.predictions.lines) == sorted(sample.lines)


def test_a_network_without_a_test_part_speaks_from_its_validation_part(sample: Comments) -> None:
    recipe = {**tiny("dnn"), "split": {"test": 0}}
    trained = toxiclf.train(sample, recipe)
    assert "the validation set (no test set" in trained.report.evaluated_on
    assert trained.report.baseline_rows
    assert trained.predictions is not None
    assert len(trained.predictions) == trained.report.data["sets"]["validation"]["rows"]


@pytest.mark.check
def test_the_objective_moves_the_threshold_and_not_the_scores(sample: Comments) -> None:
    recall, precision = (
        toxiclf.train(sample, {**FAST, "decision": {"folds": 3, "objective": objective}})
        for objective in ("precision_at_recall=0.9", "recall_at_precision=0.9")
    )
    assert recall.moderator.manifest.thresholds[0] < precision.moderator.manifest.thresholds[0]
    assert (recall.moderator.score(sample.texts) == precision.moderator.score(sample.texts)).all()


@pytest.mark.parametrize("method", ["isotonic", "none"])
def test_other_calibrations_score_between_zero_and_one(method: str, sample: Comments) -> None:
    trained = toxiclf.train(sample, {**FAST, "decision": {"folds": 3, "calibrate": method}})
    scores = trained.moderator.score(sample.texts)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert ("uncalibrated" in trained.report.codes()) >= (method == "none")


def test_explicit_class_weights_are_used_by_name(sample: Comments) -> None:
    trained = toxiclf.train(sample, {**FAST, "balance": {"class_weight": {"toxic": 4.0}}})
    assert [w["weight"] for w in trained.report.data["class_weights"]] == [1.0, 4.0]
    with pytest.raises(toxiclf.UsageError, match="use these names: negative, toxic"):
        toxiclf.train(sample, {**FAST, "balance": {"class_weight": {"toxik": 4.0}}})


def test_a_diverged_run_has_a_report_and_no_moderator(sample: Comments, tmp_path: Path) -> None:
    model = {"name": "dnn", "units": [4], "epochs": 3, "learning_rate": 1e38, "clip_norm": "none"}
    trained = toxiclf.train(sample, {"vectors": VECTORS, "model": model})
    assert trained.diverged
    with pytest.raises(toxiclf.TrainingError, match="diverged"):
        _ = trained.moderator
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("an earlier run's")
    trained.save(tmp_path, overwrite=True)
    assert not (tmp_path / "bundle").exists()
    assert (tmp_path / "bundle.previous" / "manifest.json").exists()
    assert "diverged" in (tmp_path / "report.md").read_text("utf-8")


def test_the_network_keeps_its_best_weights(trained: Callable[[str, str], TrainedModel]) -> None:
    run = trained("dnn", "one")
    history = run.history
    assert [row["epoch"] for row in history] == list(range(1, len(history) + 1))
    best = max(row["validation_average_precision"] for row in history)
    assert run.report.data["decision_average_precision"] == pytest.approx(
        best, abs=0.01
    )  # calibration rounds to float32


def test_unlabelled_texts_give_the_vectors(sample: Comments, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(sample.texts), "utf-8")
    vectors = {**VECTORS, "min_count": 1, "unlabeled": [str(path)]}
    said: list[str] = []
    trained = toxiclf.train(sample, {**tiny("logistic"), "vectors": vectors}, say=said.append)
    assert any("855 unlabeled texts" in sentence for sentence in said)
    assert trained.report.rows


def test_the_report_shows_labels_with_pipes_and_markup_as_text(sample: Comments) -> None:
    odd = Comments(sample.texts, sample.targets, ("a|b <script>",))
    assert "a\\|b &lt;script>" in toxiclf.train(odd, FAST).report.to_markdown()


@pytest.mark.check
def test_a_network_with_out_of_fold_scores_and_no_test_part_has_its_baseline(sample: Comments) -> None:
    recipe = {**tiny("dnn"), "split": {"test": 0}, "decision": {"folds": 3, "source": "out_of_fold"}}
    report = toxiclf.train(sample, recipe).report
    assert "out-of-fold scores of the training set (no test set" in report.evaluated_on
    assert report.baseline_rows
    assert sum(report.confusion["toxic"].values()) == report.data["sets"]["training"]["rows"]


def test_a_label_may_be_called_summary(two_labels: Comments) -> None:
    named = Comments(two_labels.texts, two_labels.targets, ("summary", "other"))
    report = toxiclf.train(named, FAST).report.to_dict()
    values = [report["labels"][name]["average_precision"]["value"] for name in ("summary", "other")]
    assert report["summary"]["average_precision"]["value"] == pytest.approx(np.mean(values))


def test_what_the_recipe_makes_equal_stays_on_one_side(sample: Comments) -> None:
    texts = [*sample.texts, *(f"똑같은 말이지요{'ㅋ' * i}" for i in range(1, 31))]
    targets = np.vstack([sample.targets, np.zeros((30, 1), np.uint8)])
    comments = Comments(texts, targets, ("toxic",))
    parts = toxiclf.train(comments, {**FAST, "text": {"repeat_cap": 1}}).report.data["sets"]
    sizes = {name: part["rows"] for name, part in parts.items()}
    without = toxiclf.train(sample, FAST).report.data["sets"]
    apart = [name for name in sizes if sizes[name] - without[name]["rows"] > 20]
    assert len(apart) == 1


def test_a_bundle_knows_which_values_were_toxic(sample_path: Path, tmp_path: Path) -> None:
    table = tmp_path / "words.csv"
    rows = sample_path.read_text("utf-8").replace(",0,", ",좋음,").replace(",1,", ",나쁨,")
    table.write_text(rows, "utf-8")
    trained = toxiclf.train(toxiclf.read_comments(table, positive=["나쁨"]), FAST)
    bundle = trained.save(tmp_path / "run") / "bundle"
    assert evaluate_bundle(bundle, table).summary["average_precision"]["value"] > 0.9


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_save_that_is_interrupted_leaves_the_old_run_as_it_was(
    saved: Callable[[str, str], Path], seed_9: TrainedModel, sample: Comments, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(saved("ngram_logistic", "one"), tmp_path / "run"))
    before = files_of(tmp_path)

    def interrupted(predictions: Predictions, folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictions, "write", interrupted)
    evaluated = evaluate_bundle(folder / "bundle", sample)
    for save in (seed_9.save, partial(save_evaluation, evaluated)):
        with pytest.raises(KeyboardInterrupt):
            save(folder)
        assert files_of(tmp_path) == before


@pytest.fixture(scope="module")
def seed_9(sample: Comments) -> TrainedModel:
    """A model of another seed than the saved one."""
    return toxiclf.train(sample, {**FAST, "seed": 9})


def test_predictions_are_of_the_comments_that_the_report_speaks_of(
    trained: Callable[[str, str], TrainedModel], sample: Comments, tmp_path: Path
) -> None:
    run = trained("ngram_logistic", "one")
    found = read(run.save(tmp_path), ("toxic",))
    rows = np.searchsorted(sample.lines, found.lines)
    expected = Predictions.of(sample.take(rows), run.moderator.score([sample.texts[i] for i in rows]), [0])
    assert found.source == sample.source
    assert found.rows_sha256() == expected.rows_sha256() == run.report.data["evaluated_sha256"]
    assert found.scores.tobytes() == expected.scores.tobytes()
    counts = run.report.confusion["toxic"]
    assert found.flagged.sum() == counts["tp"] + counts["fp"]
    assert found.targets.sum() == counts["tp"] + counts["fn"]


class Killed(BaseException):
    """As if the process had ended."""


@pytest.mark.long
def test_a_run_that_was_killed_after_its_search_goes_on_from_both_logs(sample: Comments, tmp_path: Path) -> None:
    recipe = {
        "text": {"tokenizer": "whitespace"},
        "vectors": {"size": 4},
        "model": {"name": "cnn", "embedding": "scratch", "widths": [2], "filters": 2, "epochs": 3},
        "search": {"method": "grid", "folds": 2, "space": {"model.filters": [2, 3]}},
    }
    kept = {"search_log": tmp_path / "search.jsonl"}
    said: list[str] = []

    def say(message: str) -> None:
        if "epoch 2 of 3" in message:
            raise Killed

    with pytest.raises(Killed):
        toxiclf.train(sample, recipe, say=say, checkpoints=Checkpoints(tmp_path / "checkpoints"), **kept)
    resumed = toxiclf.train(
        sample, recipe, say=said.append, checkpoints=Checkpoints(tmp_path / "checkpoints", resume=True), **kept
    )
    assert any("resuming after epoch 2 of 3" in message for message in said)
    whole = toxiclf.train(sample, recipe)
    assert (resumed.moderator.raw(sample.texts[:50]) == whole.moderator.raw(sample.texts[:50])).all()
    assert resumed.history == whole.history


@pytest.mark.check
def test_networks_leave_no_graph_behind(sample: Comments) -> None:
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    before = sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())
    toxiclf.train(sample, tiny("lstm"))
    gc.collect()
    assert sum(isinstance(thing, FuncGraph) for thing in gc.get_objects()) <= before


def test_training_leaves_the_random_generators_of_others_alone(sample: Comments) -> None:
    states = random.getstate(), np.random.get_state()[1].tolist()
    toxiclf.train(sample, tiny("dnn"))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


class _StopError(Exception):
    pass


def test_inverted_labels_are_said_before_anything_is_fitted_and_in_evaluate(sample: Comments, bundle: Path) -> None:
    def say(sentence: str) -> None:
        assert sentence.startswith("labels_may_be_inverted: 40.8% of comments without label 'toxic'")
        assert sentence.endswith("add --negative 1.")
        raise _StopError

    inverted = replace(sample, targets=1 - sample.targets)
    with pytest.raises(_StopError):
        toxiclf.train(inverted, FAST, say=say)
    assert "labels_may_be_inverted" in {finding.code for finding in evaluate_bundle(bundle, inverted).findings}
