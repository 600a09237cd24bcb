"""Run trials one by one, and say how the search stands."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from toxiclf._progress import duration
from toxiclf.errors import DataError, UsageError
from toxiclf.pipeline.fit import DivergedError, Say
from toxiclf.pipeline.search.judge import Judge
from toxiclf.pipeline.search.trials import Log, Settings, Trial, plainly
from toxiclf.recipe import SearchSection


class Progress:
    """Runs trials or takes them from the log, and says how the search stands."""

    def __init__(self, section: SearchSection, count: int, log: Log, say: Say) -> None:
        self._metric, self._count, self._log, self._say = section.metric.replace("_", " "), count, log, say
        self.best: Trial | None = None
        self.done: list[Trial] = []
        self._ran: list[float] = []
        self._errors: list[DivergedError | DataError | UsageError] = []

    def run(self, number: int, settings: Settings, judge: Judge) -> Trial:
        """The trial of these settings."""
        known = self._log.find(settings)
        if known is not None:
            trial = replace(known, number=number)
        else:
            trial = self._fresh(number, settings, judge)
            self._log.add(trial)
            self._ran.append(trial.seconds)
        self.done.append(trial)
        if trial.value is not None and (self.best is None or self.best.value is None or trial.value > self.best.value):
            self.best = trial
        if known is None:
            self._say(self._sentence(trial))
        return trial

    def defeat(self) -> Exception:
        """What to raise where no candidate could be fitted: the kind of error that is first among their failures."""
        first = self._errors[0]
        if isinstance(first, DivergedError):
            return first
        return type(first)(
            f"none of the {self._count} candidates of the search could be fitted; the first one: {first}"
        )

    def _fresh(self, number: int, settings: Settings, judge: Judge) -> Trial:
        began = time.perf_counter()
        values: tuple[float, ...] = ()
        failure = ""
        try:
            values = judge.folds_of(settings)
        except DivergedError as error:
            failure = str(error)
            self._errors.append(error)
        except (DataError, UsageError) as error:
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
