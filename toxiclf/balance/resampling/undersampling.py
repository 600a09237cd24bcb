"""Resamplers that remove rows of the more frequent class."""

from __future__ import annotations

from typing import Any

from toxiclf._registry import register
from toxiclf.balance.resampling._settings import Settings


@register("resampler", summary="Removes random rows of the more frequent class", undersamples=True, order=20)
def random_under(settings: Settings) -> Any:
    """Return a sampler that removes random rows of the more frequent class until the ratio is reached.

    Source: Batista, Prati and Monard 2004, "A Study of the Behavior of Several Methods for Balancing Training Data".
    """
    from imblearn.under_sampling import RandomUnderSampler

    return RandomUnderSampler(sampling_strategy=settings.sampling_strategy, random_state=settings.seed)


@register(
    "resampler", summary="Removes the row of the more frequent class from each Tomek link",
    undersamples=True, keys=(), order=90,
)  # fmt: skip
def tomek(settings: Settings) -> Any:
    """Return a sampler that removes the row of the more frequent class from each Tomek link.

    A Tomek link is a pair of rows of different classes that are each other's nearest neighbors.

    Source: Tomek 1976, "Two Modifications of CNN".
    """
    from imblearn.under_sampling import TomekLinks

    return TomekLinks()


@register(
    "resampler", summary="Keeps only the rows of the more frequent class that are nearest to the rarer class",
    undersamples=True, keys=("ratio", "neighbours"),
    order=100,
)  # fmt: skip
def nearmiss(settings: Settings) -> Any:
    """Return NearMiss, which keeps the rows of the more frequent class that are nearest to rows of the rarer class.

    A row's distance is its mean distance to its nearest rows of the rarer class (NearMiss-1).

    Source: Mani and Zhang 2003, "kNN approach to unbalanced data distributions".
    """
    from imblearn.under_sampling import NearMiss

    return NearMiss(sampling_strategy=settings.sampling_strategy, n_neighbors=settings.neighbours)
