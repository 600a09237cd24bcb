"""toxiclf pretrain: nothing that is given is without effect, and what cannot be written is found out before training."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toxiclf.cli import run
from toxiclf.embeddings import store

SMALL = ["--epochs", "1", "--min-count", "1", "--set", "vectors.buckets=1000", "--set", "text.tokenizer=whitespace"]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("오늘 날씨 좋다\n오늘 영화 좋다\n" * 5, "utf-8")
    return tmp_path / "texts.txt"


@pytest.fixture
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*arguments: object, **named: object) -> None:
        pytest.fail("it was trained before it was refused")

    monkeypatch.setattr("toxiclf.embeddings.pretrain.pretrain", train)


@pytest.mark.usefixtures("_no_training")
@pytest.mark.parametrize(
    "flag",
    [
        ["--out", "x"], ["--kind", "fasttext"], ["--architecture", "cbow"], ["--size", "100"], ["--window", "5"],
        ["--min-count", "5"], ["--epochs", "5"], ["--set", "vectors.window=3"], ["--seed", "0"], ["--workers", "1"],
        ["--quantize"], ["--strict"],
    ],
    ids=lambda flag: flag[0],
)  # fmt: skip
def test_what_only_trains_is_refused_where_nothing_is_trained(
    flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pretrain", "--show", "영화", *flag]) == 2
    assert f"{flag[0]} is for training; leave it out" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_training")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--vectors", "ko-comments", "--show", "가"], "--vectors is for --show without texts; leave it out"),
        (["--set", 'text={views="all"}'], "text.views has no effect on word vectors; leave it out"),
        (["--set", "text={max_tokens=3}"], "text.max_tokens has no effect"),
        (["--set", "text.views=[]"], "text.views has no effect"),
        (["--set", "vectors.unlabeled=x.txt"], "vectors.unlabeled has no effect"),
        (["--set", "vectors={size=5}"], "set one key at a time"),
        (["--set", "vectors.pretrained=ko-comments"], "pretrain trains vectors and reads none; leave it out"),
        (["--set", "vectors.pretrained=none"], "pretrain trains vectors and reads none; leave it out"),
        (["--size", "8", "--set", "vectors.size=9"], "--size sets the same key; leave out one of the two"),
        (["--set", "model.name=logistic"], "model.name has no effect"),
        (["--set", "seed=3"], "seed has no effect"),
    ],
)
def test_what_has_no_effect_on_vectors_is_refused(
    texts: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pretrain", str(texts), "--out", str(texts.parent / "v"), *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("_no_training")
@pytest.mark.parametrize("place", ["/proc/x/y", "texts.txt/v", "a" * 300, "loop/v"])
def test_a_place_that_cannot_be_written_is_said_before_training(
    texts: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if place.startswith("/proc") and not Path("/proc").is_dir():
        pytest.skip("there is no /proc here")
    (texts.parent / "loop").symlink_to("loop")
    assert run(["pretrain", str(texts), "--out", str(texts.parent / place)]) == 2
    assert "cannot be written" in (said := capsys.readouterr().err)
    assert "choose another folder" in said
    assert sorted(path.name for path in texts.parent.iterdir()) == ["loop", "texts.txt"]


@pytest.mark.usefixtures("_no_training")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_leave_to_write_is_said_before_training(texts: Path) -> None:
    texts.parent.chmod(0o500)
    try:
        assert run(["pretrain", str(texts), "--out", str(texts.parent / "v")]) == 2
    finally:
        texts.parent.chmod(0o700)


@pytest.mark.usefixtures("_no_training")
def test_a_folder_with_something_else_is_said_before_training(texts: Path) -> None:
    assert run(["pretrain", str(texts), "--out", str(texts.parent)]) == 3


def test_a_key_that_has_a_flag_may_be_set_without_it(texts: Path) -> None:
    out = texts.parent / "deep" / "v"
    assert run(["pretrain", str(texts), "--out", str(out), *SMALL, "--set", "vectors.size=7"]) == 0
    assert store.load(out)[1].size == 7
    assert [path.name for path in out.parent.iterdir()] == ["v"]
    assert sorted(path.name for path in texts.parent.iterdir()) == ["deep", "texts.txt"]  # no scratch is left


def test_what_was_trained_is_printed_as_json(texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts.write_bytes(texts.read_bytes() + b"\xff\xfe\n")
    out = texts.parent / "v"
    assert run(["pretrain", str(texts), "--out", str(out), *SMALL, "--size", "4", "--json", "--show", "영화"]) == 0
    facts, neighbours = map(json.loads, capsys.readouterr().out.splitlines())
    card = store.load(out)[1]
    assert facts == {
        "out": str(out), "tokens": card.tokens, "seen": 4, "size": 4, "texts": 10, "rejected": 1,
    }  # fmt: skip
    assert neighbours["word"] == "영화"


def test_other_files_in_the_folder_stay_and_rejected_rows_of_before_go(texts: Path) -> None:
    out = texts.parent / "v"
    good = texts.read_bytes()
    texts.write_bytes(good + b"\xff\xfe\n")
    assert run(["pretrain", str(texts), "--out", str(out), *SMALL, "--size", "4"]) == 0
    assert (out / "rejected.csv").is_file()
    (out / "notes.txt").write_text("mine", "utf-8")
    texts.write_bytes(good)
    assert run(["pretrain", str(texts), "--out", str(out), *SMALL, "--size", "4"]) == 0
    assert (out / "notes.txt").read_text("utf-8") == "mine"
    assert not (out / "rejected.csv").exists()
