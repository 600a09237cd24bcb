"""One place prints, and what it prints of other people's words does nothing to a terminal."""

from __future__ import annotations

import json
import re
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

import toxiclf
from toxiclf import _console
from toxiclf._progress import Bar, Countdown
from toxiclf.cli import run
from toxiclf.errors import DataError, UsageError, visible

_OTHER_WAYS = re.compile(
    r"typer\.(echo|secho|confirm|prompt)|sys\.std(out|err)|isatty|rich\.|(?<![\w.])(print|input)\("
)
_ALLOWED = {
    "_console.py": "the one place",
    "_progress.py": "draws bars",
    "cli/__init__.py": "sets the encoding of the streams",
    "rows/decoding.py": "reads standard input",
}


def test_nothing_else_in_the_package_prints() -> None:
    package = Path(toxiclf.__file__).parent
    others = {
        f"{path.relative_to(package)}:{number}: {line.strip()}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if path.relative_to(package).as_posix() not in _ALLOWED
        and _OTHER_WAYS.search(line)
        and ">>>" not in line
        and "sys.stdin" not in line
    }
    assert not others, "print by toxiclf._console"


def test_control_characters_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    _console.say("\x1b[31m빨강")
    _console.print_line("\x1b[31m빨강")
    _console.print_table([["열"], ["\x1b]0;제목\x07"]])
    assert capsys.readouterr() == ("\\x1b[31m빨강\n열\n\\x1b]0;제목\\x07\n", "\\x1b[31m빨강\n")


