"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toxiclf.cli import app
from toxiclf.recipe import MODEL_OPTIONS

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "'value'" in capsys.readouterr().out


def test_every_model_stands_in_the_table() -> None:
    for name in MODEL_OPTIONS:
        assert f"| `{name}` |" in README


def test_every_command_is_shown() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"toxiclf {command.callback.__name__} " in README
