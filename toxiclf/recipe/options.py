"""The ``[model]`` table: options of one model, validated by the options class in the model's own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny

from toxiclf._registry import Component, component, components
from toxiclf.errors import UnknownNameError, unknown_name
from toxiclf.recipe.types import NoEffect, Section


class ModelOptions(Section):
    """Base class of a model's options; n-gram models also define ``jamo``, ``syllable`` and ``min_comments``."""

    name: str
    """The model, as the registry names it."""

    def model_post_init(self, context: Any) -> None:
        """Mark ``name`` as set, so that a dump without unset keys still names the model."""
        self.model_fields_set.add("name")

    @property
    def component(self) -> Component:
        """Registry entry of the model, with its traits."""
        return component("model", self.name)

    @property
    def learns_embedding(self) -> bool:
        """Whether the model learns its own word vectors from random initial values, so that it needs no others."""
        return False

    def fitted_models(self) -> tuple[ModelOptions, ...]:
        """Return the options of each model that is fitted: this model, or the members of an ensemble."""
        return (self,)

    def without_effect(self) -> list[NoEffect]:
        """Return recipe keys without effect under these options, beyond those that follow from traits of the model."""
        return []


def model_options(given: Any) -> ModelOptions:
    """Validate a model's name or table of options with the options class of that model.

    Raises
    ------
    UsageError : there is no such model; the message names the nearest name.
    pydantic.ValidationError : an option is unknown, or a value is not valid.
    """
    return _look_up(given, "model", lambda entry: True)


def _member_options(given: Any) -> ModelOptions:
    """Validate the options of an ensemble member, which can neither be an ensemble nor learn from one class only."""
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


# a function finds the class by name; a union of all classes would import models, whose files may import this one
AnyModel = SerializeAsAny[Annotated[ModelOptions, PlainValidator(model_options)]]
"""Options of any model, as a field of a section."""
AnyMember = SerializeAsAny[Annotated[ModelOptions, PlainValidator(_member_options)]]
"""Options of a model that an ensemble may have as a member."""
