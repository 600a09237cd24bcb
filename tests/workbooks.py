"""Writes small Excel workbooks: the library that reads them writes none."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_SCHEMAS = "http://schemas.openxmlformats.org"
_RELATIONS = f"{_SCHEMAS}/officeDocument/2006/relationships"
_MAIN = f"{_SCHEMAS}/spreadsheetml/2006/main"
_PACKAGE = f"{_SCHEMAS}/package/2006"
Cell = str | int | float | bool | None


def write_workbook(
    path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]], *, row: int = 1, column: int = 1, far: str | None = None
) -> None:
    """Write sheets by name, each with its first cell at this row and column, and one more at ``far``, such as "XFD1"."""
    numbers = range(1, len(sheets) + 1)
    entries = "".join(f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
    relations = "".join(_relation(f"r{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in numbers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        archive.writestr("_rels/.rels", _relations(_relation("r", "officeDocument", "xl/workbook.xml")))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{entries}</sheets></workbook>'
        )
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(relations))
        for i, rows in enumerate(sheets.values(), 1):
            lines = (
                f'<row r="{r}">{"".join(_cell(value, r, c) for c, value in enumerate(cells, column))}</row>'
                for r, cells in enumerate(rows, row)
            )
            last = f'<row><c r="{far}"><v>1</v></c></row>' if far else ""
            archive.writestr(
                f"xl/worksheets/sheet{i}.xml",
                f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}{last}</sheetData></worksheet>',
            )


def _relations(inner: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _relation(name: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{name}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'


def _cell(value: Cell, row: int, column: int) -> str:
    place = f'r="{chr(64 + column)}{row}"'
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    kind = ' t="b"' if isinstance(value, bool) else ""
    return f"<c {place}{kind}><v>{float(value):g}</v></c>"
