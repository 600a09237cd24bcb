"""What a caller says about label columns and their values."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toxiclf.bundle.manifest import LabelMap
from toxiclf.errors import UsageError
from toxiclf.rows import LABEL_NAMES, column_named, find_column, folded

Label = str | Sequence[str] | Mapping[str, str]
"""The argument ``label`` of :func:`toxiclf.read_comments`."""

_GENERIC = LABEL_NAMES - {"hate", "abusive", "욕설", "혐오", "악성"}


class Like(Protocol):
    """Labels that a new file must match: those of training rows or of a model's manifest."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def negative(self) -> str | None: ...
    @property
    def label_map(self) -> LabelMap: ...
    @property
    def text_column(self) -> str: ...


@dataclass(frozen=True)
class LabelOptions:
    """How label columns are read: the arguments of :func:`toxiclf.read_comments`, with columns as the file names them.

    Attributes
    ----------
    columns : the label columns; empty as long as they are not known.
    names : name of the label of each column, if the user gave one; else None.
    negative, positive : label values that are not toxic, and those that are.
    separator : what separates several values in a cell; None to detect it.
    positive_from : smallest number that is toxic; None if labels are not numbers.
    """

    columns: tuple[str, ...] = ()
    names: tuple[str | None, ...] = ()
    negative: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    separator: str | None = None
    positive_from: float | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels if each column is a label."""
        return tuple(name or shown_name(column) for column, name in zip(self.columns, self.names, strict=True))

    @property
    def one_name(self) -> str:
        """Name of the label if there is only one."""
        (column,), (name,) = self.columns, self.names
        generic = folded(column) in _GENERIC or re.fullmatch(r"column\d+", column)
        return name or ("toxic" if generic else shown_name(column))

    def __post_init__(self) -> None:
        values = bool(self.negative or self.positive)
        if self.positive_from is not None:
            if values or self.separator is not None:
                raise UsageError(
                    "--positive-from reads numbers, so --positive, --negative and --label-separator have no effect; "
                    "leave them out"
                )
            if not _is_finite(self.positive_from):
                raise UsageError(f"--positive-from is {self.positive_from!r}; expected a number, such as 0.5")
        elif len(self.columns) > 1 and (values or self.separator is not None):
            raise UsageError(
                "--positive, --negative and --label-separator work with one label column, but several are given; "
                "leave them out and write 0 or 1 in each label column"
            )
        if self.separator == "":
            raise UsageError("--label-separator is empty; give a character, list, or none")
        both = {folded(value) for value in self.positive} & {folded(value) for value in self.negative}
        if both:
            raise UsageError(
                f"--positive and --negative both name {', '.join(map(repr, sorted(both)))}; name each value once"
            )


def label_entries(label: Label, columns: Sequence[str]) -> dict[str, str | None]:
    """Return the label columns as the file names them, each with the name of its label or None.

    Parameters
    ----------
    label : columns, each as ``"column"`` or ``"column=name"``; a mapping from columns to names; one of these strings.

    Raises
    ------
    UsageError : the file has no such column, a column is given twice, or a name is empty.
    """
    if isinstance(label, Mapping):
        pairs: list[tuple[str, str | None]] = [
            (column_named(key, columns), _name(key, name)) for key, name in label.items()
        ]
    else:
        pairs = [_pair(entry, columns) for entry in ([label] if isinstance(label, str) else label)]
    if len({column for column, _ in pairs}) < len(pairs):
        raise UsageError(f"--label names a column twice: {', '.join(column for column, _ in pairs)}; name each once")
    return dict(pairs)


def _pair(entry: str, columns: Sequence[str]) -> tuple[str, str | None]:
    column = find_column(columns, entry)
    if column is not None:
        return column, None
    for place in reversed([match.start() for match in re.finditer("=", entry)]):
        column = find_column(columns, entry[:place].strip())
        if column is not None:
            return column, _name(column, entry[place + 1 :])
    return column_named(entry.rpartition("=")[0].strip() or entry, columns), None


def _name(column: str, name: str | None) -> str:
    """Return the name of a column's label; refuse one that is empty."""
    shown = shown_name(name or "")
    if not shown:
        raise UsageError(f"--label {column}=: there is no name after '='; give one, such as {column}=toxic")
    return shown


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown_name(name: str) -> str:
    """Return a name for display: in Unicode form NFC, without superfluous white space."""
    return " ".join(unicodedata.normalize("NFC", name).split())
