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


@pytest.mark.skipif(sys.platform != "linux", reason="attacks fork, and count what a process changes")
def test_a_short_campaign_finds_nothing_that_does_not_hold(tmp_path: Path) -> None:
    """In a process of its own, because it forks: threads of what other tests loaded would be missing there."""
    out = tmp_path / "faults.csv"
    command = [sys.executable, str(ROOT / "scripts" / "faults"), "--short", "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        outcomes = [row["outcome"] for row in csv.DictReader(file)]
    assert outcomes.count("held") > 50
    assert "not held" not in outcomes
