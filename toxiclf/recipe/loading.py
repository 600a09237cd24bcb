"""From a preset's name, a TOML file, a mapping or ``key=value`` pairs to the content of a recipe; errors as sentences."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from toxiclf._registry import component, components
from toxiclf.errors import UsageError, unknown_name
from toxiclf.recipe.balance import AugmentStep

RENAMED = {"features.metric": "features.metric_learning"}
"""Keys of earlier versions, which are read with a note, and what they are called now."""


def presets() -> list[str]:
    """Names of the recipes that come with the package: one a model, and those of ``toxiclf/recipes``."""
    return sorted({*components("model"), *_recipe_files()})


def preset_summaries() -> dict[str, str]:
    """A line about each of them."""
    first_lines = {name: text.partition("\n")[0].removeprefix("# ") for name, text in _recipe_files().items()}
    return {name: first_lines.get(name) or component("model", name).summary for name in presets()}


def _recipe_files() -> dict[str, str]:
    folder = files("toxiclf.recipes")
    return {
        Path(entry.name).stem: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")
    }


def recipe_content(source: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """The tables of a preset, a file or a mapping, which is copied.

    Raises
    ------
    UsageError : there is no such preset or file, or it is not TOML.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return deepcopy(dict(source))
    name = str(source)
    try:
        if name in (recipes := _recipe_files()):
            return tomllib.loads(recipes[name])
        if name in components("model"):
            return {"model": model_table(name)}
        path = Path(source)
        if not path.is_file():
            if path.suffix == ".toml":
                raise UsageError(
                    f"the recipe {path} does not exist; give a TOML file, or a preset: {', '.join(presets())}"
                )
            raise unknown_name("recipe", source, presets())
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} is not TOML: {error}") from error


def model_table(name: str) -> dict[str, Any]:
    """The ``[model]`` table of a model's preset, or of a recipe of that name; of an unknown name, the name alone."""
    if name in components("model"):
        return {"name": name, **deepcopy(dict(component("model", name)["preset"]))}
    recipes = _recipe_files()
    return {"name": name, **(recipe_content(name).get("model", {}) if name in recipes else {})}


def parsed_setting(setting: str) -> tuple[str, Any]:
    """Key and value of ``key=value``; a value is TOML, else text.

    Raises
    ------
    UsageError : it is written otherwise.

    >>> parsed_setting("model.C=10"), parsed_setting("model=svm")
    (('model.C', 10), ('model', 'svm'))
    """
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {setting}: write it as key=value, such as decision.objective=f2")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return key.strip(), value


def put(content: dict[str, Any], key: str, value: Any) -> None:
    """Set a key such as ``model.C`` in the tables.

    Raises
    ------
    UsageError : what holds the key is no table.
    """
    *sections, last = key.split(".")
    table: Any = content
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            kind = "a list" if isinstance(table, list | tuple) else "a value"
            raise UsageError(
                f"recipe key {key}: {section} is {kind}, not a section; give {key.rpartition('.')[0]} as a whole"
            )
    table[last] = value


def take_new_names(content: dict[str, Any]) -> tuple[str, ...]:
    """Give keys of earlier versions their present names, in place; returns a note about each.

    Raises
    ------
    UsageError : a key is given by both names.
    """
    taken = []
    for old, new in RENAMED.items():
        section, key = old.split(".")
        tables = [(content.get(section), key, new.partition(".")[2]), *((s, old, new) for s in _search_spaces(content))]
        for table, before, now in tables:
            if not isinstance(table, dict) or before not in table:
                continue
            if now in table:
                raise UsageError(f"the recipe keys {old} and {new} are the same; give {new} alone")
            table[now] = table.pop(before)
            taken.append(old)
    return rename_notes(taken)


def with_new_names(recipe: Any) -> Any:
    """A copy of a recipe that an earlier version wrote, with the present names of its keys; anything else as it is."""
    if isinstance(recipe, dict):
        recipe = deepcopy(recipe)
        with suppress(UsageError):  # a key by both names: no version wrote that
            take_new_names(recipe)
    return recipe


def rename_notes(keys: Iterable[str]) -> tuple[str, ...]:
    """A note about each key of an earlier version."""
    renamed = dict.fromkeys(key for key in keys if key in RENAMED)
    return tuple(f"the recipe key {key} is called {RENAMED[key]} now; the old name is still read" for key in renamed)


def _search_spaces(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    search = content.get("search")
    spaces = search.get("space") if isinstance(search, dict) else None
    return [space for space in (spaces if isinstance(spaces, list | tuple) else [spaces]) if isinstance(space, dict)]


def explained(error: ValidationError, content: Mapping[str, Any], recipe: type[BaseModel]) -> UsageError:
    """The first of pydantic's complaints as a sentence with the key and, for unknown ones, the nearest name.

    Parameters
    ----------
    content : that was validated.
    recipe : the class that it was validated by.
    """
    complaint = error.errors()[0]
    cause = complaint.get("ctx", {}).get("error")
    if isinstance(cause, UsageError):
        return cause
    path = [str(part) for part in complaint["loc"]]
    key = ".".join(
        part for part in path if not part.startswith(("function-", "literal[", "constrained-", "dict[", "tuple["))
    )
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(path, content, recipe)
        return unknown_name("recipe key", key, [".".join([*path[:-1], name]) for name in known])
    message = complaint["msg"].removeprefix("Value error, ")
    given = "" if complaint["type"] == "value_error" else f" is {complaint['input']!r};"
    return UsageError(f"recipe key {key}{given or ':'} {message}" if key else message)


def _known_keys(path: list[str], content: Mapping[str, Any], recipe: type[BaseModel]) -> list[str]:
    """Keys of the table that holds the last of a path."""
    if len(path) == 1:
        return list(recipe.model_fields)
    if path[:2] == ["balance", "augment"]:
        return list(AugmentStep.model_fields)
    if path[0] == "model":
        table: Any = content["model"]
        if path[1] == "members" and len(path) > 3:
            table = table["members"][int(path[2])]
        options = component("model", table["name"]).options
        return [] if options is None else list(options.model_fields)
    section = recipe.model_fields[path[0]].default
    return list(type(section).model_fields) if isinstance(section, BaseModel) else []
