"""Options that ensembles share; how members decide together: :mod:`toxiclf.pipeline.ensembles`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from toxiclf.recipe.options import AnyMember, ModelOptions, model_options
from toxiclf.recipe.types import Section

_MEMBERS = ("ngram_logistic", "svm", "random_forest", "cnn")  # unlike each other, and each among the best of its kind


def _at_least_two(given: Any) -> Any:
    """A list, where one name or table may be given; refuses fewer than two."""
    members = [given] if isinstance(given, str | Section) else given
    if isinstance(members, list | tuple) and len(members) < 2:
        named = ", ".join(map(str, members)) or "empty"
        raise ValueError(f'model.members is {named}; give two models at least, such as ["ngram_logistic", "svm"]')
    return members


class EnsembleOptions(ModelOptions):
    """Models that decide together."""

    members: Annotated[tuple[AnyMember, ...], BeforeValidator(_at_least_two)] = Field(
        default_factory=lambda: tuple(map(model_options, _MEMBERS))
    )
    """Names of the models, or tables of their options such as `{name = "svm", C = 10}`."""

    def fitted_models(self) -> tuple[ModelOptions, ...]:
        """The members."""
        return self.members

    @model_validator(mode="after")
    def _members_differ(self) -> EnsembleOptions:
        for i, member in enumerate(self.members):
            if member in self.members[:i]:
                raise ValueError(
                    f"model.members holds {member.name} twice with the same options, which says no more than once; leave one "
                    "out, or give it other options"
                )
        return self
