"""Run a plan in several processes, and skip finished runs."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor  # joblib's processes, whose environment can be set

from toxiclf._files import locked
from toxiclf._progress import Countdown, duration
from toxiclf.benchmark import rows
from toxiclf.benchmark.jobs import Job
from toxiclf.benchmark.measuring import killed, measured
from toxiclf.benchmark.plan import Plan
from toxiclf.errors import UsageError

Say = Callable[[str], None]

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1",
}  # fmt: skip
"""Of each process: so that figures and times do not hang on how many there are."""
_LOOK = 0.5  # seconds between two looks at whether the benchmark is still there


def run_plan(
    plan: Plan, out: Path, *, jobs: int = 1, again: bool = False, say: Say = lambda message: None
) -> list[dict[str, Any]]:
    """Run the missing jobs, and return the rows of all runs in the plan's order.

    Parameters
    ----------
    out : folder with a row a file (``rows/``) and what runs share (``cache/``, which may be deleted).
    jobs : processes, each of one thread.
    again : whether runs that failed are tried again.

    Raises
    ------
    UsageError : a name in the plan is unknown, or another benchmark runs in the folder.
    DataError : a corpus cannot be read, or changed meanwhile.
    """
    say(f"{plan.title}: reading {', '.join(dict.fromkeys(corpus.plain for corpus in plan.corpora))}")
    named = [Job.of(run) for run in plan.runs()]

    def refuse() -> None:
        raise UsageError(f"another benchmark is running in {out}; wait for it, or give another folder")

    out.mkdir(parents=True, exist_ok=True)
    with locked(out / ".lock", refuse):
        known = {job.key: rows.read(out, job.key) for job in named}
        missing = {job.key: job for job in named if _to_run(known[job.key], again)}
        left = sum(row["status"] == "failed" for key, row in known.items() if row is not None and key not in missing)
        failed = f", {left:,} of them failed (--retry-failed tries again)" if left else ""
        say(f"{plan.title}: {len(named):,} runs, {len(named) - len(missing):,} finished before{failed}")
        if missing:
            _run(list(missing.values()), out, jobs, say)
    return finished(plan, out)


def _to_run(row: dict[str, Any] | None, again: bool) -> bool:
    return row is None or (row["status"] == "failed" and (again or bool(row.get("passing"))))


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
    job_rows = [(job, rows.read(out, job.key)) for job in named]
    return [{**row, **_named(job)} for job, row in job_rows if row is not None]


def _named(job: Job) -> dict[str, Any]:
    """A row is known by what it came from; what it is called is the plan's."""
    return {"corpus": job.run.corpus.title, "entry": job.run.entry.name, "seed": job.run.seed}


def _run(missing: list[Job], out: Path, jobs: int, say: Say) -> None:
    """Run jobs, as many at a time; of those that were under way when a process was killed, each once more by itself."""
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)  # a grown process is renewed
    progress = _Progress(len(missing), say)
    waiting, suspects = deque(missing), deque[Job]()
    while waiting or suspects:
        alone = bool(suspects)
        from_queue = suspects if alone else waiting
        under_way: dict[Future[dict[str, Any]], Job] = {}
        executor = get_reusable_executor(
            max_workers=1 if alone else jobs, env=ONE_THREAD, timeout=60, initializer=_end_with, initargs=(os.getpid(),)
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
                if row is not None and row["status"] == "done":  # written before it ended
                    progress.report(job, row)
                elif alone:
                    progress.report(job, killed(job, out))
                else:
                    suspects.append(job)
        finally:
            executor.shutdown(wait=True, kill_workers=True)


class _Progress:
    """Prints a sentence for each run."""

    def __init__(self, count: int, say: Say) -> None:
        self._count, self._say, self._done, self._countdown = count, say, 0, Countdown(count)

    def report(self, job: Job, row: dict[str, Any]) -> None:
        """Report a finished run."""
        self._done += 1
        left = duration(self._countdown.left(self._done))
        if row["status"] == "failed":
            figure = row["reason"]
        else:
            figure = f"average precision {row['metrics']['average_precision'] or 0.0:.3f}"
        self._say(f"{self._done:,} of {self._count:,}, {left} left: {job.run}: {figure}, {row['seconds']:.1f} s")
