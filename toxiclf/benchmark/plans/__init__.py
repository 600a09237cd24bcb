"""The plans that ship with the package, each a TOML file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath


def names() -> list[str]:
    """Return the names of the shipped plans, sorted."""
    return sorted(PurePath(entry.name).stem for entry in files(__name__).iterdir() if entry.name.endswith(".toml"))
