"""Preprocess comments before they are cut into tokens or n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import expanded


@dataclass(frozen=True, slots=True)
class Preprocessor:
    """Normalize comments, then add in front the readings of disguised words, where no token limit cuts them off.

    Parameters
    ----------
    normalizer : also decides which comments are equal.
    views : names of views of obfuscated words, :mod:`toxiclf.text.obfuscation`.

    >>> Preprocessor(Normalizer(), ("lookalikes",)).batch(["야  시1발아 꺼져"])[0]
    ['시발아 야 시1발아 꺼져']
    """

    normalizer: Normalizer
    views: tuple[str, ...] = ()

    def batch(self, texts: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
        """The texts, and for each whether the normalizer truncated it."""
        normalized, truncated = self.normalizer.batch(texts)
        return self.expanded(normalized), truncated

    def expanded(self, normalized: Sequence[str]) -> list[str]:
        """The second step alone, for normalized texts."""
        return [self._with_readings(text) for text in normalized] if self.views else list(normalized)

    def _with_readings(self, text: str) -> str:
        longer = expanded(text, self.views)
        return text if longer is text else f"{longer[len(text) + 1 :]} {text}"
