"""All runs of a plan, by several processes; what is finished is not done again."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from toxiclf.benchmark import rows
from toxiclf.benchmark.measuring import Job, measured
from toxiclf.benchmark.plan import Plan

Say = Callable[[str], None]

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
ONE_THREAD = {f"{name}_THREADS" if name.startswith("TF") else f"{name}_NUM_THREADS": "1" for name in _LIBRARIES}
"""Of each process: so that figures and times do not hang on how many there are."""
_LOOK = 0.5  # seconds between two looks at whether the benchmark is still there


def run_plan(
    plan: Plan, out: Path, *, jobs: int = 1, again: bool = False, say: Say = lambda message: None
) -> list[dict[str, Any]]:
    """Run what is missing, and return the rows of all runs in the plan's order.

    Parameters
    ----------
    out : folder with a row a file (``rows/``) and what runs share (``cache/``, which may be deleted).
    jobs : processes, each of one thread.
    again : whether runs that failed are tried again.
    """
    from joblib.externals.loky import get_reusable_executor  # joblib's processes, whose environment can be set

    say(f"{plan.title}: reading {', '.join(corpus.title for corpus in plan.corpora)}")
    named = [Job.of(run) for run in plan.runs()]
    known = {job.key: rows.read(out, job.key) for job in named}
    missing = {
        job.key: job for job in named if (row := known[job.key]) is None or (again and row["status"] == "failed")
    }
    say(f"{plan.title}: {len(named):,} runs, {len(named) - len(missing):,} finished before")
    if missing:
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)  # a grown process is renewed
        executor = get_reusable_executor(
            max_workers=jobs, env=ONE_THREAD, timeout=60, initializer=_end_with, initargs=(os.getpid(),)
        )
        try:
            _run(list(missing.values()), out, jobs, executor, say)
        finally:
            executor.shutdown(wait=True, kill_workers=True)
    return finished(plan, out)


def _end_with(parent: int) -> None:
    """In a process of the pool: end when the benchmark is gone, killed or not, rather than run on beside the next one."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    if os.getppid() == parent:  # not where something stands between
        threading.Thread(target=look, daemon=True).start()


def finished(plan: Plan, out: Path) -> list[dict[str, Any]]:
    """The rows that are there, in the plan's order; nothing is run."""
    named = [Job.of(run) for run in plan.runs()]
    found = [(job, rows.read(out, job.key)) for job in named]
    return [{**row, **_named(job)} for job, row in found if row is not None]


def _named(job: Job) -> dict[str, Any]:
    """A row is known by what it came from; what it is called is the plan's."""
    return {"corpus": job.run.corpus.title, "entry": job.run.entry.name, "seed": job.run.seed}


def _run(missing: list[Job], out: Path, jobs: int, executor: Any, say: Say) -> None:
    began = time.monotonic()
    waiting = {executor.submit(measured, job, out): job for job in missing}
    for done, future in enumerate(as_completed(waiting), start=1):
        row = future.result()
        left = (time.monotonic() - began) / done * (len(missing) - done)
        figure = (
            row["reason"]
            if row["status"] == "failed"
            else f"average precision {row['metrics']['average_precision']:.3f}"
        )
        place = f"{done:,} of {len(missing):,}, {_time(left)} left"
        say(f"{place}: {waiting[future].run}: {figure}, {row['seconds']:.1f} s")


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def processors() -> int:
    """How many processes may run side by side."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
