"""Run notebooks/*.ipynb and write them back with their outputs, so that the repository's page shows results.

    python scripts/run_notebooks.py                        # run all and write them back
    python scripts/run_notebooks.py 01_first_model         # run some of them
    python scripts/run_notebooks.py --check                # exit 1 if a run gives cells another structure than the committed one

Each notebook runs from top to bottom in an empty folder, with one thread and fixed seeds. What differs from run to run is not
written: times, paths of this machine, memory addresses. Images become small. A hash of the code tells whether the outputs come
from it. Another version of a library may print other figures, so `--check` compares which outputs a cell has, not what they say.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import io
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
PATIENCE = 600  # seconds a cell
IMAGE_WIDTH, IMAGE_COLORS = 1000, 64  # of a PNG image: 20 to 40 kB
LONGEST_TEXT = 2_000  # characters of a repr that stands beside HTML
LARGEST = 200_000  # bytes of all outputs of a notebook
FIXED = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
         "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # fmt: skip
OWN_FOLDERS = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR")
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
HASH = "executed_code_sha256"  # in the metadata of a notebook


def code_hash(notebook: NotebookNode) -> str:
    """Of all code cells, to tell whether outputs come from them."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in ``folder``; outputs are stored in the notebook as they come.

    Raises
    ------
    nbclient.exceptions.CellExecutionError : a cell raised an error.
    """
    own = {variable: str(folder / variable.lower()) for variable in OWN_FOLDERS}
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"  # cells call toxiclf
    work = folder / "work"
    work.mkdir()
    before = dict(os.environ)
    os.environ.update({**FIXED, **own, "PATH": path})
    try:
        NotebookClient(
            notebook, timeout=PATIENCE, record_timing=False, resources={"metadata": {"path": str(work)}}
        ).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    _clean(notebook, {str(work): ".", str(folder): ".", str(ROOT): ".", str(Path.home()): "~"})


def _clean(notebook: NotebookNode, names: dict[str, str]) -> None:
    """Remove what differs from run to run, and make outputs small."""
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = _clean_text(output.text, names)
                if outputs and outputs[-1].get("name") == output.name:  # they arrive in pieces, by chance
                    outputs[-1].text += output.text
                    continue
            elif "data" in output:
                _clean_data(output.data, names)
            outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs


def _clean_data(data: dict[str, Any], names: dict[str, str]) -> None:
    for kind, value in data.items():
        if kind == "image/png":
            data[kind] = _small(value)
        elif isinstance(value, str):
            data[kind] = _clean_text(value, names)
    if "text/html" in data and len(data.get("text/plain", "")) > LONGEST_TEXT:
        data["text/plain"] = data["text/plain"].partition("(")[0] + "(…)"


def _clean_text(text: str, names: dict[str, str]) -> str:
    for path, name in names.items():
        text = text.replace(path, name)
    return ADDRESS.sub("0x…", text.replace("\r\n", "\n"))


def _small(encoded: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    if image.width > IMAGE_WIDTH:
        image = image.resize((IMAGE_WIDTH, round(image.height * IMAGE_WIDTH / image.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.quantize(IMAGE_COLORS).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def shows(source: str) -> bool:
    """Whether a code cell prints, or ends with an expression that Jupyter shows."""
    lines = source.splitlines()
    python = "\n".join(line for line in lines if not line.startswith(("!", "%")))
    statements = ast.parse(python).body
    prints = re.search(r"^\s*print\(", source, re.MULTILINE) or len(python.splitlines()) < len(lines)
    return bool(prints) or bool(statements and isinstance(statements[-1], ast.Expr))


def faults(notebook: NotebookNode) -> list[str]:
    """What is wrong with a notebook that is to be committed, a sentence each."""
    found = []
    if notebook.metadata.get(HASH) != code_hash(notebook):
        found.append("its outputs come from other code")
    if len(nbformat.writes(notebook)) > LARGEST:
        found.append(f"it has more than {LARGEST:,} characters")
    for cell in notebook.cells:
        outputs = cell.get("outputs", ())
        if cell.cell_type == "code" and bool(outputs) != shows(cell.source):
            found.append(f"cell {cell.id}: {'it has outputs and prints nothing' if outputs else 'it has no output'}")
        for output in outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                found.append(f"cell {cell.id}: it failed or warned")
            if "application/vnd.plotly.v1+json" in output.get("data", {}):
                found.append(f"cell {cell.id}: the repository's page does not show a figure by plotly; show an image")
            if str(Path.home()) in str(output) or re.search(r"(?<![\w.])/(tmp|home|root)/", str(output)):
                found.append(f"cell {cell.id}: it has a path of this machine")
    return found


def structure(notebook: NotebookNode) -> list[tuple[str, str, list[list[str]]]]:
    """Cells, and of each output which types of data it has."""
    return [
        (
            cell.cell_type,
            cell.source,
            [[o.output_type, o.get("name", ""), *sorted(o.get("data", ()))] for o in cell.get("outputs", ())],
        )
        for cell in notebook.cells
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of notebooks, without ending [default: all]")
    parser.add_argument("--check", action="store_true", help="write nothing; compare a run with the committed notebook")
    options = parser.parse_args(arguments)
    paths = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    if unknown := sorted(set(options.names) - set(paths)):
        parser.error(f"there is no notebook {', '.join(unknown)}; there are: {', '.join(paths)}")
    failed = False
    for name in options.names or paths:
        committed = nbformat.read(paths[name], as_version=4)
        notebook = nbformat.read(paths[name], as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            execute(notebook, Path(folder))
        if options.check:
            found = faults(committed)
            if structure(notebook) != structure(committed):
                found.append("a run gives other outputs")
        else:
            notebook.metadata[HASH] = code_hash(notebook)
            nbformat.write(notebook, paths[name])
            found = faults(notebook)
        for fault in found:
            print(f"{name}: {fault}; look at it, then run: python scripts/run_notebooks.py {name}", file=sys.stderr)
        failed = failed or bool(found)
        print(f"{name}: {'checked' if options.check else 'written'}, {paths[name].stat().st_size:,} bytes")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
