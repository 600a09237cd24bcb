"""Cards of public corpora: a card describes a corpus, its license, its files and how they are read."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
"""Name of the corpus that is part of the package."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(_Table):
    """License of a corpus: SPDX identifier, URL, whether it allows commercial use, and a note on its conditions."""

    id: str
    address: str
    commercial: bool
    note: str = ""


class File(_Table):
    """A file as a card describes it: name, size in bytes and SHA-256 checksum."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
    size: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    def difference(self, size: int, sha256: str) -> str | None:
        """Describe how a file with this size in bytes and this SHA-256 differs from the card; None if both match."""
        if size != self.size:
            return f"{size:,} bytes, expected {self.size:,}"
        return None if sha256 == self.sha256 else f"SHA-256 {sha256[:12]}…, expected {self.sha256[:12]}…"


class Part(File):
    """The file of one part of a corpus, as its card describes it.

    Attributes
    ----------
    role : whether the file holds training rows, test rows or unlabeled texts.
    rows : number of comments, including rejected rows.
    address : URL of the file, or of the archive that it is built from; None for the corpus in the package.
    built_by : name of the builder that makes the file from an archive; None if the file itself is downloaded. The card
        holds size and checksum of the file, not of the archive.
    packed : compressed copy that is accepted in place of the file; None if there is none.
    text_lines : whether the file is plain text with one comment per line.
    """

    role: Literal["train", "test", "unlabeled"]
    rows: int
    address: str | None = None
    built_by: Literal["nsmc"] | None = None
    packed: File | None = None
    text_lines: bool = False

    @property
    def forms(self) -> tuple[File, ...]:
        """Files that are accepted for this part; the first is the one that ``fetch`` writes."""
        return (self, self.packed) if self.packed else (self,)


@dataclass(frozen=True)
class Place:
    """Location of a part on this machine, and the ``File`` that the card expects there; the file is not verified."""

    kind: Literal["package", "TOXICLF_CORPORA", "cache"]
    path: Path
    file: File


class CardFormat(_Table):
    """CSV format of a corpus; the fields are those of :class:`toxiclf.rows.Format`."""

    delimiter: str
    quoting: bool
    header: bool
    columns: tuple[str, ...] = ()
    split_last: bool = False


class Card(_Table):
    """Description of a public corpus, read from a TOML file in ``corpora/cards``.

    Attributes
    ----------
    format : CSV format of the files; None to detect it.
    text, labels : name of the column with the comments, and names of the label columns.
    negative, positive : label value that is not toxic, and label values that are toxic, as for ``--negative`` and
        ``--positive``.
    parts : the files of the corpus.
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
        """Return the part with this role; None if the corpus has none."""
        return next((part for part in self.parts if part.role == role), None)

    def place(self, part: Part) -> Place | None:
        """Find a part; None if missing.

        The sample is in the package, any other corpus under ``$TOXICLF_CORPORA`` or in the cache."""
        if self.name == SAMPLE:
            return Place("package", corpora_folder() / part.file, part)
        with suppress(UsageError):  # there is no cache without a home folder
            for kind, folder in self._folders():
                for file in part.forms:
                    path = folder / file.file
                    with _reading(path):
                        if path.is_file():
                            return Place(kind, path, file)
        return None

    def path(self, part: Part) -> Path:
        """Return the path of a part; size and checksum of its file are checked first, except for the sample corpus.

        Raises
        ------
        DataError : the part is not on this machine, cannot be read, or does not match the card.
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
        """Return the path in the cache to which ``fetch`` writes this part."""
        return cache_folder() / "corpora" / self.name / part.file

    def row_format(self, part: Part) -> Format | None:
        """Return the format of a part; None if it must be detected."""
        if part.text_lines:
            return Format("text")
        if self.format is None:
            return None
        return Format("csv", **self.format.model_dump())

    def _folders(self) -> Iterator[tuple[Literal["TOXICLF_CORPORA", "cache"], Path]]:
        if root := os.environ.get(ROOT_VARIABLE):
            yield ROOT_VARIABLE, Path(root) / self.name
        yield "cache", cache_folder() / "corpora" / self.name

    def _verify(self, place: Place) -> None:
        fault = difference(place.path, place.file)
        if fault is None:
            return
        again = f"run: toxiclf corpora fetch {self.name}"
        if place.kind == ROOT_VARIABLE:
            again = f"replace it by the file from {self.upstream}, or remove it and {again}"
        raise DataError(f"{place.path} does not match the card ({fault}); {again}")


def difference(path: Path, file: File) -> str | None:
    """Describe how a file on disk differs from the card's ``file`` in size or SHA-256; None if both match.

    Raises
    ------
    DataError : the file cannot be read.
    """
    with _reading(path):
        size = path.stat().st_size
        if size != file.size:
            return file.difference(size, "")  # a wrong size is enough: the content is not read
        with path.open("rb") as content:
            return file.difference(size, hashlib.file_digest(content, "sha256").hexdigest())


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; fix that, or remove it") from error


def corpora_folder() -> Path:
    """Return the folder with the sample corpus and the cards.

    It is in the package if that is installed; in a checkout, it is beside the package."""
    package = Path(__file__).resolve().parent.parent
    return next(folder for folder in (package / "corpora", package.parent / "corpora") if folder.is_dir())


def card_names() -> list[str]:
    """Return the names of all cards, sorted."""
    return sorted(path.stem for path in (corpora_folder() / "cards").glob("*.toml"))


def load_card(name: str) -> Card:
    """Read the card of a corpus.

    Raises
    ------
    UsageError : no card has this name.
    """
    if name not in card_names():
        raise unknown_name("corpus", name, card_names())
    return Card.model_validate(tomllib.loads((corpora_folder() / "cards" / f"{name}.toml").read_text("utf-8")))


def parse(source: str) -> tuple[Card, Part | None]:
    """Find the card and the part that ``corpus:NAME/ROLE`` names; for ``corpus:NAME`` alone, the part is None.

    Raises
    ------
    UsageError : no card has this name, or the corpus has no part with this role.
    """
    name, slash, role = source.removeprefix(PREFIX).partition("/")
    card = load_card(name)
    if not slash:
        return card, None
    part = card.part(role)
    if part is None:
        raise UsageError(f"corpus:{name} has no part '{role}'; it has: {', '.join(p.role for p in card.parts)}")
    return card, part
