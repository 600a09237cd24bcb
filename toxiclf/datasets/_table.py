"""Read a file of comments as a table with named columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toxiclf.errors import DataError, MissingExtraError, UsageError
from toxiclf.rows import Format, Rejected, Row, RowReader


@dataclass
class Table:
    """Content of a file of comments: column names, rows and rejected rows.

    Attributes
    ----------
    rejected : rows that could not be read.
    note : encoding and format of the file in words.
    """

    columns: tuple[str, ...]
    rows: list[Row]
    rejected: list[Rejected]
    note: str


def read_table(source: str, format: Format | None, header: bool | None, delimiter: str | None) -> Table:
    """Read a CSV, TSV, JSON Lines or Parquet file; arguments that are None are detected.

    For Parquet, all arguments but ``source`` are ignored.

    Raises
    ------
    DataError : the file does not exist or cannot be read.
    UsageError : the file is plain text without columns, or the delimiter is not one character.
    MissingExtraError : the file is Parquet, and pyarrow is not installed.
    """
    if is_parquet(source):
        return read_parquet(source)
    reader = RowReader(source, format, header=header, delimiter=delimiter)
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for row in reader:
        if isinstance(row, Row):
            rows.append(row)
        else:
            rejected.append(row)
    if reader.format.kind == "text":
        raise UsageError(
            f"{source} has no columns, so no labels; give a CSV, TSV or JSON Lines file with a label column"
        )
    return Table(reader.format.columns, rows, rejected, f"{reader.encoding.upper()}, {reader.format.describe()}")


def is_parquet(source: str) -> bool:
    """Return whether a file's name ends in ``.parquet`` or ``.pq``."""
    return Path(source).suffix.lower() in (".parquet", ".pq")


def read_parquet(source: str) -> Table:
    """Read a Parquet file as a table; rows are numbered from 1 in ``Row.line``."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingExtraError("reading Parquet", "train") from None
    try:
        table = parquet.read_table(source)
    except FileNotFoundError:
        raise DataError(f"{source} does not exist; give a file of comments") from None
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{source} is not a Parquet file: {error}") from error
    rows = [Row(i, values) for i, values in enumerate(table.to_pylist(), start=1)]
    return Table(tuple(table.column_names), rows, [], "Parquet, columns " + ", ".join(table.column_names))


def as_string(value: Any) -> str:
    """Return a cell as text without white space around it; "" for None and NaN."""
    if value is None or value != value:  # NaN is not equal to itself
        return ""
    return value.strip() if isinstance(value, str) else str(value)
