"""Fit the models of a recipe, then choose calibration and thresholds on rows that the models did not learn from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf._progress import Bar, Countdown, duration
from toxiclf.balance.augmentation import Augmented
from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.ngram_sums import NgramSums
from toxiclf.bundle.prevalence import production_prevalence
from toxiclf.bundle.score_counts import ScoreCounts
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, folds
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.features.cache import FeatureCache
from toxiclf.features.texts import TokenizedTexts, encoded
from toxiclf.models._checkpoint import Checkpoint
from toxiclf.models._progress import FitContext
from toxiclf.pipeline._combining import cross_fitted
from toxiclf.pipeline.decision import choose_threshold, fit_calibration
from toxiclf.pipeline.ensemble import FittedEnsemble, fit_members, member_names
from toxiclf.pipeline.fit import PipelineFitter, Say
from toxiclf.pipeline.fitted import Fitted, FittedModel
from toxiclf.pipeline.training_set import check_stages
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded


@dataclass(frozen=True)
class CalibratedModel:
    """A fitted model with its calibration and thresholds.

    Attributes
    ----------
    source : kind of the scores that calibration and thresholds were chosen on: "out_of_fold" or "validation".
    graph : features and model as an ONNX graph; None if the model has no ONNX form.
    reached : whether each label's threshold reaches the objective.
    decision_scores, decision_targets : calibrated scores that thresholds were chosen on, and targets of the same rows,
        (n, n_labels) each.
    rates : share of each label in ``decision_targets``.
    score_counts : for each label, counts of the rows of ``decision_targets`` by raw output; empty if labels are exclusive.
    prior : production prevalence of each label, to which scores and thresholds are corrected; None for no correction.
    copies : augmented copies of the comments that the model learned from; None without augmentation.
    arg_max : whether the verdict on a comment is the class with the highest score, whatever the thresholds.
    """

    fitted: Fitted
    source: str
    graph: bytes | None
    calibration: Calibration
    thresholds: tuple[float, ...]
    reached: tuple[bool, ...]
    decision_scores: NDArray[np.float32]
    decision_targets: NDArray[np.uint8]
    rates: tuple[float, ...]
    score_counts: tuple[ScoreCounts, ...]
    prior: tuple[float, ...] | None = None
    copies: Augmented | None = None
    arg_max: bool = False

    def encode(self, comments: Comments) -> Encoded:
        """Encode comments as inputs of the graph."""
        return encoded(comments, self.fitted.encoder)

    def score(self, normalized: Sequence[str]) -> NDArray[np.float32]:
        """Compute calibrated scores of normalized texts, (n, n_labels)."""
        encoder = self.fitted.encoder
        texts, whole = encoder.preprocessor.expanded(normalized), np.zeros(len(normalized), dtype=np.bool_)
        if self._sums is not None:
            return self.calibration.apply(self._sums(texts)[0])
        return self.calibration.apply(self.raw(encoder.encode_preprocessed(texts, whole)))

    def raw(self, encoded: Encoded) -> NDArray[np.float32]:
        """Compute raw outputs of encoded texts, (n, n_labels), with the graph or, without one, the training library."""
        return _raw(self.fitted, self._scorer, encoded)

    @cached_property
    def _scorer(self) -> Scorer | None:
        return None if self.graph is None else Scorer(self.graph)

    @cached_property
    def _sums(self) -> NgramSums | None:
        return None if self._scorer is None else NgramSums.of(self._scorer, self.fitted.encoder.views)


@dataclass(frozen=True)
class Checkpoints:
    """The folder where a run saves the state of its networks during training, so that the run can resume.

    Attributes
    ----------
    folder : path of the folder, which holds one file per fit; it is created at the first save.
    resume : whether training resumes from the files in the folder; if not, these files are deleted.
    """

    folder: Path
    resume: bool = False

    def of(self, fit: str) -> Checkpoint:
        """Return the checkpoint of the fit with this name.

        The fit to all training rows is named "model", that of fold 2 "fold-2". The number of an ensemble's member is
        added: "model-1", "fold-2-1".
        """
        return Checkpoint(self.folder / f"{fit}.safetensors", self.resume)

    def files(self) -> list[Path]:
        """List the checkpoint files in the folder, including partly written ones; other files are left out."""
        return [path for path in self.folder.glob("*") if _CHECKPOINT.fullmatch(path.name)]

    def clear(self) -> None:
        """Delete the checkpoint files, and the folder if it is then empty."""
        for path in self.files():
            path.unlink(missing_ok=True)
        with suppress(OSError):  # the folder does not exist, or holds other files
            self.folder.rmdir()


_WORTH_SAYING = 10  # seconds left that a message names
_CHECKPOINT = re.compile(r"(model|fold-\d+)(-\d+)?\.safetensors|\.(model|fold-\d+)(-\d+)?\.safetensors\..*part")


def learn(
    parts: Split, recipe: Recipe, say: Say, *, checkpoints: Checkpoints | None = None, bar: bool = False,
    cache: FeatureCache | None = None,
) -> CalibratedModel:  # fmt: skip
    """Fit a model, calibrate it and choose its thresholds.

    Parameters
    ----------
    checkpoints : where networks save their state during training; None to save nothing.
    bar : whether networks draw a progress bar on standard error instead of a message after each epoch.
    cache : tokens, vectors and n-grams, shared by runs on the same rows; None to compute them in each run.

    Raises
    ------
    DivergedError : training of a network diverged.
    DataError : the rows cannot be resampled, or a technique had no effect on them.
    UsageError : the recipe does not fit the labels or the number of comments, or a checkpoint belongs to other comments
        or another recipe.
    """
    return calibrated(fit_models(parts, recipe, say, checkpoints=checkpoints, bar=bar, cache=cache), parts, recipe)


@dataclass(frozen=True)
class _Fits:
    """The fitted models of a recipe, before calibration and thresholds are chosen.

    Attributes
    ----------
    members : the model, or the members of an ensemble.
    comments : comments that the members learned from.
    validation : the validation set, tokenized.
    copies : augmented copies of ``comments``; None without augmentation.
    out_of_fold : out-of-fold raw outputs of the members, (members, n, n_labels); uninitialized if ``held_out`` is
        empty.
    held_out : for each fold, the numbers of its held-out rows; empty if out-of-fold outputs are not needed.
    """

    members: list[FittedModel]
    comments: Comments
    validation: TokenizedTexts
    copies: Augmented | None
    out_of_fold: NDArray[np.float64]
    held_out: list[NDArray[np.intp]]


def fit_models(
    parts: Split, recipe: Recipe, say: Say, *, checkpoints: Checkpoints | None = None, bar: bool = False,
    cache: FeatureCache | None = None,
) -> _Fits:  # fmt: skip
    """Augment and tokenize the comments, then fit all models; for out-of-fold scores, fit them again for each fold.

    The parameters are those of :func:`learn`.
    """
    ensemble = recipe.model if recipe.model.component["has_members"] else None
    name = recipe.model.name
    names = (name,) if ensemble is None else member_names(ensemble)

    def contexts(fit: str, where: str) -> list[FitContext]:
        """Return one context per model.

        Its checkpoint file is named after ``fit``; its title in messages is the model's name followed by ``where``.
        """
        files = [fit] if ensemble is None else [f"{fit}-{number}" for number in range(1, len(names) + 1)]
        return [
            FitContext(f"{member}{where}", say, bar, None if checkpoints is None else checkpoints.of(file))
            for member, file in zip(names, files, strict=True)
        ]

    if checkpoints is not None and not checkpoints.resume:
        checkpoints.clear()
    fitter = PipelineFitter.of(recipe, parts.train.labels, parts.train.negative, say, cache)
    fitters = fitter.members()
    validation, watched = fitter.tokenized(parts.validation), parts.validation.targets
    comments = learned_rows(parts, recipe)
    training_set = fitter.training_set(comments, parts, say)
    say(f"{name}: fitting {len(comments):,} comments")
    out_of_fold = np.empty((len(names), *comments.targets.shape))
    held_out: list[NDArray[np.intp]] = []
    count = recipe.decision.folds if decision_source(recipe) == "out_of_fold" or ensemble is not None else 0
    with _FitProgress((1 + count) * len(names), bar and (ensemble is not None or not recipe.has_network)) as progress:
        members = fit_members(fitters, training_set, validation, watched, contexts("model", ""), progress.fitted)
        for member in members:
            check_stages(member.stages)
        for inside, outside in folds(comments, count, recipe.seed, fitter.normalizer) if count else ():
            held_out.append(outside)
            fold = f"fold {len(held_out)} of {count}"
            say(f"{name}: out-of-fold scores, {fold}{progress.left()}")
            own = contexts(f"fold-{len(held_out)}", f", {fold}")
            fits = fit_members(fitters, training_set.take(inside), validation, watched, own, progress.fitted)
            rows = training_set.rows.take(outside)
            out_of_fold[:, outside] = [fit.raw(rows) for fit in fits]
    return _Fits(members, comments, validation, training_set.copies, out_of_fold, held_out)


class _FitProgress:
    """Shows how many fits are done and the time left, as a bar or, where no bar is drawn, in messages."""

    def __init__(self, n_fits: int, bar: bool) -> None:
        self._n_fits, self._done, self._countdown = n_fits, 0, Countdown(n_fits)
        self._bar = Bar("fits", n_fits, drawn=bar and n_fits > 1, time_left=False)

    def __enter__(self) -> _FitProgress:
        self._bar.__enter__()
        self._show()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)

    def fitted(self) -> None:
        """Count a fit."""
        self._done += 1
        self._show()

    def left(self) -> str:
        """Return the time left, to end a message; "" if it is less than ten seconds or shown by the bar."""
        seconds = self._countdown.left(self._done)
        return f"; about {duration(seconds)} left" if seconds >= _WORTH_SAYING and not self._bar.is_drawn else ""

    def _show(self) -> None:
        left = f", about {duration(self._countdown.left(self._done))} left" if self._done else ""
        self._bar.update(self._done, f"{self._done} of {self._n_fits}{left}")


def calibrated(fits: _Fits, parts: Split, recipe: Recipe) -> CalibratedModel:
    """Combine the members of an ensemble, calibrate the model, and choose its thresholds."""
    source, labels, exclusive = decision_source(recipe), parts.train.labels, parts.train.exclusive
    fitted: Fitted = fits.members[0]
    raw, targets = fits.out_of_fold[0], fits.comments.targets
    if recipe.model.component["has_members"]:
        of_members, seed = fits.out_of_fold, recipe.seed
        raw = cross_fitted(recipe.model, of_members, targets, fits.held_out, exclusive=exclusive, seed=seed)
        fitted = FittedEnsemble.of(fits.members, recipe.model, of_members, raw, targets, exclusive=exclusive, seed=seed)
    graph = fitted.graph(len(labels))
    if source == "validation":
        scorer = None if graph is None else Scorer(graph)
        raw = _raw(fitted, scorer, fits.validation.encode(fitted.encoder)).astype(np.float64)
        targets = parts.validation.targets
    prior, weights = None, None
    calibration = fit_calibration(raw, targets, method=recipe.decision.calibrate, exclusive=exclusive)
    rates: tuple[float, ...] = tuple(targets.mean(axis=0).tolist())
    if recipe.decision.prior != "none":
        prior = production_prevalence(recipe.decision.prior, labels, rates, exclusive=exclusive)
        calibration = calibration.at(rates, prior)
        weights = prevalence_weights(targets, prior, exclusive=exclusive)
    scores = calibration.apply(raw.astype(np.float32))
    objective = recipe.decision.objective
    chosen = [
        choose_threshold(scores[:, j], targets[:, j], objective, None if weights is None else weights[:, j])
        for j in range(len(labels))
    ]
    thresholds, reached = tuple(t for t, _ in chosen), tuple(r for _, r in chosen)
    counts = () if exclusive else tuple(ScoreCounts.of(raw[:, j], targets[:, j] == 1) for j in range(len(labels)))
    return CalibratedModel(
        fitted, source, graph, calibration, thresholds, reached, scores, targets, rates, counts, prior, fits.copies,
        arg_max=exclusive and recipe.decision.exclusive == "arg_max",
    )  # fmt: skip


def _raw(fitted: Fitted, scorer: Scorer | None, encoded: Encoded) -> NDArray[np.float32]:
    return fitted.raw_of(encoded).astype(np.float32) if scorer is None else scorer.run(encoded)


def learned_rows(parts: Split, recipe: Recipe) -> Comments:
    """Return the rows that a model learns from: the training set, with or without the validation set.

    The validation set is left out if it is used for early stopping, or to choose calibration and thresholds.
    """
    if recipe.watches_validation or decision_source(recipe) == "validation":
        return parts.train
    return parts.train.joined(parts.validation)


def decision_source(recipe: Recipe) -> str:
    """Return the kind of scores that calibration and thresholds are chosen on, "out_of_fold" or "validation"."""
    if recipe.decision.source != "auto":
        return recipe.decision.source
    if recipe.model.component["has_members"]:  # the combination of members is fitted to out-of-fold outputs
        return "out_of_fold"
    return "validation" if recipe.has_network else "out_of_fold"
