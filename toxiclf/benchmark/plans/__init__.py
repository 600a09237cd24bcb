"""The plans that ship with the package, a TOML file each."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath


def names() -> list[str]:
    """Names of the plans."""
    return sorted(PurePath(entry.name).stem for entry in files(__name__).iterdir() if entry.name.endswith(".toml"))
