"""Preprocess comments before they are split into tokens or n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import read_words


@dataclass(frozen=True, slots=True)
class Preprocessor:
    """Normalizes each comment and puts the readings of its disguised words in front.

    The readings come first, because a limit on tokens cuts a comment at its end.

    Parameters
    ----------
    normalizer : normalizes each comment. Comments with the same normalized text count as equal.
    views : names of the views that read disguised words (:mod:`toxiclf.text.obfuscation`); empty for none.

    >>> Preprocessor(Normalizer(), ("lookalikes",)).batch(["야  시1발아 꺼져"])[0]
    ['시발아 야 시1발아 꺼져']
    """

    normalizer: Normalizer
    views: tuple[str, ...] = ()

    def batch(self, texts: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
        """Return the preprocessed texts and, for each, whether the normalizer truncated it, bool (n,)."""
        normalized, truncated = self.normalizer.batch(texts)
        return self.expanded(normalized), truncated

    def expanded(self, normalized: Sequence[str]) -> list[str]:
        """Put the readings of disguised words in front of texts that are already normalized; return the new texts."""
        texts = list(normalized)
        for at, words in read_words(texts, self.views).items() if self.views else ():
            texts[at] = f"{words} {texts[at]}"
        return texts
