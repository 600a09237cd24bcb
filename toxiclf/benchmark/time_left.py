"""Estimates how long a benchmark takes: from measured fit times at first, then from its own finished runs."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np

from toxiclf._progress import duration
from toxiclf.benchmark.jobs import corpus
from toxiclf.benchmark.plan import PlannedRun
from toxiclf.errors import ToxiclfError
from toxiclf.pipeline.calibrate import decision_source
from toxiclf.pipeline.search.proposals import grid
from toxiclf.recipe import SearchSection

_FOLDS = 3  # of the measured fits
_BESIDE = 1.5  # seconds that a run needs beside its fits, such as latency and report


@cache
def _fit_seconds() -> dict[str, dict[int, float]]:
    """Return the fit time of each preset and rival by number of comments, as docs/results/models.csv publishes it."""
    rows = csv.DictReader(files("toxiclf.benchmark").joinpath("fit_seconds.csv").read_text("utf-8").splitlines())
    return {row.pop("entry"): {int(size): float(seconds) for size, seconds in row.items()} for row in rows}


def usual_seconds(run: PlannedRun, n_comments: int) -> float | None:
    """Return roughly how long a run takes with default settings of its model; None if its model was not measured."""
    try:
        recipe = run.recipe()
    except ToxiclfError:
        return 0.0  # the run fails at once
    measured = _fit_seconds().get(run.entry.rival or recipe.model.name)
    if measured is None:
        return None
    sizes, seconds = list(measured), list(measured.values())
    nearest = min(max(n_comments, sizes[0]), sizes[-1])
    fits = float(np.interp(nearest, sizes, seconds)) * n_comments / nearest
    watches = run.entry.rival is None and recipe.model.component["watches_validation"]
    if not watches or decision_source(recipe) == "out_of_fold":
        fits *= (1 + recipe.decision.folds) / (1 if watches else 1 + _FOLDS)
    if recipe.search.method != "none":
        plain = recipe.model_copy(update={"search": SearchSection()})
        tried = len(grid(plain, recipe.search)) if recipe.search.method == "grid" else recipe.search.trials
        fits *= 1 + tried * recipe.search.folds / (1 + recipe.decision.folds)
    return fits + _BESIDE


class TimeLeft:
    """Estimates the time left for the runs of a benchmark.

    A run takes as long as finished runs of the same entry on the same corpus. If there are none, it takes its usual time
    (see :func:`usual_seconds`), times the speed of this machine in other finished runs.
    """

    def __init__(self, n_processes: int) -> None:
        self._n_processes = n_processes
        self._seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._usual: dict[tuple[str, str], float | None] = {}
        self._taken = self._expected = 0.0

    def add(self, run: PlannedRun, seconds: float) -> None:
        """Add a finished run."""
        self._seconds[_key(run)].append(seconds)
        usual = self._usual_seconds(run)
        if usual:
            self._taken, self._expected = self._taken + seconds, self._expected + usual

    def text(self, runs: Iterable[PlannedRun]) -> str:
        """Return the time left for these runs as text; "" if nothing is known about any of them."""
        estimates = [self._estimate(run) for run in runs]
        known = [seconds for seconds in estimates if seconds is not None]
        if not known:
            return ""
        least = "at least" if len(known) < len(estimates) else "about"
        return f"{least} {duration(sum(known) / self._n_processes)} left"

    def _estimate(self, run: PlannedRun) -> float | None:
        if taken := self._seconds.get(_key(run)):
            return float(np.mean(taken))
        usual = self._usual_seconds(run)
        return None if usual is None else usual * (self._taken / self._expected if self._expected else 1.0)

    def _usual_seconds(self, run: PlannedRun) -> float | None:
        if _key(run) not in self._usual:
            parts = [part for part in corpus(run.corpus) if part is not None]
            self._usual[_key(run)] = usual_seconds(run, sum(map(len, parts)))
        return self._usual[_key(run)]


def _key(run: PlannedRun) -> tuple[str, str]:
    return run.corpus.title, run.entry.name
