"""JSON of a bundle or a report, read strictly: UTF-8, no key twice in an object, and finite numbers only."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from toxiclf.errors import BundleError


def parsed(name: str, content: bytes) -> Any:
    """Parse the JSON of the file ``name``.

    Raises
    ------
    BundleError : it is no JSON, names a key twice, or has a number that is not finite or has thousands of digits.
    """
    try:
        return loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} does not fit its schema: {error}; train again") from error


def loads(content: bytes) -> Any:
    """Parse JSON.

    Raises
    ------
    ValueError, RecursionError : as in :func:`parsed`.
    """
    return json.loads(
        content.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_not_finite, parse_float=_finite
    )


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has the same key twice")
    return made


def _not_finite(text: str) -> NoReturn:
    raise ValueError(f"{text[:30]} is not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)
