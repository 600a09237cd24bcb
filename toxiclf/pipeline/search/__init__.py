"""Search for the best values of recipe keys by cross-validation on the training set."""

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
    """The best recipe of a search, and all its trials.

    Attributes
    ----------
    recipe : the recipe with the best settings; its own search is turned off.
    best : the trial of this recipe.
    trials : all trials, in order of their numbers.
    section : the recipe's ``[search]`` table.
    """

    recipe: Recipe
    best: Trial
    trials: list[Trial]
    section: SearchSection

    def to_dict(self) -> dict[str, Any]:
        """Return the search as it is saved in ``report.json``."""
        return {
            "method": self.section.method, "metric": self.section.metric, "folds": self.section.folds,
            "stratified": self.section.stratified, "best": self.best.number,
            "trials": [trial.to_dict() for trial in self.trials],
        }  # fmt: skip


def search(parts: Split, recipe: Recipe, say: Say, log: Path | None = None) -> SearchResult:
    """Find the best values of the recipe keys in ``[search]``.

    Every candidate is evaluated on the same folds of the training set. For each fold, vocabulary, vectors and weights
    are learned from the other folds only. The validation and test sets are not scored, but networks use the validation
    set for early stopping.

    Parameters
    ----------
    log : file to which each finished trial is saved; trials of this search that are already in it are not run again.

    Raises
    ------
    UsageError, DataError : a candidate is not a valid recipe, the training set does not suffice for the folds, or no
        candidate could be fitted.
    DivergedError : no candidate could be fitted; the first candidate failed because training diverged.
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
