"""Save bundles atomically, and verify every byte of a bundle before it is used."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from toxiclf.bundle import folder as folders
from toxiclf.bundle import packed
from toxiclf.bundle.manifest import FILES, FileEntry, Manifest
from toxiclf.errors import BundleError, DataError
from toxiclf.text.given import path_given

_LARGEST_MANIFEST = 4 * 2**20
_CHUNK = 2**20  # bytes of a file that is verified, but not kept
OURS = ("manifest.json", *FILES)
"""Names of the files of a bundle."""


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
        If the name ends in ``.zip`` and is not that of a folder, the bundle is written as one file, as by :func:`pack`.
    manifest : manifest with the :func:`entries` of ``files``.
    files : contents by name, for each name in :data:`toxiclf.bundle.manifest.FILES`.

    Raises
    ------
    DataError : ``folder`` exists, is not empty and holds no bundle.
    """
    folder = Path(folder)
    if is_packed_name(folder):
        check_replaceable(folder)
        _write_packed(folder, manifest, files)
    else:
        folders.replace(folder, content(manifest, files), lambda new: OURS, check_replaceable)


def is_packed_name(path: Path) -> bool:
    """Return whether a bundle that is saved to this path becomes one file."""
    return path.suffix == ".zip" and not path.is_dir()


def content(manifest: Manifest, files: Mapping[str, bytes]) -> Callable[[Path], None]:
    """Return a function that writes the files of a bundle, given as in :func:`save`, into an empty folder."""
    return folders.contents({**files, "manifest.json": manifest.to_bytes()})


def check_replaceable(folder: Path) -> None:
    """Raise a DataError if the folder exists, is not empty and holds no bundle; or if the packed file is none."""
    if folder.exists() and not (packed.is_packed(folder) if is_packed_name(folder) else _is_replaceable(folder)):
        raise DataError(f"{folder} exists, but is not a bundle; choose another folder, or empty it")


def read(bundle: Path, *, card: bool = True) -> tuple[Manifest, dict[str, bytes]]:
    """Read and verify a bundle; return its manifest and the contents of its other files by name.

    Parameters
    ----------
    bundle : folder of the bundle, or of the run that contains it, or a packed bundle (see :mod:`toxiclf.bundle.packed`).
    card : whether to return ``README.md``, too; without it, the file is only verified, and not kept in memory.

    Raises
    ------
    BundleError : a file is missing, cannot be read, or differs from what the manifest says.
    """
    kept = [name for name in FILES if card or name != "README.md"]
    try:
        if Path(bundle).is_file():
            with regular_file(Path(bundle)) as (file, size), packed.opened(file, size) as opener:
                return _verified(opener, kept)
        places = (Path(bundle), Path(bundle) / "bundle")
        return folders.read(places, "manifest.json", lambda folder: _read(folder, kept), BundleError)
    except (OSError, ValueError) as error:
        raise BundleError(f"{bundle} cannot be read: {error}") from error


def _read(folder: Path, kept: Collection[str]) -> tuple[Manifest, dict[str, bytes]]:
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is not a folder; give the bundle folder that `toxiclf train` wrote (OUT/bundle), or a file that "
            "`toxiclf pack` wrote"
        )
    return _verified(lambda name: regular_file(folder / name), kept)


def _verified(opener: packed.Opener, kept: Collection[str]) -> tuple[Manifest, dict[str, bytes]]:
    """Verify a bundle's files, and return its manifest and the contents of the files in ``kept``.

    Each file is opened once; its size and its SHA-256 are those of the bytes that are returned.
    """
    with opener("manifest.json") as (file, size):
        if size > _LARGEST_MANIFEST:
            raise BundleError(
                f"manifest.json has {size:,} bytes; expected at most {_LARGEST_MANIFEST:,}; copy the bundle again"
            )
        manifest = Manifest.from_bytes(file.read(size + 1))
    contents = {}
    for name in FILES:
        entry = manifest.files[name]
        with opener(name) as (file, size):
            _check_size(name, size, entry)
            if name in kept:
                contents[name] = file.read(entry.size + 1)
                verify(name, contents[name], entry)
            else:
                _verify_stream(name, file, entry)
    return manifest, contents


