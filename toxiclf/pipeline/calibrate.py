"""Learn a model from training rows, and decide how its raw outputs become verdicts on rows it did not learn from."""

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

from toxiclf.balance.augmentation import Augmented
from toxiclf.balance.pool import check_stages
from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.live_rate import live_rates
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, folds
from toxiclf.evaluation.decision import choose_threshold, fit_calibration, live_weights
from toxiclf.features.cache import Kept
from toxiclf.features.features import Prepared
from toxiclf.models._checkpoint import Checkpoint
from toxiclf.models._progress import FitContext
from toxiclf.pipeline.ensembles import FittedEnsemble, fit_members, member_names
from toxiclf.pipeline.ensembles.combining import cross_fitted
from toxiclf.pipeline.fit import Fitted, Fitter, Say
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded


@dataclass(frozen=True)
class Learned:
    """A fitted model with its decision.

    Attributes
    ----------
    source : where the decision's scores came from, "out_of_fold" or "validation".
    graph : features and model in ONNX; None where the model has no ONNX form.
    decision_scores, decision_targets : those scores, calibrated, and the targets of their rows, (n, n_labels).
    reached : by label, whether a threshold reaches the objective.
    rates : the share of each label among these rows.
    prior : the live rate of each label, for which scores are corrected and thresholds chosen; None: they are for ``rates``.
    copies : what augmentation wrote of the comments that the model learned from; None where nothing was asked for.
    """

    fitted: Fitted | FittedEnsemble
    source: str
    graph: bytes | None
    calibration: Calibration
    thresholds: tuple[float, ...]
    reached: tuple[bool, ...]
    decision_scores: NDArray[np.float32]
    decision_targets: NDArray[np.uint8]
    rates: tuple[float, ...]
    prior: tuple[float, ...] | None = None
    copies: Augmented | None = None

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Scores of comments, (n, n_labels)."""
        return self.calibration.apply(self.raw(self.fitted.encoder.encode(texts)))

    def raw(self, encoded: Encoded) -> NDArray[np.float32]:
        """Raw outputs of encoded comments, (n, n_labels): by the graph or, where there is none, by the training library."""
        if self._scorer is None:
            return self.fitted.raw_of(encoded).astype(np.float32)
        return self._scorer.run(encoded)

    @cached_property
    def _scorer(self) -> Scorer | None:
        return None if self.graph is None else Scorer(self.graph)


@dataclass(frozen=True)
class Checkpoints:
    """Where a run keeps the state of the networks that it trains, so that it can go on after an interruption.

    Attributes
    ----------
    folder : made when it is first written to; it holds a file a fit.
    resume : go on from what it holds.
    """

    folder: Path
    resume: bool = False

    def of(self, fit: str) -> Checkpoint:
        """The checkpoint of a fit: "model", "fold-1", … and of an ensemble's members "model-1", "fold-1-1", …"""
        return Checkpoint(self.folder / f"{fit}.safetensors", self.resume)

    def files(self) -> list[Path]:
        """What an interrupted run left; nobody else's files."""
        return [path for path in self.folder.glob("*") if _CHECKPOINT.fullmatch(path.name)]

    def clear(self) -> None:
        """Delete what :meth:`files` names, and the folder if that was all."""
        for path in self.files():
            path.unlink(missing_ok=True)
        with suppress(OSError):  # there is none, or it holds something else
            self.folder.rmdir()


_CHECKPOINT = re.compile(r"(model|fold-\d+)(-\d+)?\.safetensors|\.(model|fold-\d+)(-\d+)?\.safetensors\.part")


def learn(
    parts: Split, recipe: Recipe, say: Say, *, checkpoints: Checkpoints | None = None, bar: bool = False,
    kept: Kept | None = None,
) -> Learned:  # fmt: skip
    """Fit a model, calibrate it and choose its thresholds.

    Parameters
    ----------
    checkpoints : of networks.
    bar : whether networks draw a progress bar on standard error in place of a sentence an epoch.
    kept : what runs on the same rows share.

    Raises
    ------
    DivergedError : training diverged.
    UsageError : a checkpoint is of other comments or another recipe.
    """
    return decided(fit_models(parts, recipe, say, checkpoints=checkpoints, bar=bar, kept=kept), parts, recipe)


@dataclass(frozen=True)
class Fits:
    """All that was fitted of a recipe, before anything is decided.

    Attributes
    ----------
    members : the model, or the members of an ensemble.
    comments : that they learned from.
    held_out : the validation part.
    copies : what augmentation wrote.
    out_of_fold : raw outputs of each member for comments that its fold did not learn from, (members, n, n_labels).
    outside : the rows that each fold held out; none where no out-of-fold outputs were asked for.
    """

    members: list[Fitted]
    comments: Comments
    held_out: Prepared
    copies: Augmented | None
    out_of_fold: NDArray[np.float64]
    outside: list[NDArray[np.intp]]


