"""An interrupted training resumes after its last finished epoch, and ends as if nothing had happened."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toxiclf
from tests.machine import PATIENCE
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.splitting import split
from toxiclf.models._checkpoint import Checkpoint
from toxiclf.pipeline.calibrate import CalibratedModel, Checkpoints, learn
from toxiclf.recipe.preprocessing import recipe_normalizer

DENSE: dict[str, Any] = {
    "text": {"tokenizer": "whitespace", "max_tokens": 9},
    "vectors": {"size": 4},
    "model": {"name": "dnn_sequence", "dense": [2], "epochs": 3},
}
LSTM: dict[str, Any] = {
    **DENSE,
    "model": {"name": "lstm", "embedding": "scratch", "units": 4, "epochs": 4, "recurrent_dropout": 0.2},
}
OUT_OF_FOLD = {**DENSE, "decision": {"source": "out_of_fold", "folds": 2}}


class Killed(BaseException):
    """As if the process had ended."""


def learned(comments: Comments, recipe: Any, folder: Path | None = None) -> tuple[CalibratedModel, list[str]]:
    """A model with its decision as a run comes to it, and what was said; resumes from what a folder holds."""
    said: list[str] = []
    recipe = toxiclf.Recipe.load(recipe)
    normalizer = recipe_normalizer(recipe)
    rows = consistent(comments, normalizer)
    parts = split(rows, test=0.2, validation=0.1, seed=recipe.seed, normalizer=normalizer)
    checkpoints = None if folder is None else Checkpoints(folder / "checkpoints", resume=True)
    return learn(parts, recipe, said.append, checkpoints=checkpoints), said


def interrupt(comments: Comments, recipe: Any, folder: Path, at: str) -> None:
    """Train, and end where a message holds ``at``."""

    def say(message: str) -> None:
        if at in message:
            raise Killed

    with pytest.raises(Killed):
        toxiclf.train(comments, recipe, say=say, checkpoints=Checkpoints(folder / "checkpoints"))


def arguments(few_path: Path, recipe: dict[str, Any], out: Path, *more: str) -> list[str]:
    """The command line of a recipe."""
    path = out.parent / "recipe.toml"
    path.write_text(toxiclf.Recipe.load(recipe).to_toml(), "utf-8")
    return ["train", str(few_path), "--recipe", str(path), "--out", str(out), *more]


@pytest.fixture(scope="module")
def few_path(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first comments of the sample corpus as a file."""
    path = tmp_path_factory.mktemp("few") / "few.csv"
    path.write_text("".join(sample_path.read_text("utf-8").splitlines(keepends=True)[:321]), "utf-8")
    return path


@pytest.fixture(scope="module")
def few(few_path: Path) -> Comments:
    """The same."""
    return toxiclf.read_comments(few_path)


