"""Save a bundle atomically; read one back only after every byte was verified."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from toxiclf.bundle.manifest import FILES, FileEntry, Manifest
from toxiclf.errors import BundleError, DataError

_LARGEST_MANIFEST = 4 * 2**20


def entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """What the manifest says of each file."""
    return {
        name: FileEntry(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    }


def save(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write a bundle so that ``folder`` holds either the old bundle or the whole new one, whenever the process is stopped.

    Parameters
    ----------
    folder : the bundle's folder; made with its parents, replaced if it holds a bundle.
    manifest : with the :func:`entries` of these files.
    files : contents by name; the names of :data:`toxiclf.bundle.manifest.FILES`.

    Raises
    ------
    DataError : ``folder`` exists and is no bundle, so it is not ours to replace.
    """
    folder = Path(os.path.abspath(folder))
    previous = _previous(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists() and previous.exists():
        previous.rename(folder)
    if folder.exists() and not (folder / "manifest.json").is_file() and any(folder.iterdir()):
        raise DataError(f"{folder} exists and is not a bundle; choose another folder, or empty it")
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        for name, content in {**files, "manifest.json": manifest.to_bytes()}.items():
            _write_synced(temporary / name, content)
        _sync_folder(temporary)
        shutil.rmtree(previous, ignore_errors=True)
        if folder.exists():
            folder.rename(previous)  # a reader finds the old one under this name until the next line is done
        temporary.rename(folder)
        _sync_folder(folder.parent)
        shutil.rmtree(previous, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def set_aside(folder: Path) -> None:
    """Rename an earlier run's bundle to ``<name>.previous``, so that it is not taken for this run's."""
    if folder.exists():
        kept = folder.with_name(f"{folder.name}.previous")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)


def read(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read a bundle: its manifest and its verified files.

    Raises
    ------
    BundleError : something is missing, longer, shorter or other than what the manifest says.
    """
    folder = Path(folder)
    if not folder.exists() and _previous(folder).exists():
        folder = _previous(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; give the bundle folder that `toxiclf train` wrote (OUT/bundle)")
    if not (folder / "manifest.json").exists() and (folder / "bundle" / "manifest.json").exists():
        folder = folder / "bundle"  # the run's folder was given
    manifest = Manifest.from_bytes(_read_file(folder, "manifest.json", _LARGEST_MANIFEST))
    contents = {}
    for name in FILES:
        entry = manifest.files[name]
        content = _read_file(folder, name, entry.size)
        if len(content) != entry.size:
            raise BundleError(f"{name} has {len(content)} bytes, the manifest says {entry.size}; copy the bundle again")
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise BundleError(
                f"{name} is not the file that the manifest describes (SHA-256 differs); copy the bundle again"
            )
        contents[name] = content
    return manifest, contents


def _read_file(folder: Path, name: str, largest: int) -> bytes:
    """Read at most ``largest`` + 1 bytes of a plain file that lies in the folder itself."""
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise BundleError(f"{path} is missing; give a bundle folder that `toxiclf train` wrote") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); links are not followed") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BundleError(f"{path} is not a plain file")
        return file.read(largest + 1)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
