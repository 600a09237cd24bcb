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

from toxiclf.balance.weights import ClassWeights, class_weights
from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.scorer import Scorer
from toxiclf.corpus.comments import Comments
from toxiclf.corpus.split import Split, folds
from toxiclf.decision import choose_threshold, fit_calibration
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
    """A fitted model with what feeds it."""

    featurizer: Featurizer
    model: Model
    weights: list[ClassWeights]

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
    matrix, targets : of these rows.
    watched : the validation part, for models that watch it.
    """

    featurizer: Featurizer
    matrix: Any
    targets: NDArray[np.uint8]
    watched: HeldOut | None


@dataclass(frozen=True)
class Learned:
    """A fitted model with its decision.

    Attributes
    ----------
    source : where the decision's scores came from, "out_of_fold" or "validation".
    graph : features and model in ONNX; None where the model has no ONNX form.
    decision_scores, decision_targets : those scores, calibrated, and the targets of their rows, (n, n_labels).
    reached : by label, whether a threshold reaches the objective.
    """

    fitted: Fitted
    source: str
    graph: bytes | None
    calibration: Calibration
    thresholds: tuple[float, ...]
    reached: tuple[bool, ...]
    decision_scores: NDArray[np.float32]
    decision_targets: NDArray[np.uint8]

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
    rows = fitter.prepared(comments)
    say(f"{name}: fitting {len(comments):,} comments")
    fitted = fitter.fit(rows, comments.targets, held_out, parts.validation.targets, surroundings("model", name))
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
            part = fitter.fit(rows.take(inside), targets[inside], held_out, parts.validation.targets, around)
            raw[outside] = part.raw(rows.take(outside))
    calibration = fit_calibration(raw, targets, method=recipe.decision.calibrate, exclusive=negative is not None)
    scores = calibration.apply(raw.astype(np.float32))
    chosen = [choose_threshold(scores[:, j], targets[:, j], recipe.decision.objective) for j in range(len(labels))]
    thresholds, reached = tuple(t for t, _ in chosen), tuple(r for _, r in chosen)
    return Learned(fitted, source, graph, calibration, thresholds, reached, scores, targets)


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
        """Make what is shared; may train word vectors."""
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

    def fit(
        self, rows: Prepared, targets: NDArray[np.uint8], held_out: Prepared, held_out_targets: NDArray[np.uint8],
        surroundings: Surroundings = ALONE,
    ) -> Fitted:  # fmt: skip
        """Learn everything that is learned (vocabulary, vectors, weights, model) from these rows and no others.

        Raises
        ------
        DivergedError : training diverged.
        """
        features = self.features(rows, targets, held_out, held_out_targets)
        if isinstance(features.featurizer.features, SequenceVectors):
            auto = " (auto: so many hold 99.5 % of the training comments whole)"
            surroundings.say(
                f"{surroundings.title}: at most {features.featurizer.features.longest} tokens a comment"
                f"{auto if self.recipe.text.max_tokens == 'auto' else ''}"
            )
        return self.fit_model(features, surroundings)

    def features(
        self, rows: Prepared, targets: NDArray[np.uint8], held_out: Prepared, held_out_targets: NDArray[np.uint8]
    ) -> Features:
        """Learn what comes before the model from these rows; ``held_out`` is for models that watch the validation part."""
        featurizer = self.featurizer(rows)
        watches = MODELS[self.recipe.model.name].watches
        watched = HeldOut(featurizer.matrix(held_out), held_out_targets) if watches else None
        return Features(featurizer, featurizer.matrix(rows), targets, watched)

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
        weights = class_weights(features.targets, self.labels, self.negative, balance.class_weight)
        fitted = Fitted(features.featurizer, MODELS[self.recipe.model.name].make(self.recipe.model), weights)
        gamma = balance.focal_gamma if balance.loss == "focal" else None
        task = Task(features.targets, self.negative is not None, weights, self.recipe.seed, gamma, surroundings)
        fitted.model.fit(features.matrix, task, features.watched)
        if fitted.model.divergence_ is not None:
            raise DivergedError(fitted, fitted.model.divergence_)
        return fitted
