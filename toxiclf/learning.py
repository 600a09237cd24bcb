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
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView, View, join_views
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

    def matrix(self, rows: Rows) -> Any:
        """Features of rows."""
        encoded = _encode(self.encoder, rows)
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
    normalizer = Normalizer(recipe.text.repeat_cap, recipe.text.max_chars)
    engine = tokenizer(recipe.text.tokenizer) if kind.features == "average" else None
    vectors = None
    if engine is not None and recipe.vectors.unlabeled:
        vectors = vectors_of_unlabeled(recipe.vectors, normalizer, engine, say)
    held_out = prepared(parts.validation, normalizer, engine)
    watched = held_out if kind.watches else None
    comments = parts.train if kind.watches or source == "validation" else parts.train.joined(parts.validation)
    rows = prepared(comments, normalizer, engine)

    def fit(part: Rows) -> Fitted:
        fitted = _fit(part, recipe, labels, negative, normalizer, engine, vectors, watched)
        if fitted.model.diverged_:
            raise DivergedError(fitted)
        return fitted

    say(f"{recipe.model.name}: fitting {len(rows.texts):,} comments")
    fitted = fit(rows)
    graph = fitted.graph(len(labels))
    if source == "validation":
        raw = Scorer(graph).run(_encode(fitted.encoder, held_out)).astype(np.float64)
        decided = held_out
    else:
        raw = np.empty(rows.targets.shape)
        decided = rows
        for number, (inside, outside) in enumerate(folds(comments, recipe.decision.folds, recipe.seed), start=1):
            say(f"{recipe.model.name}: out-of-fold scores, fold {number} of {recipe.decision.folds}")
            part = fit(rows.take(inside))
            raw[outside] = part.model.raw(part.matrix(rows.take(outside)))
    calibration = fit_calibration(
        raw, decided.targets, method=recipe.decision.calibrate, exclusive=negative is not None
    )
    scores = calibration.apply(raw.astype(np.float32))
    chosen = [
        choose_threshold(scores[:, j], decided.targets[:, j], recipe.decision.objective) for j in range(len(labels))
    ]
    thresholds, reached = tuple(t for t, _ in chosen), tuple(r for _, r in chosen)
    return Learned(fitted, source, graph, calibration, thresholds, reached, scores, decided.targets)


def decision_source(recipe: Recipe) -> str:
    """Where the scores for calibration and thresholds come from: the recipe's word, "auto" resolved."""
    if recipe.decision.source != "auto":
        return recipe.decision.source
    return "validation" if MODELS[recipe.model.name].watches else "out_of_fold"


def _fit(
    rows: Rows, recipe: Recipe, labels: tuple[str, ...], negative: str | None, normalizer: Normalizer,
    engine: Tokenizer | None, vectors: WordVectors | None, watched: Rows | None,
) -> Fitted:  # fmt: skip
    """Learn everything that is learned (vocabulary, vectors, weights, model) from these rows and no others."""
    weights = class_weights(rows.targets, labels, negative, recipe.balance.class_weight)
    views: dict[str, View] = {}
    features: AverageVectors | dict[str, int]
    if engine is None:
        options = recipe.model
        assert isinstance(options, NgramLogisticOptions)  # the one model over n-grams
        features = {}
        for unit, high in (("jamo", options.jamo), ("syllable", options.syllable)):
            vocabulary = NgramVocabulary.learn(rows.texts, unit, 1, high, options.min_comments)  # type: ignore[arg-type]
            views[unit] = NgramView(vocabulary)
            features[unit] = len(vocabulary)
    else:
        assert rows.tokens is not None  # rows are tokenized where there is a tokenizer
        if vectors is None:
            vectors = vectors_of_rows(rows.tokens, recipe.vectors, recipe.seed)
        cap = None if recipe.text.max_tokens == "auto" else recipe.text.max_tokens
        views[WORDS] = TokenView(engine, TokenVocabulary(vectors.tokens), cap)
        features = AverageVectors(vectors, recipe.features.pooling)
    fitted = Fitted(TextEncoder(normalizer, views), features, MODELS[recipe.model.name].make(recipe.model), weights)
    if isinstance(features, AverageVectors):
        features.fit(_encode(fitted.encoder, rows))
    task = Task(rows.targets, negative is not None, weights, recipe.seed)
    held_out = None if watched is None else HeldOut(fitted.matrix(watched), watched.targets)
    fitted.model.fit(fitted.matrix(rows), task, held_out)
    return fitted


def prepared(comments: Comments, normalizer: Normalizer, engine: Tokenizer | None) -> Rows:
    texts, truncated = normalizer.batch(comments.texts)
    return Rows(texts, truncated, None if engine is None else engine.tokenize(texts), comments.targets)


def _encode(encoder: TextEncoder, rows: Rows) -> Encoded:
    views = {
        name: view.encode_tokens(rows.tokens)
        if isinstance(view, TokenView) and rows.tokens is not None
        else view.encode(rows.texts)
        for name, view in encoder.views.items()
    }
    return join_views(views, rows.truncated)
