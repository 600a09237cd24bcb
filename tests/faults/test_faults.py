"""A short campaign of attacks; `scripts/faults` is the full one."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import PATIENCE

ROOT = Path(__file__).parents[2]
HOLD = (
    "kill -9 in predict", "kill -9 in benchmark", "SIGTERM", "two writers", "disk full", "little memory",
)  # fmt: skip
"""Families of which every attack holds, and of which the short campaign has none."""
SOME = ["--share", "0.15", *(word for name in HOLD for word in ("--family", name))]


@pytest.mark.skipif(sys.platform != "linux", reason="attacks fork, and count what a process changes")
@pytest.mark.parametrize("part", [["--short"], pytest.param(SOME, marks=pytest.mark.long)], ids=["few", "some"])
def test_a_short_campaign_finds_nothing_that_does_not_hold(part: list[str], tmp_path: Path) -> None:
    """In a process of its own, because it forks: threads of what other tests loaded would be missing there."""
    out = tmp_path / "faults.csv"
    command = [sys.executable, str(ROOT / "scripts" / "faults"), *part, "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        outcomes = [row["outcome"] for row in csv.DictReader(file)]
    assert outcomes.count("held") > 40
    assert "not held" not in outcomes
