"""Which settings a search tries: a grid, or optuna's proposals."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from toxiclf.errors import MissingExtraError
from toxiclf.recipe import Range, Recipe, SearchSection
from toxiclf.search.judge import features_key
from toxiclf.search.trials import Settings, Trial

Run = Callable[[int, Settings], Trial]


def grid(recipe: Recipe, section: SearchSection) -> list[Settings]:
    """All combinations of each space, each a valid recipe and none twice; those that share features stand together.

    Raises
    ------
    UsageError : a combination is no valid recipe.
    """
    found: dict[str, Settings] = {}
    order: dict[str, int] = {}
    places: dict[str, int] = {}
    for space in section.space:
        for values in product(*(values for values in space.values() if not isinstance(values, Range))):
            settings = dict(zip(space, values, strict=True))
            candidate = recipe.changed(settings)
            found.setdefault(candidate.sha256(), settings)
            places.setdefault(candidate.sha256(), order.setdefault(features_key(candidate), len(order)))
    return [found[key] for key in sorted(found, key=lambda key: places[key])]


def in_turn(candidates: list[Settings], run: Run) -> list[Trial]:
    """Run candidates in their order."""
    return [run(number, settings) for number, settings in enumerate(candidates, start=1)]


class Optuna:
    """Candidates by a tree-structured Parzen estimator (Bergstra et al. 2011), as optuna has it.

    The sampler is seeded for each trial anew, so that trial k depends on the trials before it and not on when a search was
    interrupted.
    """

    def __init__(self, recipe: Recipe, section: SearchSection) -> None:
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise MissingExtraError("search.method 'optuna'", "search") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._recipe, self._section = optuna, recipe, section
        for space in section.space:  # what can be refused is refused before the first fit
            for key, values in space.items():
                ends = (values.low, values.high) if isinstance(values, Range) else values
                others = {name: given[0] for name, given in space.items() if not isinstance(given, Range)}
                for value in ends:
                    recipe.changed({**others, key: value})

    def run(self, run: Run) -> list[Trial]:
        """Ask, run, tell."""
        study = self._optuna.create_study(direction="maximize")
        trials = []
        for number in range(1, self._section.trials + 1):
            study.sampler = self._optuna.samplers.TPESampler(seed=self._recipe.seed + number)
            asked = study.ask()
            trial = run(number, self._settings(asked))
            failed = self._optuna.trial.TrialState.FAIL
            study.tell(asked, trial.value) if trial.value is not None else study.tell(asked, state=failed)
            trials.append(trial)
        return trials

    def _settings(self, asked: Any) -> Settings:
        spaces = self._section.space
        number = asked.suggest_categorical("space", range(len(spaces))) if len(spaces) > 1 else 0
        settings = {}
        for key, values in spaces[number].items():
            name = f"{number} {key}"
            if not isinstance(values, Range):
                settings[key] = values[asked.suggest_categorical(name, range(len(values)))]
                continue
            step = {} if values.step == "none" else {"step": values.step}
            if values.whole:
                settings[key] = asked.suggest_int(name, values.low, values.high, log=values.log, **step)
            else:
                value = asked.suggest_float(name, values.low, values.high, log=values.log, **step)
                settings[key] = min(max(float(f"{value:.4g}"), values.low), values.high)  # as a person would write it
        return settings
