"""The feature pipeline from comments to the input of a model."""

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

_QUANTILE = 0.995  # share of the training comments that "auto" tokens hold whole


class Numbers(Protocol):
    """What turns ids into numbers: a pooling, the vectors of sequences, or n-grams."""

    def transform(self, encoded: Encoded) -> Any:
        """Ids to float32 (n, size), :class:`toxiclf.features.sequences.Sequences` or :data:`toxiclf.features.ngrams.NgramRows`."""

    def write(self, graph: Graph) -> str:
        """Add the same function to a graph; returns the name of the numbers, "" where the model reads the ids itself."""


class Step(Protocol):
    """A learned step between the numbers and the model: a selection, or a metric."""

    def transform(self, features: Any) -> NDArray[np.float32]:
        """Features to other ones, float32 (n, width)."""

    def write(self, graph: Graph, features: str) -> str:
        """Add the same function to a graph."""


@dataclass(frozen=True)
class FeaturePipeline:
    """The fitted feature pipeline before the model: encoder, numbers, and learned steps.

    Attributes
    ----------
    encoder : from comments to ids; the text half of a bundle.
    numbers : from ids to numbers.
    origin : of the word vectors; empty for n-grams.
    steps : what was learned of the numbers, in order.
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
        """Learn what the recipe's model takes, without steps; without ``vectors``, those of the rows themselves."""
        options: Any = recipe.model
        takes, cache = options.component["takes"], cache or FeatureCache()
        if takes == "ngrams":
            return cls.ngrams(
                rows, preprocessor, jamo=options.jamo, syllable=options.syllable, min_comments=options.min_comments,
                cache=cache,
            )  # fmt: skip
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
        cls, rows: TokenizedTexts, preprocessor: Preprocessor, *, jamo: int, syllable: int, min_comments: int,
        cache: FeatureCache,
    ) -> FeaturePipeline:  # fmt: skip
        """Learn the n-grams of some rows: 1 to ``jamo`` jamo, 1 to ``syllable`` syllables, each in ``min_comments`` comments.

        Raises
        ------
        DataError : no n-gram stands in as many comments.
        """
        known = {
            "jamo": cache.ngrams(rows.texts, "jamo", jamo, min_comments),
            "syllable": cache.ngrams(rows.texts, "syllable", syllable, min_comments),
        }
        if not any(map(len, known.values())):
            raise DataError(
                f"no n-gram occurs in {min_comments} of {len(rows)} comments; lower min_comments, or give more comments"
            )
        encoder = TextEncoder(preprocessor, {name: NgramView(vocabulary) for name, vocabulary in known.items()})
        return cls(encoder, Ngrams({name: len(vocabulary) for name, vocabulary in known.items()}))

    @classmethod
    def pooled(
        cls, rows: TokenizedTexts, preprocessor: Preprocessor, engine: Tokenizer, vectors: WordVectors, *, name: str,
        max_tokens: int | None,
    ) -> FeaturePipeline:  # fmt: skip
        """Learn the weights of the pooling ``name`` from some rows."""
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
        """Learn how long the comments are: None for ``max_tokens`` takes as many as all but 0.5 % of them have."""
        assert rows.tokens is not None
        vocabulary = TokenVocabulary(vectors.tokens)
        if max_tokens is None:
            max_tokens = max(1, math.ceil(np.quantile(vocabulary.ids(rows.tokens).lengths, _QUANTILE)))
        encoder = TextEncoder(preprocessor, {WORDS: TokenView(engine, vocabulary, max_tokens)})
        return cls(encoder, SequenceVectors.of(vectors, max_tokens), vectors.origin)

    def then(self, step: Step) -> FeaturePipeline:
        """Return the same pipeline with one more step."""
        return replace(self, steps=(*self.steps, step))

    def matrix(self, rows: TokenizedTexts) -> Any:
        """The input of the model for these texts."""
        return self.transform(rows.encode(self.encoder))

    def transform(self, encoded: Encoded) -> Any:
        """The input of the model for encoded texts."""
        features = self.numbers.transform(encoded)
        for step in self.steps:
            features = step.transform(features)
        return features

    def write(self, graph: Graph) -> str:
        """Add numbers and steps to a graph; returns the name of the input of the model."""
        name = self.numbers.write(graph)
        for step in self.steps:
            name = step.write(graph, name)
        return name
