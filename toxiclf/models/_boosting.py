"""What both libraries of gradient-boosted trees share."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, Positive

_FEW = 10_000


class BoostingOptions(ModelOptions):
    """Options of both; class weights reach them as their own ``scale_pos_weight``."""

    trees: Count = 300
    """Number of trees."""
    learning_rate: Positive = 0.05
    """Share of each tree's answer that is added."""
    min_samples_leaf: Count = 20
    """Training rows in a leaf, at least."""
    row_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the training rows that each tree sees."""
    feature_share: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of the vector's numbers that each tree sees."""


def threads_for(rows: int) -> int:
    """One for few rows, where more gain little and wait long for each other on cores that are busy; else all.

    300 trees of 3,800 rows on two cores: LightGBM takes 0.8 s with one thread and 0.5 s with two, beside two busy processes 1.0 s
    and 5.2 s; XGBoost 1.0 s and 0.6 s, then 1.5 s and 24.6 s.
    """
    from joblib import cpu_count

    return 1 if rows < _FEW else int(cpu_count())


def positive_weight(y: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """How much more a row of class 1 weighs than one of class 0, on average.

    Parameters
    ----------
    y, weights : class and weight of each row, (n,).
    """
    return float(weights[y == 1].mean() / weights[y == 0].mean()) if 0 < y.sum() < len(y) else 1.0
