"""An interrupted run ends with 130 and leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def interrupted(arguments: list[str], wait_for: str, folder: Path) -> subprocess.Popen[str]:
    """Start the command, interrupt it once it has said something, and wait for its end."""
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
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    return process


def test_an_interrupted_training_leaves_no_run(sample_path: Path, tmp_path: Path) -> None:
    process = interrupted(["train", str(sample_path), "--out", "run"], "out-of-fold", tmp_path)
    assert process.returncode == 130
    assert not (tmp_path / "run").exists()


def test_an_interrupted_prediction_leaves_no_output_under_its_name(bundle: Path, tmp_path: Path) -> None:
    comments = tmp_path / "comments.csv"
    comments.write_text("comment\n" + "오늘 날씨 좋네요\n" * 300_000, "utf-8")
    process = interrupted(
        ["predict", "comments.csv", "--bundle", str(bundle), "--out", "out.csv"], "comments from", tmp_path
    )
    assert process.returncode == 130
    assert not (tmp_path / "out.csv").exists()
