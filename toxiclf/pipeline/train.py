"""From labelled comments to a trained model and its report: the one way through."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf._files import write_text
from toxiclf.balance.augmentation import Augmented
from toxiclf.balance.pool import write_copies
from toxiclf.bundle import store
from toxiclf.bundle.live_rate import check_prior
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets import cards
from toxiclf.datasets.comments import Comments, check_classes, consistent
from toxiclf.datasets.reading import read_comments
from toxiclf.datasets.splitting import Split, split
from toxiclf.errors import TrainingError, UsageError
from toxiclf.evaluation import learned as learned_from
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import Report, remove_report
from toxiclf.moderator import Moderator
from toxiclf.pipeline.bundling import bundled
from toxiclf.pipeline.calibrate import Checkpoints, learn, learned_rows
from toxiclf.pipeline.fit import DivergedError, Say
from toxiclf.pipeline.reporting import rejected_rows, report_of, report_of_diverged, scored_baseline, scored_rows
from toxiclf.pipeline.search import Found, search
from toxiclf.pipeline.search.trials import plainly
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.report.markdown import model_card
from toxiclf.rows import Rejected, write_rejected


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with its report.

    Attributes
    ----------
    report : what is known of it.
    history : one row an epoch, of networks; else empty. Of an ensemble each row names its ``member``.
    rejected : rows set aside, each with its file.
    predictions : scores of the rows that the report speaks of; None where training diverged.
    """

    report: Report
    history: list[dict[str, Any]]
    rejected: tuple[tuple[str, Rejected], ...]
    predictions: Predictions | None
    _recipe: Recipe
    _found: Found | None
    _parts: Split
    _copies: Augmented | None
    _moderator: Moderator | None
    _files: Mapping[str, bytes]
    _checkpoints: Checkpoints | None

    @property
    def diverged(self) -> bool:
        """Whether training ended without a model."""
        return self.predictions is None

    @property
    def has_bundle(self) -> bool:
        """Whether there is a model to score with; not where training diverged, or where the network has no ONNX form."""
        return self._moderator is not None

    @property
    def has_augmented(self) -> bool:
        """Whether augmentation wrote comments that the model learned from."""
        return self._copies is not None

    @property
    def moderator(self) -> Moderator:
        """The model, ready to score, as it is after :meth:`save` and :func:`toxiclf.load`.

        Raises
        ------
        TrainingError : training diverged, or the network has no ONNX form.
        """
        if self._moderator is None:
            finding = next(f for f in self.report.findings if f.code in ("diverged", "no_bundle"))
            raise TrainingError(f"{finding.message} {finding.next_step}")
        return self._moderator

    def save(self, folder: str | os.PathLike[str], *, keep_augmented: bool = False, comments: bool = True) -> Path:
        """Write the run: report, predictions, recipes, rows set aside, history and, where there is one, ``bundle/``.

        Files of an earlier run in the same folder are replaced; after a run without a bundle its bundle is called
        ``bundle.previous``. Checkpoints of the run are deleted. With ``keep_augmented`` the comments that augmentation wrote are in
        ``augmented.csv``, for reading. Without ``comments`` the report leaves out their texts.

        Raises
        ------
        UsageError : ``keep_augmented`` without augmentation.
        """
        if keep_augmented and self._copies is None:
            raise UsageError("there are no augmented comments to keep; name a method in balance.augment")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.report.to_json()  # what cannot be written must not cost the old report
        remove_report(folder)
        (folder / "history.json").unlink(missing_ok=True)
        write_text(folder / "recipe.toml", self._recipe.to_toml())
        (folder / "best_recipe.toml").unlink(missing_ok=True)
        if self._found is not None:
            write_text(folder / "best_recipe.toml", self._found.recipe.to_toml())
        if self.rejected:
            write_rejected(folder / "rejected.csv", self.rejected)
        if keep_augmented and self._copies is not None:
            learned = learned_rows(self._parts, self._recipe if self._found is None else self._found.recipe)
            write_copies(folder / "augmented.csv", self._copies, learned)
        if self.history:
            rows = [
                {key: None if isinstance(v, float) and not np.isfinite(v) else v for key, v in row.items()}
                for row in self.history
            ]
            write_text(folder / "history.json", json.dumps(rows, indent=1) + "\n")
        if self._moderator is None:
            store.set_aside(folder / "bundle")
        else:
            store.save(folder / "bundle", self._moderator.manifest, self._files)
        if self.predictions is not None:
            self.predictions.write(folder)
            learned_parts = {"training": self._parts.train, "validation": self._parts.validation}
            learned_from.write(folder, learned_parts, recipe_normalizer(self._recipe))
        self.report.write(folder, comments=comments)
        if self._checkpoints is not None:
            self._checkpoints.clear()
        return folder


