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
def toxiclf(tmp_path: Path) -> Callable[..., str]:
    """What commands print, one after the other, in a process that finds an installed package with the metrics."""
    site = tmp_path / "site"
    (site / "youden-1.dist-info").mkdir(parents=True)
    (site / "youden_metric.py").write_text(METRIC, "utf-8")
    (site / "youden-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: youden\nVersion: 1\n", "utf-8")
    (site / "youden-1.dist-info" / "entry_points.txt").write_text(
        "[toxiclf.components]\nyouden = youden_metric\n", "utf-8"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}

    def printed(*commands: list[object]) -> str:
        given = [[str(argument) for argument in command] for command in commands]
        code = f"from toxiclf.cli import run\nfor command in {given}: assert run(command) == 0"
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path
        ).stdout

    return printed


@pytest.mark.check
def test_a_metric_of_one_file_is_shown_everywhere(tmp_path: Path, toxiclf: Callable[..., str]) -> None:
    out = tmp_path / "run"
    train = ["train", SAMPLE, "--out", out, *SMALL, "--set", "decision.prior=0.1"]
    printed, _, compared = toxiclf(train, ["compare", OLD, out]).partition("bundle: ")
    assert printed.count("\nyouden\t") == 1
    content = json.loads((out / "report.json").read_text("utf-8"))
    for figures in (content["summary"], content["production"]["summary"], content["baseline"]["summary"]):
        assert figures["youden"]["low"] <= figures["youden"]["value"] <= figures["youden"]["high"]
        assert figures["hamming_loss"]["value"] == pytest.approx(1 - figures["accuracy"]["value"])  # of both classes
    assert "| youden |" in (out / "report.md").read_text("utf-8")
    assert '<th scope="row">youden</th>' in (out / "report.html").read_text("utf-8")
    assert "youden" in compared  # it is computed from scores, so an older run has it, too


@pytest.mark.check
def test_a_metric_of_one_file_is_a_column_of_a_benchmark(toxiclf: Callable[..., str]) -> None:
    table = toxiclf(["benchmark", "--corpus", "corpus:sample", "--model", "ngram_logistic", "--seeds", "0", *SMALL])
    assert "\tyouden\t" in table
