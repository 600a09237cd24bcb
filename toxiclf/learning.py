"""Learn a model from training rows, and decide how its raw outputs become verdicts on rows it did not learn from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.augment import Augmented, augmented
from toxiclf.balance.pool import Copies, Pool, Stage, check_stages
from toxiclf.balance.resample import Resampler
from toxiclf.balance.weights import ClassWeights, class_weights, problems, rarer_rows
from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.live_rate import live_rates
from toxiclf.bundle.scorer import Scorer
from toxiclf.corpus.comments import Comments, equality_keys
from toxiclf.corpus.split import Split, folds
from toxiclf.decision import choose_threshold, fit_calibration, live_weights
from toxiclf.errors import UsageError
from toxiclf.graph import Graph
from toxiclf.models import MODELS
from toxiclf.models.checkpoint import Checkpoint
from toxiclf.models.model import HeldOut, Model, Task
from toxiclf.models.progress import ALONE, Surroundings
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded, TextEncoder
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.vectors.features import Featurizer, Prepared, SequenceVectors
from toxiclf.vectors.preparing import recipe_preprocessor, recipe_tokenizer
from toxiclf.vectors.pretrained import recipe_vectors
from toxiclf.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from toxiclf.models.training_loop import Divergence

Say = Callable[[str], None]


@dataclass
class Fitted:
    """A fitted model with what feeds it.

    Attributes
    ----------
    weights : of the classes of the rows that it was fitted to.
    stages : how those rows came about, the first as given.
    """

    featurizer: Featurizer
    model: Model
    weights: list[ClassWeights]
    stages: tuple[Stage, ...]

    @property
    def encoder(self) -> TextEncoder:
        """The text half of the bundle."""
        return self.featurizer.encoder

    def raw(self, rows: Prepared) -> NDArray[np.float64]:
        """Raw outputs by the training library, (n, n_labels)."""
        return self.model.raw(self.featurizer.matrix(rows))

    def graph(self, columns: int) -> bytes | None:
        """Features and model as one ONNX graph; None where the model has no ONNX form."""
        if self.model.no_graph_:
            return None
        graph = Graph()
        return graph.build(self.model.write(graph, self.featurizer.write(graph)), columns)


@dataclass(frozen=True)
class Features:
    """What a model is fitted to; all of it was learned from the rows that it learns from.

    Attributes
    ----------
    matrix, targets : of these rows, after augmentation and resampling.
    watched : the validation part, for models that watch it.
    stages : how many rows there were before and after.
    """

    featurizer: Featurizer
    matrix: Any
    targets: NDArray[np.uint8]
    watched: HeldOut | None
    stages: tuple[Stage, ...]


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

    fitted: Fitted
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

    def raw(self, encoded: Encoded) -> NDArray[np.float32]:
        """Raw outputs of encoded comments, (n, n_labels): by the graph or, where there is none, by the training library."""
        return _raw(self.fitted, self.graph, encoded)


class DivergedError(Exception):
    """A network's loss exploded or stopped being a number.

    Attributes
    ----------
    fitted : the model as it was before, with its history.
    divergence : where, why, and what mends it.
    """

    def __init__(self, fitted: Fitted, divergence: Divergence) -> None:
        super().__init__(f"training diverged: {divergence}")
        self.fitted, self.divergence = fitted, divergence


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
        """The checkpoint of a fit: "model", "fold-1", …"""
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


_CHECKPOINT = re.compile(r"(model|fold-\d+)\.safetensors|\.(model|fold-\d+)\.safetensors\.part")


def learn(
    parts: Split, recipe: Recipe, say: Say, *, checkpoints: Checkpoints | None = None, bar: bool = False
) -> Learned:
    """Fit a model, calibrate it and choose its thresholds.

    Parameters
    ----------
    checkpoints : of networks.
    bar : whether networks draw a progress bar on standard error in place of a sentence an epoch.

    Raises
    ------
    DivergedError : training diverged.
    UsageError : a checkpoint is of other comments or another recipe.
    """

    def surroundings(fit: str, title: str) -> Surroundings:
        return Surroundings(title, say, bar, None if checkpoints is None else checkpoints.of(fit))

    if checkpoints is not None and not checkpoints.resume:
        checkpoints.clear()
    name = recipe.model.name
    source = decision_source(recipe)
    labels, negative = parts.train.labels, parts.train.negative
    fitter = Fitter.of(recipe, labels, negative, say)
    held_out = fitter.prepared(parts.validation)
    comments = learned_rows(parts, recipe)
    pool = fitter.pool(comments, parts, say)
    say(f"{name}: fitting {len(comments):,} comments")
    fitted = fitter.fit(pool, held_out, parts.validation.targets, surroundings("model", name))
    check_stages(fitted.stages)
    graph = fitted.graph(len(labels))
    if source == "validation":
        raw = _raw(fitted, graph, fitted.featurizer.encode(held_out)).astype(np.float64)
        targets = parts.validation.targets
    else:
        targets = comments.targets
        raw = np.empty(targets.shape)
        for number, (inside, outside) in enumerate(
            folds(comments, recipe.decision.folds, recipe.seed, fitter.normalizer), start=1
        ):
            fold = f"fold {number} of {recipe.decision.folds}"
            say(f"{name}: out-of-fold scores, {fold}")
            around = surroundings(f"fold-{number}", f"{name}, {fold}")
            part = fitter.fit(pool.take(inside), held_out, parts.validation.targets, around)
            raw[outside] = part.raw(pool.rows.take(outside))
    exclusive, prior, weights = negative is not None, None, None
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
    copies = None if pool.copies is None else pool.copies.written
    return Learned(fitted, source, graph, calibration, thresholds, reached, scores, targets, rates, prior, copies)


def _raw(fitted: Fitted, graph: bytes | None, encoded: Encoded) -> NDArray[np.float32]:
    if graph is None:
        return fitted.model.raw(fitted.featurizer.matrix_of(encoded)).astype(np.float32)
    return Scorer(graph).run(encoded)


def learned_rows(parts: Split, recipe: Recipe) -> Comments:
    """The rows that a model learns from: training and validation rows, unless the latter have work of their own."""
    if MODELS[recipe.model.name].watches or decision_source(recipe) == "validation":
        return parts.train
    return parts.train.joined(parts.validation)


def decision_source(recipe: Recipe) -> str:
    """Where the scores for calibration and thresholds come from: the recipe's word, "auto" resolved."""
    if recipe.decision.source != "auto":
        return recipe.decision.source
    return "validation" if MODELS[recipe.model.name].watches else "out_of_fold"


