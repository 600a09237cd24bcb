"""Scoring needs the base install: nothing of the training libraries is imported, whatever is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "tensorflow",
    "keras",
    "sklearn",
    "scipy",
    "gensim",
    "pandas",
    "pyarrow",
    "onnx",
    "lightgbm",
    "xgboost",
    "matplotlib",
    "imblearn",
    "cleanlab",
    "jinja2",
    "safetensors",
    "tomli_w",
)

PROBE = """
import json, sys
{code}
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""


def modules_after(code: str) -> set[str]:
    process = subprocess.run(
        [sys.executable, "-c", PROBE.format(code=code)], capture_output=True, text=True, check=True
    )
    return set(json.loads(process.stdout.splitlines()[-1]))


def test_importing_toxiclf_loads_nothing_else() -> None:
    assert not modules_after("import toxiclf; toxiclf.__all__") & {"numpy", "onnxruntime", "pydantic", *HEAVY}


def test_scoring_loads_no_training_library(bundle: Path) -> None:
    code = f"import toxiclf; m = toxiclf.load({str(bundle)!r}); m.score(['안녕']); m.check('안녕')"
    assert not modules_after(code) & set(HEAVY)


def test_predicting_a_file_loads_no_training_library(bundle: Path, tmp_path: Path) -> None:
    comments = tmp_path / "comments.csv"
    comments.write_text("comment,id\n안녕,1\n꺼져,2\n", "utf-8")
    arguments = ["predict", str(comments), "--bundle", str(bundle), "--out", str(tmp_path / "out.csv")]
    loaded = modules_after(f"from toxiclf.cli import run; assert run({arguments!r}) == 0")
    assert not loaded & {"MeCab", "rich", "asyncio", "multiprocessing", *HEAVY}  # MeCab: the model takes n-grams
    assert (tmp_path / "out.csv").exists()


def test_estimating_a_prevalence_loads_no_training_library(bundle: Path, sample_path: Path) -> None:
    arguments = ["estimate-prevalence", str(bundle), str(sample_path)]
    assert not modules_after(f"from toxiclf.cli import run; assert run({arguments!r}) == 0") & set(HEAVY)


@pytest.mark.check
def test_training_the_default_model_loads_no_library_of_another_technique(sample_path: Path, tmp_path: Path) -> None:
    arguments = ["train", str(sample_path), "--out", str(tmp_path / "run"), "--set", "decision.folds=2"]
    loaded = modules_after(f"from toxiclf.cli import run; assert run({arguments!r}) == 0")
    unused = {"gensim", "imblearn", "keras", "lightgbm", "matplotlib", "optuna", "tensorflow", "xgboost"}
    assert not loaded & unused


def test_inspecting_loads_no_training_library(bundle: Path) -> None:
    assert not modules_after(f"from toxiclf.cli import run; assert run(['inspect', {str(bundle)!r}]) == 0") & set(HEAVY)
