"""A logistic regression over several models' outputs."""

from __future__ import annotations

from typing import Literal

from toxiclf._registry import register
from toxiclf.models._ensemble import EnsembleOptions
from toxiclf.recipe.types import Positive


class StackingOptions(EnsembleOptions):
    """A logistic regression over the members' out-of-fold log-odds (Wolpert 1992)."""

    name: Literal["stacking"] = "stacking"
    C: Positive = 1.0
    """Inverse strength of the regression's L2 penalty."""


register(
    "model", "stacking", order=31, extra="train", options=StackingOptions, has_members=True, weight_name="coefficient",
    summary="Logistic regression over the out-of-fold log-odds of ngram_logistic, svm, random_forest and cnn",
)(StackingOptions)  # fmt: skip
