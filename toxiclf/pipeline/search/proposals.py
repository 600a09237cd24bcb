"""Choose the settings that a search tries: all combinations of a grid, or proposals by optuna."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from toxiclf.errors import MissingExtraError, UsageError
from toxiclf.pipeline.fit import features_key
from toxiclf.pipeline.search.trials import Settings, Trial, plainly
from toxiclf.recipe import Range, Recipe, SearchSection

Run = Callable[[int, Settings], Trial]


def grid(recipe: Recipe, section: SearchSection) -> list[Settings]:
    """Return all combinations of the values in each table of the search, without repeats.

    Combinations whose models use the same features follow each other.

    Raises
    ------
    UsageError : a combination is not a valid recipe.
    """
    check_values(recipe, section)
    distinct: dict[str, Settings] = {}
    order: dict[str, int] = {}
    places: dict[str, int] = {}
    for space in section.space:
        for values in product(*(values for values in space.values() if not isinstance(values, Range))):
            settings = dict(zip(space, values, strict=True))
            try:
                candidate = recipe.changed(settings)
            except UsageError as error:
                raise UsageError(
                    f"search.space: {plainly(settings)}: {error.message}; put values that are not valid together "
                    "into separate tables"
                ) from error
            distinct.setdefault(candidate.sha256(), settings)
            places.setdefault(candidate.sha256(), order.setdefault(features_key(candidate), len(order)))
    return [distinct[key] for key in sorted(distinct, key=lambda key: places[key])]


def in_turn(candidates: list[Settings], run: Run) -> list[Trial]:
    """Run the candidates in their order and return their trials."""
    return [run(number, settings) for number, settings in enumerate(candidates, start=1)]


class Optuna:
    """Proposes candidates by optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

    The sampler gets a new seed for each trial, so trial k depends on the trials before it, but not on when the search
    was interrupted.
    """

    def __init__(self, recipe: Recipe, section: SearchSection) -> None:
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise MissingExtraError("search.method 'optuna'", "search") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._recipe, self._section = optuna, recipe, section
        check_values(recipe, section)

    def run(self, run: Run) -> list[Trial]:
        """Run one trial after another, each proposed from the results so far; return them without repeated settings."""
        study = self._optuna.create_study(direction="maximize")
        trials: list[Trial] = []
        for number in range(1, self._section.trials + 1):
            seed = np.random.SeedSequence([self._recipe.seed, number]).generate_state(1)[0]
            study.sampler = self._optuna.samplers.TPESampler(seed=int(seed))
            asked = study.ask()
            trial = run(number, self._settings(asked))
            failed = self._optuna.trial.TrialState.FAIL
            study.tell(asked, trial.value) if trial.value is not None else study.tell(asked, state=failed)
            if all(trial.settings != other.settings for other in trials):  # optuna may repeat settings of a small space
                trials.append(trial)
        return trials

    def _settings(self, asked: Any) -> Settings:
        spaces = self._section.space
        number = asked.suggest_categorical("space", range(len(spaces))) if len(spaces) > 1 else 0
        settings = {}
        for key, values in sorted(spaces[number].items()):  # a saved recipe has its keys in another order
            name = f"{number} {key}"
            if not isinstance(values, Range):
                settings[key] = values[asked.suggest_categorical(name, range(len(values)))]
                continue
            step = {} if values.step == "none" else {"step": values.step}
            if values.whole:
                settings[key] = asked.suggest_int(name, values.low, values.high, log=values.log, **step)
            else:
                value = asked.suggest_float(name, values.low, values.high, log=values.log, **step)
                digits = 4 if values.step == "none" else 12
                written = float(f"{value:.{digits}g}")  # rounded, to be easy to read
                settings[key] = min(max(written, values.low), values.high)
        return settings


def _samples(values: Range | tuple[Any, ...]) -> tuple[Any, ...]:
    """Return values to check before the search: all values of a list, or the two ends of a range.

    For a range of fractions without a step, add a number in between.
    """
    if not isinstance(values, Range):
        return values
    between = () if values.whole or values.step != "none" else (values.low + 0.41 * (values.high - values.low),)
    return values.low, values.high, *between


def check_values(recipe: Recipe, section: SearchSection) -> None:
    """Check each value of the search before anything is fitted.

    A combination of valid values may still not be valid. If optuna proposes such a combination, its trial fails when it
    is run.

    Raises
    ------
    UsageError : a key is unknown, or a value is valid for none of the models in its table.
    """
    for space in section.space:
        models = space.get("model.name", (recipe.model.name,))
        if isinstance(models, Range):
            raise UsageError("search.space: model.name needs a list of names, not a range")
        for key, values in space.items():
            for value in _samples(values):
                refusal = _refusal(recipe, space, models, key, value)
                if refusal is not None:
                    raise refusal


def _refusal(
    recipe: Recipe, space: Mapping[str, Any], models: Sequence[str], key: str, value: Any
) -> UsageError | None:
    """Return the error if a value is valid for none of the models in its table; return None if it is valid for one.

    The value is tried alone and together with each value of each other key of the table; one valid try suffices.
    """
    others = [{}, *({k: v} for k in space if k not in (key, "model.name") for v in _samples(space[k]))]
    refusals = []
    for beside, model in product(others, models):
        try:
            recipe.changed({"model.name": model, **beside, key: value})
        except UsageError as error:
            refusals.append(error)
        else:
            return None
    return refusals[0]
