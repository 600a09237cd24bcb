"""Load the content of a recipe from a preset, a TOML file, a mapping or ``key=value`` pairs, and explain its errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from toxiclf._registry import component, components
from toxiclf.errors import UnknownNameError, UsageError, unknown_name
from toxiclf.rows import source_name
from toxiclf.text.given import path_given

RENAMED = {"features.metric": "features.metric_learning"}
"""Old key names and their new names; a recipe with an old name is read, with a note."""
OLD_BEHAVIOR: dict[str, Any] = {
    "text.html_entities": False, "text.mask_personal": False, "text.views": [], "decision.exclusive": "thresholds",
}  # fmt: skip
"""Keys whose default differs from the behavior of version 0.1, with the value for that behavior. A recipe file without
such a key gets this value, so that it trains the same model as before; presets get the default. Each new step adds its
key here."""
_FILES = ("unlabeled", "pretrained", "vectors")
"""Last parts of the keys whose values name files."""

RENAMED_VALUES = {("decision.objective", "macro_f1"): "f1_macro", ("search.metric", "macro_f1"): "f1_macro"}
"""Keys with old names of values, and the new names; a recipe with an old name is read, with a note."""


_DEEPEST = 20  # tables and lists in one another; recipes need six
_DEEP_KEY = re.compile(
    r"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){100}"""
)  # tomllib takes quadratic time for such keys
_TOO_DEEP = "nested too deeply; write keys of a few parts, such as model.C"


def presets() -> list[str]:
    """Return the names of all presets: one for each model, and the recipes in ``toxiclf/recipes``."""
    return sorted({*components("model"), *_recipe_files()})


def is_preset(name: str) -> bool:
    """Return whether there is a preset of this name; if there is, files of other models are not imported, for speed."""
    return name in _recipe_files() or _is_model(name)


def preset_summaries() -> dict[str, str]:
    """Return a one-line summary of each preset, by name."""
    first_lines = {name: text.partition("\n")[0].removeprefix("# ") for name, text in _recipe_files().items()}
    return {name: first_lines.get(name) or component("model", name).summary for name in presets()}


def _recipe_files() -> dict[str, str]:
    folder = files("toxiclf.recipes")
    return {
        Path(entry.name).stem: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")
    }


