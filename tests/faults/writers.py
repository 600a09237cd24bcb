"""Two processes write one output at a time: both end well, and it is what one of them wrote, whole."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.cases import (
    Case,
    NotHeldError,
    NotTriedError,
    Output,
    check_nothing_aside,
    check_said,
    check_whole,
    contents,
    visible,
)
from tests.faults.kills import _fetch, _saved, _trained
from tests.faults.processes import command, run, start, wait
from tests.faults.stage import FAST, Stage, kept


def pairs(stage: Stage) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """By the output: two ways to write it."""
    comments, many, bundle, a_run = str(stage.comments), str(stage.many), str(stage.bundle), str(stage.run)

    other_run = str(stage.other_run)

    def two(*arguments: str, first: tuple[str, ...] = (), second: tuple[str, ...] = ()) -> Any:
        return command(*arguments, *first), command(*arguments, *second)

    few, more = ("--threshold", "0.3"), ("--threshold", "0.7")
    words = ("--model", "logistic", "--set", "vectors.size=8", "--set", "vectors.epochs=1", "--set", "decision.folds=2")
    return {
        "predict --out": two("predict", many, "--bundle", bundle, "--out", "out/scored.csv", first=few, second=more),
        "predict --out, JSON Lines": two(
            "predict", many, "--bundle", bundle, "--out", "out/scored.jsonl", first=few, second=more
        ),
        "predict --rejected": two(
            "predict", "ragged.csv", "--bundle", bundle, "--out", "out/scored.csv", first=few, second=more
        ),
        "train --out": two("train", comments, *FAST, "--out", "out/run", first=("--seed", "1"), second=("--seed", "2")),
        "save": (_saved(stage, "1"), _saved(stage, "2")),
        "pretrain --out": two(
            "pretrain", comments, "--size", "8", "--epochs", "1", "--out", "out/vectors", first=("--seed", "1"),
            second=("--seed", "2"),
        ),
        "cache of word vectors": (
            command("train", comments, *words, "--out", "first"), command("train", comments, *words, "--out", "second"),
        ),
        "corpora fetch": (_fetch, _fetch),
        "benchmark --out": two("benchmark", "--corpus", comments, "--model", "majority", "--seeds", "0..1", "--out", "out/b"),
        "figures --out": two("figures", a_run, "--out", "out/figures", "--only", "precision_recall"),
        "calibrate --out": two("calibrate", bundle, comments, "--out", "out/bundle", first=("--seed", "1"), second=("--seed", "2")),
        "evaluate --out": two("evaluate", bundle, comments, "--out", "out/evaluated"),
        "compare --out": two("compare", a_run, other_run, "--out", "out/comparison.md"),
        "pack": two("pack", bundle, "out/bundle.zip"),
    }  # fmt: skip


def cases(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Every output in turn; the second process begins a little later than the first."""
    names = list(pairs(stage))
    for i in range(number):
        name, delay = names[i % len(names)], Random(f"{seed} writers {i}").uniform(0, 0.3) * (i // len(names) > 0)
        yield Case(f"{i} {name}: {delay * 1000:.0f} ms apart", partial(_try, stage, name, delay))


def _prepare(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "ragged.csv").write_text("comment,more\n" + "안녕,1\n바보,1,1\n" * 3000, "utf-8")


def _options(folder: Path) -> dict[str, Any]:
    return {"environment": {"TOXICLF_CACHE": str(folder / "out" / "cache")}}


def _alone(name: str, stage: Stage) -> list[Output]:
    """What each of the two leaves when it is alone."""
    outputs = []
    for act in pairs(stage)[name]:
        found = []
        for _ in range(2):
            folder = Path(tempfile.mkdtemp(prefix="alone-", dir=stage.folder))
            _prepare(folder)
            ended = run(act, folder, **_options(folder))
            if ended.code:
                raise NotHeldError(f"fails alone: {ended.err[-300:]}")
            found.append(visible(contents(folder / "out")))
            shutil.rmtree(folder)
        outputs.append(Output.of(found[0], found[1]))
    return outputs


def _try(stage: Stage, name: str, delay: float, folder: Path) -> None:
    from toxiclf.cli import app

    if name == "pack" and name not in [getattr(each, "name", None) for each in app.registered_commands]:
        raise NotTriedError("this toxiclf has no such command")
    if name == "save":
        for seed in "12":
            _trained(stage.comments, seed)
    outputs = kept(stage, f"alone, {name.replace('/', ' ')}", partial(_alone, name, stage))
    _prepare(folder)
    first, second = pairs(stage)[name]
    one = start(first, folder, **_options(folder))
    time.sleep(delay)
    other = start(second, folder, **_options(folder))
    both = (wait(one), wait(other))
    for ended in both:
        refused = "another benchmark is running" in ended.err  # one may be refused, with a sentence
        check_said(ended, (2,) if refused else (0,))
    if not any(ended.code == 0 for ended in both):
        raise NotHeldError("both were refused")
    left = contents(folder / "out")
    check_whole(left, *outputs)
    check_nothing_aside(left)
