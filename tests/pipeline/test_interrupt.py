"""A run that a signal ends returns 128 and the number of the signal, and leaves nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.machine import PATIENCE

SIGNALS = [
    (signal.SIGINT, "interrupted"),
    (signal.SIGTERM, "terminated"),
    (signal.SIGHUP, "terminated"),
]


def interrupted(
    arguments: list[str], wait_for: str, folder: Path, number: int = signal.SIGINT, words: str = "interrupted"
) -> tuple[int, str]:
    """Start the command, send it a signal once it has said something, and wait for its end: exit code and last words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "toxiclf", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if wait_for in line:
            break
    os.kill(process.pid, number)
    said = process.communicate(timeout=PATIENCE)[1]
    assert said.endswith(f"toxiclf: {words}\n")
    return process.returncode, said


@pytest.mark.check
def test_an_interrupted_training_leaves_no_run(sample_path: Path, tmp_path: Path) -> None:
    code, _ = interrupted(["train", str(sample_path), "--out", "run"], "out-of-fold", tmp_path)
    assert code == 130
    assert not (tmp_path / "run").exists()


@pytest.mark.check
def test_an_interrupted_network_says_how_to_go_on(sample_path: Path, tmp_path: Path) -> None:
    options = ["--model", "dnn", "--set", "model.epochs=100000", "--set", "model.patience=100000"]
    code, said = interrupted(["train", str(sample_path), "--out", "run", *options], "epoch 2 of", tmp_path)
    assert code == 130
    assert "run the same command with --resume" in said
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["model.safetensors"]
    assert not (tmp_path / "run" / "bundle").exists()


@pytest.mark.parametrize(("number", "words"), SIGNALS)
def test_an_interrupted_prediction_leaves_no_file(number: int, words: str, bundle: Path, tmp_path: Path) -> None:
    comments = tmp_path / "comments.csv"
    comments.write_text("comment\n" + "오늘 날씨 좋네요\n" * 300_000, "utf-8")
    code, _ = interrupted(
        ["predict", "comments.csv", "--bundle", str(bundle), "--out", "out.csv"],
        "comments from",
        tmp_path,
        number,
        words,
    )
    assert code == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["comments.csv"]


_IN_IMPORT = """
import os, sys
class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            try:
                os.kill(os.getpid(), {number:d})
            except KeyboardInterrupt:
                raise {error}
sys.meta_path.insert(0, Finder())
from toxiclf._entry import main
main(["inspect", {bundle!r}])
"""


@pytest.mark.parametrize(("number", "words"), SIGNALS)
@pytest.mark.parametrize(("module", "error"), [("typer", ""), ("numpy", "ImportError('of a library')")])
def test_a_signal_while_libraries_are_imported_ends_without_a_traceback(
    module: str, error: str, number: int, words: str, bundle: Path
) -> None:
    script = _IN_IMPORT.format(module=module, error=error, number=number, bundle=str(bundle))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (128 + number, f"toxiclf: {words}\n")


_IN_DESTRUCTOR = """
import os, signal, sys, time
class Ended:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
class Finder:
    def find_spec(self, name, *rest):
        if name == "typer":
            Ended()
            time.sleep({patience})
sys.meta_path.insert(0, Finder())
from toxiclf._entry import main
main(["--version"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_signal_that_a_destructor_ignores_is_not_lost() -> None:
    script = _IN_DESTRUCTOR.format(patience=PATIENCE)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (ended.returncode, ended.stderr) == (143, "toxiclf: terminated\n")


@pytest.mark.check
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_benchmark_that_ends_leaves_no_process(number: int, sample_path: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "toxiclf", "benchmark", "--corpus", str(sample_path), "--model", "ngram_logistic", "--jobs", "2"],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "estimate" not in (line := process.stderr.readline()):
        assert line
    os.killpg(process.pid, number)  # as a terminal does
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert "the same command resumes" in said
    deadline = time.monotonic() + PATIENCE
    while _lives(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.check
def test_two_predictions_into_one_file_leave_one_of_them_whole(bundle: Path, tmp_path: Path) -> None:
    """Each has its own temporary file, also if a link was planted under the name of an older version's."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / ".out.csv.part").symlink_to(theirs)
    rows = {"a": 3_000, "b": 2_000}
    for name, count in rows.items():
        (tmp_path / f"{name}.csv").write_text("comment\n" + f"오늘 {name}\n" * count, "utf-8")
    command = [sys.executable, "-m", "toxiclf", "predict", "--bundle", str(bundle), "--out", "out.csv"]
    both = [subprocess.Popen([*command, f"{name}.csv"], cwd=tmp_path, stderr=subprocess.DEVNULL) for name in rows]
    assert [process.wait(timeout=PATIENCE) for process in both] == [0, 0]
    first, *lines = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert first.startswith("comment,")
    (content,) = {line.split(",")[0] for line in lines}
    assert len(lines) == rows[content.removeprefix("오늘 ")]
    assert theirs.read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.csv.part", "a.csv", "b.csv", "out.csv", "theirs"]
