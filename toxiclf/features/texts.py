"""Preprocessed and tokenized comments, which are prepared once for all fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.features.cache import FeatureCache
from toxiclf.features.shared_ngrams import SharedNgrams
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView, View, join_views
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.text.vocabulary import Ids, Unit


@dataclass(frozen=True)
class TokenizedTexts:
    """Preprocessed texts that are ready to be encoded, with their tokens if the model takes tokens.

    Attributes
    ----------
    texts : preprocessed texts.
    truncated : for each text, whether normalization cut off its end, bool (n,).
    tokens : tokens of each text; None if the texts were not tokenized.
    ngrams : n-grams of these texts and of others, shared by all fits of a run.
    numbers : intp (n,), the index of each text in ``ngrams``.
    """

    texts: list[str]
    truncated: NDArray[np.bool_]
    tokens: list[list[str]] | None
    ngrams: SharedNgrams
    numbers: NDArray[np.intp]

    @classmethod
    def of(
        cls, comments: Comments | Sequence[str], preprocessor: Preprocessor, engine: Tokenizer | None, workers: int = 1,
        cache: FeatureCache | None = None,
    ) -> TokenizedTexts:  # fmt: skip
        """Preprocess raw comments, and tokenize them on up to ``workers`` cores unless ``engine`` is None."""
        if isinstance(comments, Comments):
            texts, truncated = comments.preprocessed(preprocessor)
        else:
            texts, truncated = preprocessor.batch(comments)
        cache = cache or FeatureCache()
        tokens = None if engine is None else cache.tokens(texts, engine, workers)
        return cls(texts, truncated, tokens, SharedNgrams(texts, cache), np.arange(len(texts)))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> TokenizedTexts:
        """Return the texts with the indexes ``rows``, which must be distinct, in that order."""
        tokens = None if self.tokens is None else [self.tokens[i] for i in rows]
        texts = [self.texts[i] for i in rows]
        return TokenizedTexts(texts, self.truncated[rows], tokens, self.ngrams, self.numbers[rows])

    def learn_ngrams(self, unit: Unit, high: int, min_comments: int) -> NgramView:
        """Learn a view of the n-grams of 1 to ``high`` units that are in at least ``min_comments`` of the texts."""
        return self.ngrams.learn(self.numbers, unit, high, min_comments)

    def encode(self, encoder: TextEncoder) -> Encoded:
        """Encode the texts as ids; ``encoder`` must have the preprocessor and tokenizer that prepared them."""
        return join_views({name: self._encode(view) for name, view in encoder.views.items()}, self.truncated)

    def _encode(self, view: View) -> tuple[Ids, NDArray[np.bool_]]:
        if isinstance(view, TokenView) and self.tokens is not None:
            return view.encode_tokens(self.tokens)
        ids = self.ngrams.ids(view, self.numbers) if isinstance(view, NgramView) else None
        return view.encode(self.texts) if ids is None else (ids, np.zeros(len(self), dtype=np.bool_))

    def joined(self, other: TokenizedTexts) -> TokenizedTexts:
        """Return these texts followed by those of ``other``, which must be prepared in the same way."""
        tokens = None if self.tokens is None or other.tokens is None else self.tokens + other.tokens
        texts, truncated = self.texts + other.texts, np.concatenate([self.truncated, other.truncated])
        if self.ngrams is other.ngrams:
            return TokenizedTexts(texts, truncated, tokens, self.ngrams, np.concatenate([self.numbers, other.numbers]))
        return TokenizedTexts(texts, truncated, tokens, SharedNgrams(texts, self.ngrams.cache), np.arange(len(texts)))


def encoded(comments: Comments, encoder: TextEncoder) -> Encoded:
    """Encode comments as token or n-gram ids; normalized texts that ``comments`` has cached are not made again."""
    return encoder.encode_preprocessed(*comments.preprocessed(encoder.preprocessor))
