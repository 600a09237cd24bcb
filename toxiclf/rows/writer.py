"""Write rows as CSV, TSV or JSON Lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

from toxiclf._files import writing_text
from toxiclf.rows.names import source_name
from toxiclf.rows.records import Rejected, is_encodable


class RowWriter:
    """Writes rows as CSV, TSV or JSON Lines.

    In CSV and TSV, line ends are "\\n", and an apostrophe precedes cells that a spreadsheet would run as formulas.

    Parameters
    ----------
    stream : a text stream opened with ``newline=""``.
    columns : column names, in order; ignored for JSON Lines, which hold all values of a row.
    kind : "csv", "tsv" or "jsonl".
    """

    def __init__(self, stream: TextIO, columns: Sequence[str], kind: str) -> None:
        self._columns = list(columns)
        self._stream = stream
        self._csv = (
            None
            if kind == "jsonl"
            else csv.writer(stream, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
        )
        if self._csv is not None:
            self._csv.writerow(map(_cell, self._columns))

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row. In CSV or TSV, columns that ``values`` lacks stay empty, and other keys are ignored."""
        if self._csv is None:
            self._stream.write(_text(_strict_json(values)) + "\n")
        else:
            self._csv.writerow([_cell(values.get(name)) for name in self._columns])

    def write_columns(self, columns: Iterable[Sequence[Any]]) -> None:
        """Write rows to CSV or TSV, given as the values of each column, which is faster than row by row."""
        assert self._csv is not None
        self._csv.writerows(zip(*map(_cells, columns), strict=True))


def neutralised(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula; numbers stay unchanged.

    >>> neutralised("=1+1"), neutralised("-1.5"), neutralised("- 별로")
    ("'=1+1", '-1.5', "'- 별로")
    """
    if cell[:1] in _STARTS and not NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # of a formula
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "�")


def write_rejected(path: Path, rejected: Sequence[tuple[str, Rejected]]) -> None:
    """Write rejected rows as CSV with the columns file (without its folders), line, reason and content."""
    with writing_text(path, encoding="utf-8-sig") as stream:
        writer = RowWriter(stream, ("file", "line", "reason", "content"), "csv")
        for source, row in rejected:
            writer.write({"file": source_name(source), "line": row.line, "reason": row.reason, "content": row.content})


_json = json.JSONEncoder(ensure_ascii=False).encode
_strict_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _cells(values: Sequence[Any]) -> Sequence[Any]:
    """Return the cells of a column as :func:`_cell` does, but without a call for each if all values are of a usual kind."""
    kinds = set(map(type, values))
    if kinds == {str}:
        text = "\0".join(values)
        if "\r" not in text and is_encodable(text):
            return [neutralised(value) if value[:1] in _STARTS else value for value in values]
    elif kinds == {bool}:
        return ["1" if value else "0" for value in values]
    elif kinds == {float} and all(map(isfinite, values)):
        return values  # csv writes them as JSON does
    return list(map(_cell, values))


def _cell(value: Any) -> str:
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)  # as in JSON
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = _text(value if isinstance(value, str) else _json(value))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")  # csv leaves a lone \\r unquoted
    return neutralised(text)


def _text(text: str) -> str:
    return text if text.isascii() or is_encodable(text) else text.translate(_SURROGATES)
