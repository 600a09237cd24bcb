"""Notebooks stand in git with the outputs of their code, and run from top to bottom as they stand there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "scripts" / "run_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_a_first_one() -> None:
    assert "01_first_model.ipynb" in [path.name for path in NOTEBOOKS]


@every_notebook
def test_outputs_are_those_of_its_code_and_fit_to_be_committed(path: Path, script: ModuleType) -> None:
    assert script.faults(nbformat.read(path, as_version=4)) == []


def test_other_code_and_outputs_that_are_missing_or_failed_are_faults(script: ModuleType) -> None:
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[0].source += "\nprint('더')"
    code[1].outputs = []
    code[2].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=["/home/someone/x.py"])]
    assert script.faults(notebook) == [
        "its outputs come from other code",
        f"cell {code[1].id}: it has no output",
        f"cell {code[2].id}: it failed or warned",
        f"cell {code[2].id}: it has a path of this machine",
    ]


@pytest.mark.check
@every_notebook
@pytest.mark.filterwarnings("default")  # Jupyter's own, about its event loop and its sockets
def test_every_cell_runs_without_a_warning_and_shows_what_is_committed(
    path: Path, script: ModuleType, tmp_path: Path
) -> None:
    committed, notebook = (nbformat.read(path, as_version=4) for _ in range(2))
    script.execute(notebook, tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert script.structure(notebook) == script.structure(committed)
