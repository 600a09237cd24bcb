"""Checks that the rows are enough for augmentation or resampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toxiclf.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.random import RandomState

FEWEST = 6
"""Fewest rows that each class must have: a row and its five nearest neighbors."""


def checked_random_state(state: Any) -> RandomState:
    """Return the generator that the parameter ``random_state`` of an estimator stands for.

    Raises
    ------
    UsageError : it is none of what scikit-learn takes.
    """
    from sklearn.utils import check_random_state

    try:
        checked: RandomState = check_random_state(state)
    except ValueError:
        raise UsageError(
            f"random_state is {state!r:.100}; expected None, a whole number from 0 to 4,294,967,295, or a RandomState"
        ) from None
    return checked


def check_rows(counts: Mapping[str, int], what: str, fewest: int = FEWEST) -> None:
    """Raise a DataError if there is only one class, or if a class has too few rows.

    Parameters
    ----------
    counts : number of rows of each class, by the class name that the message shows.
    what : subject of the message, such as "augmentation".
    fewest : fewest rows that each class must have.

    Raises
    ------
    DataError : fewer than two classes have rows, or a class has fewer than ``fewest``.

    >>> check_rows({"toxic": 2, "none": 90}, "augmentation")
    Traceback (most recent call last):
    toxiclf.errors.DataError: augmentation needs at least 6 rows of each class, but 'toxic' has 2; label more of them
    """
    present = [name for name, count in counts.items() if count]
    if len(present) < 2:
        only = f"all {sum(counts.values())} rows are '{present[0]}'" if present else "there are none"
        raise DataError(f"{what} needs rows of at least two classes, but {only}; add rows of another class")
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < fewest:
        raise DataError(
            f"{what} needs at least {fewest} rows of each class, but '{rarest}' has {counts[rarest]}; label more "
            "of them"
        )


def check_differ(distinct: int, rows: int, what: str) -> None:
    """Raise a DataError if all rows of the rarer class are the same.

    Parameters
    ----------
    distinct : number of distinct rows of the rarer class.
    rows : number of all rows of the rarer class, for the message.
    what : subject of the message, such as "augmentation".

    Raises
    ------
    DataError : there are fewer than two distinct rows.

    >>> check_differ(1, 8, "augmentation")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    toxiclf.errors.DataError: augmentation needs rows that differ, but all 8 rows of the rarer class are the same; ...
    """
    if distinct < 2:
        raise DataError(
            f"{what} needs rows that differ, but all {rows} rows of the rarer class are the same; label other comments"
        )
