"""A run is replaced atomically: the old run or the new one is there, and other files stay."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import toxiclf
from tests.bundle.test_store import no_exchange, tiny
from toxiclf._files import write_text
from toxiclf.bundle import folder as folders
from toxiclf.bundle import store
from toxiclf.bundle.folder import newest
from toxiclf.errors import BundleError
from toxiclf.pipeline.save import save_run

_PROGRAM = """
import json, os, resource, signal, sys
from pathlib import Path
import filelock  # not by each process
from tests.bundle.test_store import no_exchange
from tests.pipeline import test_save_run
from toxiclf.bundle import folder as folders

left = 0
def counted(step):
    def wrapper(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **named)
    return wrapper
os.fsync = lambda descriptor: None
for owner, names in (
    (os, ("link", "replace", "rename", "unlink", "rmdir", "open")), (Path, ("mkdir", "rename", "unlink")), (folders, ("exchange",)),
):
    for name in names:
        setattr(owner, name, counted(getattr(owner, name)))
for folder, run, way, left, spare in json.loads(sys.argv[1]):
    if (child := os.fork()) == 0:
        if way == "in place":
            folders.exchange = no_exchange
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + spare, free + spare))
        try:
            test_save_run.save(Path(folder), run)
        except OSError:
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def save(folder: Path, run: str) -> None:
    """Save a run whose files hold its name; "diverged" has no bundle."""

    def write(new: Path) -> None:
        for name in ("report.json", "report.html", "predictions.csv", "recipe.toml"):
            write_text(new / name, run)
        (new / "bundle").mkdir()
        if run != "diverged":
            store.content(*tiny(run))(new / "bundle")

    save_run(folder, write)


def save_harassed(jobs: Sequence[tuple[Path, str, str, int, int]]) -> list[int]:
    """Save runs, each in a process of its own; return their exit codes.

    Parameters
    ----------
    jobs : folder, name of the run, how an old one is replaced ("exchanged", or "in place" as on a system that does not
        exchange folders), number of steps after which the process is killed (0: never), and number of files that it may
        open.
    """
    root = Path(toxiclf.__file__).parents[1]
    given = json.dumps([(str(folder), *rest) for folder, *rest in jobs])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, given], env={**os.environ, "PYTHONPATH": str(root)}, check=True, cwd=root,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


def found(run: Path, files: Path) -> set[str]:
    """Return the names of the runs that the files in a folder, and the bundle, are of."""
    paths = [path for path in files.glob("[!.]*") if path.is_file() and path.name != "notes.txt"]
    names = {path.read_text() for path in paths}
    for place in (run, run / "bundle"):
        try:
            names.add(store.read(place)[0].model)
        except BundleError:
            names.add("diverged")
    return names


@pytest.mark.check
@pytest.mark.skipif(sys.platform != "linux", reason="kills with SIGKILL; only Linux exchanges folders")
def test_a_killed_save_leaves_the_old_run_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody sees one of them, at every moment; where folders cannot be exchanged, readers of toxiclf do."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # slow on a busy disk
    original = tmp_path / "original"
    save(original, "old")
    (original / "notes.txt").write_text("mine")
    (original / "checkpoints" / "deep").mkdir(parents=True)
    (original / "checkpoints" / "deep" / "notes.txt").symlink_to("../../notes.txt")
    (original / "bundle" / "notes.txt").write_text("mine")
    ways = [(new, way) for new in ("new", "diverged") for way in ("exchanged", "in place")]
    jobs = [
        (Path(shutil.copytree(original, tmp_path / new / way / str(steps) / "run", symlinks=True)), new, way, steps, 99)
        for new, way in ways
        for steps in (*range(1, 170, 5), 0)
    ]
    codes = save_harassed(jobs)
    assert codes.count(-signal.SIGKILL) > 60
    for new, way in ways:
        seen = []
        for run in [run for run, *rest, _, _ in jobs if rest == [new, way]]:
            (name,) = found(run, run if way == "exchanged" else newest(run))
            seen.append(name)
            assert (run / "notes.txt").read_text() == (run / "checkpoints" / "deep" / "notes.txt").read_text() == "mine"
            assert [path.read_text() for path in run.glob("bundle*/notes.txt")] == ["mine"]
            assert (run / "bundle.previous").exists() is (name == "diverged") or way == "in place"
        assert seen == sorted(seen, key=["old", new].index)
        assert {*seen} == {"old", new}
        assert (run / "bundle.previous").exists() is (new == "diverged")
    for run, *_ in jobs:
        save(run, "old")
        assert found(run, run) == {"old"}
        assert [path.name for path in run.parent.iterdir()] == ["run"]
        assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