def train(
    comments: str | os.PathLike[str] | Comments,
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    test: str | os.PathLike[str] | Comments | None = None,
    say: Say = lambda message: None,
    search_log: Path | None = None,
    checkpoints: Checkpoints | None = None,
    bar: bool = False,
) -> TrainedModel:
    """Train a model on labelled comments; where the recipe asks for a search, the best recipe that it finds.

    Parameters
    ----------
    comments : a file, ``corpus:NAME``, or comments from :func:`toxiclf.read_comments` or :meth:`toxiclf.Comments.of`.
    recipe : a preset's name, a TOML file, a mapping or a recipe; None for the default model.
    test : a test part of its own (the card's, for a corpus that has one); None to hold out a share of the rows.
    say : called with a sentence at each step.
    search_log : file that keeps the finished trials of a search, so that the same search goes on from there.
    checkpoints : folder that keeps the state of networks after each epoch, so that an interrupted run can go on from there; it
        is deleted when the run is saved.
    bar : whether networks draw a progress bar on standard error in place of a sentence an epoch.

    Raises
    ------
    DataError, UsageError : the data or the recipe do not fit; see :mod:`toxiclf.errors`.

    >>> import toxiclf
    >>> model = toxiclf.train("corpus:sample", {"seed": 1})
    >>> model.moderator.check("오늘도 좋은 하루 되세요").is_toxic
    False
    """
    recipe = Recipe.load(recipe)
    comments, test = read_parts(comments, test)
    normalizer = recipe_normalizer(recipe)
    comments = consistent(comments, normalizer)
    test = None if test is None else consistent(test, normalizer)
    check_classes(comments)
    if recipe.decision.prior != "none":
        check_prior(recipe.decision.prior, comments.labels, exclusive=comments.exclusive)
    parts = split(
        comments,
        test=recipe.split.test if test is None else test,
        validation=recipe.split.validation,
        seed=recipe.seed,
        normalizer=normalizer,
    )
    asked, found = recipe, None
    if checkpoints is not None and not checkpoints.resume:
        checkpoints.clear()  # before a search, which may be interrupted, too
    try:
        if recipe.search.method != "none":
            found = search(parts, recipe, say, search_log)
            recipe = found.recipe
            say(f"search: the best of {len(found.trials)}: {plainly(found.best.settings)}")
        began = time.perf_counter()
        learned = learn(parts, recipe, say, checkpoints=checkpoints, bar=bar)
    except DivergedError as error:
        return _diverged(error, parts, comments, recipe, asked, found, checkpoints)
    seconds = time.perf_counter() - began
    model = scored_rows(learned, parts, recipe)
    baseline = scored_baseline(parts, recipe, model, say)
    trials = None if found is None else found.to_dict()
    report = report_of(learned, model, baseline, parts, comments, recipe, seconds, trials)
    moderator: Moderator | None = None
    files: Mapping[str, bytes] = {}
    if learned.graph is not None:
        manifest, files = bundled(learned, comments, recipe, model_card(report))
        moderator = Moderator(manifest, learned.fitted.encoder, Scorer(learned.graph))
    history = learned.fitted.history
    rejected = rejected_rows(comments, parts)
    return TrainedModel(
        report, history, rejected, model.predictions, asked, found, parts, learned.copies,
        moderator, files, checkpoints,
    )  # fmt: skip


def check_writable(folder: Path) -> None:
    """Find out before hours of training whether a run can be saved in a folder, and leave the folder as it is.

    Raises
    ------
    UsageError, DataError : it cannot be made or written to, or something else stands where the bundle goes.
    """
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UsageError(
            f"{folder} cannot be written: {nearest} is not a folder with leave to write; choose another folder"
        )
    store.check_replaceable(folder / "bundle")


def read_parts(
    comments: str | os.PathLike[str] | Comments, test: str | os.PathLike[str] | Comments | None, **columns: Any
) -> tuple[Comments, Comments | None]:
    """Read training rows and the test part; a corpus brings its own test part.

    Parameters
    ----------
    columns : text, label, negative and positive, as in :func:`toxiclf.datasets.reading.read_comments`.

    Raises
    ------
    UsageError : the two have different labels.
    """
    source = str(comments)
    if not isinstance(comments, Comments):
        comments = read_comments(comments, **columns)
        if test is None and source.startswith(cards.PREFIX):
            card, part = cards.parse(source)
            test = f"corpus:{card.name}/test" if part is None and card.part("test") is not None else None
    if test is not None and not isinstance(test, Comments):
        test = read_comments(test, part="test", like=comments, **columns)
    if test is not None and (test.labels, test.negative) != (comments.labels, comments.negative):
        raise UsageError(
            f"the test part has the labels {test.labels}, the training rows {comments.labels}; make them equal"
        )
    return comments, test


def _diverged(
    error: DivergedError, parts: Split, comments: Comments, recipe: Recipe, asked: Recipe, found: Found | None,
    checkpoints: Checkpoints | None,
) -> TrainedModel:  # fmt: skip
    """A run without a model."""
    report = report_of_diverged(error, parts, comments, recipe, None if found is None else found.to_dict())
    history = error.fitted.history
    return TrainedModel(
        report, history, rejected_rows(comments, parts), None, asked, found, parts, None, None, {}, checkpoints
    )
