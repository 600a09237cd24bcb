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
