"""``calibrate``: a bundle gets a new calibration and thresholds from other comments, and keeps its graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score

import toxiclf
from toxiclf.bundle import store
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.pipeline.evaluate import evaluate_bundle
from toxiclf.pipeline.recalibrate import BeforeAndAfter, CalibratedBundle
from toxiclf.pipeline.save import TrainedModel

OLD = Path(__file__).parent.parent / "fixtures" / "0.1" / "bundle"
Saved = Callable[[str, str], Path]
Trained = Callable[[str, str], TrainedModel]


def unseen(model: TrainedModel) -> Comments:
    """The comments of a model's test set."""
    rows = model.report.scored_rows
    assert rows is not None
    assert rows.comments is not None
    return rows.comments


def figure(calibrated: CalibratedBundle, metric: str) -> BeforeAndAfter:
    return next(entry for entry in calibrated.figures if entry.metric == metric)


@pytest.mark.parametrize(("kind", "rows"), [("one", "sample"), ("two", "two_labels"), ("exclusive", "exclusive")])
def test_the_graph_stays_and_the_manifest_tells_both_origins(
    saved: Saved, tmp_path: Path, kind: str, rows: str, request: pytest.FixtureRequest
) -> None:
    comments: Comments = request.getfixturevalue(rows)
    folder = tmp_path / "given away"  # so that no file names the rows that it has learned from
    store.save(folder, *store.read(saved("ngram_logistic", kind)))
    toxiclf.calibrate(folder, comments).save(tmp_path / "new")
    (before, old), (after, new) = store.read(folder), store.read(tmp_path / "new")
    assert {name for name in old if old[name] != new[name]} == {"README.md"}
    assert "## Calibrated again" in new["README.md"].decode()
    assert after.thresholds != before.thresholds
    assert after.rates == tuple(comments.targets.mean(axis=0).tolist())
    assert (after.data_sha256, before.calibrated_on) == (before.data_sha256, None)
    assert after.calibrated_on is not None
    assert after.calibrated_on.data_sha256 == comments.sha256()
    assert after.calibrated_on.bundle_seal == before.seal
    assert after.calibrated_on.counts == tuple(comments.counts().values())
    assert len(after.score_counts) == len(before.score_counts)
    again = "calibrated on these very comments"
    assert [
        any(again in note for note in toxiclf.calibrate(place, comments).notes) for place in (folder, tmp_path / "new")
    ] == [False, True]


def test_figures_before_are_those_of_the_bundle(saved: Saved, trained: Trained) -> None:
    folder, comments = saved("ngram_logistic", "one"), unseen(trained("ngram_logistic", "one"))
    calibrated, moderator = toxiclf.calibrate(folder, comments), toxiclf.load(folder)
    scores, toxic = moderator.score(comments.texts)[:, 0], comments.targets[:, 0]
    assert figure(calibrated, "f1").before[0] == pytest.approx(f1_score(toxic, scores >= moderator.thresholds[0]))
    brier = figure(calibrated, "brier")
    assert brier.before[0] == pytest.approx(brier_score_loss(toxic, scores))
    assert brier.change[0] == pytest.approx(brier.after[0] - brier.before[0])
    assert all(low <= value <= high for value, low, high in (brier.before, brier.after, brier.change))


def test_scores_that_are_far_too_high_become_right(saved: Saved, trained: Trained, tmp_path: Path) -> None:
    folder, comments = saved("ngram_logistic", "one"), unseen(trained("ngram_logistic", "one"))
    manifest, files = store.read(folder)
    (label,) = manifest.calibration.labels
    wrong = manifest.calibration.model_copy(
        update={"labels": (label.model_copy(update={"intercept": label.intercept + 4}),)}
    )
    store.save(tmp_path / "wrong", manifest.model_copy(update={"calibration": wrong}), files)
    calibrated = toxiclf.calibrate(tmp_path / "wrong", comments)
    for metric, better in (("brier", -1), ("accuracy", 1)):
        _, low, high = figure(calibrated, metric).change
        assert min(low * better, high * better) > 0, metric
    mean = calibrated.moderator.score(comments.texts).mean()
    assert mean == pytest.approx(comments.targets.mean(), abs=0.02)
    calibrated.save(tmp_path / "right")
    assert "duplicate_leak" in evaluate_bundle(tmp_path / "right", comments).codes()
    assert "not known whether the model was trained on some" in " ".join(calibrated.notes)


