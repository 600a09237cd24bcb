"""An interrupted run ends with 130 and leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import PATIENCE


def interrupted(arguments: list[str], wait_for: str, folder: Path) -> tuple[int, str]:
    """Start the command, interrupt it once it has said something, and wait for its end: exit code and last words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "toxiclf", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if wait_for in line:
            break
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    assert said.endswith("toxiclf: interrupted\n")
    return process.returncode, said


@pytest.mark.check
def test_an_interrupted_training_leaves_no_run(sample_path: Path, tmp_path: Path) -> None:
    code, _ = interrupted(["train", str(sample_path), "--out", "run"], "out-of-fold", tmp_path)
    assert code == 130
    assert not (tmp_path / "run").exists()


@pytest.mark.check
def test_an_interrupted_network_says_how_to_go_on(sample_path: Path, tmp_path: Path) -> None:
    options = ["--model", "dnn", "--set", "model.epochs=100000", "--set", "model.patience=100000"]
    code, said = interrupted(["train", str(sample_path), "--out", "run", *options], "epoch 2 of", tmp_path)
    assert code == 130
    assert "run the same command with --resume" in said
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["model.safetensors"]
    assert not (tmp_path / "run" / "bundle").exists()


def test_an_interrupted_prediction_leaves_no_output_under_its_name(bundle: Path, tmp_path: Path) -> None:
    comments = tmp_path / "comments.csv"
    comments.write_text("comment\n" + "오늘 날씨 좋네요\n" * 300_000, "utf-8")
    code, _ = interrupted(
        ["predict", "comments.csv", "--bundle", str(bundle), "--out", "out.csv"], "comments from", tmp_path
    )
    assert code == 130
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.check
def test_two_predictions_into_one_file_leave_one_of_them_whole(bundle: Path, tmp_path: Path) -> None:
    """Each has its own temporary file, also if a link was planted under the name of an older version's."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / ".out.csv.part").symlink_to(theirs)
    rows = {"a": 3_000, "b": 2_000}
    for name, count in rows.items():
        (tmp_path / f"{name}.csv").write_text("comment\n" + f"오늘 {name}\n" * count, "utf-8")
    command = [sys.executable, "-m", "toxiclf", "predict", "--bundle", str(bundle), "--out", "out.csv"]
    both = [subprocess.Popen([*command, f"{name}.csv"], cwd=tmp_path, stderr=subprocess.DEVNULL) for name in rows]
    assert [process.wait(timeout=PATIENCE) for process in both] == [0, 0]
    first, *lines = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert first.startswith("comment,")
    (content,) = {line.split(",")[0] for line in lines}
    assert len(lines) == rows[content.removeprefix("오늘 ")]
    assert theirs.read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.csv.part", "a.csv", "b.csv", "out.csv", "theirs"]
