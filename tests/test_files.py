"""Files are whole or not there, nothing is written through a link, and there is one way to write."""

from __future__ import annotations

import ast
import errno
import itertools
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import pytest

import toxiclf
from toxiclf import _files
from toxiclf._files import (
    append_line,
    locked,
    scratch_file,
    scratch_folder,
    sweep,
    write_bytes,
    write_text,
    writing_bytes,
    writing_text,
)  # fmt: skip

_ALLOWED = {
    "_console.py": "opens the null device",
    "_files.py": "the one place",
    "backend.py": "sends what TensorFlow prints to os.devnull",
    "bundle/folder.py": "renames folders that were made by _files",
}
_WRITING = {
    "write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "savetxt", "savez", "savez_compressed", "tofile",
    "memmap", "to_csv", "to_json", "to_parquet", "to_excel", "to_pickle", "to_feather", "to_hdf", "save_file", "save_model",
    "save_weights", "save_word2vec_format", "write_html", "write_image", "extract", "extractall", "unpack_archive",
    "make_archive", "copyfile", "copy2", "copytree", "mkstemp", "mkdtemp", "mktemp", "NamedTemporaryFile",
    "TemporaryDirectory", "TemporaryFile", "SpooledTemporaryFile", "FileHandler", "RotatingFileHandler", "flock", "lockf",
    "FileLock", "mkfifo", "mknod", "renames", "rename", "urlretrieve",
}  # fmt: skip
"""Functions and methods that write, whatever their arguments are."""
_WRITING_OF = {
    "os": {"replace", "link", "symlink", "truncate"}, "shutil": {"copy", "move"}, "sqlite3": {"connect"},
    "np": {"save"}, "numpy": {"save"}, "joblib": {"dump"}, "pickle": {"dump"}, "torch": {"save"},
}  # fmt: skip
"""Functions of modules that write."""


def other_ways(source: str) -> list[int]:
    """Return the lines of a module that write, replace or make files."""
    tree = ast.parse(source)
    lines = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and not str(node.module).startswith("toxiclf")
        and {alias.name for alias in node.names} & _WRITING
    }
    return sorted(lines | {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and _writes(node)})


