"""Rows: finished runs on disk, each a JSON file that is named by a hash of the run's inputs and written atomically."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toxiclf._files import write_text
from toxiclf.bundle import strict_json
from toxiclf.errors import DataError

FOLDER = "rows"
_KEYS = defaultdict(
    lambda: {"no such status"},
    done={"seconds", "findings", "fit_seconds", "metrics", "parts", "test_sha256", "thresholds"},
    failed={"seconds", "reason"},
)
"""Keys that a row must have, by its status."""


def key_of(content: Mapping[str, Any]) -> str:
    """Return the key of a row: a hash of what its run depends on (corpus, data, recipe or rival, versions)."""
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()[:24]


def path_of(out: Path, key: str) -> Path:
    """Return the path of a row's file."""
    return out / FOLDER / f"{key}.json"


def write(out: Path, row: Mapping[str, Any]) -> None:
    """Write a row atomically, so that a stop leaves no incomplete file."""
    path = path_of(out, row["key"])
    content = json.dumps(row, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, content.encode("utf-8", "replace").decode("utf-8"))


def read(out: Path, key: str) -> dict[str, Any] | None:
    """Read the row with this key; return None if there is no file for it.

    Raises
    ------
    DataError : the file is incomplete or was changed.
    """
    path = path_of(out, key)
    try:
        row = strict_json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a benchmark row ({error}); delete the file to repeat the run") from error
    if not isinstance(row, dict) or row.get("key") != key or not _KEYS[str(row.get("status"))] <= set(row):
        raise DataError(f"{path} is not a row of this benchmark run; delete the file to repeat the run")
    return row
