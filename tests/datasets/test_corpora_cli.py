"""`toxiclf corpora`, as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests.datasets.conftest import Site, send
from tests.machine import PATIENCE
from toxiclf.cli import run
from toxiclf.datasets import cards

NON_COMMERCIAL = {
    "id": "CC-BY-NC-4.0", "address": "https://example.org/nc", "commercial": False, "note": "Measure only.",
}  # fmt: skip


@pytest.fixture
def publish(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes the tiny corpus the only one that has a card; returns the folder of its files in the cache."""

    def made(**changes: Any) -> Path:
        (tmp_path / "corpora" / "cards").mkdir(parents=True, exist_ok=True)
        (tmp_path / "corpora" / "cards" / "tiny.toml").write_text(tomli_w.dumps(site.table(**changes)), "utf-8")
        monkeypatch.setattr(cards, "corpora_folder", lambda: tmp_path / "corpora")
        return tmp_path / "cache" / "corpora" / "tiny"

    return made


def two_parts(site: Site) -> list[dict[str, Any]]:
    (part,) = site.table()["parts"]
    return [part, {**part, "role": "test", "file": "held.txt"}]


# --- list and show


@pytest.mark.usefixtures("site")
def test_the_list_has_a_line_for_each_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora", "list"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["name", "title", "comments", "labels", "licence", "size", "where"]
    assert [line[0] for line in lines[1:]] == cards.card_names()
    beep, curse, nsmc, sample, unsmile = lines[1:]
    assert beep[2] == "7,896 train, 471 test, 33,893 unlabeled"
    assert beep[3] == "column hate: none is not toxic, every other value is a label"
    assert curse[3:] == ["column label: 1 is toxic", "MIT", "0.5 MB", "not here"]
    assert nsmc[3:] == ["none; for word vectors", "CC0-1.0", "63.8 MB", "not here"]
    assert sample[6] == "package"
    assert unsmile[3] == "10 columns of 0 and 1"


