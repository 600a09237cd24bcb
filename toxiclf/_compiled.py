"""Modules written in C, and whether they can be used."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

MODULES = ("toxiclf.text._ngrams", "toxiclf.text._prefilter", "toxiclf.models._regression")


def compiled(name: str) -> Any:
    """Return one of :data:`MODULES`; None if there was no compiler at installation, or if ``TOXICLF_PURE`` is set."""
    if os.environ.get("TOXICLF_PURE"):
        return None
    try:
        return import_module(name)
    except ImportError:
        return None
