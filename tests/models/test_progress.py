"""What training says while it runs."""

from __future__ import annotations

import re

import pytest

from toxiclf.models._progress import FitContext, Progress


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


def test_the_bar_of_a_terminal_of_80_columns_shows_loss_average_precision_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with Progress(FitContext("bilstm2", bar=True), 30, 0) as progress:
        progress.step(1.0, 0.1234)
        progress.epoch(0.1234, 0.5678, 0.5678)
        progress.step(0.5, 0.1111)
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    last = drawn.replace("\r", "\n").strip().splitlines()[-1]
    for part in ("bilstm2", "━", "0.1111", "0.5678", " left"):
        assert part in last
