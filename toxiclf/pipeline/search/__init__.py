"""Try recipe keys with many values by cross-validation inside the training set, and keep the best recipe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from toxiclf.datasets.splitting import Split
from toxiclf.pipeline.fit import Say
from toxiclf.pipeline.search.cross_validation import CrossValidator
from toxiclf.pipeline.search.proposals import Optuna, grid, in_turn
from toxiclf.pipeline.search.trials import Log, Progress, Trial
from toxiclf.recipe import Recipe, SearchSection

__all__ = ["SearchResult", "search"]


@dataclass(frozen=True)
class SearchResult:
    """All trials of a search, and the best recipe.

    Attributes
    ----------
    recipe : the recipe with the best settings, and without a search.
    best : its trial.
    trials : all of them, by number.
    """

    recipe: Recipe
    best: Trial
    trials: list[Trial]
    section: SearchSection

    def to_dict(self) -> dict[str, Any]:
        """The search's part of ``report.json``."""
        return {
            "method": self.section.method, "metric": self.section.metric, "folds": self.section.folds,
            "stratified": self.section.stratified, "best": self.best.number,
            "trials": [trial.to_dict() for trial in self.trials],
        }  # fmt: skip


def search(parts: Split, recipe: Recipe, say: Say, log: Path | None = None) -> SearchResult:
    """Find the best values of the keys in ``[search]``.

    Every candidate is evaluated on the same folds of the training set, and everything learned (vocabulary, vectors, weights) is
    learned inside the fold; validation and test set are not scored. (Networks still stop early by the validation set.)

    Parameters
    ----------
    log : file that each finished trial is written to; trials of the same search that it holds are not run again.

    Raises
    ------
    UsageError, DataError : a candidate is no valid recipe, or none could be fitted.
    DivergedError : every candidate diverged.
    """
    section = recipe.search
    plain = recipe.model_copy(update={"search": SearchSection()})
    candidates = grid(plain, section) if section.method == "grid" else None
    proposals = Optuna(plain, section).run if candidates is None else partial(in_turn, candidates)
    count = section.trials if candidates is None else len(candidates)
    validator = CrossValidator(parts, plain, section, say)
    progress = Progress(section, count, Log(log, validator.identity(), section.folds, say), say)
    try:
        trials = proposals(lambda number, settings: progress.run(number, settings, validator.evaluate))
    except KeyboardInterrupt:
        if log is not None:
            say(f"search: {len(progress.done)} trials are kept in {log}; the same command resumes from there")
        raise
    if progress.best is None:
        raise progress.defeat()
    best = progress.best
    return SearchResult(plain.changed(best.settings), best, trials, section)
