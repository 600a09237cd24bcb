"""toxiclf scores and trains on the lowest Python with the lowest versions that pyproject.toml allows; what a wheel holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np
import pytest

import toxiclf
from toxiclf.datasets.comments import Comments

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent
OLD = ROOT / "tests" / "fixtures" / "0.1" / "bundle"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SCORING = (
    "test_base_install.py", "test_moderator.py", "test_predict.py", "test_quantification.py", "test_rows.py", "bundle", "text",
)  # fmt: skip
OTHERS = ("bundle/test_scorer.py", "text/test_missing_engines.py")  # of which the first builds graphs: it needs [train]
SCORES = """
import json, sys, toxiclf
print(json.dumps([toxiclf.load(bundle).score(json.load(sys.stdin)).tolist() for bundle in sys.argv[1:]]))
"""


def lowest(requirements: list[str]) -> list[str]:
    return [requirement.replace(">=", "==") for requirement in requirements]


def run(*command: str | Path, given: str | None = None) -> str:
    """What a command prints, which must end with 0; Python finds toxiclf in the working folder."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """The Python of a new environment with the base install, and what the tests of scoring need beside it."""
    needed = re.findall(r">=(\d+\.\d+)", PROJECT["requires-python"])[0]
    same = f"{sys.version_info.major}.{sys.version_info.minor}" == needed
    first = sys.executable if same else shutil.which(f"python{needed}")
    if first is None:
        pytest.skip(f"Python {needed} is not installed")
    tools = [name for name in EXTRAS["dev"] if name.startswith("pytest>")]
    (ROOT / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="lowest-", dir=ROOT / "build") as folder:
        run(first, "-m", "venv", folder)
        made = Path(folder) / "bin" / "python"
        wanted = [*PROJECT["dependencies"], *EXTRAS["excel"], *EXTRAS["kiwi"], *tools]
        run(made, "-m", "pip", "install", "--quiet", *lowest(wanted), "hypothesis")
        yield made


def test_the_lowest_versions_score(python: Path, saved: Callable[[str, str], Path], sample: Comments) -> None:
    kinds = [("ngram_logistic", "one"), ("ngram_logistic", "two"), ("ngram_logistic", "exclusive"), ("logistic", "one")]
    bundles = [OLD, *(saved(*kind) / "bundle" for kind in kinds)]  # which the tests of that process find, too
    for bundle in bundles:
        (scores,) = json.loads(run(python, "-c", SCORES, bundle, given=json.dumps(sample.texts)))
        assert np.allclose(scores, toxiclf.load(bundle).score(sample.texts), rtol=0, atol=1e-5)
    ignored = [f"--ignore=tests/{name}" for name in OTHERS]
    files = [f"tests/{name}" for name in SCORING]
    run(python, "-m", "pytest", "-p", "no:cacheprovider", "-k", "not komoran", "-rfE", *ignored, *files)


def test_the_lowest_versions_train(python: Path, sample_path: Path, tmp_path: Path) -> None:
    wanted = [*PROJECT["dependencies"], *EXTRAS["train"], EXTRAS["boost"][0]]
    run(python, "-m", "pip", "install", "--quiet", *lowest(wanted))
    for model in ("ngram_logistic", "svm", "cnn", "lightgbm"):
        out = tmp_path / model
        run(python, "-m", "toxiclf", "train", sample_path, "--model", model, "--out", out)
        assert "<svg" in (out / "report.html").read_text("utf-8")
        assert run(python, "-m", "toxiclf", "figures", out, "--out", out / "drawn")
        assert toxiclf.load(out).score(["꺼져 이 멍청아"]) > toxiclf.load(out).score(["오늘도 좋은 하루 되세요"])
    run(python, "-m", "pytest", "-p", "no:cacheprovider", "-rfE", "tests/bundle/test_scorer.py")


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [({}, 0), ({"CC": "/missing/cc"}, 3), ({"TOXICLF_PURE": "1"}, 3)],
    ids=["cc", "no cc", "pure"],
)
def test_a_wheel_holds_what_could_be_compiled(settings: dict[str, str], left_out: int, tmp_path: Path) -> None:
    tracked = run("git", "ls-files", "toxiclf", "corpora", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")
    for name in tracked.splitlines():
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / "source" / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--quiet",
        "--wheel-dir",
        tmp_path,
        tmp_path / "source",
    ]
    subprocess.run(command, env=os.environ | settings, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as opened:
        names = opened.namelist()
    assert sum(name.endswith((".so", ".pyd")) for name in names) == 3 - left_out
    assert not any(name.endswith(".c") for name in names)
    assert ("py3-none-any" in wheel.name) == (left_out == 3)
