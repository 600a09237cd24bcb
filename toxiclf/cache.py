"""The user's cache folder, for files that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "TOXICLF_CACHE"


def cache_folder() -> Path:
    """Return ``$TOXICLF_CACHE``, else ``$XDG_CACHE_HOME/toxiclf``, else ``~/.cache/toxiclf``; users may delete it."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toxiclf"