def test_objective_and_prior_can_be_set(saved: Saved, trained: Trained) -> None:
    folder, comments = saved("ngram_logistic", "one"), unseen(trained("ngram_logistic", "one"))
    by_default = toxiclf.calibrate(folder, comments).moderator.manifest
    fixed = toxiclf.calibrate(folder, comments, decision={"objective": 0.25, "prior": 0.02}).moderator.manifest
    assert (by_default.objective, by_default.prior) == ("f1", None)
    assert (fixed.objective, fixed.thresholds, fixed.prior) == (0.25, (0.25,), (0.02,))


def test_comments_that_the_model_was_trained_on_are_left_out(saved: Saved, trained: Trained, sample: Comments) -> None:
    folder, comments = saved("ngram_logistic", "one"), unseen(trained("ngram_logistic", "one"))
    calibrated = toxiclf.calibrate(folder / "bundle", sample)
    assert len(calibrated.comments) == len(comments)
    assert f"{len(sample) - len(comments):,} of these comments were left out" in " ".join(calibrated.notes)
    kept = set(comments.keys())
    learned = np.array([i for i, key in enumerate(sample.keys()) if key not in kept])
    with pytest.raises(DataError, match="trained on all of these"):
        toxiclf.calibrate(folder, sample.take(learned))


def test_what_cannot_calibrate_is_refused_with_a_sentence(saved: Saved, trained: Trained) -> None:
    folder, comments = saved("ngram_logistic", "one"), unseen(trained("ngram_logistic", "one"))
    toxic, others = np.flatnonzero(comments.targets[:, 0]), np.flatnonzero(comments.targets[:, 0] == 0)
    with pytest.raises(DataError, match="with label 'toxic' is 5, but calibration needs at least 10"):
        toxiclf.calibrate(folder, comments.take(np.concatenate([toxic[:5], others])))
    with pytest.raises(DataError, match="calibration needs both classes"):
        toxiclf.calibrate(folder, comments.take(others))
    with pytest.raises(DataError, match="have the labels spam, but those of the bundle are toxic"):
        toxiclf.calibrate(folder, Comments.of(comments.texts, comments.targets, ["spam"]))
    with pytest.raises(UsageError, match=r"decision\.source has no effect on calibrate"):
        toxiclf.calibrate(folder, comments, decision={"source": "validation"})


def test_a_bundle_of_0_1_is_calibrated(trained: Trained) -> None:
    comments = unseen(trained("ngram_logistic", "one"))
    manifest = toxiclf.calibrate(OLD, comments).moderator.manifest
    assert manifest.objective == "f1"
    assert manifest.score_counts


def test_the_command_writes_a_bundle(
    saved: Saved, trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, comments = saved("ngram_logistic", "one") / "bundle", unseen(trained("ngram_logistic", "one"))
    own, out = tmp_path / "own.jsonl", tmp_path / "new"
    toxic = comments.targets[:, 0].tolist()
    rows = zip(comments.texts, toxic, strict=True)
    own.write_text("".join(f'{{"comment": {json.dumps(text)}, "toxic": {label}}}\n' for text, label in rows), "utf-8")
    assert run(["calibrate", str(folder), str(own), "--set", "decision.objective=f2", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t") == ["", "before", "after", "change"]
    assert [line.split("\t")[0] for line in lines[1:6]] == ["accuracy", "f1", "precision", "recall", "brier"]
    assert lines[-1] == f"bundle: {out}"
    assert run(["inspect", str(out)]) == 0
    assert f"{len(comments):,} other comments ({sum(toxic)} toxic)" in capsys.readouterr().out
    (tmp_path / "link").symlink_to(folder)
    for arguments, message in (
        (["--out", str(folder)], "is the bundle itself"),
        (["--out", str(tmp_path / "new" / ".." / "link")], "is the bundle itself"),
        ([], "--out is missing"),
        (["--seed", "-1", "--out", str(out)], "seed is -1; "),
        (["--set", "model.name=svm", "--out", str(out)], "it takes keys of decision"),
    ):
        assert run(["calibrate", str(folder), str(own), *arguments]) == 2
        assert message in capsys.readouterr().err