def recipe_content(source: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the tables of a preset, a TOML file or a mapping (copied); no tables for None.

    Raises
    ------
    UsageError : there is no such preset or file, the file is not valid TOML, or values are nested too deeply.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        if _is_deep(source):
            raise UsageError(f"the recipe is {_TOO_DEEP}")
        return deepcopy(dict(source))
    name, path = str(source), path_given(source, "recipe", "a preset, a TOML file, a mapping or a recipe")
    try:
        if name in (recipes := _recipe_files()):
            return toml(recipes[name])
        if path.suffix != ".toml" and _is_model(name):
            return {"model": model_table(name)}
        if not path.is_file():
            if path.suffix == ".toml":
                raise UsageError(
                    f"the recipe {path} does not exist; give a TOML file, or a preset: {', '.join(presets())}"
                )
            raise unknown_name("recipe", source, presets())
        return toml(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} is not valid TOML: {error}") from error


def toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    TOMLDecodeError : it is not valid, has a whole number of over 4,300 digits, or is nested too deeply.
    """
    try:
        content = None if _DEEP_KEY.search(text) else tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise tomllib.TOMLDecodeError("a whole number has too many digits") from None
    except RecursionError:
        content = None
    if content is None or _is_deep(content):
        raise tomllib.TOMLDecodeError(f"values are {_TOO_DEEP}")
    return content


def _is_deep(content: Any) -> bool:
    """Return whether tables and lists are nested more deeply than any recipe; Python's recursion ends at some depth."""
    level = [content]
    for _ in range(_DEEPEST):
        inner = (value.values() if isinstance(value, Mapping) else value for value in level)
        level = [value for values in inner for value in values if isinstance(value, Mapping | list | tuple)]
    return bool(level)


def is_recipe_file(source: object) -> bool:
    """Return whether the source of a recipe is a TOML file, not a preset, a mapping or None."""
    return isinstance(source, str | Path) and not is_preset(str(source))


def model_table(name: str) -> dict[str, Any]:
    """Return the ``[model]`` table of a preset; for an unknown name, a table with the name alone."""
    if _is_model(name):
        return {"name": name, **deepcopy(dict(component("model", name)["preset"]))}
    return {"name": name, **(recipe_content(name).get("model", {}) if name in _recipe_files() else {})}


def _is_model(name: Any) -> bool:
    try:
        return isinstance(name, str) and component("model", name) is not None
    except UnknownNameError:
        return False


def parsed_setting(setting: str) -> tuple[str, Any]:
    """Split ``key=value`` into key and value; the value is read as TOML if it is valid, else as text.

    Raises
    ------
    UsageError : the setting is not of the form ``key=value``.

    >>> parsed_setting("model.C=10"), parsed_setting("model=svm")
    (('model.C', 10), ('model', 'svm'))
    """
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {setting}: write it as key=value, such as decision.objective=f2")
    try:
        value = toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return key.strip(), value


def put(content: dict[str, Any], key: str, value: Any) -> None:
    """Set a key such as ``model.C`` in nested tables; missing tables are added.

    Raises
    ------
    UsageError : a part of the key other than the last is not a table, or there are too many parts.
    """
    *sections, last = key.split(".")
    if len(sections) > _DEEPEST:
        raise UsageError(f"recipe key {key[:40]}… is {_TOO_DEEP}")
    table: Any = content
    for depth, section in enumerate(sections, start=1):
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            path = ".".join(sections[:depth])
            kind = "a list" if isinstance(table, list | tuple) else "a value"
            raise UsageError(f"recipe key {key}: {path} is {kind}, so it has no keys of its own; set {path} itself")
    table[last] = value


def take_new_names(content: dict[str, Any]) -> tuple[str, ...]:
    """Rename keys and values of earlier versions in place; return a note about each that was renamed.

    Raises
    ------
    UsageError
        A key is given by both its old and its new name.
    """
    search = content.get("search")
    spaces = search.get("space") if isinstance(search, dict) else None
    tables = [content, *(spaces if isinstance(spaces, list | tuple) else [spaces])]
    notes = rename_notes(
        old for old, new in RENAMED.items() for table in tables if isinstance(table, dict) and _rename(table, old, new)
    )
    for (key, old), new in RENAMED_VALUES.items():
        section, _, last = key.partition(".")
        table = content.get(section)
        if isinstance(table, dict) and table.get(last) == old:
            table[last] = new
            notes += (f"the value {old} of the recipe key {key} is now called {new}; the old name still works",)
    return notes


def fill_in_old_behavior(content: dict[str, Any]) -> list[str]:
    """Set the keys of :data:`OLD_BEHAVIOR` that a recipe lacks, in place; return those keys."""
    missing = []
    for key, value in OLD_BEHAVIOR.items():
        section, _, name = key.partition(".")
        table = content.setdefault(section, {})
        if isinstance(table, dict) and name not in table:
            table[name] = deepcopy(value)
            missing.append(key)
    return missing


def without_folders(value: Any, key: str = "") -> Any:
    """Return a copy of a recipe dict, or of the trials of a search, in which files are named without their folders."""
    if isinstance(value, Mapping):
        return {name: without_folders(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(inner, key) for inner in value]
    return source_name(value) if isinstance(value, str) and key.rpartition(".")[2] in _FILES else value


def with_present_keys(recipe: Any) -> Any:
    """Return a copy of a saved recipe dict as reports of this version have it; return other values unchanged.

    Keys of earlier versions are renamed, keys that they did not have say what they did, and folders are left out.
    """
    if isinstance(recipe, dict) and recipe:
        recipe = deepcopy(recipe)
        with suppress(UsageError):  # raised if a key has both names, but no version wrote such a recipe
            take_new_names(recipe)
        fill_in_old_behavior(recipe)
        recipe = without_folders(recipe)
    return recipe


def rename_notes(keys: Iterable[str]) -> tuple[str, ...]:
    """Return a note about each of these keys that has a new name."""
    renamed = dict.fromkeys(key for key in keys if key in RENAMED)
    return tuple(f"the recipe key {key} is now called {RENAMED[key]}; the old name still works" for key in renamed)


def _rename(table: dict[str, Any], old: str, new: str) -> bool:
    """Rename a key in place, at the top level ("section.key") and in the nested table "section".

    Return whether the old key was there.

    Raises
    ------
    UsageError : the table has both names.
    """
    section = table.get(old.partition(".")[0])
    was_there = False
    for place, before, now in ((table, old, new), (section, old.partition(".")[2], new.partition(".")[2])):
        if not isinstance(place, dict) or before not in place:
            continue
        if now in place:
            raise UsageError(f"the recipe keys {old} and {new} are the same; give {new} alone")
        place[now] = place.pop(before)
        was_there = True
    return was_there


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no numbers of more digits
        return "a number of thousands of digits"


def explained(error: ValidationError, content: Mapping[str, Any], recipe: type[BaseModel]) -> UsageError:
    """Convert the first pydantic error to a ``UsageError`` with the key and, if the key is unknown, the nearest name.

    Parameters
    ----------
    content : recipe content that failed validation.
    recipe : class that validated it.
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
    given = "" if complaint["type"] == "value_error" else f" is {_shown(complaint['input'])};"
    return UsageError(f"recipe key {key}{given or ':'} {message}" if key else message)


def _known_keys(path: list[str], content: Mapping[str, Any], recipe: type[BaseModel]) -> list[str]:
    """Return the keys that are valid in the table to which the last key of ``path`` belongs."""
    if len(path) == 1:
        return list(recipe.model_fields)
    if path[0] == "model":
        table: Any = content["model"]
        if path[1] == "members" and len(path) > 3:
            table = table["members"][int(path[2])]
        options = component("model", table["name"]).options
        return [] if options is None else list(options.model_fields)
    section = recipe.model_fields[path[0]].get_default(call_default_factory=True)
    return list(type(section).model_fields) if isinstance(section, BaseModel) else []
