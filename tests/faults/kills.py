"""kill -9 at any moment: afterwards old or new, whole; the same command works, and leaves nothing else behind.

Every second process is killed just before it changes a file for the n-th time, the others after a random time.
"""

from __future__ import annotations

import http.server
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.cases import (
    Case,
    NotHeldError,
    Output,
    check_nothing_aside,
    check_said,
    check_whole,
    contents,
    visible,
)
from tests.faults.processes import Ended, command, run, start, wait
from tests.faults.stage import FAST, Stage, kept

_NETWORK = (
    "--model", "dnn", "--set", "vectors.size=8", "--set", "vectors.epochs=1", "--set", "model.epochs=20", "--set",
    "model.patience=20",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A command that writes.

    Attributes
    ----------
    old, new : what writes the old output into the working folder, and the new one; None if there is no old one.
    steps : whether finished parts of the output may stand there before the others, as in a benchmark, which resumes.
    """

    name: str
    old: Callable[[], object] | None
    new: Callable[[], object]
    steps: bool = False


def targets(stage: Stage) -> list[Target]:
    """All commands that are killed, in families of :data:`FAMILIES` by the first word of their names."""
    comments, many, bundle = str(stage.comments), str(stage.many), str(stage.bundle)
    train = partial(command, "train", comments, *FAST, "--out", "out/run", "--seed")
    predict = partial(command, "predict", many, "--bundle", bundle, "--out")
    pretrain = partial(
        command, "pretrain", comments, "--size", "8", "--epochs", "1", "--out", "out/vectors", "--window"
    )
    benchmark = partial(
        command,
        "benchmark",
        "--corpus",
        comments,
        "--model",
        "majority,ngram_logistic",
        "--out",
        "out/benchmark",
        *FAST,
        "--seeds",
    )
    return [
        Target("train over an old run", train("1"), train("2")),
        Target("train anew", None, train("2")),
        Target(
            "train a network, which resumes",
            None,
            command("train", comments, *_NETWORK, "--out", "out/run", "--resume"),
        ),
        Target("save over an old run", _saved(stage, "1"), _saved(stage, "2")),
        Target("save anew", None, _saved(stage, "2")),
        Target("predict over an old file", predict("out/scored.csv", "--threshold", "0.3"), predict("out/scored.csv")),
        Target("predict anew, JSON Lines", None, predict("out/scored.jsonl")),
        Target("pretrain over old vectors", pretrain("5"), pretrain("3")),
        Target("pretrain anew", None, pretrain("3")),
        Target("benchmark with another seed", benchmark("0..0"), benchmark("0..1"), steps=True),
        Target("benchmark anew", None, benchmark("0..0"), steps=True),
        Target("fetch anew", None, _fetch, steps=True),
        Target("fetch again after damage", _damaged, _fetch, steps=True),
    ]


def _saved(stage: Stage, seed: str) -> Callable[[], object]:
    """Save a model that was trained before, in this process or the one that forked it."""

    def act() -> None:
        Path("out").mkdir(exist_ok=True)
        _trained(stage.comments, seed).save("out/run", overwrite=True)

    return act


@cache
def _trained(comments: Path, seed: str) -> Any:
    import toxiclf

    settings = dict(setting.split("=") for setting in FAST[1::2])
    recipe: dict[str, Any] = {"seed": int(seed)}
    for key, value in settings.items():
        section, _, name = key.partition(".")
        recipe.setdefault(section, {})[name] = int(value)
    recipe["model"]["name"] = "ngram_logistic"
    return toxiclf.train(comments, recipe)


# --- fetching, from a server in the process that fetches

_CORPUS = "나쁜 말|1\n좋은 말 함|0\n".encode() * 50_000


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_CORPUS)))
        self.end_headers()
        for i in range(0, len(_CORPUS), 20_000):
            self.wfile.write(_CORPUS[i : i + 20_000])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _fetch() -> None:
    """Fetch a corpus into the folder "out"."""
    import hashlib
    import os

    from toxiclf.datasets.cards import Card
    from toxiclf.datasets.fetch import fetch

    os.environ["TOXICLF_CACHE"] = os.path.abspath("out")
    os.environ["no_proxy"] = "127.0.0.1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    part = {
        "role": "train", "file": "comments.txt", "rows": 100_000, "size": len(_CORPUS),
        "sha256": hashlib.sha256(_CORPUS).hexdigest(), "address": f"http://127.0.0.1:{server.server_port}/comments.txt",
    }  # fmt: skip
    card = Card.model_validate({
        "name": "tiny", "title": "A tiny corpus", "citation": "Kim (2026). Tiny.", "upstream": "https://example.org/tiny",
        "licence": {"id": "MIT", "address": "https://example.org/MIT", "commercial": True}, "text": "text", "labels": ["label"],
        "parts": [part],
    })  # fmt: skip
    (fetched,) = fetch(card, accept=lambda card: False, say=lambda message: sys.stderr.write(f"{message}\n"))
    if fetched.path.read_bytes() != _CORPUS:
        raise NotHeldError("the fetched file is not the corpus")


def _damaged() -> None:
    """A damaged file where the fetched one will be."""
    _fetch()
    (Path("out") / "corpora" / "tiny" / "comments.txt").write_bytes(_CORPUS[:-1] + b"!")


# --- the attack


@dataclass(frozen=True)
class Known:
    """What a target leaves when nobody kills it."""

    old: Output
    new: Output
    seconds: float
    changes: int
    before: Path


def known(target: Target, stage: Stage) -> Known:
    """Run a target twice without a kill; the folder ``before`` keeps the old output. Done once in a campaign."""
    return kept(stage, target.name, partial(_known, target, stage))


def _known(found: Target, stage: Stage) -> Known:
    target = found.name
    places = [Path(tempfile.mkdtemp(prefix="known-", dir=stage.folder)) for _ in range(2)]
    before = Path(tempfile.mkdtemp(prefix="before-", dir=stage.folder))
    (before / "out").mkdir()
    old: list[Any] = []
    new: list[Any] = []
    ended = Ended(0, b"", "", 0, 0)
    for place in places:
        shutil.copytree(before, place, dirs_exist_ok=True)
        if found.old is not None:
            run(found.old, place)
        old.append(visible(contents(place / "out")))
        if place == places[0]:
            shutil.rmtree(before)
            shutil.copytree(place, before)
        ended = run(found.new, place)
        if ended.code:
            raise NotHeldError(f"{target} fails without a kill: {ended.err[-300:]}")
        new.append(visible(contents(place / "out")))
    exactly = Output(old[0], list(old[0]))
    whole = Output.of(*new)
    if "network" in target:  # the report of a resumed run says so
        whole = Output(whole.files, [name for name in whole.stable if "report" not in name])
    return Known(exactly, whole, ended.seconds, ended.changes, before)


def cases(stage: Stage, seed: int, number: int, *, family: str) -> Iterator[Case]:
    """So many kills."""
    names = [target.name for target in targets(stage) if target.name.startswith(family)]
    for i in range(number):
        random = Random(f"{seed} {family} {i}")
        name = names[i % 2 if i % 16 < 15 else -1]  # a network takes longer: few of them
        how = "at a change" if i // 2 % 2 else "after a time"
        yield Case(f"{i} {name}: {how}", partial(_try, stage, name, how, random.random()))


def _try(stage: Stage, name: str, how: str, moment: float, folder: Path) -> None:
    (target,) = [each for each in targets(stage) if each.name == name]
    if name.startswith("save"):
        for seed in "12":
            _trained(stage.comments, seed)
    whole = known(target, stage)
    shutil.copytree(whole.before, folder, dirs_exist_ok=True)
    if how == "at a change":
        ended = run(target.new, folder, kill_at=1 + int(moment * whole.changes))
    else:
        ended = wait(start(target.new, folder), kill_after=moment * whole.seconds)
    if ended.code not in (0, -9):
        raise NotHeldError(f"exit code {ended.code}: {ended.err[-200:]}")
    problems = []
    try:
        left = {
            name: kind for name, kind in contents(folder / "out").items() if not name.startswith("run/checkpoints/")
        }
        (_check_steps if target.steps else check_whole)(left, whole.old, whole.new)
        _check_json(folder / "out")
    except NotHeldError as error:
        problems.append(f"after the kill: {error}")
    again = run(target.new, folder)
    try:
        check_said(again, (0,))
        left = contents(folder / "out")
        check_whole(left, whole.new)
        check_nothing_aside(left)
    except NotHeldError as error:
        problems.append(f"after the same command again: {error}")
    if problems:
        raise NotHeldError("; ".join(problems))


def terminations(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Commands that are asked to end (SIGTERM): old or new, whole, and nothing else is left, at once."""
    names = [
        target.name
        for target in targets(stage)
        if not target.name.startswith(("save", "fetch")) and "network" not in target.name
    ]
    for i in range(number):
        moment = Random(f"{seed} terminated {i}").random()
        yield Case(f"{i} {names[i % len(names)]}", partial(_terminate, stage, names[i % len(names)], moment))


def _terminate(stage: Stage, name: str, moment: float, folder: Path) -> None:
    (target,) = [each for each in targets(stage) if each.name == name]
    whole = known(target, stage)
    shutil.copytree(whole.before, folder, dirs_exist_ok=True)
    ended = wait(start(target.new, folder), terminate_after=moment * whole.seconds)
    check_said(ended, (0, 143))
    found = contents(folder / "out")
    (_check_steps if target.steps else check_whole)(found, whole.old, whole.new)
    check_nothing_aside(found)


def _check_steps(found: Any, old: Output, new: Output) -> None:
    """Files of the new output may be there one by one, and each is whole."""
    seen = visible(found)
    names = {name for name in seen if not name.endswith("/")}
    if more := sorted(names - set(old.files) - set(new.files)):
        raise NotHeldError(f"unexpected {more[:4]}")
    for name in names & set(new.stable):
        if seen[name] not in (old.files.get(name), new.files[name]):
            raise NotHeldError(f"{name} is neither old nor new")
    if lost := sorted(set(old.files) & set(new.files) - set(seen)):
        raise NotHeldError(f"lost: {lost[:4]}")


def _check_json(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                raise NotHeldError(f"{path.name} is half a file: {error}") from error


FAMILIES: dict[str, tuple[Callable[[Stage, int, int], Iterable[Case]], int]] = {
    name: (partial(cases, family=name), 2 * (name == "fetch"))
    for name in ("train", "save", "predict", "pretrain", "benchmark", "fetch")
}
"""By what is killed: its cases, and how many belong to a short campaign."""
