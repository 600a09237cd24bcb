"""Checkpoints: the last state or the one before it, never a mixture, and never another fit's."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from toxiclf.errors import UsageError
from toxiclf.models._checkpoint import Checkpoint, State

ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "seed": np.array([1, 2**32 - 1], np.uint32),
    "steps": np.array(7, np.int64),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}
FACTS = {
    "history": [{"epoch": 1, "loss": 0.1 + 0.2, "validation_average_precision": 1 / 3}],
    "best": -math.inf,
    "since": 0,
}


def saved(folder: Path) -> Checkpoint:
    checkpoint = Checkpoint(folder / "checkpoints" / "model.safetensors", resume=True)
    checkpoint.save("this fit", State(ARRAYS, FACTS))
    return checkpoint


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    state = saved(tmp_path).load("this fit")
    assert state is not None
    assert state.facts == FACTS
    assert set(state.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert state.arrays[name].dtype == array.dtype
        assert state.arrays[name].shape == array.shape
        assert state.arrays[name].tobytes() == array.tobytes()


def test_a_later_state_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    checkpoint.save("this fit", State({"weights": np.ones(1)}, {"since": 1}))
    state = checkpoint.load("this fit")
    assert state is not None
    assert (list(state.arrays), state.facts) == (["weights"], {"since": 1})
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["model.safetensors"]


def test_there_is_nothing_to_go_on_from_without_a_file_or_without_resume(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "none.safetensors", resume=True).load("this fit") is None
    path = saved(tmp_path).path
    path.write_bytes(b"damaged")
    assert Checkpoint(path).load("this fit") is None
    assert path.read_bytes() == b"damaged"


def test_another_fits_state_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    before = checkpoint.path.read_bytes()
    with pytest.raises(UsageError) as refused:
        checkpoint.load("another fit")
    assert str(refused.value) == (
        f"the checkpoint {checkpoint.path} belongs to other comments, another recipe or other versions of the libraries; "
        "leave out --resume to start over"
    )
    assert checkpoint.path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused_and_left_as_it_is(share: float, tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    content = checkpoint.path.read_bytes()
    content = content[: int(share * len(content))]
    checkpoint.path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot be read \(.*\); leave out --resume to start over$"):
        checkpoint.load("this fit")
    assert checkpoint.path.read_bytes() == content


@pytest.mark.parametrize("content", [b"no checkpoint", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    checkpoint.path.write_bytes(content)
    with pytest.raises(UsageError, match="leave out --resume to start over"):
        checkpoint.load("this fit")


@pytest.mark.parametrize("interrupted", ["os.replace", "os.fsync"])
def test_a_kill_before_the_renaming_leaves_the_state_before(
    interrupted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = saved(tmp_path)
    before = checkpoint.path.read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(interrupted, killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save("this fit", State({"weights": np.ones(1)}, {}))
    assert checkpoint.path.read_bytes() == before
    assert checkpoint.load("this fit") is not None


def test_a_state_is_synced_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda file: (steps.append("fsync"), fsync(file)))
    monkeypatch.setattr("os.replace", lambda path, to: (steps.append("replace"), replace(path, to)))
    saved(tmp_path)
    assert steps == ["fsync", "replace", "fsync"]  # the content, its name, the folder
