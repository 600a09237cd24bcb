"""Learn a model from training rows, and decide how its raw outputs become verdicts on rows it did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
from toxiclf.models.model import HeldOut, Model, Task
from toxiclf.recipe import NgramLogisticOptions, Recipe
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView, join_views
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import Tokenizer, tokenizer
from toxiclf.text.vocabulary import NgramVocabulary, TokenVocabulary
from toxiclf.vectors.features import WORDS, AverageVectors, ngram_rows
from toxiclf.vectors.word_vectors import WordVectors, vectors_of_rows, vectors_of_unlabeled

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rows:
    """Normalized and, where the model takes tokens, tokenized comments with their targets."""

    texts: list[str]
    truncated: NDArray[np.bool_]
    tokens: list[list[str]] | None
    targets: NDArray[np.uint8]

    def take(self, rows: NDArray[np.intp]) -> Rows:
        tokens = None if self.tokens is None else [self.tokens[i] for i in rows]
        return Rows([self.texts[i] for i in rows], self.truncated[rows], tokens, self.targets[rows])


@dataclass
class Fitted:
    """A fitted model with the text half that feeds it."""

    encoder: TextEncoder
    features: AverageVectors | dict[str, int]
    model: Model
    weights: list[ClassWeights]

    def matrix(self, encoded: Encoded) -> Any:
        """Features of encoded comments."""
        if isinstance(self.features, AverageVectors):
            return self.features.transform(encoded)
        return ngram_rows(encoded, self.features)

    def graph(self, columns: int) -> bytes:
        """Features and model as one ONNX graph."""
        graph = Graph()
        vector = self.features.write(graph) if isinstance(self.features, AverageVectors) else ""
        return graph.build(self.model.write(graph, vector), columns)


@dataclass(frozen=True)
class Learned:
    """A fitted model with its decision.

    Attributes
    ----------
    source : where the decision's scores came from, "out_of_fold" or "validation".
    decision_scores, decision_targets : those scores, calibrated, and the targets of their rows, (n, n_labels).
    reached : by label, whether a threshold reaches the objective.
    """

    fitted: Fitted
    source: str
    graph: bytes
    calibration: Calibration
    thresholds: tuple[float, ...]
    reached: tuple[bool, ...]
    decision_scores: NDArray[np.float32]
    decision_targets: NDArray[np.uint8]


class DivergedError(Exception):
    """A network's loss stopped being a number.

    Attributes
    ----------
    fitted : the model as it was then, with its history.
    """

    def __init__(self, fitted: Fitted) -> None:
        super().__init__("training diverged")
        self.fitted = fitted


def learn(parts: Split, recipe: Recipe, say: Say) -> Learned:
    """Fit a model, calibrate it and choose its thresholds.

    Raises
    ------
    DivergedError : training diverged.
    """
    kind = MODELS[recipe.model.name]
    source = decision_source(recipe)
    labels, negative = parts.train.labels, parts.train.negative
    fitter = _Fitter.of(recipe, labels, negative, say)
    held_out = fitter.prepared(parts.validation)
    comments = parts.train if kind.watches or source == "validation" else parts.train.joined(parts.validation)
    rows = fitter.prepared(comments)
    say(f"{recipe.model.name}: fitting {len(rows.texts):,} comments")
    fitted = fitter.fit(rows, held_out)
    graph = fitted.graph(len(labels))
    if source == "validation":
        raw = Scorer(graph).run(_encode(fitted.encoder, held_out)).astype(np.float64)
        decided = held_out
    else:
        raw = np.empty(rows.targets.shape)
        decided = rows
        for number, (inside, outside) in enumerate(
            folds(comments, recipe.decision.folds, recipe.seed, fitter.normalizer), start=1
        ):
            say(f"{recipe.model.name}: out-of-fold scores, fold {number} of {recipe.decision.folds}")
            part = fitter.fit(rows.take(inside), held_out)
            raw[outside] = part.model.raw(part.matrix(_encode(part.encoder, rows.take(outside))))
    calibration = fit_calibration(
        raw, decided.targets, method=recipe.decision.calibrate, exclusive=negative is not None
    )
    scores = calibration.apply(raw.astype(np.float32))
    chosen = [
        choose_threshold(scores[:, j], decided.targets[:, j], recipe.decision.objective) for j in range(len(labels))
    ]
    thresholds, reached = tuple(t for t, _ in chosen), tuple(r for _, r in chosen)
    return Learned(fitted, source, graph, calibration, thresholds, reached, scores, decided.targets)


def recipe_normalizer(recipe: Recipe) -> Normalizer:
    """The recipe's normalizer; what it makes equal is one comment to split and folds, too."""
    return Normalizer(recipe.text.repeat_cap, recipe.text.max_chars)


