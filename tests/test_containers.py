"""What containers lack (a home folder, a folder to write to, parts of Python or of the system) stops only what needs it."""

from __future__ import annotations

import errno
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from toxiclf.cache import own_settings_of_libraries
from toxiclf.cli import run
from toxiclf.errors import UsageError
from toxiclf.text.tokenizers import mecab

MAIN = "from toxiclf._entry import main; main()"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> NoReturn:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    for name in ("TOXICLF_CACHE", "TOXICLF_CORPORA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_only_what_needs_the_cache_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["corpora", "list"]) == 0
    assert run(["corpora", "path", "sample"]) == 0
    capsys.readouterr()
    for command in (["corpora", "path", "curse"], ["corpora", "fetch", "curse"]):
        assert run(command) == 2
        assert "set TOXICLF_CACHE to a folder" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "curse").mkdir()
    monkeypatch.setenv("TOXICLF_CORPORA", str(tmp_path))
    assert run(["corpora", "list"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX owners")
def test_libraries_use_no_folder_of_others_and_import_without_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, homeless: None
) -> None:
    def places() -> set[str | None]:
        with own_settings_of_libraries():
            assert os.environ["HOME"] == os.devnull
            return {os.environ.get("KERAS_HOME"), os.environ.get("MPLCONFIGDIR")}

    before = dict(os.environ)
    assert places() == {os.devnull}
    folder = tmp_path / "libraries"
    monkeypatch.setenv("TOXICLF_CACHE", str(tmp_path))
    assert places() == {str(folder)}
    folder.mkdir()
    assert places() == {str(folder)}
    folder.chmod(0o777)
    assert places() == {os.devnull}
    with pytest.raises(UsageError, match="matplotlibrc in the working folder"), own_settings_of_libraries():
        b"\xe4".decode()  # as matplotlib does
    del os.environ["TOXICLF_CACHE"]
    assert os.environ == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which nobody can write")
@pytest.mark.parametrize("last", ["사,2\n", "사\n"])
def test_predict_works_where_nothing_can_be_written(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], last: str
) -> None:
    monkeypatch.chdir("/proc")
    content = "text,n\n안녕,1\n꺼져,1\n바,1\n" + last
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert run(["predict", "-", "--bundle", str(bundle)]) == 0
    said = capsys.readouterr()
    assert "안녕" in said.out
    assert ("give --rejected FILE to save them" in said.err) == (last == "사\n")


