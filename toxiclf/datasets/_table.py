"""Read a file of comments as a table with named columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from toxiclf.errors import DataError, MissingExtraError, UsageError, listed
from toxiclf.rows import Format, Guess, Layout, Rejected, Row, RowReader, names_of


@dataclass
class Table:
    """Content of a file of comments: column names, rows and rejected rows.

    Attributes
    ----------
    columns : names by which a column can be chosen: also dotted paths into nested JSON.
    rejected : rows that could not be read.
    note : encoding and format of the file in words.
    guesses : what was detected, with the option that sets it.
    """

    columns: tuple[str, ...]
    rows: list[Row]
    rejected: list[Rejected]
    note: str
    guesses: Sequence[Guess] = ()


def read_table(source: str, format: Format | None, names: Collection[str], **layout: Unpack[Layout]) -> Table:
    """Read a CSV, TSV, JSON, Excel or Parquet file, with arguments as in :class:`toxiclf.rows.RowReader`.

    For Parquet, all arguments but ``source`` are ignored.

    Raises
    ------
    DataError : the file does not exist or cannot be read.
    UsageError : the file is plain text without columns, or the delimiter is not one character.
    MissingExtraError : the library that reads Parquet or Excel files is not installed.
    """
    if is_parquet(source):
        return read_parquet(source)
    reader = RowReader(source, format, names=names, **layout)
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for row in reader:
        if isinstance(row, Row):
            rows.append(row)
        else:
            rejected.append(row)
    if reader.format.kind == "text":
        raise UsageError(
            f"{source} has no columns, so no labels; give a CSV, TSV, JSON or Excel file with a label column"
        )
    return Table(reader.format.names, rows, rejected, reader.found, reader.guesses)


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
    columns = [_values(column, name) for name, column in zip(table.column_names, table.columns, strict=True)]
    rows = [
        Row(i, dict(zip(table.column_names, values, strict=True)))
        for i, values in enumerate(zip(*columns, strict=True), start=1)
    ]
    names = names_of(row.values for row in rows[:1000]) or tuple(table.column_names)
    return Table(names, rows, [], f"Parquet, columns {listed(names)}")


def _values(column: Any, name: str) -> list[Any]:
    """Return the values of a column of a Parquet file; times in an unknown zone as they are stored, in UTC.

    Raises
    ------
    DataError : Python has no such values, such as a time after the year 9999.
    """
    import pyarrow as pa

    try:
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            try:
                return list(column.to_pylist())
            except (LookupError, ValueError, OSError, pa.ArrowException):
                column = column.cast(pa.timestamp(column.type.unit))
        return list(column.to_pylist())
    except (
        LookupError,
        ValueError,
        ArithmeticError,
        TypeError,
        OSError,
        NotImplementedError,
        pa.ArrowException,
    ) as error:
        raise DataError(
            f"column '{name}' has the type {column.type}, and a value that cannot be read ({error}); "
            "write the column as text, or leave it out of the file"
        ) from None


def as_string(value: Any) -> str:
    """Return a cell as text without white space around it; "" for None and NaN."""
    if value is None or value != value:  # NaN is not equal to itself
        return ""
    return value.strip() if isinstance(value, str) else str(value)