@pytest.mark.check
@pytest.mark.skipif(sys.platform != "linux", reason="limits the number of open files")
def test_a_process_that_may_open_few_files_leaves_the_old_run_or_the_new_one_and_nothing_else(tmp_path: Path) -> None:
    jobs = [
        (tmp_path / f"{new} {way} {spare}" / "run", new, way, 0, spare)
        for new in ("new", "diverged")
        for way in ("exchanged", "in place")
        for spare in range(9)
    ]
    for run, *_ in jobs:
        save(run, "old")
        (run / "notes.txt").write_text("mine")
    codes = save_harassed(jobs)
    assert {*codes} == {0, 1}
    for code, (run, new, *_) in zip(codes, jobs, strict=True):
        assert found(run, run) == {"old" if code else new}
        assert (run / "notes.txt").read_text() == "mine"
        assert [path.name for path in run.parent.iterdir()] == ["run"]
        assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges folders")
def test_files_of_others_are_the_same_files_afterwards(tmp_path: Path) -> None:
    """A program that writes a log into the folder goes on writing it; a bundle that was only evaluated stays the same."""
    run = tmp_path / "run"
    store.save(run / "bundle", *tiny("old"))
    (run / "more").mkdir(mode=0o750)
    run.chmod(0o770)
    before = run.stat().st_ino
    with (run / "more" / "log").open("w") as log:
        save_run(run, lambda folder: write_text(folder / "report.json", "report"))
        log.write("more")
    assert (run / "more" / "log").read_text() == "more"
    assert store.read(run)[0].model == "old"
    assert run.stat().st_ino != before
    assert [stat.S_IMODE(path.stat().st_mode) for path in (run, run / "more")] == [0o770, 0o750]
    assert sorted(path.name for path in run.iterdir()) == ["bundle", "more", "report.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_somebody_writes_or_deletes_while_a_run_is_saved_is_there_or_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(new: Path, old: Path) -> None:
        (old / "late.txt").write_text("mine")
        exchange(new, old)

    def deleted(source: Path, target: Path, **options: Any) -> None:
        source.unlink()
        link(source, target, **options)

    run, exchange, link = tmp_path / "run", folders.exchange, os.link
    save_run(run, lambda folder: write_text(folder / "report.json", "report"))
    (run / "notes.txt").write_text("mine")
    monkeypatch.setattr(os, "link", deleted)
    save_run(run, lambda folder: write_text(folder / "report.json", "report"))
    monkeypatch.undo()
    assert sorted(path.name for path in run.iterdir()) == ["report.json"]
    monkeypatch.setattr(folders, "exchange", late)
    save_run(run, lambda folder: write_text(folder / "report.json", "report"))
    assert sorted(path.name for path in run.iterdir()) == ["late.txt", "report.json"]


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENOSPC, errno.EIO])
def test_a_run_that_cannot_be_replaced_stays_whole(tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are put in place one by one only where folders cannot be exchanged, not for want of room or descriptors."""

    def fails(*arguments: object, **named: object) -> None:
        raise OSError(error, os.strerror(error))

    run = tmp_path / "run"
    save_run(run, lambda folder: write_text(folder / "report.json", "old"))
    (run / "notes.txt").write_text("mine")
    monkeypatch.setattr(os, "link", fails)
    with pytest.raises(OSError, match=re.escape(os.strerror(error))):
        save_run(run, lambda folder: write_text(folder / "report.json", "new"))
    assert (run / "report.json").read_text() == "old"
    assert sorted(path.name for path in run.iterdir()) == ["notes.txt", "report.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_writers_at_the_same_time_leave_the_run_of_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when one of them stands in the folder, which cannot be exchanged then."""
    ways = itertools.cycle([folders.exchange, no_exchange, no_exchange])
    monkeypatch.setattr(folders, "exchange", lambda one, other: next(ways)(one, other))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    run = tmp_path / "run"
    failed: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for _ in range(6):
                save(run, name)
                (run / f"{name}.txt").write_text("mine")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "other", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for name in ("one", "other", "third"):
        (run / f"{name}.txt").unlink()
    assert len(found(run, run)) == 1
    assert {path.name for path in run.glob(".*")} == set()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_bundle_on_a_disk_of_its_own_is_changed_there(tmp_path: Path) -> None:
    store.save(tmp_path / "disk", *tiny("old"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle").symlink_to(tmp_path / "disk")

    def write(folder: Path) -> None:
        (folder / "bundle").mkdir()
        store.content(*tiny("new"))(folder / "bundle")

    save_run(tmp_path / "run", write)
    assert (tmp_path / "run" / "bundle").is_symlink()
    assert store.read(tmp_path / "disk")[0].model == store.read(tmp_path / "run")[0].model == "new"


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