def test_predict_keeps_files_of_others(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    foreign = "file,line,reason,content\ncomments.csv,3,no text,x\n"  # as `toxiclf train` writes it
    for name in ("rejected.csv", "out.csv.rejected.csv"):
        Path(name).write_text(foreign)
    Path("good.csv").write_text("text,n\n안녕,1\n")
    Path("bad.csv").write_text("text,n\n안녕,1\n라\n")
    assert run(["predict", "good.csv", "--bundle", str(bundle), "--out", "out.csv"]) == 0
    for _ in range(2):  # its own file is replaced
        assert run(["predict", "bad.csv", "--bundle", str(bundle), "--out", "out.csv"]) == 0
        assert "rejected rows go to out.csv.rejected-2.csv" in capsys.readouterr().err
        assert run(["predict", "bad.csv", "--bundle", str(bundle)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "good.csv", "bad.csv", "out.csv", "rejected.csv", "rejected-2.csv", "out.csv.rejected.csv", "out.csv.rejected-2.csv",
    }  # fmt: skip
    assert {Path(name).read_text() for name in ("rejected.csv", "out.csv.rejected.csv")} == {foreign}


def test_python_without_some_of_its_libraries_scores(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv.xz").write_bytes(lzma.compress("text,n\n안녕,1\n".encode()))
    (tmp_path / "new.csv").write_text("text,n\n안녕,1\n", "utf-8")
    lacking = f"import sys; sys.modules.update(_lzma=None, _bz2=None); {MAIN}"
    for name, code, sentence in (
        ("new.csv", 0, "1 comments scored"), ("new.csv.xz", 3, "this Python was built without _lzma; unpack the file")
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", lacking, "predict", str(tmp_path / name), "--bundle", str(bundle)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize("fault", [errno.ENOSYS, errno.EPERM, None])
def test_tokens_are_the_same_without_files_in_memory(monkeypatch: pytest.MonkeyPatch, fault: int | None) -> None:
    texts = ["오늘도 좋은 하루", "꺼져라 이 쓰레기야", ""]
    expected = mecab.MecabTokenizer().tokenize(texts)

    def refused(*_: Any) -> NoReturn:
        raise OSError(fault, "refused")

    if fault is None:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    else:
        monkeypatch.setattr(os, "memfd_create", refused, raising=False)
    assert mecab.MecabTokenizer().tokenize(texts) == expected


# --- an unknown user without a home folder, in places that lack more

RUN = """
import json, sys, tempfile
from toxiclf.cli import run
from toxiclf.errors import UsageError
if sys.argv[1]:
    tempfile._candidate_tempdir_list = lambda: sys.argv[1:2]
for command in json.loads(sys.argv[2]):
    print("exit code", run(command), file=sys.stderr, flush=True)
"""
Cases = list[tuple[list[str], int, str]]
EVERYWHERE: Cases = [
    (["--help"], 0, ""),
    (["corpora", "list"], 0, ""),
    (["corpora", "path", "curse"], 2, "set TOXICLF_CACHE to a folder"),
    (["inspect", "READ/bundle"], 0, ""),
    (["predict", "안녕", "--bundle", "READ/bundle"], 0, ""),
    (
        ["predict", "READ/new.csv", "--bundle", "READ/bundle", "--out", "WRITE/scores.csv"],
        0,
        "WRITE/scores.csv.rejected.csv",
    ),
]
SCORED: Cases = [(["predict", "-", "--bundle", "READ/bundle"], 0, "give --rejected FILE")]
TRAINED = ["--set", "decision.folds=2", "--set", "vectors.size=8", "--set", "vectors.epochs=1"]
VECTORS = ["train", "READ/sample.csv", "--model", "svm", *TRAINED]
PLACES: dict[str, Cases] = {
    "read-only": [*SCORED, (["train", "corpus:sample"], 2, "choose another folder")],
    "deleted": [*SCORED, (["train", "corpus:sample"], 2, "the working folder does not exist or cannot be read; change to")],
    "unreadable": [*SCORED, (["train", "corpus:sample"], 2, "choose another folder")],
    "no temporary folder": [*SCORED, ([*VECTORS, "--out", "WRITE/run"], 2, "set TMPDIR to a folder")],
}  # fmt: skip
LONG: Cases = [
    (["train", "READ/sample.csv", "--out", "WRITE/run", *TRAINED[:2]], 0, ""),
    (["figures", "WRITE/run", "--out", "WRITE/figures"], 0, ""),
    (
        ["train", "corpus:sample", "--model", "dnn", "--set", "model.epochs=1", *TRAINED[2:], "--out", "WRITE/network"],
        0,
        "",
    ),
]
BENCHMARK = ["benchmark", "--corpus", "corpus:sample", "--model", "majority", "--seeds", "0", "--out", "WRITE/bench"]


@pytest.mark.check
@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_user_without_a_home_is_served_or_told_what_to_set(
    place: str, bundle: Path, sample_path: Path
) -> None:
    _served(place, [*EVERYWHERE, *PLACES[place]], bundle, sample_path)


@pytest.mark.long
@pytest.mark.parametrize("place", ["read-only", "deleted"])
def test_an_unknown_user_without_a_home_trains(place: str, bundle: Path, sample_path: Path) -> None:
    code, sentence = (2, "change to another folder") if place == "deleted" else (0, "")  # other processes begin there
    _served(place, [*LONG, (BENCHMARK, code, sentence)], bundle, sample_path)


def _served(place: str, cases: Cases, bundle: Path, sample_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.geteuid() != 0:
        pytest.skip("needs setpriv, and root")
    changed = [setpriv, "--reuid=54321", "--regid=54321", "--clear-groups"]
    if place != "unreadable":  # the user may read everything, wherever Python is
        changed += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if subprocess.run([*changed, sys.executable, "-c", "import toxiclf"], cwd="/", capture_output=True).returncode:
        pytest.skip("setpriv may not change the user here, or that user may not read Python's files")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        top = Path(name)
        top.chmod(0o755)
        read, write, work = top / "read", top / "write", top / "work"
        for folder in (read, write, work):
            folder.mkdir()
        shutil.copytree(bundle, read / "bundle")
        shutil.copy(sample_path, read / "sample.csv")
        (read / "new.csv").write_text("text,n\n안녕,1\n꺼져,1\n바,1\n사\n", "utf-8")
        write.chmod(0o777)
        work.chmod(0 if place == "unreadable" else 0o555)

        def put(text: str) -> str:
            return text.replace("READ", str(read)).replace("WRITE", str(write))

        commands = json.dumps([[put(word) for word in command] for command, _, _ in cases])
        before = ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh"] if place == "deleted" else []
        lacking = "/proc" if place == "no temporary folder" else ""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("HOME", "TOXICLF_CACHE", "TOXICLF_CORPORA")
        }
        done = subprocess.run(
            [*before, *changed, sys.executable, "-P", "-c", RUN, lacking, commands], cwd=work, env=environment, text=True,
            input="text,n\n안녕,1\n꺼져,1\n바,1\n사\n", capture_output=True, check=False,
        )  # fmt: skip
    *said, rest = re.split(r"exit code (\d+)\n", done.stderr)
    assert rest == ""
    assert "Traceback" not in done.stderr
    for (command, code, sentence), words, ended in zip(cases, said[::2], said[1::2], strict=True):
        assert (int(ended), put(sentence) in words) == (code, True), (command, words)
        assert "atplotlib" not in words
