"""What containers lack (a home folder, a folder to write to, parts of Python or of the system) stops only what needs it."""

from __future__ import annotations

import errno
import io
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from toxiclf.cache import own_settings_of_libraries
from toxiclf.cli import run
from toxiclf.text.tokenizers import mecab

MAIN = "from toxiclf.cli import main; main()"


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


@pytest.mark.check
def test_an_unknown_user_without_a_home_scores_from_standard_input(bundle: Path) -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.geteuid() != 0:
        pytest.skip("needs setpriv, and root")
    # the user may read everything, wherever Python and the bundle are, and write nothing
    changed = [setpriv, "--reuid=12345", "--regid=12345", "--clear-groups"]
    changed += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if subprocess.run([*changed, "true"], capture_output=True).returncode:
        pytest.skip("setpriv may not change the user here")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        shutil.copytree(bundle, folder / "bundle")
        folder.chmod(0o555)
        _run_as_unknown_user(changed, folder)


def _run_as_unknown_user(changed: list[str], folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "TOXICLF_CACHE")}
    for command, code, sentence in (
        (["predict", "-", "--bundle", "bundle"], 0, "give --rejected FILE"),
        (["corpora", "list"], 0, ""),
        (["train", "corpus:sample"], 2, "choose another folder"),
    ):
        done = subprocess.run(
            [*changed, sys.executable, "-c", MAIN, *command], cwd=folder, env=environment, text=True,
            input="text,n\n안녕,1\n꺼져,1\n바,1\n사\n",
            capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
