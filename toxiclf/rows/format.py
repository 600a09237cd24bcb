"""The format of a file of rows: its kind, delimiter, quoting and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toxiclf.errors import listed

Kind = Literal["csv", "jsonl", "json", "sheet", "text"]


@dataclass(frozen=True, slots=True)
class Format:
    """Format of a file of rows.

    Attributes
    ----------
    kind : "csv" (any delimiter), "jsonl", "json" (one array of objects), "sheet" (of a workbook), or "text" (one comment
        per line).
    delimiter : column delimiter of CSV.
    quoting : whether CSV fields may be quoted; if not, a quotation mark is an ordinary character.
    header : whether the first row names the columns; None detects it.
    columns : column names; column1, column2, … if there is no header.
    split_last : whether a line is split at its last delimiter only (``text|label``, where texts may hold a ``|``).
    names : names by which a column can be chosen: the columns; in JSON, a dotted path such as ``comment.body`` leads into
        an object.
    titles : number of rows above the header.
    """

    kind: Kind
    delimiter: str = ","
    quoting: bool = True
    header: bool | None = None
    columns: tuple[str, ...] = ()
    split_last: bool = False
    names: tuple[str, ...] = ()
    titles: int = 0

    def describe(self) -> str:
        """Describe the format in a few words.

        >>> Format("csv", "\\t", header=True, columns=("text", "label")).describe()
        'tab-separated, header text, label'
        """
        if self.kind == "text":
            return "text, one comment a line"
        if self.kind in ("jsonl", "json"):
            return f"{'JSON Lines' if self.kind == 'jsonl' else 'JSON array'}, keys {listed(self.names)}"
        above = f"{self.titles} row{'s' * (self.titles > 1)} above the " if self.titles else ""
        header = f"{above}header" if self.header else "no header, columns called"
        return (f"{self.separated()}, " if self.kind == "csv" else "") + f"{header} {listed(self.columns)}"

    def separated(self) -> str:
        """Return the delimiter in words, such as "tab-separated"."""
        name = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(self.delimiter, f"'{self.delimiter}'")
        return f"{name}-separated"
