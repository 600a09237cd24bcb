"""Trials of a search, the log that saves them, and the progress messages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf._files import append_line
from toxiclf._progress import duration
from toxiclf.errors import DataError, UsageError
from toxiclf.pipeline.fit import Say
from toxiclf.pipeline.fitted import DivergedError
from toxiclf.recipe import SearchSection

Settings = dict[str, Any]
Evaluate = Callable[[Settings], tuple[float, ...]]
"""Function from settings to the metric in each fold."""


@dataclass(frozen=True)
class Trial:
    """A candidate of a search with its result.

    Attributes
    ----------
    number : position in the grid or among optuna's proposals, from 1.
    settings : value of each searched recipe key.
    folds : the metric in each fold; empty if the candidate could not be fitted.
    seconds : how long the trial took.
    failure : why the candidate could not be fitted; empty if it could.
    """

    number: int
    settings: Settings
    folds: tuple[float, ...]
    seconds: float
    failure: str = ""

    @property
    def value(self) -> float | None:
        """Mean of the metric over folds; None if the candidate could not be fitted."""
        return float(np.mean(self.folds)) if self.folds else None

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as a dict of JSON types, for the report and the log."""
        return {
            "number": self.number, "settings": self.settings, "value": self.value,
            "deviation": float(np.std(self.folds, ddof=1)) if self.folds else None,
            "folds": list(self.folds), "seconds": round(self.seconds, 3), "failure": self.failure,
        }  # fmt: skip


def plainly(settings: Mapping[str, Any]) -> str:
    """Format settings as ``key=value, key=value``."""
    return ", ".join(f"{key}={value}" for key, value in settings.items())


class Log:
    """A file of finished trials, one line each, from which an interrupted search resumes.

    Each line names its search by ``identity``. Without a path, trials are only kept in memory.
    """

    def __init__(self, path: Path | None, identity: str, folds: int, say: Say) -> None:
        self._path, self._identity, self._folds = path, identity[:16], folds
        self._known: dict[str, Trial] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_text("utf-8", "replace") if path.is_file() else ""
        finished = [trial for line in content.split("\n") if (trial := self._trial(line)) is not None]
        self._known = {_key(trial.settings): trial for trial in finished}
        if self._known:
            say(f"search: {len(self._known)} trials are reused from {path}")

    def find(self, settings: Settings) -> Trial | None:
        """Return the trial with these settings; None if there is none, or if it failed in an earlier run."""
        return self._known.get(_key(settings))

    def add(self, trial: Trial) -> None:
        """Add a trial and append it to the file."""
        self._known[_key(trial.settings)] = trial
        self._append(json.dumps({"search": self._identity, **trial.to_dict()}, ensure_ascii=False))

    def _append(self, line: str) -> None:
        if self._path is not None:
            append_line(self._path, line)

    def _trial(self, line: str) -> Trial | None:
        """Parse a line; return None if the trial failed or is of another search, or if the line is not intact."""
        try:
            row = json.loads(line)
            values = tuple(float(value) for value in row["folds"])
            trial = Trial(int(row["number"]), dict(row["settings"]), values, float(row["seconds"]))
            mine = row["search"] == self._identity and len(values) == self._folds
            sound = all(0 <= value <= 1 for value in values) and 0 <= trial.seconds < np.inf
            return trial if mine and sound and row["value"] == trial.value else None
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None


class Progress:
    """Runs trials or takes them from the log, keeps the best one, and reports progress."""

    def __init__(self, section: SearchSection, count: int, log: Log, say: Say) -> None:
        self._metric, self._count, self._log, self._say = section.metric.replace("_", " "), count, log, say
        self.best: Trial | None = None
        self.done: list[Trial] = []
        self._ran: list[float] = []
        self._errors: list[DivergedError | DataError | UsageError] = []

    def run(self, number: int, settings: Settings, evaluate: Evaluate) -> Trial:
        """Return the trial with these settings from the log or, if it is not there, run it with ``evaluate``."""
        known = self._log.find(settings)
        if known is not None:
            trial = replace(known, number=number)
        else:
            trial = self._fresh(number, settings, evaluate)
            self._log.add(trial)
            self._ran.append(trial.seconds)
        self.done.append(trial)
        if trial.value is not None and (self.best is None or self.best.value is None or trial.value > self.best.value):
            self.best = trial
        if known is None:
            self._say(self._sentence(trial))
        return trial

    def defeat(self) -> Exception:
        """Return the error to raise if no candidate could be fitted, made from the first failure."""
        first = self._errors[0]
        if isinstance(first, DivergedError):
            return first
        return type(first)(
            f"none of the {self._count} candidates of the search could be fitted; the first one: {first}"
        )

    def _fresh(self, number: int, settings: Settings, evaluate: Evaluate) -> Trial:
        began = time.perf_counter()
        values: tuple[float, ...] = ()
        failure = ""
        try:
            values = evaluate(settings)
        except (DivergedError, DataError, UsageError) as error:
            failure = str(error)
            self._errors.append(error)
        return Trial(number, settings, values, time.perf_counter() - began, failure)

    def _sentence(self, trial: Trial) -> str:
        row = trial.to_dict()
        figure = f"{self._metric} {row['value']:.4f} ± {row['deviation']:.4f}" if trial.folds else trial.failure
        left = np.mean(self._ran) * (self._count - len(self.done))
        best = "" if self.best is None else f"; best so far {self.best.value:.4f} ({plainly(self.best.settings)})"
        time_left = f"; about {duration(float(left))} left" if left >= 1 else ""
        return f"search {trial.number} of {self._count}: {plainly(trial.settings)}: {figure}{best}{time_left}"


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)
