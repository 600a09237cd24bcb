"""Options of the ensembles ``voting`` and ``stacking``; :mod:`toxiclf.pipeline._combining` combines their members."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from toxiclf._registry import register
from toxiclf.recipe.options import AnyMember, ModelOptions, model_options
from toxiclf.recipe.types import NotNegative, Positive, Section

_MEMBERS = ("ngram_logistic", "svm", "random_forest", "cnn")  # different kinds, each among the best of its kind


def _at_least_two(given: Any) -> Any:
    """Return the given names or tables of members; raise a ValueError if there are fewer than two."""
    members = [given] if isinstance(given, str | Section) else given
    if isinstance(members, list | tuple) and len(members) < 2:
        named = ", ".join(map(str, members)) or "empty"
        raise ValueError(f'model.members is {named}; give at least two models, such as ["ngram_logistic", "svm"]')
    return members


class EnsembleOptions(ModelOptions):
    """Base class of the options of an ensemble, with the options of its member models."""

    members: Annotated[tuple[AnyMember, ...], BeforeValidator(_at_least_two)] = Field(
        default_factory=lambda: tuple(map(model_options, _MEMBERS))
    )
    """Names of the models, or tables of their options such as `{name = "svm", C = 10}`."""

    def fitted_models(self) -> tuple[ModelOptions, ...]:
        """Return the options of the members."""
        return self.members

    @model_validator(mode="after")
    def _members_differ(self) -> EnsembleOptions:
        for i, member in enumerate(self.members):
            if member in self.members[:i]:
                raise ValueError(
                    f"model.members holds {member.name} twice with the same options; remove one, or give it "
                    "other options"
                )
        return self


class VotingOptions(EnsembleOptions):
    """Options of ``voting``: the weighted mean of its members' calibrated probabilities (Kuncheva 2004)."""

    name: Literal["voting"] = "voting"
    weights: Literal["auto", "equal"] | tuple[NotNegative, ...] = "auto"
    """Weight of each member, or "equal"; "auto" chooses the weights that minimize the cross-entropy of out-of-fold
    scores."""

    @model_validator(mode="after")
    def _a_weight_each(self) -> VotingOptions:
        weights = self.weights
        if not isinstance(weights, str) and (len(weights) != len(self.members) or not sum(weights) > 0):
            raise ValueError(
                f"model.weights has {len(weights)} numbers for {len(self.members)} members; give one for each, "
                "not all 0, or set it to 'auto'"
            )
        return self


register(
    "model", "voting", order=30, options=VotingOptions, has_members=True,
    summary="Mean of the probabilities of ngram_logistic, svm, random_forest and cnn, weighted by out-of-fold "
        "scores",
)(VotingOptions)  # fmt: skip


class StackingOptions(EnsembleOptions):
    """Options of ``stacking``: a logistic regression over its members' out-of-fold log-odds (Wolpert 1992)."""

    name: Literal["stacking"] = "stacking"
    C: Positive = 1.0
    """Inverse strength of the regression's L2 penalty."""


register(
    "model", "stacking", order=31, options=StackingOptions, has_members=True, weight_name="coefficient",
    summary="Logistic regression over the out-of-fold log-odds of ngram_logistic, svm, random_forest and cnn",
)(StackingOptions)  # fmt: skip
