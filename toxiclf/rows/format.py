"""The format of a file of rows: its kind, delimiter, quoting and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["csv", "jsonl", "text"]


@dataclass(frozen=True, slots=True)
class Format:
    """Format of a file of rows.

    Attributes
    ----------
    kind : "csv" (any delimiter), "jsonl" or "text" (one comment per line).
    delimiter : column delimiter of CSV.
    quoting : whether CSV fields may be quoted; if not, a quotation mark is an ordinary character.
    header : whether the first row names the columns; None detects it.
    columns : column names; column1, column2, … if there is no header.
    split_last : whether a line is split at its last delimiter only (``text|label``, where texts may hold a ``|``).
    """

    kind: Kind
    delimiter: str = ","
    quoting: bool = True
    header: bool | None = None
    columns: tuple[str, ...] = ()
    split_last: bool = False

    def describe(self) -> str:
        """Describe the format in a few words.

        >>> Format("csv", "\\t", header=True, columns=("text", "label")).describe()
        'tab-separated, header text, label'
        """
        if self.kind != "csv":
            return {"jsonl": "JSON Lines, keys ", "text": "text, one comment a line"}[self.kind] + ", ".join(
                self.columns if self.kind == "jsonl" else ()
            )
        name = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(self.delimiter, f"'{self.delimiter}'")
        names = ", ".join(self.columns)
        return f"{name}-separated, {'header' if self.header else 'no header, columns called'} {names}"
