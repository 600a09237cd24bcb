"""Reference pages say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import toxiclf
from toxiclf.benchmark.tables import Figure
from toxiclf.bundle.calibration import LabelCalibration
from toxiclf.bundle.manifest import FILES, FORMAT_VERSION, LabelMap, Manifest
from toxiclf.bundle.onnx_file import IR_VERSION, ML_OPSET, OPSET
from toxiclf.evaluation.report import FORMAT, Report
from toxiclf.evaluation.sections import Analysis, DataFacts
from toxiclf.text.encoder import NgramViewSpec, TextSpec, TokenViewSpec

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


def test_pages_name_every_command_component_and_recipe_key() -> None:
    process = subprocess.run(
        [sys.executable, "scripts/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr


def test_the_page_of_files_names_every_key_of_a_report_and_column_of_a_benchmark() -> None:
    page = (REFERENCE / "files.md").read_text("utf-8")
    keys = {field.alias or name for name, field in Report.model_fields.items()} - {"data", "analysis"}
    keys |= {f"data.{name}" for name in DataFacts.__annotations__}
    keys |= {f"analysis.{name}" for name in Analysis.__annotations__}
    keys |= set(Figure.__dataclass_fields__)
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []
    assert f"The format number is {FORMAT}." in page


def test_the_page_of_bundles_names_every_file_and_key() -> None:
    page = (REFERENCE / "bundle.md").read_text("utf-8")
    schemas = (Manifest, LabelCalibration, LabelMap, TextSpec, TokenViewSpec, NgramViewSpec)
    names = {*FILES, "manifest.json", *(name for schema in schemas for name in schema.model_fields)}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    assert f"The format number is {FORMAT_VERSION}." in page
    assert f"| opset | {OPSET}, and {ML_OPSET} for `ai.onnx.ml` |" in page
    assert f"| IR version | {IR_VERSION} |" in page


def test_the_page_of_the_api_names_every_public_name() -> None:
    documented = re.findall(r"^\.\. auto\w+:: (\w+)", (REFERENCE / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(documented) == sorted(toxiclf.__all__)
