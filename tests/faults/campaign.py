"""Runs families of attacks in processes that may hang or die, and counts what held."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults import inputs, kills, limits, mutations, resealed, threads, writers
from tests.faults.cases import Case, NotHeldError, NotTriedError
from tests.faults.stage import Stage


@dataclass(frozen=True)
class Family:
    """Attacks of a kind.

    Attributes
    ----------
    cases : makes attacks from a stage, a seed and their number.
    full, short : number of attacks in a full and in a short campaign.
    seconds : what an attack may take at most, before it is taken for hanging.
    """

    cases: Callable[[Stage, int, int], Iterable[Case]]
    full: int
    short: int
    seconds: float = 300


@dataclass(frozen=True)
class Result:
    """What came of an attack: "held", "not held" or "not tried", and why."""

    family: str
    name: str
    outcome: str
    why: str = ""
    seconds: float = 0.0


FAMILIES: dict[str, Family] = {
    "damaged bundles": Family(mutations.cases, 1000, 30, 60),
    "re-sealed bundles": Family(resealed.cases, 500, 30, 60),
    "hostile inputs": Family(inputs.cases, inputs.NUMBER, 12),
    **{f"kill -9 in {name}": Family(cases, 50, short) for name, (cases, short) in kills.FAMILIES.items()},
    "SIGTERM": Family(kills.terminations, 48, 0),
    "two writers": Family(writers.cases, 60, 0),
    "disk full": Family(limits.disk_full, 80, 0),
    "/dev/full, closed and broken pipes": Family(limits.streams, 40, 4),
    "few file descriptors": Family(limits.descriptors, 60, 0),
    "little memory": Family(limits.memory, 24, 0),
    "64 threads": Family(threads.cases, 12, 1),
}


def fight(
    name: str, family: Family, stage: Stage, seed: int, number: int, jobs: int, folder: Path, only: str = "",
    deadline: float = float("inf"),
) -> Iterator[Result]:  # fmt: skip
    """Run the attacks of a family; yield a result for each."""
    try:
        cases = [case for case in family.cases(stage, seed, number) if only in case.name][:number]
    except NotTriedError as error:
        yield Result(name, "all", "not tried", str(error))
        return
    waiting = {worker: [i for i in range(len(cases)) if i % jobs == worker] for worker in range(jobs)}
    running: dict[int, _Worker] = {}
    for worker in list(waiting):
        if waiting[worker]:
            running[worker] = _Worker.of(cases, waiting[worker], folder)
    while running:
        ready, _, _ = select.select([worker.pipe for worker in running.values()], [], [], 0.2)
        for number_of, worker in list(running.items()):
            found = worker.read() if worker.pipe in ready else []
            for i, outcome, why, seconds in found:
                if outcome == "begun":
                    worker.current, worker.since = i, time.monotonic()
                    continue
                waiting[number_of].remove(i)
                worker.current = None
                yield Result(name, cases[i].name, outcome, why, seconds)
            hangs = worker.current is not None and time.monotonic() - worker.since > family.seconds
            if not worker.ended and not hangs and time.monotonic() < deadline:
                continue
            died = worker.end()
            if time.monotonic() >= deadline:
                for i in waiting[number_of]:
                    yield Result(name, cases[i].name, "not tried", "no time left")
                waiting[number_of] = []
            elif worker.current is not None:
                waiting[number_of].remove(worker.current)
                why = f"hangs: not done after {family.seconds:.0f} s" if hangs else f"the process died ({died})"
                yield Result(name, cases[worker.current].name, "not held", why)
            del running[number_of]
            if waiting[number_of]:
                running[number_of] = _Worker.of(cases, waiting[number_of], folder)


@dataclass
class _Worker:
    """A process that goes through cases, and says what it begins and what came of it."""

    pid: int
    pipe: int
    rest: bytes = b""
    current: int | None = None
    since: float = 0.0
    ended: bool = False

    @classmethod
    def of(cls, cases: Sequence[Case], numbers: Sequence[int], folder: Path) -> _Worker:
        reading, writing = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            os.close(reading)
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(
                os.open(folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2
            )  # ONNX Runtime's own
            try:
                for i in numbers:
                    _say(writing, i, "begun", "", 0.0)
                    begun = time.monotonic()
                    outcome, why = _outcome(cases[i], folder)
                    _say(writing, i, outcome, why, time.monotonic() - begun)
            finally:
                os._exit(0)
        os.close(writing)
        return cls(pid, reading)

    def read(self) -> list[tuple[int, str, str, float]]:
        piece = os.read(self.pipe, 2**16)
        self.ended = not piece
        *lines, self.rest = (self.rest + piece).split(b"\n")
        return [tuple(json.loads(line)) for line in lines]

    def end(self) -> str:
        """Kill the process if it still runs, and say how it ended."""
        if not self.ended:
            for kill in (os.killpg, os.kill):
                with suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pipe)
        code = os.waitstatus_to_exitcode(status)
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _say(pipe: int, *what: object) -> None:
    os.write(pipe, json.dumps(what).encode() + b"\n")


def _outcome(case: Case, folder: Path) -> tuple[str, str]:
    place = folder / f"case-{os.getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        case.act(place)
    except NotTriedError as error:
        return "not tried", str(error)
    except NotHeldError as error:
        return "not held", str(error)[:400]
    except BaseException:
        return "not held", "the attack itself failed: " + " | ".join(traceback.format_exc().splitlines()[-3:])[:400]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return "held", ""
