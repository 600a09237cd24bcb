"""What the tables of a recipe are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


def as_list(value: Any) -> Any:
    """One value where a list is meant."""
    return [value] if isinstance(value, str | int | float) else value


class Section(BaseModel):
    """A table of a recipe: no unknown keys, and not to be changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only what is not the default: a recipe's repr is what was asked for."""
        return ((key, v) for key, v in super().__repr_args__() if key and v != type(self).model_fields[key].default)
