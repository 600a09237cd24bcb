"""Cards of public corpora: what a corpus is, where its files come from and how they are read."""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toxiclf.errors import DataError, UsageError, unknown_name
from toxiclf.rows import Format

PREFIX = "corpus:"
ROOT_VARIABLE = "TOXICLF_CORPORA"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Table):
    """One file of a corpus: its role, its path under the corpus's folder, its checksum and where upstream keeps it."""

    role: Literal["train", "test", "unlabeled"]
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    address: str | None = None
    rows: int
    text_lines: bool = False


class CardFormat(_Table):
    """How the labelled files are written; see :class:`toxiclf.rows.Format`."""

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

    name: str
    title: str
    licence: str
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

    def path(self, part: Part) -> Path:
        """Where a part lies on this machine, after checking that it is the file of the card.

        Raises
        ------
        DataError : the corpus is not on this machine, or the file is another one.
        """
        if self.name == "sample":
            return corpora_folder() / part.file
        root = os.environ.get(ROOT_VARIABLE)
        if not root:
            raise DataError(
                f"corpus:{self.name} is not part of the package; set {ROOT_VARIABLE} to the folder that holds "
                f"{self.name}/{part.file} (from {self.upstream})"
            )
        path = Path(root) / self.name / part.file
        if not path.is_file():
            raise DataError(
                f"{path} does not exist; get it from {self.upstream}, or set {ROOT_VARIABLE} to another folder"
            )
        if part.sha256 is not None:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != part.sha256:
                raise DataError(
                    f"{path} is not the file of the card (SHA-256 {found[:12]}…, expected {part.sha256[:12]}…); get it again"
                )
        return path

    def row_format(self, part: Part) -> Format | None:
        """The format of a part, None to find out."""
        if part.text_lines:
            return Format("text")
        if self.format is None:
            return None
        return Format("csv", **self.format.model_dump())


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
