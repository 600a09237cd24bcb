"""The weighted mean of several models' probabilities."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from toxiclf._registry import register
from toxiclf.models._ensemble import EnsembleOptions
from toxiclf.recipe.types import NotNegative


class VotingOptions(EnsembleOptions):
    """The weighted mean of the members' calibrated probabilities (Kuncheva 2004)."""

    name: Literal["voting"] = "voting"
    weights: Literal["auto", "equal"] | tuple[NotNegative, ...] = "auto"
    """A number for each member, or "equal"; "auto" are those with the least cross-entropy of out-of-fold scores."""

    @model_validator(mode="after")
    def _a_weight_each(self) -> VotingOptions:
        weights = self.weights
        if not isinstance(weights, str) and (len(weights) != len(self.members) or not sum(weights) > 0):
            raise ValueError(
                f"model.weights has {len(weights)} numbers for {len(self.members)} members; give one each, not all 0, or say 'auto'"
            )
        return self


register(
    "model", "voting", order=30, extra="train", options=VotingOptions, has_members=True,
    summary="Weighted mean of the probabilities of ngram_logistic, svm, random_forest and cnn, weights by out-of-fold scores",
)(VotingOptions)  # fmt: skip
