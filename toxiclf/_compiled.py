"""Modules written in C, and whether they can be used."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = ("toxiclf.text._ngrams", "toxiclf.text._prefilter", "toxiclf.models._regression")


def compiled(name: str) -> Any:
    """Return one of :data:`MODULES`; None if it is not there.

    It is not there if there was no compiler at installation, on a big-endian machine, and if the environment variable
    ``TOXICLF_PURE`` is 1. A module that is older than its source is not used.
    """
    if os.environ.get("TOXICLF_PURE", "0") not in ("", "0") or sys.byteorder != "little":
        return None
    try:
        module = import_module(name)
    except ImportError:
        return None
    built = Path(str(module.__file__))
    source = built.with_name(built.name.partition(".")[0] + ".c")  # only where toxiclf is developed
    if source.exists() and source.stat().st_mtime > built.stat().st_mtime:
        warnings.warn(f"{built.name} is older than {source.name}, so it is not used; run make", stacklevel=3)
        return None
    return module
