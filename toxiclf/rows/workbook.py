"""Read a sheet of an Excel workbook; this needs the extra ``[excel]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from toxiclf.errors import DataError, MissingExtraError, UsageError, listed

_ENDINGS = (".xlsx", ".xlsm")


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
    DataError : the file is not a workbook.
    UsageError : there is no such sheet.
    MissingExtraError : python-calamine is not installed.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError:
        raise MissingExtraError("reading an Excel workbook", "excel") from None
    try:
        book = CalamineWorkbook.from_filelike(file)
        names = book.sheet_names
        if wanted is not None and wanted not in names:
            raise UsageError(f"{name} has no sheet '{wanted}'; give --sheet one of: {listed(names)}")
        title = wanted or names[0]
        rows = book.get_sheet_by_name(title).iter_rows()
    except (CalamineError, IndexError) as error:
        raise DataError(
            f"{name} cannot be read as an Excel workbook: {error}; save it again as .xlsx, without a password, or as "
            "CSV UTF-8"
        ) from None
    others = [f"'{other}'" for other in names if other != title]
    said = f"sheet '{title}'" + (f" (--sheet names another: {listed(others)})" if others and wanted is None else "")
    return said, _filled(rows)


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
