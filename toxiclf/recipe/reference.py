"""List recipe keys with type, default and meaning, from the fields of recipe sections and model options."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from toxiclf._registry import components
from toxiclf.recipe.effects import without_effect_on
from toxiclf.recipe.loading import OLD_BEHAVIOR
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.recipe import Recipe
from toxiclf.recipe.types import ComponentName, Section

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_SIGNS = {Gt: ">", Ge: "≥", Lt: "<", Le: "≤"}


@dataclass(frozen=True)
class RecipeKey:
    """Description of a recipe key.

    Attributes
    ----------
    key : full name, such as ``model.C``.
    type : type in words, such as ``number > 0``.
    default : default value in TOML; empty if there is none.
    meaning : what the key sets, in words.
    """

    key: str
    type: str
    default: str
    meaning: str


def recipe_keys(model: str | None = None) -> list[RecipeKey]:
    """Return all recipe keys, or only those that have an effect on one model.

    Parameters
    ----------
    model : name of the model; None for all keys, including the options of every model.

    Raises
    ------
    UsageError : there is no such model; the message names the nearest name.

    >>> next(row for row in recipe_keys("svm") if row.key == "model.C").default
    '1.0'
    """
    recipe = Recipe.load(model=model)
    idle = {} if model is None else _idle_keys(recipe.model)
    rows: list[RecipeKey] = []
    for name, field in Recipe.model_fields.items():
        section = field.get_default(call_default_factory=True)
        if name == "model":
            rows += _all_options() if model is None else _rows("model", type(recipe.model), recipe.model.name)
        elif isinstance(section, Section):
            rows += [row for row in _rows(name, type(section)) if row.key not in idle]
        else:
            rows.append(_row(name, field))
    return rows


def _idle_keys(model: ModelOptions) -> set[str]:
    return {f"{idle.section}.{key}" for idle in without_effect_on(model) for key in idle.keys}


def _rows(section: str, kind: type[Section], model: str = "") -> Iterator[RecipeKey]:
    for key, field in kind.model_fields.items():
        row = _row(f"{section}.{key}", field)
        yield _name_of(model) if key == "name" else row


def _all_options() -> Iterator[RecipeKey]:
    """Yield the options of all models as keys; ``meaning`` ends with the names of the models that have the key."""
    models: dict[RecipeKey, list[str]] = defaultdict(list)
    for entry in components("model").values():
        assert entry.options is not None
        for row in _rows("model", entry.options, entry.name):
            if row.key != "model.name":
                models[row].append(entry.name)
    yield _name_of(Recipe().model.name)
    for row in sorted(models, key=lambda row: row.key):
        yield replace(row, meaning=f"{row.meaning} ({', '.join(models[row])})")


def _name_of(model: str) -> RecipeKey:
    return RecipeKey("model.name", _one_of(components("model")), json.dumps(model), "The model.")


def _row(key: str, field: FieldInfo) -> RecipeKey:
    default = field.get_default(call_default_factory=True)
    given = "" if default is PydanticUndefined else _as_toml(default)
    before = (
        f" If a recipe file lacks it, it is {_as_toml(OLD_BEHAVIOR[key])}, as in version 0.1."
        if key in OLD_BEHAVIOR
        else ""
    )
    return RecipeKey(key, _type(field.annotation, field.metadata), given, _meaning(field) + before)


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _as_toml(value: Any) -> str:
    if isinstance(value, ModelOptions):
        return json.dumps(value.name)
    if isinstance(value, BaseModel):
        return _as_toml(value.model_dump(exclude_unset=True))
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_as_toml(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _type(kind: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """Return a field's type in words, such as ``number > 0``; ``metadata`` holds its bounds."""
    for mark in metadata:
        if isinstance(mark, ComponentName):
            return _one_of(mark.names())
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return _one_of(map(str, arguments))
    if origin in (Union, UnionType):
        parts = dict.fromkeys(_type(part, metadata) for part in arguments if part is not NoneType)
        return " or ".join(part for part in parts if not (part == "whole number" and "number" in parts))
    if origin in (tuple, list):
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "table"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        method = kind.model_fields.get("method")
        return "table" if method is None else f"{_type(method.annotation, method.metadata)} or table"
    return f"{_WORDS.get(kind, 'text')}{_bounds(metadata)}"


def _bounds(metadata: list[Any] | tuple[Any, ...]) -> str:
    parts = []
    for mark in metadata:
        for one in getattr(mark, "metadata", [mark]):  # a Field inside of Annotated holds its bounds
            for bound, sign in _SIGNS.items():
                if isinstance(one, bound):
                    (limit,) = (getattr(one, name) for name in ("gt", "ge", "lt", "le") if hasattr(one, name))
                    parts.append(f" {sign} {limit:g}" if limit < 1e6 else f" {sign} {limit:,}")
    return ",".join(parts)


def _one_of(names: Any) -> str:
    return ", ".join(names)
