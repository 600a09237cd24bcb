"""Read a DataFrame of comments as a table with named columns."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol, runtime_checkable

import numpy as np

from toxiclf.datasets._table import Table
from toxiclf.errors import UsageError, listed
from toxiclf.rows import Row, names_of

FRAME = "a DataFrame"
"""Name of a DataFrame in messages and reports, where a file has its path."""


@runtime_checkable
class Frame(Protocol):
    """A DataFrame, of pandas or a library like it."""

    @property
    def columns(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, name: Any, /) -> Any: ...


def frame_table(frame: Frame) -> Table:
    """Return a DataFrame as a table; rows are numbered by position from 1, whatever its index is.

    Whole numbers in a column of floats are read as integers: pandas stores 0 and 1 so if a value is missing.

    Raises
    ------
    UsageError : two columns have the same name.
    """
    names = tuple(map(str, frame.columns))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"the DataFrame has several columns '{twice[0]}'; give each column its own name")
    columns = [map(_cell, frame[name]) for name in frame.columns]
    rows = [Row(i, dict(zip(names, values, strict=True))) for i, values in enumerate(zip(*columns, strict=True), 1)]
    names = names_of(row.values for row in rows[:1000]) or names
    return Table(names, rows, [], f"DataFrame, columns {listed(names)}")


def _cell(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    try:
        if value != value:  # NaN and NaT are not equal to themselves
            return None
    except (TypeError, ValueError):  # pandas.NA has no truth value
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value
