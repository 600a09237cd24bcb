"""Save hashes of training comments, and count how many evaluated comments the model was trained on."""

from __future__ import annotations

import csv
import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toxiclf._files import writing_text
from toxiclf.bundle.folder import newest
from toxiclf.datasets.comments import Comments
from toxiclf.rows import RowWriter
from toxiclf.text.normalize import Normalizer

FILE = "learned.csv"
"""Name of the file in a run's folder. The bundle, which may be given away, does not include it."""

_COLUMNS = ("file", "line", "set", "salted_sha256")
_UNSALTED = ("file", "line", "set", "normalized_sha256")
_COLUMNS_OF_0_1 = ("file", "line", "part", "normalized_sha256")


def write(folder: Path, sets: Mapping[str, Comments], normalizer: Normalizer) -> None:
    """Write ``learned.csv``: file, line, set (a key of ``sets``) and hash of the normalized text of each comment.

    The hashes have a random salt, which is in the name of their column, so that hashes of other runs do not match them.
    """
    salt = secrets.token_hex(16)
    columns = (*_COLUMNS[:-1], f"{_COLUMNS[-1]}:{salt}")
    with writing_text(folder / FILE, encoding="utf-8-sig") as stream:
        writer = RowWriter(stream, columns, "csv")
        for name, comments in sets.items():
            for line, text in zip(comments.lines.tolist(), _hashes(comments, normalizer, salt), strict=True):
                writer.write(dict(zip(columns, (comments.source, line, name, text), strict=True)))


def overlap(bundle: Path, data_sha256: str, comments: Comments, normalizer: Normalizer) -> int | None:
    """Count those of ``comments`` that a bundle's model was trained on; texts are compared after normalization.

    Parameters
    ----------
    bundle : folder of the bundle, or of its run.
    data_sha256 : hash of the labeled rows of the run, from the bundle's manifest.

    Returns
    -------
    The count; None if it is unknown, because the bundle is not in its run's folder or ``learned.csv`` cannot be read.
    """
    known = learned(bundle, data_sha256, comments, normalizer)
    return None if known is None else int(known.sum())


def learned(bundle: Path, data_sha256: str, comments: Comments, normalizer: Normalizer) -> NDArray[np.bool_] | None:
    """Return for each comment whether a bundle's model was trained on it, (n,); None if unknown, see :func:`overlap`."""
    folder = newest(bundle if (newest(bundle) / FILE).is_file() else bundle.resolve().parent)
    try:
        report = json.loads((folder / "report.json").read_text("utf-8"))
        if report["data"]["sha256"] != data_sha256:
            return None
        with (folder / FILE).open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            *places, name = next(rows, [""])
            name, _, salt = name.partition(":")
            if (*places, name) not in (_COLUMNS, _UNSALTED, _COLUMNS_OF_0_1):
                return None
            known = {text for *_, text in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    return np.array([text in known for text in _hashes(comments, normalizer, salt)], dtype=np.bool_) if known else None


def _hashes(comments: Comments, normalizer: Normalizer, salt: str) -> list[str]:
    keys = comments.keys(normalizer)
    return [hashlib.sha256((salt + key).encode("utf-8", "surrogatepass")).hexdigest()[:16] for key in keys]