def test_every_character_that_a_terminal_obeys_or_hides_is_escaped() -> None:
    hidden = {
        c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert [c for c in hidden - {"\t"} if not visible(c).startswith("\\")] == []
    assert visible("가나 a\t❤️ 漢字 é·…") == "가나 a\t❤️ 漢字 é·…"
    assert visible("정상\u3164") == "정상\\u3164"


HOSTILE = "x\nverified: \x1b[31m\x9b2J\u202e\u2066\u200b\u2028\u2029verified\r"


def _harmless(printed: str) -> bool:
    lines = printed.split("\n")
    return all(line.replace("\t", "").isprintable() and not line.startswith("verified") for line in lines)


def _file(folder: Path, header: str, cell: str = "0") -> str:
    path = folder / "comments.csv"
    path.write_text(f"{header}\n" + f"댓글,{cell}\n" * 4, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda folder: ["train", HOSTILE],
        lambda folder: ["train", f"corpus:{HOSTILE}"],
        lambda folder: ["train", "corpus:sample", "--model", HOSTILE],
        lambda folder: ["train", "corpus:sample", "--recipe", HOSTILE],
        lambda folder: ["train", "corpus:sample", "--set", f"{HOSTILE}=1"],
        lambda folder: ["train", "corpus:sample", "--set", f"text.tokenizer={HOSTILE}"],
        lambda folder: ["train", "corpus:sample", f"--{HOSTILE}"],
        lambda folder: ["train", "corpus:sample", "--label", HOSTILE],
        lambda folder: ["train", "corpus:sample", "--text", HOSTILE],
        lambda folder: ["train", "corpus:sample", "--by", HOSTILE],
        lambda folder: ["train", "corpus:sample", "--out", f"/proc/{HOSTILE}"],
        lambda folder: ["train", _file(folder, f'comment,"{HOSTILE}"')],
        lambda folder: ["train", _file(folder, "comment,label", f'"{HOSTILE}"')],
        lambda folder: ["estimate-prevalence", HOSTILE, HOSTILE],
        lambda folder: ["inspect", HOSTILE],
        lambda folder: ["predict", HOSTILE, "--bundle", HOSTILE],
        lambda folder: ["compare", HOSTILE, HOSTILE],
        lambda folder: ["figures", HOSTILE, "--out", HOSTILE],
        lambda folder: ["list", HOSTILE],
        lambda folder: ["corpora", "fetch", HOSTILE],
        lambda folder: ["benchmark", HOSTILE],
        lambda folder: ["benchmark", "--corpus", HOSTILE, "--model", HOSTILE],
        lambda folder: ["pretrain", HOSTILE, "--out", str(folder / "vectors")],
        lambda folder: [HOSTILE],
    ],
)
def test_a_hostile_name_is_quoted_on_one_line_and_does_nothing(
    arguments: Callable[[Path], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments(tmp_path)) in (2, 3, 4)
    out, err = capsys.readouterr()
    assert "\\u202e" in err or "comments.csv" in err
    assert _harmless(out)
    assert _harmless(err)


def test_hostile_columns_are_printed_as_rows_that_do_nothing(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, f'comment,"{HOSTILE}"', f'"{HOSTILE}"')
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(["predict", path, "--bundle", str(bundle), "--text", "comment"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert _harmless(out)
    assert _harmless(err)
    assert run(["predict", path, "--bundle", str(bundle), "--text", "comment", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert _harmless(out)
    assert list(json.loads(out.splitlines()[0]))[1] == HOSTILE.replace("\r", "")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert run(["predict", path, "--bundle", str(bundle), "--text", "comment"]) == 0
    assert "\u202e" in capsys.readouterr().out  # a file or a pipe gets what the input holds


def test_json_on_the_terminal_is_the_same_json_in_characters_that_do_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = {HOSTILE: "\U000e0001\ud800\x7f"}
    _console.print_json(content)
    printed = capsys.readouterr().out
    assert json.loads(printed) == content
    assert _harmless(printed)


@pytest.mark.parametrize(
    "show",
    [
        lambda: _console.print_line("a"),
        lambda: _console.print_json(1),
        lambda: _console.print_table([["a"]]),
        _console.results,
    ],
    ids=["line", "json", "table", "rows"],
)
def test_results_for_a_closed_standard_output_are_not_lost_silently(
    show: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # as Python sets it then
    with pytest.raises(UsageError, match="standard output is closed"):
        show()


def test_what_libraries_write_to_standard_error_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    _console.guard_messages()
    sys.stderr.write("warning: \x1b[31m\nsecond \u202eline\n")
    assert capsys.readouterr().err == "warning: \\x1b[31m\nsecond \\u202eline\n"


def test_errors_quote_on_one_line_in_python_too() -> None:
    assert _harmless(str(DataError(f"{HOSTILE} is not a file")))


def test_off_a_terminal_a_bar_draws_nothing_and_messages_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Bar("title", 10) as bar:
        bar.update(3, "three")
        bar.say("a message")
    assert capsys.readouterr() == ("", "a message\n")


@pytest.mark.parametrize("no_color", [False, True])
def test_a_bar_is_drawn_on_standard_error_without_colour_where_none_is_wanted(
    no_color: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"TTY_COMPATIBLE": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    with Bar("title", 10, drawn=True) as bar:
        assert capsys.readouterr().err == ""  # nothing is drawn before there is something to show
        bar.update(3, "three")
        bar.say("a \x1bmessage")
        bar.update(5, "five")
    captured = capsys.readouterr()
    assert captured.out == ""
    for part in ("title", "━", "five", "a \\x1bmessage"):
        assert part in captured.err
    assert ("\x1b[38" in captured.err or "\x1b[3" in captured.err) is not no_color


def test_time_left_counts_only_steps_whose_time_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", iter([0.0, 10.0]).__next__)
    assert Countdown(10, 4).left(6) == 20.0


_INTERVALS = [["metric", "ngram_logistic", "lstm_autoencoder (baseline)"]] + [
    [name, "0.9113 (0.8870–0.9301)", "+0.031 (-0.010 to +0.042)"] for name in ("average_precision", "macro_f1")
]
_LABELS = [["label", "threshold", "with the label", "found", "missed", "false alarms", "average_precision"]] + [
    [label, "0.4312", "1,234", "1,111", "123", "1,054", "0.911 (0.887–0.930)"]
    for label in ("여성/가족", "성소수자", "악플/욕설")
]
_BENCHMARK = [
    ["", "n", *(["average precision", "Δ vs baseline"] * 4), "rank", "fit, s", "findings"],
    ["ngram_logistic + smote", "5", *(["0.911 ± 0.010", "+0.0120 (-0.0031 to +0.0240)"] * 4), "1.0", "1,234.5", "a 5"],
]
_PROSE = [["name", "what it is"], ["가중치", "낱말이 " * 40 + "and words " * 20]]
_UNBREAKABLE = [["file", "bytes", "sha256"], ["vocabulary.json", "1,234,567", "0123456789abcdef" * 8]]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize(
    "lines",
    [_INTERVALS, _LABELS, _BENCHMARK, _PROSE, _UNBREAKABLE],
    ids=["intervals", "labels", "benchmark", "prose", "hash"],
)
def test_a_table_fits_the_terminal_and_breaks_no_word_and_no_interval(lines: list[list[str]], width: int) -> None:
    drawn = _console.drawn_tables(lines, width)
    assert max(cell_len(line) for line in drawn.splitlines()) <= width
    words = {unit for line in lines for cell in line for unit in re.findall(r"\S+ ± \S+|\S+ to \S+|\S+", cell)}
    assert [word for word in words if cell_len(word) <= 40 - 20 and word not in drawn] == []
    first = {line[0].split()[0] for line in lines[1:]}
    assert all(drawn.count(name) >= drawn.count("─" * 3 + "\n") for name in first)  # each part names its rows


def test_messages_break_between_words_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "낱말 " * 30 + "+0.010 to +0.020 run `toxiclf list models` " * 3
    _console.say(message)
    assert capsys.readouterr().err == message + "\n"
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _console.say(message)
    lines = capsys.readouterr().err.splitlines()
    assert max(map(cell_len, lines)) <= 40
    assert " ".join(lines).split() == message.split()
    assert (
        sum("`toxiclf list models`" in line for line in lines) == sum("+0.010 to +0.020" in line for line in lines) == 3
    )
