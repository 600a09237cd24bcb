"""A metric is one file: it is shown wherever metrics are, and runs from before it still open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SAMPLE

ROOT = Path(__file__).parent.parent
OLD = ROOT / "tests" / "fixtures" / "0.1"

METRIC = """
from toxiclf._registry import register


@register("metric", summary="Youden's index", order=50, shown_in={"headline": 90, "production": 90, "benchmark": 90})
def youden(rows):
    return rows.tp / (rows.tp + rows.fn) + rows.tn / (rows.tn + rows.fp) - 1


@register("metric", summary="Share of wrong verdicts", order=51, over=("labels", "classes"), shown_in={"headline": 91})
def hamming_loss(rows):
    return sum(part.fp + part.fn for part in rows.parts) / sum(part.total for part in rows.parts)
"""

SMALL = ["--set", "decision.folds=2", "--set", "model.jamo=2", "--set", "model.syllable=1"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a process that finds an installed package with the metric."""
    site = tmp_path / "site"
    (site / "youden-1.dist-info").mkdir(parents=True)
    (site / "youden_metric.py").write_text(METRIC, "utf-8")
    (site / "youden-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: youden\nVersion: 1\n", "utf-8")
    (site / "youden-1.dist-info" / "entry_points.txt").write_text(
        "[toxiclf.components]\nyouden = youden_metric\n", "utf-8"
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


@pytest.fixture
def toxiclf(tmp_path: Path, environment: dict[str, str]) -> Callable[..., str]:
    """What a command prints in that process."""

    def printed(*arguments: object) -> str:
        command = [sys.executable, "-m", "toxiclf", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    return printed


def test_a_metric_of_one_file_is_shown_everywhere(tmp_path: Path, toxiclf: Callable[..., str]) -> None:
    out = tmp_path / "run"
    printed = toxiclf("train", SAMPLE, "--out", out, *SMALL, "--set", "decision.prior=0.1")
    assert printed.count("\nyouden\t") == 1
    content = json.loads((out / "report.json").read_text("utf-8"))
    for figures in (content["summary"], content["production"]["summary"], content["baseline"]["summary"]):
        assert figures["youden"]["low"] <= figures["youden"]["value"] <= figures["youden"]["high"]
        assert figures["hamming_loss"]["value"] == pytest.approx(1 - figures["accuracy"]["value"])  # of both classes
    assert "| youden |" in (out / "report.md").read_text("utf-8")
    assert '<th scope="row">youden</th>' in (out / "report.html").read_text("utf-8")
    compared = toxiclf("compare", OLD, out)  # of scores, so an older run has it, too
    assert "youden" in compared


@pytest.mark.check
def test_a_metric_of_one_file_is_a_column_of_a_benchmark(toxiclf: Callable[..., str]) -> None:
    table = toxiclf("benchmark", "--corpus", "corpus:sample", "--model", "ngram_logistic", "--seeds", "0", *SMALL)
    assert "\tyouden\t" in table
