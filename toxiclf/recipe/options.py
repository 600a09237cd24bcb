"""``[model]``: the options of one model, whose class stands in the model's own file and is found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny

from toxiclf._registry import Component, component, components
from toxiclf.errors import UnknownNameError, unknown_name
from toxiclf.recipe.types import NoEffect, Section


class ModelOptions(Section):
    """Base of the options of every model; a model that takes n-grams also has ``jamo``, ``syllable`` and ``min_comments``."""

    name: str
    """The model, as the registry names it."""

    def model_post_init(self, context: Any) -> None:
        """A table of options always names its model."""
        self.model_fields_set.add("name")

    @property
    def component(self) -> Component:
        """The model's entry in the registry, with its traits."""
        return component("model", self.name)

    @property
    def learns_embedding(self) -> bool:
        """Whether the model learns its own word vectors from random ones, so that no others are needed."""
        return False

    def fitted_models(self) -> tuple[ModelOptions, ...]:
        """Options of the models that are fitted: this one, or the members of an ensemble."""
        return (self,)

    def without_effect(self) -> list[NoEffect]:
        """Recipe keys that have no effect beside these options, in addition to those that follow from traits."""
        return []


def model_options(given: Any) -> ModelOptions:
    """Validate a table of options, or a model's name, by the class that the named model has registered.

    Raises
    ------
    UsageError : there is no such model; the sentence names the nearest.
    pydantic.ValidationError : an option is unknown, or a value does not fit.
    """
    return _look_up(given, "model", lambda entry: True)


def _member_options(given: Any) -> ModelOptions:
    """The same of a member of an ensemble."""
    return _look_up(given, "member", lambda entry: not entry["has_members"] and not entry["learns_from_negatives"])


def _look_up(given: Any, role: str, fits: Callable[[Component], bool]) -> ModelOptions:
    if isinstance(given, ModelOptions):
        return given
    table: Mapping[str, Any] = given if isinstance(given, Mapping) else {"name": given}
    name = table.get("name")
    try:
        entry = component("model", name) if isinstance(name, str) else None
    except UnknownNameError:
        entry = None
    if entry is None or not fits(entry):
        raise unknown_name(role, name, [other.name for other in components("model").values() if fits(other)])
    assert entry.options is not None  # every model has a class of options
    options: ModelOptions = entry.options.model_validate(dict(table))
    return options


# a function looks the name up; a union of all classes would import models, whose files may import these sections
AnyModel = SerializeAsAny[Annotated[ModelOptions, PlainValidator(model_options)]]
"""Options of any model, as a field of a section."""
AnyMember = SerializeAsAny[Annotated[ModelOptions, PlainValidator(_member_options)]]
"""Options of a model that an ensemble may have as a member."""