def fit_models(
    parts: Split, recipe: Recipe, say: Say, *, checkpoints: Checkpoints | None = None, bar: bool = False,
    kept: Kept | None = None,
) -> Fits:  # fmt: skip
    """Fit the recipe's models and, where the decision wants them, those of all folds; parameters as of :func:`learn`."""
    name = recipe.model.name
    ensemble: Any = recipe.model if recipe.model.component["has_members"] else None
    names = (name,) if ensemble is None else member_names(ensemble)

    def context(fit: str, where: str) -> list[FitContext]:
        """Of each model that is fitted."""
        found = []
        for number, member in enumerate(names, start=1):
            file = fit if ensemble is None else f"{fit}-{number}"
            checkpoint = None if checkpoints is None else checkpoints.of(file)
            found.append(FitContext(f"{member}{where}", say, bar, checkpoint))
        return found

    if checkpoints is not None and not checkpoints.resume:
        checkpoints.clear()
    fitter = Fitter.of(recipe, parts.train.labels, parts.train.negative, say, kept)
    fitters = fitter.members()
    held_out, watched = fitter.prepared(parts.validation), parts.validation.targets
    comments = learned_rows(parts, recipe)
    pool = fitter.pool(comments, parts, say)
    say(f"{name}: fitting {len(comments):,} comments")
    members = fit_members(fitters, pool, held_out, watched, context("model", ""))
    for member in members:
        check_stages(member.stages)
    out_of_fold = np.empty((len(members), *comments.targets.shape))
    found: list[NDArray[np.intp]] = []
    if decision_source(recipe) == "out_of_fold" or ensemble is not None:
        count = recipe.decision.folds
        for inside, outside in folds(comments, count, recipe.seed, fitter.normalizer):
            found.append(outside)
            fold = f"fold {len(found)} of {count}"
            say(f"{name}: out-of-fold scores, {fold}")
            around = context(f"fold-{len(found)}", f", {fold}")
            fits = fit_members(fitters, pool.take(inside), held_out, watched, around)
            rows = pool.rows.take(outside)
            out_of_fold[:, outside] = [fit.raw(rows) for fit in fits]
    copies = None if pool.copies is None else pool.copies.written
    return Fits(members, comments, held_out, copies, out_of_fold, found)


def decided(fits: Fits, parts: Split, recipe: Recipe) -> Learned:
    """Put members together, calibrate, and choose thresholds."""
    source, labels, exclusive = decision_source(recipe), parts.train.labels, parts.train.exclusive
    fitted: Fitted | FittedEnsemble = fits.members[0]
    raw, targets = fits.out_of_fold[0], fits.comments.targets
    if recipe.model.component["has_members"]:
        ensemble: Any = recipe.model
        said, seed = fits.out_of_fold, recipe.seed
        raw = cross_fitted(ensemble, said, targets, fits.outside, exclusive=exclusive, seed=seed)
        fitted = FittedEnsemble.of(fits.members, ensemble, said, raw, targets, exclusive=exclusive, seed=seed)
    graph = fitted.graph(len(labels))
    if source == "validation":
        raw = _raw(fitted, graph, fits.held_out.encoded(fitted.encoder)).astype(np.float64)
        targets = parts.validation.targets
    prior, weights = None, None
    calibration = fit_calibration(raw, targets, method=recipe.decision.calibrate, exclusive=exclusive)
    rates: tuple[float, ...] = tuple(targets.mean(axis=0).tolist())
    if recipe.decision.prior != "none":
        prior = live_rates(recipe.decision.prior, labels, rates, exclusive=exclusive)
        calibration = calibration.at(rates, prior)
        weights = live_weights(targets, prior, exclusive=exclusive)
    scores = calibration.apply(raw.astype(np.float32))
    objective = recipe.decision.objective
    chosen = [
        choose_threshold(scores[:, j], targets[:, j], objective, None if weights is None else weights[:, j])
        for j in range(len(labels))
    ]
    thresholds, reached = tuple(t for t, _ in chosen), tuple(r for _, r in chosen)
    return Learned(fitted, source, graph, calibration, thresholds, reached, scores, targets, rates, prior, fits.copies)


def _raw(fitted: Fitted | FittedEnsemble, graph: bytes | None, encoded: Encoded) -> NDArray[np.float32]:
    if graph is None:
        return fitted.raw_of(encoded).astype(np.float32)
    return Scorer(graph).run(encoded)


def learned_rows(parts: Split, recipe: Recipe) -> Comments:
    """The rows that a model learns from: training and validation rows, unless the latter have work of their own."""
    if recipe.watches_validation or decision_source(recipe) == "validation":
        return parts.train
    return parts.train.joined(parts.validation)


def decision_source(recipe: Recipe) -> str:
    """Where the scores for calibration and thresholds come from: the recipe's word, "auto" resolved."""
    if recipe.decision.source != "auto":
        return recipe.decision.source
    if recipe.model.component["has_members"]:  # members are weighed by such scores
        return "out_of_fold"
    return "validation" if recipe.has_network else "out_of_fold"
