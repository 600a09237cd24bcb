"""Types of recipe fields, and the base class of recipe tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    GetCoreSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from toxiclf._registry import Component, component, components
from toxiclf.errors import UnknownNameError, unknown_name

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


def as_list(value: Any) -> Any:
    """Put a single string or number into a list; return any other value unchanged."""
    return [value] if isinstance(value, str | int | float) else value


@dataclass(frozen=True)
class ComponentName:
    """Marks a string as the name of a component: ``Annotated[str, ComponentName("metric-learner", others=("none",))]``.

    Attributes
    ----------
    kind : kind of the component in the registry.
    others : words that are accepted in addition to component names.
    fits : function that returns whether a component of the kind is accepted.
    """

    kind: str
    others: tuple[str, ...] = ()
    fits: Callable[[Component], bool] = lambda entry: True

    def names(self) -> list[str]:
        """Return all accepted words: ``others``, then the component names."""
        return [*self.others, *(entry.name for entry in components(self.kind).values() if self.fits(entry))]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the string schema, followed by a check that the word is accepted."""
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def _known(self, name: str) -> str:
        if name in self.others:
            return name
        try:
            fits = self.fits(component(self.kind, name))
        except UnknownNameError:
            fits = False
        if not fits:
            sentence = str(unknown_name("name", name, self.names())).removeprefix(f"unknown name '{name}'; ")
            raise PydanticCustomError("unknown_component", "{sentence}", {"sentence": sentence})
        return name


class Section(BaseModel):
    """Base class of a recipe's tables: immutable; unknown keys are errors; the string below a field describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse True and "2" where a number is expected, which pydantic would convert, and what no library can count."""
        field = cls.model_fields[str(info.field_name)]
        judges_itself = any(isinstance(one, BeforeValidator) for one in field.metadata)
        if isinstance(value, bool | str | int) and not judges_itself:
            kinds, words = _alternatives(field.annotation)
            huge = type(value) is int and abs(value) >= 2**63
            if kinds & {int, float} and (
                huge or (type(value) in (bool, str) and not ({type(value)} & kinds or value in words))
            ):
                expected = " or ".join(
                    ["a number below 2**63" if huge else "a number", *(f"'{word}'" for word in words)]
                )
                raise PydanticCustomError("number", "expected {expected}", {"expected": expected})
        return value

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Return only values that differ from their defaults, for a short repr."""
        return ((key, v) for key, v in super().__repr_args__() if key and v != self.default_of(key))

    def __str__(self) -> str:
        return repr(self)

    @classmethod
    def default_of(cls, key: str) -> Any:
        """Return the default value of a key."""
        return cls.model_fields[key].get_default(call_default_factory=True)


def _alternatives(annotation: Any) -> tuple[set[Any], dict[Any, None]]:
    """Return the types of a field, and the words that it may have instead."""
    if get_origin(annotation) is Literal:
        return set(), dict.fromkeys(get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, UnionType):
        return {annotation}, {}
    kinds: set[Any] = set()
    words: dict[Any, None] = {}
    for part in get_args(annotation):
        more, others = _alternatives(part)
        kinds, words = kinds | more, words | others
    return kinds, words


@dataclass(frozen=True)
class NoEffect:
    """Keys of a section that have no effect; ``cause`` completes the sentence "KEY has no effect …"."""

    section: str
    keys: Sequence[str]
    cause: str
