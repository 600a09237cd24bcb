"""What the tables of a recipe are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


def as_list(value: Any) -> Any:
    """One value where a list is meant."""
    return [value] if isinstance(value, str | int | float) else value


class Section(BaseModel):
    """A table of a recipe: no unknown keys, and not to be changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True)
