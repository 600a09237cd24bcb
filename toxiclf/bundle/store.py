"""Save bundles atomically, and verify every byte of a bundle before it is used."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from toxiclf.bundle import folder as folders
from toxiclf.bundle.manifest import FILES, FileEntry, Manifest
from toxiclf.errors import BundleError, DataError

_LARGEST_MANIFEST = 4 * 2**20
_OURS = ("manifest.json", *FILES)


def entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """Return the manifest entries (size and SHA-256) of files, given their contents by name."""
    return {
        name: FileEntry(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    }


def save(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write a bundle atomically: ``folder`` holds either the old bundle or the complete new one.

    Parameters
    ----------
    folder : folder of the bundle, created with its parents. A bundle in it is replaced; other files in it are kept.
    manifest : manifest with the :func:`entries` of ``files``.
    files : contents by name, for each name in :data:`toxiclf.bundle.manifest.FILES`.

    Raises
    ------
    DataError : ``folder`` exists, is not empty and holds no bundle.
    """
    folders.replace(Path(folder), {**files, "manifest.json": manifest.to_bytes()}, _OURS, check_replaceable)


def check_replaceable(folder: Path) -> None:
    """Raise a DataError if the folder exists, is not empty and holds no bundle."""
    if folder.exists() and not _is_replaceable(folder):
        raise DataError(f"{folder} exists, but is not a bundle; choose another folder, or empty it")


def keep_previous(folder: Path) -> None:
    """Rename an earlier run's bundle to ``<name>.previous``, so that nobody takes it for the bundle of this run."""
    shutil.rmtree(folders.previous(folder), ignore_errors=True)
    if folder.exists():
        earlier = folder.with_name(f"{folder.name}.previous")
        shutil.rmtree(earlier, ignore_errors=True)
        folder.rename(earlier)


def read(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read and verify a bundle; return its manifest and the contents of its other files by name.

    Parameters
    ----------
    folder : folder of the bundle, or of the run that contains it.

    Raises
    ------
    BundleError : a file is missing, cannot be read, or differs from what the manifest says.
    """
    try:
        places = (Path(folder), Path(folder) / "bundle")
        return folders.read(places, "manifest.json", _read, BundleError)
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder} cannot be read: {error}") from error


def _read(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; give the bundle folder that `toxiclf train` wrote (OUT/bundle)")
    manifest = Manifest.from_bytes(_read_file(folder, "manifest.json", _LARGEST_MANIFEST))
    contents = {}
    for name in FILES:
        content = _read_file(folder, name, manifest.files[name].size)
        verify(name, content, manifest.files[name])
        contents[name] = content
    return manifest, contents


def verify(name: str, content: bytes, entry: FileEntry) -> None:
    """Raise a BundleError if the content of the file ``name`` has another size or SHA-256 than its manifest entry."""
    if len(content) != entry.size:
        raise BundleError(f"{name} has {len(content)} bytes, the manifest says {entry.size}; copy the bundle again")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BundleError(
            f"{name} is not the file that the manifest describes (SHA-256 differs); copy the bundle again"
        )


def _read_file(folder: Path, name: str, largest: int) -> bytes:
    """Return the contents of a file in the folder, but at most ``largest`` + 1 bytes: that many show it is too large.

    Raise a BundleError if the file is missing, or if it is a link or a special file.
    """
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        if (folder / "report.json").is_file() and name == "manifest.json":
            raise BundleError(
                f"{folder} is a run without a bundle; its report.md says why (see the findings diverged and no_bundle)"
            ) from None
        raise BundleError(f"{path} is missing; give a bundle folder that `toxiclf train` wrote") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); links are not followed") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise BundleError(f"{path} is not a regular file; copy the bundle again")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(min(largest, status.st_size) + 1)  # not largest + 1: read() reserves this memory


def _is_replaceable(folder: Path) -> bool:
    """Return whether the folder is empty or holds a bundle.

    A manifest.json alone is no proof of a bundle, because other programs write files of this name, too.
    """
    return folder.is_dir() and (
        all((folder / name).is_file() for name in ("manifest.json", "model.onnx")) or not any(folder.iterdir())
    )
