"""``Method``, the base class of augmentation methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from toxiclf.recipe import AugmentStep

Generator = np.random.Generator


class Method(ABC):
    """Base class of augmentation methods, which change comments at random but keep their label.

    Parameters
    ----------
    step : augmentation step of a recipe. If its ``rate`` is "auto", ``auto_rate`` is used. ``step.options`` holds the
        options that the method registered.

    Attributes
    ----------
    auto_rate : share of a comment's places (words, syllables or gaps) that change if the step's rate is "auto".
    needs : what a comment must contain so that the method can change it, as a phrase for the error message.
    """

    auto_rate: ClassVar[float]
    needs: ClassVar[str]

    def __init__(self, step: AugmentStep) -> None:
        self.step = step
        self.rate = self.auto_rate if step.rate == "auto" else step.rate

    def prepare(self, texts: Sequence[str]) -> None:  # noqa: B027  # most methods have nothing to prepare
        """Compute in one call what ``variant`` needs for these texts; this saves time and does not change results."""

    @abstractmethod
    def variant(self, text: str, rng: Generator) -> str:
        """Return a randomly changed version of a text, or the text itself if the method cannot change it.

        Parameters
        ----------
        text : any string.
        rng : the only source of random numbers.
        """

    def some(self, places: int, rng: Generator) -> list[int]:
        """Draw ``how_many(places)`` different numbers below ``places``; return them in ascending order."""
        chosen = rng.choice(places, self.how_many(places), replace=False, shuffle=False)
        return sorted(chosen.tolist())

    def how_many(self, places: int) -> int:
        """Return the number of places that change: ``places`` times ``self.rate``, rounded, at least 1."""
        return min(places, max(1, round(self.rate * places)))