def _writes(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""
    into = call.args[0].id if call.args and isinstance(call.args[0], ast.Name) else ""
    if name in ("savefig", "ZipFile") and into in ("file", "stream"):
        return False  # opened by toxiclf._files
    if name == "savefig":
        return True
    if owner == "os" and name == "open":
        return bool({"O_WRONLY", "O_RDWR", "O_CREAT"} & {getattr(node, "attr", "") for node in ast.walk(call)})
    if name in ("open", "ZipFile"):
        given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        modes = {node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        return any(re.fullmatch("[rwaxbt+|:]{1,4}", mode) and set(mode) & set("wax+") for mode in modes)
    if isinstance(function, ast.Name) and name.startswith(("write_", "to_")):
        return False  # a function of this package, which this test looks into
    if name.startswith("to_") and not call.args:
        return False  # returns the content
    return name in _WRITING or name in _WRITING_OF.get(owner, ())


@pytest.mark.parametrize(
    "line",
    [
        'open("x", "w")', 'path.open(mode="ab")', 'gzip.open(path, "wb")', "os.open(path, flags | os.O_CREAT)", "shutil.copy(a, b)",
         "frame.to_csv(path)", "np.save(path, a)", "from tempfile import mkdtemp", "path.rename(other)",
        "os.replace(a, b)", "figure.savefig(path)", "path.write_text(text)", "archive.extractall(folder)", "tempfile.mkstemp()",
    ],
)  # fmt: skip
def test_other_ways_to_write_are_recognized(line: str) -> None:
    assert other_ways(line) == [1]


def test_nothing_else_in_the_package_writes_files() -> None:
    package = Path(toxiclf.__file__).parent
    modules = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in package.rglob("*.py")}
    writing = {f"{name}:{line}" for name, source in modules.items() for line in other_ways(source)}
    others = {place for place in writing if place.rpartition(":")[0] not in _ALLOWED}
    assert not others, "write by toxiclf._files"
    assert {place.rpartition(":")[0] for place in writing} == _ALLOWED.keys()


def test_a_file_holds_what_was_written_as_it_was_written(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "가\r\n나\n")
    assert (tmp_path / "text").read_bytes() == "가\r\n나\n".encode()
    write_bytes(tmp_path / "bytes", b"\0\n", synced=True)
    assert (tmp_path / "bytes").read_bytes() == b"\0\n"
    with writing_text(tmp_path / "text", encoding="utf-8-sig") as file:
        file.write("다\n")
    assert (tmp_path / "text").read_bytes() == b"\xef\xbb\xbf" + "다\n".encode()
    append_line(tmp_path / "lines", "라")
    append_line(tmp_path / "lines", "마")
    assert (tmp_path / "lines").read_text("utf-8") == "라\n마\n"
    with scratch_file(tmp_path) as scratch:
        scratch.write(b"abc")
        scratch.seek(0)
        assert scratch.read() == b"abc"
    assert {path.name for path in tmp_path.iterdir()} == {"text", "bytes", "lines"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    def fail(writing: Callable[[Path], AbstractContextManager[IO[Any]]], content: bytes | str) -> None:
        with writing(tmp_path / "file") as file:
            file.write(content)
            raise error

    write_text(tmp_path / "file", "old")
    with pytest.raises(error):
        fail(writing_bytes, b"new")
    with pytest.raises(error):
        fail(writing_text, "new")
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_ctrl_c_while_a_temporary_folder_is_deleted_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, count = os.unlink, itertools.count()

    def interrupted(*arguments: Any, **named: Any) -> None:
        unlink(*arguments, **named)
        if next(count) == 0:
            raise KeyboardInterrupt

    temporary = scratch_folder(tmp_path)
    folder = temporary.__enter__()
    write_text(folder / "one", "1")
    write_text(folder / "two", "2")
    monkeypatch.setattr(os, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        temporary.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_finds_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with writing_text(tmp_path / "file") as file:
        file.write("new")
        file.flush()
        assert (tmp_path / "file").read_text() == "old"
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="modes and links are of POSIX")
def test_a_file_is_its_owners_alone_until_it_is_whole_and_then_as_open_as_the_mask_says(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        with writing_text(tmp_path / "file"):
            (beside,) = tmp_path.iterdir()
            assert stat.S_IMODE(beside.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)


@pytest.mark.skipif(os.name == "nt", reason="modes and links are of POSIX")
def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    write_text(tmp_path / "theirs", "theirs")
    (tmp_path / "ours").symlink_to("theirs")
    write_text(tmp_path / "ours", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "ours").is_symlink()
    (tmp_path / "lines").symlink_to("theirs")
    with pytest.raises(OSError, match="symbolic links"):
        append_line(tmp_path / "lines", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_many_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    texts = [str(number) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "file", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    name = "가" * 85  # 255 bytes
    write_text(tmp_path / name, "")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_at_a_time_is_let_in_and_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    program = (
        "import sys, time; from pathlib import Path; from toxiclf._files import locked\n"
        "with locked(Path(sys.argv[1]), lambda: None): print(flush=True); time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    asked: list[bool] = []

    def waiting() -> None:
        asked.append(True)
        holder.kill()
        holder.wait()

    with locked(lock, waiting):
        assert asked == [True]
    with locked(lock, waiting):
        assert asked == [True]
    assert not lock.exists()
    holder.stdout.close()


def test_a_lock_file_that_comes_and_goes_still_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with locked(tmp_path / ".lock", lambda: None):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def killed(program: str, folder: Path) -> None:
    """Run a program that ends with a line of output, and kill it then; its working folder is ``folder``."""
    begun = "import time; from pathlib import Path; from toxiclf._files import *\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{begun}{program}; print(flush=True); time.sleep(600)"],
        cwd=folder,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="nothing is swept on Windows")
def test_what_a_killed_process_left_is_swept_by_the_next_write_and_nothing_else(tmp_path: Path) -> None:
    killed(
        "a = writing_text(Path('file')); a.__enter__(); b = scratch_folder(Path()); write_text(b.__enter__() / 'c', 'c')",
        tmp_path,
    )
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2
    (tmp_path / ".mine.part").write_text("mine")
    elsewhere = tmp_path / ".file.00000000-0123456789abcdef.part"
    elsewhere.write_text("perhaps still written on another machine")
    (tmp_path / ".file.00000000-0123456789abcdee.part").symlink_to(tmp_path.parent)
    with writing_text(tmp_path / "other") as other, scratch_folder(tmp_path) as scratch:
        other.write("other")
        write_text(scratch / "scratch", "scratch")
        write_text(tmp_path / "file", "file")
        sweep(tmp_path)
        assert not left & {path.name for path in tmp_path.iterdir()}
        assert (scratch / "scratch").read_text() == "scratch"
    assert (tmp_path / "other").read_text() == "other"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [elsewhere.name, ".file.00000000-0123456789abcdee.part", ".mine.part", "file", "other"]
    )
    os.utime(elsewhere, (0, 0))
    write_text(tmp_path / "file", "file")
    assert not elsewhere.exists()


def test_lines_of_two_processes_stay_whole_and_a_line_cut_by_a_kill_is_ended(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"whole\nhal")
    append_line(tmp_path / "log", "next")
    assert (tmp_path / "log").read_bytes() == b"whole\nhal\nnext\n"
    (tmp_path / "log").unlink()
    program = (
        "import sys; from pathlib import Path; from toxiclf._files import append_line\n"
        "for _ in range(200): append_line(Path('log'), sys.argv[1] * 20_000)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, letter], cwd=tmp_path) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = (tmp_path / "log").read_text("utf-8").split("\n")
    assert sorted(set(lines)) == ["", "a" * 20_000, "b" * 20_000]
    assert len(lines) == 401


def test_threads_do_not_sweep_what_others_have_just_made(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for _ in range(100):
                write_text(tmp_path / name, name)
                with scratch_folder(tmp_path) as folder:
                    write_text(folder / name, name)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]


def test_a_process_that_may_open_no_more_files_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as few:
        few.setattr(os, "dup", refused)
        with pytest.raises(OSError, match="Too many"):
            _files.write_text(tmp_path / "a", "b")
    with monkeypatch.context() as few:
        few.setattr(_files.os, "open", refused)
        with pytest.raises(OSError, match="Too many"), _files.scratch_folder(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []
