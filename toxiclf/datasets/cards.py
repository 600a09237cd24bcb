"""Cards of public corpora: what a corpus is, where its files come from and how they are read."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toxiclf.cache import cache_folder
from toxiclf.errors import DataError, UsageError, unknown_name
from toxiclf.rows import Format

PREFIX = "corpus:"
ROOT_VARIABLE: Literal["TOXICLF_CORPORA"] = "TOXICLF_CORPORA"
SAMPLE = "sample"
"""The corpus that is part of the package."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(_Table):
    """The license of a corpus: SPDX identifier, address, and a note on what is easily missed."""

    id: str
    address: str
    commercial: bool
    note: str = ""


class File(_Table):
    """A file: its name, its size in bytes and its checksum."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
    size: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    def difference(self, size: int, sha256: str) -> str | None:
        """How a file of this size in bytes and this checksum differs from the card's; None if it is the same."""
        if size != self.size:
            return f"{size:,} bytes, expected {self.size:,}"
        return None if sha256 == self.sha256 else f"SHA-256 {sha256[:12]}…, expected {self.sha256[:12]}…"


class Part(File):
    """One file of a corpus.

    Attributes
    ----------
    role : what the file is for.
    rows : number of comments, rejected ones included.
    address : where upstream keeps the file, or the archive that it is built from.
    built_by : who builds the file from the archive; the archive itself has no pinned size or checksum.
    packed : another form of the file that is read as well.
    text_lines : whether the file is plain text, one comment a line.
    """

    role: Literal["train", "test", "unlabeled"]
    rows: int
    address: str | None = None
    built_by: Literal["nsmc"] | None = None
    packed: File | None = None
    text_lines: bool = False

    @property
    def forms(self) -> tuple[File, ...]:
        """The files that will do, the first one as it is fetched."""
        return (self, self.packed) if self.packed else (self,)


@dataclass(frozen=True)
class Place:
    """Where a part lies on this machine; the file was not verified."""

    kind: Literal["package", "TOXICLF_CORPORA", "cache"]
    path: Path
    file: File


class CardFormat(_Table):
    """How the labeled files are written; see :class:`toxiclf.rows.Format`."""

    delimiter: str
    quoting: bool
    header: bool
    columns: tuple[str, ...] = ()
    split_last: bool = False


class Card(_Table):
    """A card of ``corpora/cards``.

    Attributes
    ----------
    text, labels : column names.
    negative, positive : label values, as on the command line.
    parts : the files.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: str
    licence: Licence
    citation: str
    upstream: str
    note: str = ""
    format: CardFormat | None = None
    text: str
    labels: tuple[str, ...] = ()
    negative: str | None = None
    positive: tuple[str, ...] = ()
    parts: tuple[Part, ...]

    def part(self, role: str) -> Part | None:
        """The part with this role, if the corpus has one."""
        return next((part for part in self.parts if part.role == role), None)

    def place(self, part: Part) -> Place | None:
        """Where a part lies: in the package, under ``$TOXICLF_CORPORA``, or in the cache; None where it does not."""
        if self.name == SAMPLE:
            return Place("package", corpora_folder() / part.file, part)
        for kind, folder in self._folders():
            for file in part.forms:
                path = folder / file.file
                with _reading(path):
                    if path.is_file():
                        return Place(kind, path, file)
        return None

    def path(self, part: Part) -> Path:
        """Where a part lies on this machine, after checking that it is the file of the card.

        Raises
        ------
        DataError : the corpus is not on this machine, or the file is another one.
        """
        place = self.place(part)
        if place is None:
            looked = " and ".join(str(folder / part.file) for _, folder in self._folders())
            raise DataError(
                f"corpus:{self.name}/{part.role} is not on this machine (looked for {looked}); to get it, run: "
                f"toxiclf corpora fetch {self.name}, or set {ROOT_VARIABLE} to the folder that holds {self.name}/{part.file}"
            )
        if place.kind != "package":
            self._verify(place)
        return place.path

    def cache_path(self, part: Part) -> Path:
        """Where the part is put when it is fetched."""
        return cache_folder() / "corpora" / self.name / part.file

    def row_format(self, part: Part) -> Format | None:
        """The format of a part, None to find out."""
        if part.text_lines:
            return Format("text")
        if self.format is None:
            return None
        return Format("csv", **self.format.model_dump())

    def _folders(self) -> list[tuple[Literal["TOXICLF_CORPORA", "cache"], Path]]:
        root = os.environ.get(ROOT_VARIABLE)
        cache = cache_folder() / "corpora" / self.name
        return [*([(ROOT_VARIABLE, Path(root) / self.name)] if root else []), ("cache", cache)]

    def _verify(self, place: Place) -> None:
        fault = difference(place.path, place.file)
        if fault is None:
            return
        again = f"run: toxiclf corpora fetch {self.name}"
        if place.kind == ROOT_VARIABLE:
            again = f"replace it by the file from {self.upstream}, or remove it and {again}"
        raise DataError(f"{place.path} does not match the card ({fault}); {again}")


def difference(path: Path, file: File) -> str | None:
    """How a file on disk differs from the one that it should be; None where it does not.

    Raises
    ------
    DataError : the file cannot be read.
    """
    with _reading(path):
        size = path.stat().st_size
        if size != file.size:
            return file.difference(size, "")  # without reading it
        with path.open("rb") as content:
            return file.difference(size, hashlib.file_digest(content, "sha256").hexdigest())


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; fix that, or remove it") from error


def corpora_folder() -> Path:
    """The folder with the sample corpus and the cards: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return next(folder for folder in (package / "corpora", package.parent / "corpora") if folder.is_dir())


def card_names() -> list[str]:
    """Names of all cards."""
    return sorted(path.stem for path in (corpora_folder() / "cards").glob("*.toml"))


def load_card(name: str) -> Card:
    """Read a card.

    Raises
    ------
    UsageError : there is no card of this name.
    """
    if name not in card_names():
        raise unknown_name("corpus", name, card_names())
    return Card.model_validate(tomllib.loads((corpora_folder() / "cards" / f"{name}.toml").read_text("utf-8")))


def parse(source: str) -> tuple[Card, Part | None]:
    """Split ``corpus:NAME`` or ``corpus:NAME/ROLE`` into the card and the part asked for.

    Raises
    ------
    UsageError : no such card, or it has no such part.
    """
    name, slash, role = source.removeprefix(PREFIX).partition("/")
    card = load_card(name)
    if not slash:
        return card, None
    part = card.part(role)
    if part is None:
        raise UsageError(f"corpus:{name} has no part '{role}'; it has: {', '.join(p.role for p in card.parts)}")
    return card, part
