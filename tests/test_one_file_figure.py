"""A report figure is one file: it appears on the page, in notebooks and in `toxiclf figures`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIGURE = '''
"""How many comments were measured."""

from toxiclf._registry import register
from toxiclf.report.chart import Axis, Chart, Panel, Series


@register("figure", summary="Comments that were measured", title="Measured comments", note="As many as there are.", needs="rows")
def measured(report, scored, label):
    if scored is None:
        return None
    return Chart([Panel(y=Axis("comments"), series=[Series("bars", ["all"], [len(scored.predictions)])])])
'''

USE = """
import sys, toxiclf
from pathlib import Path
from toxiclf.cli import run
model = toxiclf.train("corpus:sample", {"model": {"name": "ngram_logistic", "jamo": 3, "syllable": 2}, "decision": {"folds": 2}})
assert "measured" in model.report.figures()
assert model.report.figure("measured").data[0].y[0] == len(model.predictions)
folder = model.save(sys.argv[1])
page = (folder / "report.html").read_text("utf-8")
assert '<figure id="figure-measured"' in page and "As many as there are." in page
assert run(["list", "figures"]) == 0
assert run(["figures", str(folder), "--only", "measured", "--format", "pdf", "--out", sys.argv[2]]) == 0
assert (Path(sys.argv[2]) / "measured.pdf").read_bytes().startswith(b"%PDF")
"""


@pytest.mark.check
def test_a_figure_is_one_file(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "throwaway-1.dist-info").mkdir(parents=True)
    (package / "throwaway_figure.py").write_text(FIGURE, "utf-8")
    (package / "throwaway-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: throwaway\nVersion: 1\n", "utf-8"
    )
    (package / "throwaway-1.dist-info" / "entry_points.txt").write_text(
        "[toxiclf.components]\nmeasured = throwaway_figure\n", "utf-8"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path / "run"), str(tmp_path / "drawn")],
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{root}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Comments that were measured" in done.stdout
