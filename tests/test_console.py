"""One place prints, and what it prints of other people's words does nothing to a terminal."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import toxiclf
from toxiclf import _console
from toxiclf._progress import Bar, Countdown

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
