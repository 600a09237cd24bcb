"""A run is replaced at one moment: readers find the old run or the new one, and files of others stay."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import toxiclf
from toxiclf._files import write_text
from toxiclf.bundle import store
from toxiclf.bundle.folder import newest
from toxiclf.errors import BundleError
from toxiclf.pipeline.save import save_run

_PROGRAM = """
import json, os, shutil, signal, sys
from pathlib import Path
from tests.bundle.test_store import tiny
from toxiclf._files import write_text
from toxiclf.bundle import store
from toxiclf.pipeline.save import save_run

left, run = 0, ""
def counted(step):
    def wrapper(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **named)
    return wrapper
for owner, names in ((os, ("link", "replace", "rename", "unlink", "rmdir", "open")), (Path, ("mkdir", "rename", "unlink"))):
    for name in names:
        setattr(owner, name, counted(getattr(owner, name)))

def write(folder):
    for name in ("report.json", "report.html", "predictions.csv", "recipe.toml"):
        write_text(folder / name, run)
    (folder / "bundle").mkdir()
    if run != "diverged":
        store.content(*tiny(run))(folder / "bundle")

for folder, run, left in json.loads(sys.argv[1]):
    if (child := os.fork()) == 0:
        save_run(Path(folder), write)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def save(*jobs: tuple[Path, str, int]) -> list[int]:
    """Save runs, each in a process that is killed after so many steps (0: never); return their exit codes.

    Parameters
    ----------
    jobs : folder, name of the run that is written to its files, and number of steps.
    """
    root = Path(toxiclf.__file__).parents[1]
    given = json.dumps([(str(folder), name, steps) for folder, name, steps in jobs])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, given], env={**os.environ, "PYTHONPATH": str(root)}, check=True, cwd=root,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


def found(folder: Path) -> set[str]:
    """Return the names of the runs that the files in a folder are of, as readers find them."""
    files = [path for path in newest(folder).glob("[!.]*") if path.is_file() and path.name != "notes.txt"]
    names = {path.read_text() for path in files}
    for place in (folder, folder / "bundle"):
        try:
            names.add(store.read(place)[0].model)
        except BundleError:
            names.add("diverged")
    return names


@pytest.mark.check
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("new", ["new", "diverged"])
def test_a_killed_save_leaves_the_old_run_or_the_new_one(tmp_path: Path, new: str) -> None:
    original = tmp_path / "original"
    save((original, "old", 0))
    (original / "notes.txt").write_text("mine")
    (original / "checkpoints").mkdir()
    (original / "bundle" / "notes.txt").write_text("mine")
    runs = {steps: Path(shutil.copytree(original, tmp_path / str(steps) / "run")) for steps in (*range(1, 170, 4), 0)}
    codes = save(*((run, new, steps) for steps, run in runs.items()))
    assert codes.count(-signal.SIGKILL) > 15
    assert codes[-1] == 0
    seen = []
    for run in runs.values():
        (name,) = found(run)
        seen.append(name)
        assert (run / "notes.txt").read_text() == "mine"
        assert (run / "checkpoints").is_dir()
    assert seen == sorted(seen, key=["old", new].index)
    assert {*seen} == {"old", new}
    run = runs[0]
    assert (run / "bundle.previous").exists() is (new == "diverged")
    save(*((run, "old", 0) for run in runs.values()))
    for run in runs.values():
        assert found(run) == {"old"}
        assert [path.name for path in run.parent.iterdir()] == ["run"]
        assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


def test_the_folder_stays_the_same_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a mount point, a link, or where somebody works."""
    (tmp_path / "disk").mkdir(mode=0o750)
    (tmp_path / "run").symlink_to("disk")
    monkeypatch.chdir(tmp_path / "disk")
    before = Path().stat()
    for path in (Path(), tmp_path / "run"):
        save_run(path, lambda folder: write_text(folder / "report.json", "report"))
    assert (Path().stat().st_ino, Path().stat().st_mode) == (before.st_ino, before.st_mode)
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["report.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "run"]
