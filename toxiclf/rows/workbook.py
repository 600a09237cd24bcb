"""Read a sheet of an Excel workbook; this needs the extra ``[excel]``."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from toxiclf.errors import DataError, MissingExtraError, UsageError, listed
from toxiclf.rows.names import find_column

_ENDINGS = (".xlsx", ".xlsm")
_MOST_CELLS = 2**25  # the library makes room for every cell up to the last one, filled or not; this takes about 1 GB
_BLOCK, _LONGEST_TAG = 2**20, 2**10  # bytes
_FILLED = rb'<(?>[^<>]*? r="(%s)(\d{1,7})")[^<>]*+(?<!/)>\s*+<(?!/)'
_CELL, _WIDE_CELL = re.compile(_FILLED % rb"[A-Z]{1,3}"), re.compile(_FILLED % rb"[A-Z]{2,3}")


def is_workbook(source: str) -> bool:
    """Return whether a file's name ends in ``.xlsx`` or ``.xlsm``."""
    return source.lower().endswith(_ENDINGS)


def sheet_rows(file: IO[bytes], name: str, wanted: str | None) -> tuple[str, Iterator[tuple[int, list[str], str]]]:
    """Open a sheet; the library reads all of it into memory.

    Parameters
    ----------
    wanted : name of the sheet; None for the first.

    Returns
    -------
    Words that name the sheet, and its rows as (row number, cells, cells joined by tabs); empty rows are left out.

    Raises
    ------
    DataError : the file is not a workbook, or one of its cells lies so far from the others that memory would not suffice.
    UsageError : there is no such sheet.
    MissingExtraError : python-calamine is not installed.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError:
        raise MissingExtraError("reading an Excel workbook", "excel") from None
    try:
        _refuse_far_cells(file, name)
        book = CalamineWorkbook.from_filelike(file)
        names = book.sheet_names
        title = names[0] if wanted is None else find_column(names, wanted)
        if title is None:
            raise UsageError(f"{name} has no sheet '{wanted}'; give --sheet one of: {listed(names)}")
        rows = book.get_sheet_by_name(title).iter_rows()
    except (CalamineError, IndexError) as error:
        raise DataError(
            f"{name} cannot be read as an Excel workbook: {error}; save it again as .xlsx, without a password, or as "
            "CSV UTF-8"
        ) from None
    others = [f"'{other}'" for other in names if other != title]
    said = f"sheet '{title}'" + (f" (--sheet names another: {listed(others)})" if others and wanted is None else "")
    return said, _filled(rows)


def _refuse_far_cells(file: IO[bytes], name: str) -> None:
    """Refuse a workbook with a cell far from the others; the library would end the process for want of memory."""
    try:
        with zipfile.ZipFile(file) as archive:
            for part in archive.namelist():
                # as far as column Z, no number of rows takes too much, so most sheets are searched once
                if part.startswith("xl/worksheets/") and any(_cells(archive, part, _WIDE_CELL)):
                    width, height, column = 0, 0, b""
                    for letters, row in _cells(archive, part, _CELL):
                        height = max(height, row)
                        width, column = max((width, column), (_column(letters), letters))
                    if width * height > _MOST_CELLS:
                        raise DataError(
                            f"{name} has a sheet that reaches to column {column.decode()} and row {height:,}, too far to "
                            "read; delete what lies far from the comments (Ctrl+End leads there), or save the sheet as CSV "
                            "UTF-8"
                        )
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError):
        pass  # damaged or encrypted: the library says so
    finally:
        file.seek(0)


def _cells(archive: zipfile.ZipFile, part: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield letters of the column and number of the row of the cells that are not empty; some of them twice."""
    with archive.open(part) as sheet:
        end = b""
        while block := sheet.read(_BLOCK):
            text = end + block
            for letters, row in pattern.findall(text):
                yield letters, int(row)
            end = text[-_LONGEST_TAG:]


def _column(letters: bytes) -> int:
    """Return the number of a column.

    >>> _column(b"A"), _column(b"XFD")
    (1, 16384)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _filled(rows: Iterator[list[Any]]) -> Iterator[tuple[int, list[str], str]]:
    for number, row in enumerate(rows, start=1):
        cells = [_cell(value) for value in row]
        if any(cells):
            yield number, cells, "\t".join(cells)


def _cell(value: Any) -> str:
    """Return a cell as a CSV export writes it: whole numbers without a decimal point.

    >>> _cell(1.0), _cell(2.5), _cell(True), _cell("안녕\\r\\n")
    ('1', '2.5', 'TRUE', '안녕\\n')
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("\r\n", "\n").replace("\r", "\n")
