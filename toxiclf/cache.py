"""The user's cache folder, for files that can be made or fetched again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
def own_settings_of_libraries() -> Iterator[None]:
    """Import matplotlib and Keras in the ``with`` block: their files go to the cache, the user's settings are not read.

    Otherwise a ``keras.json`` in the home folder, or ``KERAS_BACKEND``, would change what networks learn. If the user set
    ``MPLCONFIGDIR``, matplotlib keeps its list of fonts there. Without a home folder, Keras keeps no files, and
    matplotlib uses a temporary folder.
    """
    ours = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}
    with suppress(UsageError):
        folder = str(cache_folder().absolute() / "libraries")
        ours |= {"KERAS_HOME": folder, "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", folder)}
    theirs = {variable: os.environ.get(variable) for variable in ours}
    os.environ.update(ours)
    try:
        yield
    finally:  # programs that this process starts get the user's settings
        for variable, value in theirs.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