@pytest.fixture(scope="module")
def checkpoint(few: Comments, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What an interrupted run of the recipe DENSE left."""
    folder = tmp_path_factory.mktemp("interrupted")
    interrupt(few, DENSE, folder, "epoch 3 of 3")
    return (folder / "checkpoints" / "model.safetensors").read_bytes()


@pytest.fixture
def left(checkpoint: bytes, tmp_path: Path) -> Path:
    """A copy of it, where a run into ``tmp_path / "run"`` looks for it."""
    path = tmp_path / "run" / "checkpoints" / "model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(checkpoint)
    return path


@pytest.mark.check
def test_a_killed_training_goes_on_and_gives_the_very_model_of_an_uninterrupted_one(
    few: Comments, few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = arguments(few_path, LSTM, out)
    process = subprocess.Popen(
        [sys.executable, "-m", "toxiclf", *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch 2 of 4" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert not (out / "bundle").exists()
    assert run([*command, "--resume"]) == 0
    told = capsys.readouterr().err
    (done,) = re.findall(r"lstm: resuming after epoch (\d) of 4", told)
    assert int(done) >= 1
    epochs = re.findall(r"lstm: epoch (\d) of 4", told)
    assert epochs == [str(epoch) for epoch in range(int(done) + 1, 5)]
    assert not (out / "checkpoints").exists()
    uninterrupted, _ = learned(few, LSTM)
    assert (out / "bundle" / "model.onnx").read_bytes() == uninterrupted.graph
    assert json.loads((out / "history.json").read_text("utf-8")) == uninterrupted.fitted.model.history_


def test_an_epoch_that_was_told_is_kept(few: Comments, tmp_path: Path) -> None:
    interrupt(few, DENSE, tmp_path, "epoch 1 of 3")
    assert (tmp_path / "checkpoints" / "model.safetensors").exists()


@pytest.mark.check
def test_finished_fits_are_not_trained_again(few: Comments, tmp_path: Path) -> None:
    interrupt(few, OUT_OF_FOLD, tmp_path, "fold 2 of 2: epoch 3 of 3")
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.safetensors"))
    assert names == ["fold-1.safetensors", "fold-2.safetensors", "model.safetensors"]
    resumed, said = learned(few, OUT_OF_FOLD, tmp_path)
    assert not any(": epoch 1 of" in sentence for sentence in said)
    assert sum("resuming after epoch 3 of 3" in sentence for sentence in said) >= 2
    uninterrupted, _ = learned(few, OUT_OF_FOLD)
    assert resumed.graph == uninterrupted.graph
    assert resumed.fitted.model.history_ == uninterrupted.fitted.model.history_
    assert resumed.thresholds == uninterrupted.thresholds
    assert (resumed.decision_scores == uninterrupted.decision_scores).all()


@pytest.mark.check
def test_a_run_that_begins_anew_leaves_nothing_of_the_one_before(few: Comments, tmp_path: Path) -> None:
    interrupt(few, OUT_OF_FOLD, tmp_path, "fold 2 of 2: epoch 2 of 3")
    assert (tmp_path / "checkpoints" / "fold-1.safetensors").exists()
    interrupt(few, {**OUT_OF_FOLD, "seed": 5}, tmp_path, "dnn_sequence: epoch 1 of 3")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["model.safetensors"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of a run that is refused."""
    assert run(arguments) == 2
    sentences = [line for line in capsys.readouterr().err.splitlines() if line.startswith("toxiclf: ")]
    assert len(sentences) == 1
    return sentences[0]


def other_seed(few_path: Path, folder: Path) -> list[str]:
    return arguments(few_path, {**DENSE, "seed": 1}, folder / "run")


def other_options(few_path: Path, folder: Path) -> list[str]:
    return arguments(few_path, {**DENSE, "model": {**DENSE["model"], "dropout": 0.4}}, folder / "run")


def other_comments(few_path: Path, folder: Path) -> list[str]:
    fewer = folder / "fewer.csv"
    fewer.write_text("".join(few_path.read_text("utf-8").splitlines(keepends=True)[:-9]), "utf-8")
    return arguments(fewer, DENSE, folder / "run")


@pytest.mark.parametrize("other", [other_seed, other_options, other_comments])
def test_a_checkpoint_of_another_run_is_refused_and_left(
    other: Callable[[Path, Path], list[str]], left: Path, checkpoint: bytes, few_path: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sentence = refused([*other(few_path, tmp_path), "--resume"], capsys)
    assert f"the checkpoint {left} belongs to other comments, another recipe or other versions" in sentence
    assert "leave out --resume to start over" in sentence
    assert left.read_bytes() == checkpoint


def test_a_damaged_checkpoint_is_refused_and_left(
    left: Path, checkpoint: bytes, few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left.write_bytes(checkpoint[:-100])
    sentence = refused([*arguments(few_path, DENSE, tmp_path / "run"), "--resume"], capsys)
    assert f"the checkpoint {left} cannot be read" in sentence
    assert left.read_bytes() == checkpoint[:-100]


@pytest.mark.check
def test_with_nothing_to_resume_it_says_so_and_begins_anew(
    few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run([*arguments(few_path, DENSE, out), "--resume"]) == 0
    told = capsys.readouterr().err
    assert f"there is nothing to resume in {out}; starting from the beginning" in told
    assert "dnn_sequence: epoch 1 of 3" in told
    assert (out / "bundle" / "model.onnx").exists()
    assert not (out / "checkpoints").exists()


def test_without_resume_an_interrupted_run_is_told_of_and_begun_anew(
    left: Path, few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left.write_bytes(b"damaged")
    out = tmp_path / "run"
    assert run(arguments(few_path, DENSE, out)) == 0
    told = capsys.readouterr().err
    assert f"an interrupted run left checkpoints in {out}; starting over (--resume would have used them)" in told
    assert "dnn_sequence: epoch 1 of 3" in told
    assert not left.parent.exists()


def test_an_interrupt_is_told_of_with_what_to_do_next(
    few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Checkpoint.save

    def interrupted(*given: Any) -> None:
        save(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    out = tmp_path / "run"
    assert run(arguments(few_path, DENSE, out)) == 130
    told = capsys.readouterr().err
    assert "to continue after the last finished epoch, run the same command with --resume" in told
    assert told.splitlines()[-1] == "toxiclf: interrupted"
    assert [path.name for path in out.iterdir()] == ["checkpoints"]


def test_only_networks_are_resumed(few_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = arguments(few_path, {"model": "svm"}, tmp_path / "run", "--resume")
    assert refused(command, capsys) == "toxiclf: --resume works only with networks, and svm is not one; leave it out"


def test_a_finished_run_deletes_no_file_that_is_not_its_own(few: Comments, tmp_path: Path) -> None:
    own = tmp_path / "checkpoints" / "somebody-elses.h5"
    own.parent.mkdir()
    own.write_bytes(b"weeks of work")
    trained = toxiclf.train(few, DENSE, checkpoints=Checkpoints(tmp_path / "checkpoints"))
    trained.save(tmp_path)
    assert own.read_bytes() == b"weeks of work"
    assert [path.name for path in own.parent.iterdir()] == [own.name]


def test_a_run_that_was_not_saved_keeps_its_checkpoints(few: Comments, tmp_path: Path) -> None:
    toxiclf.train(few, DENSE, checkpoints=Checkpoints(tmp_path / "checkpoints"))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["model.safetensors"]
