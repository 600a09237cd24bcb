"""The user's cache folder, for files that can be made or fetched again."""

from __future__ import annotations

import logging
import os
import stat
import sys
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


def is_private(folder: Path) -> bool:
    """Return whether this user or root owns a folder of the cache and its files, and not every user may write to them.

    Links are refused. The cache may be in a place that other users can write to. They could put word vectors there, which
    would change what models learn from then on. The group may write, since the umask 002 lets it, where each user has a
    group of their own.
    """
    if sys.platform == "win32":
        return True
    try:
        found = [path.lstat() for path in (folder, *folder.iterdir())]
    except OSError:
        return False
    return all(status.st_uid in (0, os.geteuid()) and not status.st_mode & stat.S_IWOTH for status in found)


@contextmanager
def own_settings_of_libraries() -> Iterator[None]:
    """While libraries are imported, make matplotlib and Keras keep their files in the cache and ignore the user's settings.

    Otherwise a ``keras.json`` in the home folder, or ``KERAS_BACKEND``, would change what networks learn. If the user set
    ``MPLCONFIGDIR``, matplotlib keeps its list of fonts there. If there is no cache, or other users can write to it, Keras
    keeps no files, and matplotlib uses a temporary folder. Without a home folder, gensim could not be imported.

    Raises
    ------
    UsageError : the working folder has a file ``matplotlibrc`` that is not text.
    """
    place = os.devnull  # which is no folder
    with suppress(UsageError):
        folder = cache_folder().absolute() / "libraries"
        if is_private(folder) or not os.path.lexists(folder):
            place = str(folder)
    ours = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": place, "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", place)}
    try:
        Path.home()
    except RuntimeError:
        ours["HOME"] = os.devnull
    theirs = {variable: os.environ.get(variable) for variable in ours}
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)  # it would recommend to set MPLCONFIGDIR where the cache cannot be written
    os.environ.update(ours)
    try:
        yield
    except UnicodeDecodeError as error:  # matplotlib parses this file even though its settings are not used
        raise UsageError(
            "matplotlib cannot read the file matplotlibrc in the working folder; remove it, or change to another folder"
        ) from error
    finally:
        log.setLevel(level)
        for variable, value in theirs.items():  # programs that this process starts get the user's settings
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
