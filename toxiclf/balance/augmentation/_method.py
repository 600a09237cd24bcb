"""The interface of augmentation methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from toxiclf.recipe import AugmentStep

Generator = np.random.Generator


class Method(ABC):
    """Base class of augmentation methods, which rewrite comments at random and keep their meaning.

    Parameters
    ----------
    step : of a recipe; ``rate`` "auto" is the method's own. ``step.options`` holds the options that the method registered.

    Attributes
    ----------
    auto_rate : the share of a comment's places that change where the step leaves it to the method.
    needs : what a comment must hold to be changed, as part of a sentence.
    """

    auto_rate: ClassVar[float]
    needs: ClassVar[str]

    def __init__(self, step: AugmentStep) -> None:
        self.step = step
        self.rate = self.auto_rate if step.rate == "auto" else step.rate

    def prepare(self, texts: Sequence[str]) -> None:  # noqa: B027  # most have nothing to look up
        """Look up what many comments need in one call; this saves time and changes no result."""

    @abstractmethod
    def variant(self, text: str, rng: Generator) -> str:
        """Rewrite a text once; return it unchanged if nothing can be changed.

        Parameters
        ----------
        text : any string.
        rng : all that is drawn is drawn from it.
        """

    def some(self, places: int, rng: Generator) -> list[int]:
        """Numbers of the places that change, in order: the rate's share of them, one at least."""
        chosen = rng.choice(places, self.how_many(places), replace=False, shuffle=False)
        return sorted(chosen.tolist())

    def how_many(self, places: int) -> int:
        """How many of so many places change."""
        return min(places, max(1, round(self.rate * places)))
