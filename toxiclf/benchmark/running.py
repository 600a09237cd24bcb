"""Runs a plan in several processes, and skips finished runs."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor  # it can set environment variables of its processes

from toxiclf._console import guard_messages
from toxiclf._files import locked
from toxiclf._progress import Bar
from toxiclf.benchmark import rows
from toxiclf.benchmark.jobs import Job
from toxiclf.benchmark.measuring import killed, measured
from toxiclf.benchmark.plan import Plan
from toxiclf.benchmark.time_left import TimeLeft
from toxiclf.errors import UsageError

Say = Callable[[str], None]

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1",
}  # fmt: skip
"""Environment variables of each process: one thread, so that results and times do not depend on the number of
processes."""
_LOOK = 0.5  # seconds between two checks that the benchmark still runs


def run_plan(
    plan: Plan, out: Path, *, jobs: int = 1, again: bool = False, say: Say = lambda message: None, bar: bool = False
) -> list[dict[str, Any]]:
    """Run the jobs that are not finished, and return the rows of all runs in the plan's order.

    Parameters
    ----------
    plan : the plan.
    out : folder with a file for each row (``rows/``) and features that runs share (``cache/``, which may be deleted).
    jobs : number of processes, each with one thread.
    again : whether to repeat failed runs. Those that failed because of the machine or a missing package are repeated
        anyway.
    say : function that shows a line of progress.
    bar : whether to draw a progress bar on standard error below these lines.

    Raises
    ------
    UsageError : a name in the plan is unknown, or another benchmark runs in the folder.
    DataError : a corpus cannot be read, it changed during the benchmark, or the file of a row is damaged.
    """
    say(f"{plan.title}: reading {', '.join(dict.fromkeys(corpus.plain for corpus in plan.corpora))}")
    named = [Job.of(run) for run in plan.runs()]

    def refuse() -> None:
        raise UsageError(f"another benchmark is running in {out}; wait for it, or give another folder")

    out.mkdir(parents=True, exist_ok=True)
    with locked(out / ".lock", refuse):
        known = {job.key: rows.read(out, job.key) for job in named}
        missing = {job.key: job for job in named if _to_run(known[job.key], again)}
        n_failed = sum(
            row["status"] == "failed" for key, row in known.items() if row is not None and key not in missing
        )
        failed = f", {n_failed:,} of them failed (--retry-failed tries again)" if n_failed else ""
        say(f"{plan.title}: {len(named):,} runs, {len(named) - len(missing):,} finished before{failed}")
        if missing:
            left = TimeLeft(jobs)
            for job in named:
                row = known[job.key]
                if row is not None and row["status"] == "done":
                    left.add(job.run, row["seconds"])
            progress = _Progress(len(named), missing, left, say, bar)
            try:
                with progress:
                    _run(list(missing.values()), out, jobs, progress)
            except BaseException:  # also an error caused by a signal that ended the worker processes
                progress.ended_early(out)
                raise
    return finished(plan, out)


def _to_run(row: dict[str, Any] | None, again: bool) -> bool:
    return row is None or (row["status"] == "failed" and (again or bool(row.get("passing"))))


def _begin(parent: int) -> None:
    """Prepare a worker process: escape what libraries print, and exit when the benchmark process ``parent`` ends."""
    guard_messages()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    if os.getppid() == parent:  # only if the benchmark is the direct parent
        threading.Thread(target=look, daemon=True).start()


def finished(plan: Plan, out: Path) -> list[dict[str, Any]]:
    """Return the rows of all finished runs in the plan's order, without running anything."""
    named = [Job.of(run) for run in plan.runs()]
    job_rows = [(job, rows.read(out, job.key)) for job in named]
    return [{**row, **_named(job)} for job, row in job_rows if row is not None]


def _named(job: Job) -> dict[str, Any]:
    """Return corpus, entry and seed as the job names them; a stored row may come from a plan with other names."""
    return {"corpus": job.run.corpus.title, "entry": job.run.entry.name, "seed": job.run.seed}


def _run(missing: list[Job], out: Path, jobs: int, progress: _Progress) -> None:
    """Run the jobs ``missing``, at most ``jobs`` of them at a time.

    If a process is killed, each job that was in progress runs once more, alone.
    """
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)  # grown processes are replaced
    waiting, suspects = deque(missing), deque[Job]()
    while waiting or suspects:
        alone = bool(suspects)
        from_queue = suspects if alone else waiting
        under_way: dict[Future[dict[str, Any]], Job] = {}
        executor = get_reusable_executor(
            max_workers=1 if alone else jobs, env=ONE_THREAD, timeout=60, initializer=_begin, initargs=(os.getpid(),)
        )
        try:
            while from_queue or under_way:
                while from_queue and len(under_way) < (1 if alone else jobs):
                    under_way[executor.submit(measured, from_queue[0], out)] = from_queue[0]
                    from_queue.popleft()
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    progress.report(under_way[future], future.result())
                    del under_way[future]
        except BrokenProcessPool:
            for job in under_way.values():
                row = rows.read(out, job.key)
                if row is not None and row["status"] == "done":  # its row was written before the process was killed
                    progress.report(job, row)
                elif alone:
                    progress.report(job, killed(job, out))
                else:
                    suspects.append(job)
        finally:
            executor.shutdown(wait=True, kill_workers=True)


class _Progress:
    """Shows the time left before the first run, and a line for each finished run; on a terminal also a bar."""

    def __init__(self, count: int, missing: Mapping[str, Job], left: TimeLeft, say: Say, bar: bool) -> None:
        self._left_of = left
        self._missing = {key: job.run for key, job in missing.items()}
        self._count, self._done = count, count - len(missing)
        self._bar = Bar("benchmark", self._count, drawn=bar, time_left=False)
        self._say = self._bar.say if bar else say

    def __enter__(self) -> _Progress:
        self._bar.__enter__()
        if left := self._left():
            self._say(f"{left}, a rough estimate from the size of each corpus and fit times on other machines")
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)

    def report(self, job: Job, row: dict[str, Any]) -> None:
        """Show how many runs are done, the time left, and the result of this run."""
        del self._missing[job.key]
        self._done += 1
        if row["status"] == "failed":
            figure = row["reason"]
        else:
            figure = f"average precision {row['metrics']['average_precision'] or 0.0:.3f}"
            self._left_of.add(job.run, row["seconds"])
        left = ", ".join(filter(None, (f"{self._done:,} of {self._count:,}", self._left())))
        self._say(f"{left}: {job.run}: {figure}, {row['seconds']:.1f} s")

    def ended_early(self, out: Path) -> None:
        """Say how to resume."""
        self._say(
            f"{self._done:,} of {self._count:,} runs are finished and kept in {out}; the same command resumes with the others"
        )

    def _left(self) -> str:
        left = self._left_of.text(self._missing.values())
        self._bar.update(self._done, f"{self._done:,} of {self._count:,} runs, {left}")
        return left