def test_the_list_says_where_each_part_lies(
    publish: Callable[..., Path], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(parts=two_parts(site))
    assert run(["corpora", "fetch", "tiny/test"]) == 0
    capsys.readouterr()
    assert run(["corpora", "list"]) == 0
    assert capsys.readouterr().out.endswith("\ttrain: not here, test: cache\n")
    assert run(["corpora", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "tiny", "title": "A tiny corpus", "comments": {"train": 1000, "test": 1000}, "labels": ["label"],
            "licence": "MIT", "bytes": 30_000, "where": {"train": None, "test": "cache"},
        }
    ]  # fmt: skip


@pytest.mark.usefixtures("site")
def test_show_gives_the_whole_card_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora", "show", "corpus:unsmile"]) == 0
    printed = capsys.readouterr().out
    card = cards.load_card("unsmile")
    facts = [
        card.title,
        card.upstream,
        card.citation,
        card.licence.id,
        card.licence.address,
        card.licence.note,
        *card.labels,
    ]
    files = [value for part in card.parts for value in (part.file, f"{part.size:,}", f"{part.rows:,}", part.sha256)]
    for fact in [*facts, *files, *(str(part.address) for part in card.parts), "no commercial use", "column 문장"]:
        assert fact in printed
    assert printed.endswith("next: toxiclf corpora fetch unsmile\n")
    assert run(["corpora", "show", "nsmc"]) == 0
    assert (
        "cc0670e872d4ac27bfe36c87456783004b39ef6c, an archive from which the file is built\n" in capsys.readouterr().out
    )
    assert run(["corpora", "show", "sample"]) == 0
    assert capsys.readouterr().out.endswith("next: toxiclf train corpus:sample\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "column label: 1 is toxic"),
        ({"positive": ["hate", "abuse"]}, "column label: hate or abuse is toxic"),
        ({"negative": "none"}, "column label: none is not toxic, every other value is a label"),
        ({"labels": ["hate", "abuse"]}, "2 columns of 0 and 1\ncolumns\thate, abuse"),
        ({"labels": []}, "none; for word vectors"),
    ],
)
def test_show_says_in_words_how_columns_become_labels(
    changes: dict[str, Any], sentence: str, publish: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    publish(**changes)
    assert run(["corpora", "show", "tiny"]) == 0
    assert f"\nlabels\t{sentence}\n" in capsys.readouterr().out


@pytest.mark.usefixtures("site")
def test_show_json_is_the_card_and_where_its_files_lie(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora", "show", "beep", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.pop("where") == {"train": None, "test": None, "unlabeled": None}
    assert cards.Card.model_validate(shown) == cards.load_card("beep")


@pytest.mark.parametrize("command", ["show", "path", "fetch"])
def test_an_unknown_name_ends_with_2_and_the_nearest_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora", command, "unsmiel"]) == 2
    assert capsys.readouterr().err == (
        "toxiclf: unknown corpus 'unsmiel'; did you mean 'unsmile'? known: beep, curse, nsmc, sample, unsmile\n"
    )


# --- path and fetch


def test_path_prints_verified_files_only(
    publish: Callable[..., Path], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = publish(parts=two_parts(site))
    assert run(["corpora", "path", "tiny"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"toxiclf: corpus:tiny/train is not on this machine (looked for {folder}/comments.txt); to get it, run: toxiclf corpora "
        "fetch tiny, or set TOXICLF_CORPORA to the folder that holds tiny/comments.txt\n"
    )
    assert run(["corpora", "fetch", "tiny"]) == 0
    capsys.readouterr()
    assert run(["corpora", "path", "tiny"]) == 0
    assert capsys.readouterr().out == f"{folder}/comments.txt\n{folder}/held.txt\n"
    assert run(["corpora", "path", "corpus:tiny/test"]) == 0
    assert capsys.readouterr().out == f"{folder}/held.txt\n"
    (folder / "held.txt").write_bytes(site.content[::-1])
    assert run(["corpora", "path", "tiny"]) == 3
    assert capsys.readouterr().out == ""


def test_fetch_says_terms_first_then_what_it_does_and_prints_paths(
    publish: Callable[..., Path], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = publish(parts=two_parts(site))
    assert run(["corpora", "fetch", "tiny/test"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{folder}/held.txt\n"
    assert captured.err.splitlines() == [
        "corpus:tiny: A tiny corpus; license MIT (https://example.org/MIT)",
        "please cite: Kim (2026). Tiny.",
        "fetching held.txt (15,000 bytes) from 127.0.0.1",
        "held.txt: size and SHA-256 match the card",
        "use it as corpus:tiny/test",
    ]
    assert run(["corpora", "fetch", "tiny"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{folder}/comments.txt\n{folder}/held.txt\n"
    assert "held.txt is already here and verified; nothing to fetch" in captured.err
    assert len(site.requests) == 2


def test_fetch_json_says_what_was_fetched(publish: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = publish()
    for fetched in (True, False):
        assert run(["corpora", "fetch", "tiny", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {
            "name": "tiny",
            "licence": {"id": "MIT", "address": "https://example.org/MIT", "commercial": True, "note": ""},
            "citation": "Kim (2026). Tiny.",
            "parts": [{"role": "train", "path": f"{folder}/comments.txt", "fetched": fetched}],
        }


def test_the_sample_is_part_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora", "fetch", "sample"]) == 0
    assert "sample_comments.csv is part of the package; there is nothing to fetch" in capsys.readouterr().err


def test_off_a_terminal_a_licence_without_commercial_use_needs_the_flag(
    publish: Callable[..., Path], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = publish(licence=NON_COMMERCIAL)
    assert run(["corpora", "fetch", "tiny"]) == 2
    error = capsys.readouterr().err
    assert "Measure only.\n" in error
    assert error.endswith("if you accept it, run: toxiclf corpora fetch tiny --accept-licence\n")
    assert not site.requests
    assert run(["corpora", "fetch", "tiny", "--accept-licence"]) == 0
    assert (folder / "comments.txt").read_bytes() == site.content


def test_a_network_that_fails_ends_with_3(
    publish: Callable[..., Path], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    publish()
    site.replies.append(lambda handler, content: send(handler, content, upto=100))
    assert run(["corpora", "fetch", "tiny"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("; check the connection and run the same command again\n")


# --- as processes

PROGRAM = """
import sys
from pathlib import Path
from toxiclf.datasets import cards
cards.corpora_folder = lambda: Path(sys.argv[1])
from toxiclf._entry import main
main(sys.argv[2:])
"""


def test_the_commands_need_the_base_install_only() -> None:
    program = (
        "import sys; from toxiclf.cli import run\n"
        "assert not any(run(['corpora', *words]) for words in (['list'], ['show', 'beep'], ['fetch', 'sample']))\n"
        "assert not {'pandas', 'sklearn', 'scipy', 'gensim', 'tensorflow', 'pyarrow', 'onnxruntime'} & set(sys.modules)\n"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def test_an_interrupted_fetch_ends_with_130_and_the_same_command_begins_anew(
    publish: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    folder = publish()
    arriving, released = threading.Event(), threading.Event()

    def stalls(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        send(handler, content, upto=6_000)
        arriving.set()
        released.wait(PATIENCE)

    site.replies.append(stalls)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "corpora"), "corpora", "fetch", "tiny"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert arriving.wait(PATIENCE)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=PATIENCE)
    released.set()
    assert process.returncode == 130
    assert printed.endswith("toxiclf: interrupted\n")
    assert "Traceback" not in printed
    assert not list(folder.glob("*comments*"))
    assert run(["corpora", "fetch", "tiny"]) == 0


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are of POSIX")
@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 2), ("", 2)])
def test_on_a_terminal_the_licence_is_asked_about_and_a_bar_is_drawn(
    typed: str, code: int, publish: Callable[..., Path], site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    folder = publish(licence=NON_COMMERCIAL)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "corpora"), "corpora", "fetch", "tiny"]
    process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    printed = b""
    asked = False
    while True:
        try:
            block = os.read(ours, 1024)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        printed += block
        if not asked and b"[y/N]" in printed:
            asked = True
            os.write(ours, f"{typed}\n".encode())
    os.close(ours)
    assert process.wait(PATIENCE) == code
    assert asked
    assert b"CC-BY-NC-4.0 forbids commercial use. Do you accept this license? [y/N]:" in printed
    assert (folder / "comments.txt").exists() == (code == 0)
    assert ("━".encode() in printed) == (code == 0)
