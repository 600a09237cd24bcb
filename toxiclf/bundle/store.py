"""Save a bundle atomically; read one back only after every byte was verified."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from toxiclf.bundle.manifest import FILES, FileEntry, Manifest
from toxiclf.errors import BundleError, DataError

_LARGEST_MANIFEST = 4 * 2**20
_OURS = ("manifest.json", *FILES)


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
    folder : the bundle's folder, made with its parents. A bundle that it holds is replaced; other files beside that one stay.
    manifest : with the :func:`entries` of these files.
    files : contents by name; the names of :data:`toxiclf.bundle.manifest.FILES`.

    Raises
    ------
    DataError : ``folder`` exists and is no bundle, so it is not ours to replace.
    """
    folder = Path(folder).resolve()  # a link stays a link, and the bundle goes where it points
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        for name, content in {**files, "manifest.json": manifest.to_bytes()}.items():
            _write_synced(temporary / name, content)
        _sync_folder(temporary)
        with _alone_in(folder.parent):
            _swap(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary: Path, folder: Path) -> None:
    previous = _previous(folder)  # where a reader finds the old one while the folder is missing
    check_replaceable(folder)
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        folder.rename(previous)
    temporary.rename(folder)
    _sync_folder(folder.parent)
    if previous.exists():
        for path in previous.iterdir():
            if path.name not in _OURS:
                path.rename(folder / path.name)
    shutil.rmtree(previous, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Raise a DataError if something that is no bundle is in the way of :func:`save`."""
    if folder.exists() and not _is_replaceable(folder):
        raise DataError(f"{folder} exists and is not a bundle; choose another folder, or empty it")


def set_aside(folder: Path) -> None:
    """Rename an earlier run's bundle to ``<name>.previous``, so that it is not taken for this run's."""
    shutil.rmtree(_previous(folder), ignore_errors=True)
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
    try:
        place = _place(Path(folder))
        while True:
            try:
                return _read(place[0])
            except BundleError:
                before, place = place, _place(Path(folder))
                if place == before:
                    raise  # else it was replaced while it was read: read the new one
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder} cannot be read: {error}") from error


def _place(folder: Path) -> tuple[Path, int]:
    """Where the bundle lies, and its inode: in the folder, in its ``bundle/``, or in what a save that was killed left of either."""
    for place in (folder, folder / "bundle"):
        found = place if place.exists() else _previous(place)
        with suppress(FileNotFoundError, NotADirectoryError):
            if (found / "manifest.json").exists():
                return found, found.stat().st_ino
    return folder, 0


def _read(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; give the bundle folder that `toxiclf train` wrote (OUT/bundle)")
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
        raise BundleError(f"{path} is not a plain file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(min(largest, status.st_size) + 1)  # memory for what is there, whatever the manifest says


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _is_replaceable(folder: Path) -> bool:
    """Whether it is an empty folder, or one with a bundle; many other things keep a manifest.json, few a model beside it."""
    return folder.is_dir() and (
        all((folder / name).is_file() for name in ("manifest.json", "model.onnx")) or not any(folder.iterdir())
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process or thread at a time swap bundles in a folder; the lock ends with its holder."""
    if os.name == "nt":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
