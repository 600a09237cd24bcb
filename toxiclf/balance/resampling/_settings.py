"""Settings of a resampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What a registered resampler makes its sampler from: an object with ``fit_resample(X, y)``, as imbalanced-learn's have.

    Attributes
    ----------
    ratio : rows of the rarer class for each row of the other that there are to be, in (0, 1].
    n_classes : in the rows; with more than two, the ratio is 1.
    neighbours : rows that are looked at around one.
    seed : an int, a RandomState or None, as imbalanced-learn takes it.
    gan : parameters of the GAN, by name.
    options : the resampler's own, of the pydantic model that it registered; None where it registered none.
    """

    ratio: float = 1.0
    n_classes: int = 2
    neighbours: int = 5
    seed: Any = None
    gan: Mapping[str, Any] = field(default_factory=dict)
    options: Any = None

    @property
    def sampling_strategy(self) -> float | str:
        """The ratio as imbalanced-learn takes it."""
        return "auto" if self.n_classes > 2 or self.ratio == 1.0 else self.ratio

    @property
    def of_smote(self) -> dict[str, Any]:
        """Parameters of imbalanced-learn's SMOTE and its variants."""
        return {
            "sampling_strategy": self.sampling_strategy, "k_neighbors": self.neighbours, "random_state": self.seed
        }  # fmt: skip