def verify(name: str, content: bytes, entry: FileEntry) -> None:
    """Raise a BundleError if the content of the file ``name`` has another size or SHA-256 than its manifest entry."""
    _check_size(name, len(content), entry)
    _check_hash(name, hashlib.sha256(content).hexdigest(), entry)


def _verify_stream(name: str, file: BinaryIO, entry: FileEntry) -> None:
    """Verify a file as :func:`verify` does, in chunks, so that it need not fit into memory."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(min(_CHUNK, entry.size + 1 - size)):
        digest.update(chunk)
        size += len(chunk)
    _check_size(name, size, entry)
    _check_hash(name, digest.hexdigest(), entry)


def _check_size(name: str, size: int, entry: FileEntry) -> None:
    if size != entry.size:
        raise BundleError(f"{name} has {size} bytes, the manifest says {entry.size}; copy the bundle again")


def _check_hash(name: str, sha256: str, entry: FileEntry) -> None:
    if sha256 != entry.sha256:
        raise BundleError(
            f"{name} is not the file that the manifest describes (SHA-256 differs); copy the bundle again"
        )


@contextmanager
def regular_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file of a bundle, or a link to one; yield the stream and its size.

    The folders of the Hugging Face Hub and of Kubernetes hold links. A FIFO does not block.

    Raises
    ------
    BundleError : the file is missing, or something else than a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        if path.name == "manifest.json" and (path.parent / "report.json").is_file():
            raise BundleError(
                f"{path.parent} is a run without a bundle; its report.md says why (see the findings diverged and no_bundle)"
            ) from None
        raise BundleError(f"{path} is missing; give a bundle folder that `toxiclf train` wrote") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); copy the bundle again") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise BundleError(f"{path} is neither a regular file nor a link to one; copy the bundle again")
    with os.fdopen(descriptor, "rb") as file:
        yield file, status.st_size


def pack(bundle: str | os.PathLike[str], file: str | os.PathLike[str]) -> Path:
    """Verify a bundle and write it as one file, which :func:`toxiclf.load` reads as it is.

    The file is a ZIP archive that is not compressed. The same bundle always gives the same bytes.

    Parameters
    ----------
    bundle : str or path
        Folder of the bundle, or of its run, or a packed bundle.
    file : str or path
        File to write, such as ``bundle.zip``; an older packed bundle in its place is replaced.

    Returns
    -------
    Path
        ``file``.

    Raises
    ------
    BundleError
        The bundle is missing or damaged.
    DataError
        ``file`` exists, and is no packed bundle.

    Examples
    --------
    >>> import tempfile, toxiclf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = toxiclf.train("corpus:sample").save(folder)
    ...     moderator = toxiclf.load(toxiclf.pack(run, run / "bundle.zip"))
    >>> moderator.labels
    ('toxic',)
    """
    file = path_given(file, "file", "the path of the file to write")
    bundle = path_given(bundle, "bundle", "the path of a bundle")
    if file.exists() and not packed.is_packed(file):
        raise DataError(f"{file} exists, but is not a packed bundle; choose another file")
    _write_packed(file, *read(bundle))
    return file


def _write_packed(file: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    packed.write(file, {**files, "manifest.json": manifest.to_bytes()})


def _is_replaceable(folder: Path) -> bool:
    """Return whether the folder is empty or holds a bundle.

    A manifest.json alone is no proof of a bundle, because other programs write files of this name, too.
    """
    return folder.is_dir() and (
        all((folders.newest(folder) / name).is_file() for name in ("manifest.json", "model.onnx"))
        or folders.is_empty(folder)
    )
