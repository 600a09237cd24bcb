"""Find the folder of a saved run."""

from __future__ import annotations

from pathlib import Path

from toxiclf.bundle.folder import newest
from toxiclf.errors import UsageError


def run_folder(path: Path) -> Path:
    """Return the folder of a run, given this folder or that of its bundle.

    Raises
    ------
    UsageError : the path is neither a run's folder nor a bundle in it.
    """
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise UsageError(f"{path} {what}; give the folder of a run, as `toxiclf train` wrote it")
    if (newest(path) / "report.json").is_file():
        return path
    if (path / "manifest.json").is_file():
        if (newest(path.resolve().parent) / "report.json").is_file():
            return path.resolve().parent
        raise UsageError(
            f"{path} is a bundle, which keeps no scores; give the folder of its run, "
            f"or score it: toxiclf evaluate {path} COMMENTS --out DIR"
        )
    if (path / "recipe.toml").is_file():
        raise UsageError(f"{path} has no report.json, because its training was interrupted; train it again")
    raise UsageError(
        f"{path} is not a run, because it has no report.json; give a folder that `toxiclf train` or `toxiclf "
        "evaluate --out` wrote"
    )
