"""What training says while it runs."""

from __future__ import annotations

import re

import pytest

from toxiclf._progress import Bar
from toxiclf.models._progress import FitContext, Progress
from toxiclf.pipeline.calibrate import _FitProgress


def told(*, done: int = 0) -> list[str]:
    """Sentences of three epochs."""
    said: list[str] = []
    with Progress(FitContext("cnn", said.append), 9, done) as progress:
        for precision in (0.5, 0.375, 0.25):
            progress.step(1.0, 0.7)
            progress.epoch(0.7, precision, 0.5)
    return said


def test_off_a_terminal_an_epoch_is_a_line_and_a_batch_is_none() -> None:
    first, second, third = told()
    assert re.fullmatch(
        r"cnn: epoch 1 of 9: loss 0\.7000, validation average precision 0\.5000 \(best 0\.5000\); at most \d+ s left",
        first,
    )
    assert "epoch 2 of 9: loss 0.7000, validation average precision 0.3750 (best 0.5000)" in second
    assert "0.2500 (best 0.5000)" in third


def test_a_resumed_fit_counts_on() -> None:
    assert "epoch 5 of 9" in told(done=4)[0]


def test_on_a_terminal_there_is_a_bar_and_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with Progress(FitContext("cnn", said.append, bar=True), 9, 0) as progress:
        for share in (0.5, 1.0):
            progress.step(share, 0.7)
        progress.epoch(0.7, 0.5, 0.5)
    assert not said
    assert not capsys.readouterr().out


@pytest.fixture
def _terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def drawn_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was drawn on the terminal, without its control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n").strip().splitlines()


@pytest.mark.usefixtures("_terminal_of_80_columns")
def test_the_bar_of_a_terminal_of_80_columns_shows_loss_average_precision_and_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress(FitContext("bilstm2", bar=True), 30, 0) as progress:
        progress.step(1.0, 0.1234)
        progress.epoch(0.1234, 0.5678, 0.5678)
        progress.step(0.5, 0.1111)
    last = drawn_lines(capsys)[-1]
    for part in ("bilstm2", "━", "0.1111", "0.5678", " left"):
        assert part in last


@pytest.mark.usefixtures("_terminal_of_80_columns")
def test_progress_in_the_block_of_a_bar_is_shown_in_this_bar(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with Bar("fits", 4, drawn=True, time_left=False) as outer:
        outer.update(1, "1 of 4, about 9 s left")
        with Progress(FitContext("cnn", said.append), 30, 0) as progress:
            progress.step(1.0, 0.7)
            progress.epoch(0.7, 0.5, 0.5)
            progress.step(0.5, 0.6)
        Bar("wgan", 100, drawn=False).update(99)
        assert outer._bar.tasks[0].completed == pytest.approx(1.99)
        Bar("wgan", 100, drawn=False).update(10)
        assert outer._bar.tasks[0].completed == pytest.approx(1.99)  # it never goes back
    assert not said
    drawn = "\n".join(drawn_lines(capsys))
    assert "fits" in drawn
    assert "1 of 4, about 9 s left; wgan, 11 of 100" in drawn


def test_without_a_bar_around_it_progress_deep_inside_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("wgan", 100, drawn=False).update(50)
    with Bar("fits", 4, drawn=False) as outer:
        outer.update(1, "1 of 4")
        Bar("wgan", 100, drawn=False).update(50)
    assert capsys.readouterr() == ("", "")


def test_folds_name_the_time_left_where_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, left in ((2.0, ""), (20.0, "; about 60 s left")):
        clock = iter((100.0, 100.0 + seconds, 100.0 + seconds, 100.0 + seconds))
        monkeypatch.setattr("toxiclf._progress.time.monotonic", lambda clock=clock: next(clock))
        with _FitProgress(4, bar=False) as progress:
            progress.fitted()
            assert progress.left() == left
