"""Train a model on labeled comments and compute its report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toxiclf.bundle.prevalence import check_prior
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets import cards
from toxiclf.datasets.comments import Comments, check_classes, consistent
from toxiclf.datasets.reading import Source, read_comments
from toxiclf.datasets.splitting import Split, split
from toxiclf.errors import DataError, UsageError
from toxiclf.evaluation.checks import CheckedRun
from toxiclf.evaluation.checks.labels import labels_may_be_inverted
from toxiclf.moderator import Moderator
from toxiclf.pipeline.calibrate import CalibratedModel, Checkpoints, calibrated, fit_models
from toxiclf.pipeline.earlier_run import read_hashes
from toxiclf.pipeline.fit import Say
from toxiclf.pipeline.fitted import DivergedError
from toxiclf.pipeline.reporting import rejected_rows, report_of, report_of_diverged, scored_baseline, scored_rows
from toxiclf.pipeline.save import TrainedModel, bundled
from toxiclf.pipeline.search import search
from toxiclf.pipeline.search.trials import plainly
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.report.markdown import model_card
from toxiclf.rows import is_workbook, naming
from toxiclf.text.given import described, given_texts, path_given


def train(
    comments: Source | Comments | Iterable[str],
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    targets: Any = None,
    test: Source | Comments | None = None,
    say: Say = lambda message: None,
    search_log: Path | None = None,
    checkpoints: Checkpoints | None = None,
    bar: bool = False,
    **columns: Any,
) -> TrainedModel:
    """Train a classifier on labeled comments, evaluate it once on the test set, and compute its report.

    If the recipe has a search, the best recipe that it finds is trained.

    Parameters
    ----------
    comments : str, path, DataFrame, Comments or list of str
        Path of a file, ``corpus:NAME``, a DataFrame, or comments from :func:`toxiclf.read_comments`; with ``targets``, a
        list, Series or array of texts.
    recipe : str, Path, mapping, Recipe or None
        Preset name, path of a TOML file, mapping such as ``{"model": {"name": "svm"}}``; None for the default model.
    targets : array-like of 0 and 1, shape (n,) or (n, n_labels), or None
        1 if the comment has the label, as in :meth:`toxiclf.Comments.of`; ``label`` then names the labels.
    test : str, path, DataFrame, Comments or None
        A separate test set; None takes the corpus's own test set, or else holds out ``split.test`` of the rows.
    say : callable
        Called with a message at each step.
    search_log : Path or None
        File to which each finished trial of a search is saved; the same search resumes from it.
    checkpoints : Checkpoints or None
        Folder to which the state of networks is saved after each epoch, so that an interrupted run can resume. Saved
        states are deleted when the run is saved.
    bar : bool
        Whether networks draw a progress bar on standard error instead of a message after each epoch.
    **columns
        How files and DataFrames are read: ``text``, ``label``, ``negative``, ``positive``, ``by`` and the other arguments of
        :func:`toxiclf.read_comments`.

    Returns
    -------
    TrainedModel
        The model with its report; :meth:`TrainedModel.save` writes both.

    Raises
    ------
    DataError
        The comments are not sufficient for training, for example because a class has too few comments.
    UsageError
        The recipe is not valid, or does not fit the comments; or columns or targets are wrong.

    See Also
    --------
    toxiclf.ToxicClassifier : the same recipes as a scikit-learn classifier.

    Examples
    --------
    >>> import toxiclf
    >>> model = toxiclf.train("corpus:sample", {"seed": 1})
    >>> model.moderator.check("오늘도 좋은 하루 되세요").is_toxic
    False
    """
    if recipe is not None and not isinstance(recipe, str | Path | Mapping | Recipe):
        raise UsageError(
            f"recipe, the second argument of train, is of the type {type(recipe).__name__}; expected a preset's name, a "
            "TOML file or a mapping. Give targets by name: train(texts, targets=targets)"
        )
    if not callable(say):
        raise UsageError(f"say is {described(say)}; expected a function that takes a message")
    if not isinstance(checkpoints, Checkpoints | None):
        raise UsageError(f"checkpoints is {described(checkpoints)}; expected Checkpoints or None")
    if search_log is not None:
        search_log = path_given(search_log, "search_log", "the path of a file")
    recipe = Recipe.load(recipe)
    for note in recipe.notes:
        say(note)
    if targets is not None:
        labels = columns.pop("label", ("toxic",))
        comments = Comments.of(given_texts(comments), targets, [labels] if isinstance(labels, str) else labels)
    comments, test = read_parts(comments, test, **columns)  # read
    hashes = read_hashes(comments, test)
    comments, parts = divided(comments, test, recipe)  # split
    for finding in labels_may_be_inverted(CheckedRun(labels=comments.labels, comments=comments)):
        say(f"{finding.code}: {finding.message} {finding.next_step}")
    asked, best, trials = recipe, None, {}
    if checkpoints is not None and not checkpoints.resume:
        checkpoints.clear()  # before the search, so that no old checkpoint is left if it is interrupted
    try:
        if recipe.search.method != "none":
            result = search(parts, recipe, say, search_log)
            recipe = best = result.recipe
            trials = result.to_dict()
            say(f"search: the best of {len(result.trials)}: {plainly(result.best.settings)}")
        began = time.perf_counter()
        # augment, tokenize, encode, resample, fit; again for each fold if out-of-fold scores are needed
        fits = fit_models(parts, recipe, say, checkpoints=checkpoints, bar=bar)
        model = calibrated(fits, parts, recipe)  # calibrate, choose thresholds
        seconds = time.perf_counter() - began
    except DivergedError as error:
        report = report_of_diverged(error, parts, comments, recipe, trials)
        report.data["read_sha256"] = hashes
        history, rejected = error.fitted.history, rejected_rows(comments, parts)
        return TrainedModel(report, history, rejected, None, asked, best, parts, _checkpoints=checkpoints)
    scored = scored_rows(model, parts, recipe)  # scores the test set, once
    baseline = scored_baseline(parts, recipe, scored, say)
    report = report_of(model, scored, baseline, parts, comments, recipe, seconds, trials)
    report.data["read_sha256"] = hashes
    moderator, files = _bundle(model, comments, recipe, model_card(report))
    return TrainedModel(
        report, model.fitted.history, rejected_rows(comments, parts), scored.predictions, asked, best, parts, model.copies,
        moderator, files, checkpoints,
    )  # fmt: skip


def divided(comments: Comments, test: Comments | None, recipe: Recipe) -> tuple[Comments, Split]:
    """Reject equal comments with different labels; return the remaining comments and their split.

    ``test`` is a separate test set; None holds out rows of ``comments`` for the test set. Comments and split are
    checked here, so that errors are raised before anything is fitted.

    Raises
    ------
    DataError, UsageError : the comments are not sufficient for training, or the prior does not fit their labels.
    """
    with naming(comments.guesses):
        return _divided(comments, test, recipe)


def _divided(comments: Comments, test: Comments | None, recipe: Recipe) -> tuple[Comments, Split]:
    normalizer = recipe_normalizer(recipe)
    comments = consistent(comments, normalizer)
    test = None if test is None else consistent(test, normalizer)
    check_classes(comments)
    if recipe.decision.prior != "none":
        check_prior(recipe.decision.prior, comments.labels, exclusive=comments.exclusive)
    share = recipe.split.test if test is None else test
    parts = split(comments, test=share, validation=recipe.split.validation, seed=recipe.seed, normalizer=normalizer)
    return comments, parts


def read_parts(comments: Any, test: Source | Comments | None, **columns: Any) -> tuple[Comments, Comments | None]:
    """Read the training rows and the test set; if ``test`` is None, take the corpus's own test set, if it has one.

    Parameters
    ----------
    columns : arguments of :func:`toxiclf.datasets.reading.read_comments`.

    Raises
    ------
    UsageError : the training rows and the test set have different labels, or columns are given where nothing is read.
    """
    if columns and isinstance(comments, Comments) and (test is None or isinstance(test, Comments)):
        raise UsageError(f"{', '.join(columns)} has no effect, because the comments were already read; leave it out")
    if not isinstance(comments, Comments):
        source = comments
        comments = read_comments(source, **columns)
        if test is None and isinstance(source, str) and source.startswith(cards.PREFIX):
            card, part = cards.parse(source)
            test = f"corpus:{card.name}/test" if part is None and card.part("test") is not None else None
    if test is not None and not isinstance(test, Comments):
        if columns.get("sheet") is not None and not is_workbook(str(test)):
            columns = columns | {"sheet": None}
        try:
            test = read_comments(test, part="test", like=comments, **columns)
        except (DataError, UsageError) as error:
            error.args = (f"the test set: {error.message}",)
            raise
    if test is not None and (test.labels, test.negative) != (comments.labels, comments.negative):
        raise UsageError(
            f"the test set has the labels {test.labels}, but the training rows have {comments.labels}; use the same labels in both"
        )
    return comments, test


def _bundle(
    model: CalibratedModel, comments: Comments, recipe: Recipe, card: str
) -> tuple[Moderator | None, Mapping[str, bytes]]:
    """Return the model, ready to score, and its bundle's files; return None and no files if there is no ONNX form."""
    if model.graph is None:
        return None, {}
    manifest, files = bundled(model, comments, recipe, card)
    return Moderator(manifest, model.fitted.encoder, Scorer(model.graph)), files
