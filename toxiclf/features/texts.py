"""Preprocessed and tokenized comments, which are prepared once for all fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.features.cache import FeatureCache
from toxiclf.text.encoder import Encoded, TextEncoder, TokenView, join_views
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class TokenizedTexts:
    """Preprocessed texts that are ready to be encoded, with their tokens if the model takes tokens.

    Attributes
    ----------
    texts : preprocessed texts.
    truncated : for each text, whether normalization cut off its end, bool (n,).
    tokens : tokens of each text; None if the texts were not tokenized.
    """

    texts: list[str]
    truncated: NDArray[np.bool_]
    tokens: list[list[str]] | None

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
        tokens = None if engine is None else (cache or FeatureCache()).tokens(texts, engine, workers)
        return cls(texts, truncated, tokens)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> TokenizedTexts:
        """Return the texts with the indexes ``rows``, in that order."""
        tokens = None if self.tokens is None else [self.tokens[i] for i in rows]
        return TokenizedTexts([self.texts[i] for i in rows], self.truncated[rows], tokens)

    def encode(self, encoder: TextEncoder) -> Encoded:
        """Encode the texts as ids; ``encoder`` must have the preprocessor and tokenizer that prepared them."""
        inputs = {
            name: view.encode_tokens(self.tokens)
            if isinstance(view, TokenView) and self.tokens is not None
            else view.encode(self.texts)
            for name, view in encoder.views.items()
        }
        return join_views(inputs, self.truncated)

    def joined(self, other: TokenizedTexts) -> TokenizedTexts:
        """Return these texts followed by those of ``other``, which must be prepared in the same way."""
        tokens = None if self.tokens is None or other.tokens is None else self.tokens + other.tokens
        return TokenizedTexts(self.texts + other.texts, np.concatenate([self.truncated, other.truncated]), tokens)


def encoded(comments: Comments, encoder: TextEncoder) -> Encoded:
    """Encode comments as token or n-gram ids; normalized texts that ``comments`` has cached are not made again."""
    return encoder.encode_preprocessed(*comments.preprocessed(encoder.preprocessor))