def decision_source(recipe: Recipe) -> str:
    """Where the scores for calibration and thresholds come from: the recipe's word, "auto" resolved."""
    if recipe.decision.source != "auto":
        return recipe.decision.source
    return "validation" if MODELS[recipe.model.name].watches else "out_of_fold"


@dataclass(frozen=True)
class _Fitter:
    """What every fit of a run shares; none of it was learned from labelled rows."""

    recipe: Recipe
    labels: tuple[str, ...]
    negative: str | None
    normalizer: Normalizer
    engine: Tokenizer | None
    vectors: WordVectors | None

    @classmethod
    def of(cls, recipe: Recipe, labels: tuple[str, ...], negative: str | None, say: Say) -> _Fitter:
        normalizer = recipe_normalizer(recipe)
        takes_tokens = MODELS[recipe.model.name].features == "average"
        engine = tokenizer(recipe.text.tokenizer) if takes_tokens else None
        vectors = None
        if engine is not None and recipe.vectors.unlabeled:
            vectors = vectors_of_unlabeled(recipe.vectors, normalizer, engine, say)
        return cls(recipe, labels, negative, normalizer, engine, vectors)

    def prepared(self, comments: Comments) -> Rows:
        """Normalize and, where need be, tokenize: once, for all fits."""
        texts, truncated = self.normalizer.batch(comments.texts)
        return Rows(texts, truncated, None if self.engine is None else self.engine.tokenize(texts), comments.targets)

    def fit(self, rows: Rows, held_out: Rows) -> Fitted:
        """Learn everything that is learned (vocabulary, vectors, weights, model) from these rows and no others.

        ``held_out`` is for models that watch the validation part while they train.

        Raises
        ------
        DivergedError : training diverged.
        """
        recipe = self.recipe
        kind = MODELS[recipe.model.name]
        weights = class_weights(rows.targets, self.labels, self.negative, recipe.balance.class_weight)
        encoder, features = self._ngrams(rows) if self.engine is None else self._average(rows, self.engine)
        fitted = Fitted(encoder, features, kind.make(recipe.model), weights)
        if isinstance(features, AverageVectors):
            features.fit(_encode(encoder, rows))
        watched = HeldOut(fitted.matrix(_encode(encoder, held_out)), held_out.targets) if kind.watches else None
        task = Task(rows.targets, self.negative is not None, weights, recipe.seed)
        fitted.model.fit(fitted.matrix(_encode(encoder, rows)), task, watched)
        if fitted.model.diverged_:
            raise DivergedError(fitted)
        return fitted

    def _ngrams(self, rows: Rows) -> tuple[TextEncoder, dict[str, int]]:
        options = self.recipe.model
        assert isinstance(options, NgramLogisticOptions)  # the one model over n-grams
        vocabularies = {
            "jamo": NgramVocabulary.learn(rows.texts, "jamo", 1, options.jamo, options.min_comments),
            "syllable": NgramVocabulary.learn(rows.texts, "syllable", 1, options.syllable, options.min_comments),
        }
        encoder = TextEncoder(self.normalizer, {name: NgramView(known) for name, known in vocabularies.items()})
        return encoder, {name: len(known) for name, known in vocabularies.items()}

    def _average(self, rows: Rows, engine: Tokenizer) -> tuple[TextEncoder, AverageVectors]:
        assert rows.tokens is not None  # rows are tokenized where there is a tokenizer
        vectors = self.vectors or vectors_of_rows(rows.tokens, self.recipe.vectors, self.recipe.seed)
        cap = None if self.recipe.text.max_tokens == "auto" else self.recipe.text.max_tokens
        view = TokenView(engine, TokenVocabulary(vectors.tokens), cap)
        return TextEncoder(self.normalizer, {WORDS: view}), AverageVectors(vectors, self.recipe.features.pooling)


def _encode(encoder: TextEncoder, rows: Rows) -> Encoded:
    views = {
        name: view.encode_tokens(rows.tokens)
        if isinstance(view, TokenView) and rows.tokens is not None
        else view.encode(rows.texts)
        for name, view in encoder.views.items()
    }
    return join_views(views, rows.truncated)
