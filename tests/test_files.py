"""Files are whole or not there, nothing is written through a link, and there is one way to write."""

from __future__ import annotations

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
from toxiclf._files import append_line, locked, scratch_file, write_bytes, write_text, writing_bytes, writing_text

_OTHER_WAYS = re.compile(
    r"""\.write_text\(|\.write_bytes\(|os\.replace|os\.rename|mkstemp|NamedTemporaryFile|os\.open\([^)]*O_(WRONLY|RDWR|CREAT)"""
    r"""|open\([^)]*["'][rbt]*[wax+][rbtwax+]*["']|fcntl|msvcrt"""
)
_ALLOWED = {
    "_files.py": "the one place",
    "backend.py": "sends what TensorFlow prints to os.devnull",
}


def test_nothing_else_in_the_package_writes_files() -> None:
    package = Path(toxiclf.__file__).parent
    others = {
        f"{path.relative_to(package)}:{number}: {line.strip()}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if path.name not in _ALLOWED and _OTHER_WAYS.search(line)
    }
    assert not others, "write by toxiclf._files"


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