@dataclass(frozen=True)
class Fitter:
    """What every fit of a run shares; none of it was learned from labelled rows.

    Attributes
    ----------
    engine : the tokenizer, for models that take tokens.
    vectors : word vectors, where they do not come from the training rows.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    negative: str | None
    preprocessor: Preprocessor
    engine: Tokenizer | None
    vectors: WordVectors | None

    @classmethod
    def of(cls, recipe: Recipe, labels: tuple[str, ...], negative: str | None, say: Say) -> Fitter:
        """Make what is shared; may train word vectors.

        Raises
        ------
        UsageError : rows of several labels are to be resampled.
        """
        if recipe.balance.resample and len(labels) > 1:
            raise UsageError(
                f"balance.resample takes one label, and there are {len(labels)} ({', '.join(labels)}); use balance.class_weight or "
                "balance.augment for all of them, or choose one with --label"
            )
        takes_tokens = MODELS[recipe.model.name].features != "ngrams"
        engine = recipe_tokenizer(recipe) if takes_tokens else None
        vectors = None if engine is None else recipe_vectors(recipe, engine, say)
        return cls(recipe, labels, negative, recipe_preprocessor(recipe), engine, vectors)

    @property
    def normalizer(self) -> Normalizer:
        """What makes comments equal."""
        return self.preprocessor.normalizer

    def prepared(self, comments: Comments) -> Prepared:
        """Normalize and, where need be, tokenize: once, for all fits."""
        return Prepared.of(comments.texts, self.preprocessor, self.engine, workers=os.cpu_count() or 1)

    def pool(self, comments: Comments, parts: Split, say: Say) -> Pool:
        """Prepare comments to learn from and, where the recipe asks for it, copies of those of a rare class.

        No copy equals a comment of any part: one of the validation or test part would be known, one of the training part may
        be labelled otherwise.
        """
        rows, steps = self.prepared(comments), self.recipe.balance.augment
        if not steps:
            return Pool(rows, comments.targets)
        everything = [part.texts for part in (parts.train, parts.validation, parts.test) if part is not None]
        one_problem = self.negative is not None or len(self.labels) == 1
        rare = rarer_rows(
            problems(comments.targets, exclusive=self.negative is not None)[0] if one_problem else comments.targets
        )
        written = augmented(
            comments.texts, rare, steps, normalizer=self.normalizer, seed=self.recipe.seed,
            avoid={key for texts in everything for key in equality_keys(texts, self.normalizer)},
        )  # fmt: skip
        short = f", {written.asked:,} were asked for" if len(written.texts) < written.asked else ""
        methods = ", ".join(dict.fromkeys(step.method for step in steps))
        say(
            f"augment: {len(written.texts):,} copies of {len(set(written.sources.tolist())):,} comments by {methods}{short}"
        )
        prepared = Prepared.of(written.texts, self.preprocessor, self.engine, workers=os.cpu_count() or 1)
        return Pool(rows, comments.targets, Copies(written, prepared))

    def fit(
        self,
        pool: Pool,
        held_out: Prepared,
        held_out_targets: NDArray[np.uint8],
        surroundings: Surroundings = ALONE,
    ) -> Fitted:
        """Learn everything that is learned (vocabulary, vectors, new rows, weights, model) from these comments and no others.

        Raises
        ------
        DivergedError : training diverged.
        """
        features = self.features(pool, held_out, held_out_targets)
        if isinstance(features.featurizer.features, SequenceVectors):
            auto = " (auto: so many hold 99.5 % of the training comments whole)"
            surroundings.say(
                f"{surroundings.title}: at most {features.featurizer.features.longest} tokens a comment"
                f"{auto if self.recipe.text.max_tokens == 'auto' else ''}"
            )
        return self.fit_model(features, surroundings)

    def features(self, pool: Pool, held_out: Prepared, held_out_targets: NDArray[np.uint8]) -> Features:
        """Learn what comes before the model, and resample; ``held_out`` is for models that watch the validation part.

        Raises
        ------
        DataError : these rows cannot be resampled.
        """
        rows, targets = pool.learned()
        stages = [Stage.of("as given", pool.targets)]
        if pool.copies is not None:
            stages.append(
                Stage.of(" + ".join(dict.fromkeys(step.method for step in self.recipe.balance.augment)), targets)
            )
        featurizer = self.featurizer(rows)
        watches = MODELS[self.recipe.model.name].watches
        watched = HeldOut(featurizer.matrix(held_out), held_out_targets) if watches else None
        matrix = featurizer.matrix(rows)
        balance = self.recipe.balance
        if balance.resample:
            sampler = Resampler(
                balance.resample, ratio=balance.ratio, neighbours=balance.neighbours, random_state=self.recipe.seed
            )
            matrix, classes = sampler.fit_resample(matrix, targets[:, 0])
            targets = classes[:, None].astype(np.uint8)
            stages += [Stage(name, sum(after.values()), (after.get(1, 0),)) for name, _, after in sampler.steps_]
        return Features(featurizer, matrix, targets, watched, tuple(stages))

    def featurizer(self, rows: Prepared) -> Featurizer:
        """Learn what comes before the model."""
        return Featurizer.of(self.recipe, rows, self.preprocessor, self.engine, self.vectors)

    def fit_model(self, features: Features, surroundings: Surroundings = ALONE) -> Fitted:
        """Fit the recipe's model to features.

        Raises
        ------
        DivergedError : training diverged.
        """
        balance = self.recipe.balance
        weights = class_weights(
            features.targets, self.labels, self.negative, balance.class_weight, balance.effective_number_beta
        )
        model = MODELS[self.recipe.model.name].make(self.recipe.model)
        fitted = Fitted(features.featurizer, model, weights, features.stages)
        gamma = balance.focal_gamma if balance.loss == "focal" else None
        tau = balance.logit_tau if balance.loss == "logit_adjusted" else 0.0
        task = Task(features.targets, self.negative is not None, weights, self.recipe.seed, gamma, tau, surroundings)
        fitted.model.fit(features.matrix, task, features.watched)
        if fitted.model.divergence_ is not None:
            raise DivergedError(fitted, fitted.model.divergence_)
        return fitted
