"""From comments to what models learn from: averaged word vectors, sequences of them, or rows of distinct n-grams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from toxiclf.bundle.scorer import Scorer
from toxiclf.embeddings.word_vectors import WordVectors, random_vectors
from toxiclf.errors import DataError
from toxiclf.features.cache import Kept
from toxiclf.graph import Graph
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView, join_views
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.text.vocabulary import Ids, TokenVocabulary, distinct

WORDS = "words"
_SIF_A = 1e-3
_QUANTILE = 0.995  # share of the training comments that "auto" tokens hold whole


class AverageVectors:
    """One vector a comment: the (weighted) mean of its tokens' vectors; all zeros where no token is known.

    The mean is computed by the very graph that later scores, so that training and scoring see the same bits.

    Parameters
    ----------
    vectors : of the tokens; ids count from 1 in their order.
    pooling : "mean"; "tfidf", weights ln((1 + n) / (1 + df)) + 1; or "sif" (Arora, Liang, Ma 2017), weights a / (a + p) with
        a = 0.001, then the first principal direction of the training vectors is taken out.

    Attributes
    ----------
    weights_ : float32 (len(tokens) + 1,), weight of each id, 0 for padding.
    direction_ : float32 (size,), the direction taken out; None but for "sif".
    """

    def __init__(self, vectors: WordVectors, pooling: str = "mean") -> None:
        self.vectors = vectors
        self.pooling = pooling

    def fit(self, encoded: Encoded) -> AverageVectors:
        """Learn the weights from the training rows."""
        ids = encoded.views[WORDS]
        weights = np.ones(len(self.vectors.tokens) + 1)
        self.direction_: NDArray[np.float32] | None = None
        if self.pooling == "tfidf":
            rows = np.repeat(np.arange(len(ids)), ids.lengths)
            seen = distinct(rows * np.int64(len(weights)) + ids.flat) % len(weights)
            frequency = np.bincount(seen, minlength=len(weights))
            weights = np.log((1 + len(ids)) / (1 + frequency)) + 1
        elif self.pooling == "sif":
            weights[1:] = _SIF_A / (_SIF_A + self.vectors.frequencies)
        weights[0] = 0.0
        self.weights_ = weights.astype(np.float32)
        if self.pooling == "sif":
            self._make_scorer()
            pooled = self.transform(encoded).astype(np.float64)
            self.direction_ = np.linalg.svd(pooled, full_matrices=False)[2][0].astype(np.float32)
        self._make_scorer()
        return self

    def transform(self, encoded: Encoded) -> NDArray[np.float32]:
        """Averaged vectors, float32 (n, size)."""
        return self._scorer.run(encoded)

    def write(self, graph: Graph) -> str:
        """Add the pooling to a graph; returns the name of the averaged vectors (batch, size)."""
        ids = graph.ids(WORDS)
        if self.vectors.packed is None:
            matrix = np.vstack([np.zeros_like(self.vectors.matrix[:1]), self.vectors.matrix])
            gathered = graph.add("Gather", graph.constant(matrix * self.weights_[:, None]), ids)
        else:  # a quarter of the bundle
            numbers, scales = self.vectors.packed
            packed = graph.add("Gather", graph.constant(np.vstack([np.zeros_like(numbers[:1]), numbers]), np.int8), ids)
            scale = graph.constant(np.append(np.float32(0), scales)[:, None] * self.weights_[:, None])
            gathered = graph.add("Mul", graph.add("Cast", packed, to=1), graph.add("Gather", scale, ids))
        total = graph.sum_over_time(gathered)
        if self.pooling == "tfidf":
            weight = graph.add("Gather", graph.constant(self.weights_), ids)
            count = graph.sum_over_time(weight, keepdims=True)
        else:
            lengths = graph.add("Cast", graph.lengths(WORDS), to=1)
            count = graph.add("Unsqueeze", lengths, graph.constant([1], np.int64))
        mean = graph.add(
            "Div", total, graph.add("Max", count, graph.constant([1e-6 if self.pooling == "tfidf" else 1.0]))
        )
        if self.direction_ is None:
            return mean
        column = graph.constant(self.direction_[:, None])
        along = graph.add("MatMul", mean, column)
        return graph.add("Sub", mean, graph.add("MatMul", along, graph.constant(self.direction_[None, :])))

    def _make_scorer(self) -> None:
        graph = Graph()
        self._scorer = Scorer(graph.build(self.write(graph), self.vectors.matrix.shape[1]))


@dataclass(frozen=True)
class Sequences:
    """Comments as sequences of word vectors.

    Attributes
    ----------
    ids : of each comment's tokens; id i stands for ``matrix[i]``.
    matrix : float32 (tokens + 1, size); the first row, of padding, is zeros.
    longest : most tokens a comment.
    """

    ids: Ids
    matrix: NDArray[np.float32]
    longest: int

    def averages(self) -> NDArray[np.float32]:
        """The mean vector of each comment, float32 (n, size); zeros where there is no token."""
        rows = np.repeat(np.arange(len(self.ids)), self.ids.lengths)
        ones = np.ones(len(rows), dtype=np.float32)
        counts = sp.csr_matrix((ones, (rows, self.ids.flat)), shape=(len(self.ids), len(self.matrix)))
        sums = np.asarray(counts @ self.matrix)
        return np.asarray(sums / np.maximum(self.ids.lengths, 1)[:, None], dtype=np.float32)

    def renumbered(self, numbers: NDArray[np.int32]) -> Sequences:
        """The same comments with ``numbers[i]`` in place of the id i."""
        return replace(self, ids=Ids(numbers[self.ids.flat], self.ids.starts))


@dataclass(frozen=True)
class SequenceVectors:
    """Features that are the sequences themselves: a network pools them.

    Attributes
    ----------
    matrix : as of :class:`Sequences`.
    longest : most tokens a comment.
    """

    matrix: NDArray[np.float32]
    longest: int

    @classmethod
    def of(cls, vectors: WordVectors, longest: int) -> SequenceVectors:
        """Word vectors, below a row of zeros."""
        return cls(np.vstack([np.zeros_like(vectors.matrix[:1]), vectors.matrix]), longest)

    def transform(self, encoded: Encoded) -> Sequences:
        """The sequences."""
        return Sequences(encoded.views[WORDS], self.matrix, self.longest)


NgramRows = dict[str, sp.csr_matrix]
"""By view, float32 (n, number of n-grams): 1 where the comment holds the n-gram."""


def ngram_rows(encoded: Encoded, sizes: Mapping[str, int]) -> NgramRows:
    """Sparse rows of ones; id 1 is column 0.

    Parameters
    ----------
    sizes : number of n-grams of each view that is wanted.
    """
    rows = {}
    for view, size in sizes.items():
        ids = encoded.views[view]
        ones = np.ones(len(ids.flat), dtype=np.float32)
        rows[view] = sp.csr_matrix((ones, ids.flat - 1, ids.starts), shape=(len(ids), size))
    return rows


@dataclass(frozen=True)
class Prepared:
    """Comments that are normalized and, for models that take tokens, tokenized: once, for all fits.

    Attributes
    ----------
    texts : preprocessed.
    truncated : bool (n,), True where normalization cut a comment off.
    tokens : of each text, or None.
    """

    texts: list[str]
    truncated: NDArray[np.bool_]
    tokens: list[list[str]] | None

    @classmethod
    def of(
        cls, texts: Sequence[str], preprocessor: Preprocessor, engine: Tokenizer | None, workers: int = 1,
        kept: Kept | None = None,
    ) -> Prepared:  # fmt: skip
        """Prepare comments as they were read; ``workers`` cores may make tokens."""
        prepared, truncated = preprocessor.batch(texts)
        return cls(prepared, truncated, None if engine is None else (kept or Kept()).tokens(prepared, engine, workers))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> Prepared:
        """Some of the comments, in the order asked for."""
        tokens = None if self.tokens is None else [self.tokens[i] for i in rows]
        return Prepared([self.texts[i] for i in rows], self.truncated[rows], tokens)

    def encoded(self, encoder: TextEncoder) -> Encoded:
        """Ids by an encoder whose preprocessor and tokenizer they were prepared with."""
        views = {
            name: view.encode_tokens(self.tokens)
            if isinstance(view, TokenView) and self.tokens is not None
            else view.encode(self.texts)
            for name, view in encoder.views.items()
        }
        return join_views(views, self.truncated)

    def joined(self, other: Prepared) -> Prepared:
        """These comments and then the other ones, prepared in the same way."""
        tokens = None if self.tokens is None or other.tokens is None else self.tokens + other.tokens
        return Prepared(self.texts + other.texts, np.concatenate([self.truncated, other.truncated]), tokens)


@dataclass(frozen=True)
class Featurizer:
    """All that is learned before the model: an encoder from comments to ids, and features of the ids.

    Attributes
    ----------
    encoder : the text half of a bundle.
    features : fitted averages, sequences, or the number of n-grams of each view.
    origin : of the word vectors; empty for n-grams.
    """

    encoder: TextEncoder
    features: AverageVectors | SequenceVectors | Mapping[str, int]
    origin: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        rows: Prepared,
        preprocessor: Preprocessor,
        engine: Tokenizer | None,
        vectors: WordVectors | None,
        kept: Kept | None = None,
    ) -> Featurizer:
        """Learn the features that a recipe's model takes; without ``vectors``, those of the rows themselves."""
        options: Any = recipe.model
        takes, kept = options.component["takes"], kept or Kept()
        if takes == "ngrams":
            return cls.ngrams(
                rows, preprocessor, jamo=options.jamo, syllable=options.syllable, min_comments=options.min_comments,
                kept=kept,
            )  # fmt: skip
        assert engine is not None  # all other models take tokens
        assert rows.tokens is not None
        cap = None if recipe.text.max_tokens == "auto" else recipe.text.max_tokens
        if takes == "sequences" or recipe.features.of_sequences:
            if options.learns_embedding:
                vectors = random_vectors(rows.tokens, recipe.vectors, recipe.seed)
            vectors = vectors or kept.vectors(rows.tokens, recipe.vectors, recipe.seed)
            return cls.sequence(rows, preprocessor, engine, vectors, max_tokens=cap)
        vectors = vectors or kept.vectors(rows.tokens, recipe.vectors, recipe.seed)
        return cls.average(rows, preprocessor, engine, vectors, pooling=recipe.features.pooling, max_tokens=cap)

    @classmethod
    def ngrams(
        cls, rows: Prepared, preprocessor: Preprocessor, *, jamo: int, syllable: int, min_comments: int,
        kept: Kept | None = None,
    ) -> Featurizer:  # fmt: skip
        """Learn the n-grams of some rows: 1 to ``jamo`` jamo, 1 to ``syllable`` syllables, each in ``min_comments`` comments.

        Raises
        ------
        DataError : no n-gram stands in as many comments.
        """
        kept = kept or Kept()
        known = {
            "jamo": kept.ngrams(rows.texts, "jamo", jamo, min_comments),
            "syllable": kept.ngrams(rows.texts, "syllable", syllable, min_comments),
        }
        if not any(map(len, known.values())):
            raise DataError(
                f"no n-gram stands in {min_comments} of {len(rows)} comments; lower min_comments, or give more"
            )
        encoder = TextEncoder(preprocessor, {view: NgramView(vocabulary) for view, vocabulary in known.items()})
        return cls(encoder, {view: len(vocabulary) for view, vocabulary in known.items()})

    @classmethod
    def average(
        cls, rows: Prepared, preprocessor: Preprocessor, engine: Tokenizer, vectors: WordVectors, *, pooling: str,
        max_tokens: int | None,
    ) -> Featurizer:  # fmt: skip
        """Learn the pooling weights of some rows."""
        view = TokenView(engine, TokenVocabulary(vectors.tokens), max_tokens)
        encoder = TextEncoder(preprocessor, {WORDS: view})
        features = AverageVectors(vectors, pooling)
        featurizer = cls(encoder, features, vectors.origin)
        features.fit(featurizer.encode(rows))
        return featurizer

    @classmethod
    def sequence(
        cls,
        rows: Prepared,
        preprocessor: Preprocessor,
        engine: Tokenizer,
        vectors: WordVectors,
        *,
        max_tokens: int | None,
    ) -> Featurizer:
        """Learn how long the comments are: None for ``max_tokens`` takes as many as all but 0.5 % of them have."""
        assert rows.tokens is not None
        vocabulary = TokenVocabulary(vectors.tokens)
        if max_tokens is None:
            max_tokens = max(1, math.ceil(np.quantile(vocabulary.ids(rows.tokens).lengths, _QUANTILE)))
        encoder = TextEncoder(preprocessor, {WORDS: TokenView(engine, vocabulary, max_tokens)})
        return cls(encoder, SequenceVectors.of(vectors, max_tokens), vectors.origin)

    def encode(self, rows: Prepared) -> Encoded:
        """Ids of prepared rows."""
        return rows.encoded(self.encoder)

    def matrix(self, rows: Prepared) -> Any:
        """Features of prepared rows."""
        return self.matrix_of(self.encode(rows))

    def matrix_of(self, encoded: Encoded) -> Any:
        """Features of encoded rows: float32 (n, size), :class:`Sequences`, or :data:`NgramRows`."""
        if isinstance(self.features, AverageVectors | SequenceVectors):
            return self.features.transform(encoded)
        return ngram_rows(encoded, self.features)

    def write(self, graph: Graph) -> str:
        """Add the features to a graph; sequences and n-grams need no node of their own, as their models read the ids."""
        return self.features.write(graph) if isinstance(self.features, AverageVectors) else ""
