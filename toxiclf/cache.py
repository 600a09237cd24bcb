"""The user's cache folder, for files that can be made or fetched again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toxiclf.errors import UsageError

CACHE_VARIABLE = "TOXICLF_CACHE"


def cache_folder() -> Path:
    """Return ``$TOXICLF_CACHE``, else ``$XDG_CACHE_HOME/toxiclf``, else ``~/.cache/toxiclf``; users may delete it.

    Raises
    ------
    UsageError : neither variable is set and this user has no home folder, as in some containers.
    """
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toxiclf"
    except RuntimeError as error:
        raise UsageError(f"this user has no home folder for a cache; set {CACHE_VARIABLE} to a folder") from error


@contextmanager
def keeping_files_of_libraries() -> Iterator[None]:
    """Point matplotlib and Keras, which make folders when they are imported, to the cache during the ``with`` block.

    A library whose variable is set, or whose folder the user has, is left alone: it uses the user's settings. Without
    a home folder, the libraries use temporary folders.
    """
    try:
        home, cache = Path.home(), cache_folder()
    except (RuntimeError, UsageError):
        yield
        return
    usual = {
        "MPLCONFIGDIR": Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "matplotlib",
        "KERAS_HOME": home / ".keras",
    }
    ours = [variable for variable, folder in usual.items() if variable not in os.environ and not folder.exists()]
    os.environ.update(dict.fromkeys(ours, str(cache.absolute() / "libraries")))
    try:
        yield
    finally:
        for variable in ours:
            os.environ.pop(variable, None)  # programs that this process starts look in the usual places
