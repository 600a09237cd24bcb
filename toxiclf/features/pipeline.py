"""The feature pipeline, which turns comments into the input of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toxiclf.embeddings.word_vectors import WordVectors, random_vectors
from toxiclf.errors import DataError
from toxiclf.features.cache import FeatureCache
from toxiclf.features.ngrams import Ngrams
from toxiclf.features.pooling import WORDS, pooling
from toxiclf.features.sequences import SequenceVectors
from toxiclf.features.texts import TokenizedTexts
from toxiclf.graph import Graph
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.text.vocabulary import TokenVocabulary

_QUANTILE = 0.995  # share of the training comments that max_tokens = "auto" does not cut


class Numbers(Protocol):
    """Converts encoded comments to features: averaged word vectors, sequences of word vectors, or n-gram matrices."""

    def transform(self, encoded: Encoded) -> Any:
        """Return averaged word vectors, float32 (n, size); sequences (``Sequences``); or n-grams (``NgramRows``)."""

    def write(self, graph: Graph) -> str:
        """Add ``transform`` to an ONNX graph; return its output's name, or "" if the model itself reads the ids."""


class Step(Protocol):
    """A fitted step that transforms features before the model: it selects dimensions, or applies a learned metric."""

    def transform(self, features: Any) -> NDArray[np.float32]:
        """Return the transformed features, float32 (n, width)."""

    def write(self, graph: Graph, features: str) -> str:
        """Add ``transform`` to an ONNX graph; return the name of its output (batch, width)."""


@dataclass(frozen=True)
class FeaturePipeline:
    """Fitted feature pipeline, which turns comments into the input of a model.

    Attributes
    ----------
    encoder : converts comments to ids; a bundle stores it apart from the ONNX graph.
    numbers : converts ids to features, such as averaged word vectors.
    origin : source of the word vectors; empty for n-grams.
    steps : fitted steps that then transform the features, in order.
    """

    encoder: TextEncoder
    numbers: Numbers
    origin: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @classmethod
    def learn(
        cls,
        recipe: Recipe,
        rows: TokenizedTexts,
        preprocessor: Preprocessor,
        engine: Tokenizer | None,
        vectors: WordVectors | None,
        cache: FeatureCache | None = None,
    ) -> FeaturePipeline:
        """Return a pipeline that makes the features the recipe's model takes, fitted to the training rows ``rows``.

        It has no steps yet. If ``vectors`` is None, word vectors are trained on ``rows``. A model that learns its own
        embedding gets random vectors.
        """
        options: Any = recipe.model
        takes, cache = options.component["takes"], cache or FeatureCache()
        if takes == "ngrams":
            return cls.ngrams(
                rows, preprocessor, jamo=options.jamo, syllable=options.syllable, min_comments=options.min_comments
            )
        assert engine is not None  # all other models take tokens
        assert rows.tokens is not None
        cap = None if recipe.text.max_tokens == "auto" else recipe.text.max_tokens
        if takes == "sequences" or recipe.features.of_sequences:
            if options.learns_embedding:
                vectors = random_vectors(rows.tokens, recipe.vectors, recipe.seed)
            vectors = vectors or cache.vectors(rows.tokens, recipe.vectors, recipe.seed)
            return cls.sequences(rows, preprocessor, engine, vectors, max_tokens=cap)
        vectors = vectors or cache.vectors(rows.tokens, recipe.vectors, recipe.seed)
        return cls.pooled(rows, preprocessor, engine, vectors, name=recipe.features.pooling, max_tokens=cap)

    @classmethod
    def ngrams(
        cls, rows: TokenizedTexts, preprocessor: Preprocessor, *, jamo: int, syllable: int, min_comments: int
    ) -> FeaturePipeline:
        """Make a pipeline of the n-grams that at least ``min_comments`` of the rows hold.

        An n-gram has up to ``jamo`` jamo or up to ``syllable`` syllables.

        Raises
        ------
        DataError : no n-gram occurs in ``min_comments`` rows.
        """
        views: dict[str, NgramView] = {
            "jamo": rows.learn_ngrams("jamo", jamo, min_comments),
            "syllable": rows.learn_ngrams("syllable", syllable, min_comments),
        }
        sizes = {name: len(view.vocabulary) for name, view in views.items()}
        if not any(sizes.values()):
            raise DataError(
                f"no n-gram occurs in {min_comments} of {len(rows)} comments; lower min_comments, or give more comments"
            )
        return cls(TextEncoder(preprocessor, views), Ngrams(sizes))

    @classmethod
    def pooled(
        cls, rows: TokenizedTexts, preprocessor: Preprocessor, engine: Tokenizer, vectors: WordVectors, *, name: str,
        max_tokens: int | None,
    ) -> FeaturePipeline:  # fmt: skip
        """Make a pipeline that averages word vectors with the pooling ``name``, fitted to ``rows``.

        Only the first ``max_tokens`` tokens of a comment are averaged; None averages all.
        """
        view = TokenView(engine, TokenVocabulary(vectors.tokens), max_tokens)
        encoder = TextEncoder(preprocessor, {WORDS: view})
        return cls(encoder, pooling(name, vectors).fit(rows.encode(encoder)), vectors.origin)

    @classmethod
    def sequences(
        cls,
        rows: TokenizedTexts,
        preprocessor: Preprocessor,
        engine: Tokenizer,
        vectors: WordVectors,
        *,
        max_tokens: int | None,
    ) -> FeaturePipeline:
        """Make a pipeline of sequences of at most ``max_tokens`` word vectors.

        None sets the maximum so that at most 0.5 % of the rows are cut.
        """
        assert rows.tokens is not None
        vocabulary = TokenVocabulary(vectors.tokens)
        if max_tokens is None:
            max_tokens = max(1, math.ceil(np.quantile(vocabulary.ids(rows.tokens).lengths, _QUANTILE)))
        encoder = TextEncoder(preprocessor, {WORDS: TokenView(engine, vocabulary, max_tokens)})
        return cls(encoder, SequenceVectors.of(vectors, max_tokens), vectors.origin)

    def then(self, step: Step) -> FeaturePipeline:
        """Return a copy of the pipeline with ``step`` as its last step."""
        return replace(self, steps=(*self.steps, step))

    def matrix(self, rows: TokenizedTexts) -> Any:
        """Encode texts and return the input of the model for them."""
        return self.transform(rows.encode(self.encoder))

    def transform(self, encoded: Encoded) -> Any:
        """Return the input of the model for encoded texts."""
        features = self.numbers.transform(encoded)
        for step in self.steps:
            features = step.transform(features)
        return features

    def write(self, graph: Graph) -> str:
        """Add the computation of the features, and the steps, to a graph; return the name of the model's input."""
        name = self.numbers.write(graph)
        for step in self.steps:
            name = step.write(graph, name)
        return name
