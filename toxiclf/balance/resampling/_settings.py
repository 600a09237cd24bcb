"""``Settings``, the argument of every registered resampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Settings that a registered resampler takes to make its imbalanced-learn sampler.

    Attributes
    ----------
    ratio : number of rows of the rarer class for each row of the other class after resampling, in (0, 1].
    n_classes : number of classes; with more than two, the ratio is 1.
    neighbours : number of nearest neighbors.
    seed : random state for imbalanced-learn: an int, a RandomState or None.
    gan : parameters of the GAN, by name.
    options : an instance of the pydantic model of options that the resampler registered; None if it registered none.
    """

    ratio: float = 1.0
    n_classes: int = 2
    neighbours: int = 5
    seed: Any = None
    gan: Mapping[str, Any] = field(default_factory=dict)
    options: Any = None

    @property
    def sampling_strategy(self) -> float | str:
        """The ratio as the ``sampling_strategy`` of imbalanced-learn: "auto" for a ratio of 1, else the ratio."""
        return "auto" if self.n_classes > 2 or self.ratio == 1.0 else self.ratio

    @property
    def of_smote(self) -> dict[str, Any]:
        """Keyword arguments of imbalanced-learn's SMOTE and its variants."""
        return {
            "sampling_strategy": self.sampling_strategy, "k_neighbors": self.neighbours, "random_state": self.seed
        }  # fmt: skip
