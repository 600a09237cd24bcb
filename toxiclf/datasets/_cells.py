"""Several label values in one cell: split a cell into its values, and detect how cells are split."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from toxiclf.datasets._table import as_string
from toxiclf.rows import folded

NONE, LIST = "none", "list"
"""Values of ``label_separator``: each cell holds one value; a cell may hold a list of values."""

TRUE = frozenset({"1", "true", "t", "yes", "y"})
FALSE = frozenset({"0", "false", "f", "no", "n"})

_LISTS = (list, tuple, set, frozenset)
_SEPARATORS = "|;,/\n+、"
_MOST_VALUES = 100  # with more values, a column holds free text
_MOST_CHARS = 40  # of a value
_MOST_CELLS = 20_000  # different ones; with more, a column holds free text
_MOST_ODD = 0.05  # share of values that may lack evidence, such as misspelled ones
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
_PYTHON_LIST = re.compile(rf"\[\s*{_QUOTED}(?:(?:\s*,\s*|\s+){_QUOTED})*\s*\]")


def values_in(cell: Any, separator: str) -> tuple[str, ...]:
    """Return the label values in a cell, without white space around them; no value for an empty list.

    Parameters
    ----------
    cell : a string, or any value of JSON or Parquet.
    separator : the string between values, ``"list"`` for lists, or ``"none"`` for one value in each cell.

    >>> values_in("욕설 | 혐오", "|"), values_in('["욕설", "혐오"]', "list"), values_in("[]", "list")
    (('욕설', '혐오'), ('욕설', '혐오'), ())
    """
    if separator == NONE:
        return (as_string(cell),)
    items = _items(cell)
    if items is None:
        text = as_string(cell)
        items = [text] if separator == LIST else [part for part in text.split(separator) if part.strip()] or [""]
    return tuple(map(as_string, items))


def _items(cell: Any) -> list[Any] | None:
    """Return the items of a list, also of one that is written as JSON or as Python writes it; None for other cells."""
    if isinstance(cell, str):
        text = cell.strip()
        if not (text.startswith("[") and text.endswith("]")):
            return None
        try:
            cell = json.loads(text)
        except (ValueError, RecursionError):
            if not _PYTHON_LIST.fullmatch(text):
                return None
            cell = [item[1:-1] for item in re.findall(_QUOTED, text)]
    if not isinstance(cell, _LISTS) or any(isinstance(item, list | dict) for item in cell):
        return None
    return [item for item in cell if as_string(item)]


def detected_separator(cells: Iterable[Any], named: Collection[str] = ()) -> str:
    """Return what separates several values in a cell: a character, ``"list"``, or ``"none"``.

    A character is taken only on evidence: the values that it separates also stand alone in other cells, or recur in
    other combinations. Dates, decimal commas and single values that contain the character are thus left whole.

    Parameters
    ----------
    named : folded values that the user named; they need no other evidence.

    >>> detected_separator(["욕설|혐오", "혐오", "욕설", "정상"]), detected_separator(["1,5", "2,5", "1", "2"])
    ('|', 'none')
    """
    texts: Counter[str] = Counter()
    for cell in cells:
        if isinstance(cell, _LISTS):
            return LIST
        texts[as_string(cell)] += 1
    texts.pop("", None)
    n_lists = sum(count for text, count in texts.items() if _items(text) is not None)
    if n_lists and n_lists >= (1 - _MOST_ODD) * texts.total():
        return LIST
    if len(texts) > _MOST_CELLS:
        return NONE
    found = {separator: _rows_with_several(texts, separator, frozenset(named)) for separator in _SEPARATORS}
    best = max(found, key=lambda separator: found[separator])
    return best if found[best] else NONE


def _rows_with_several(texts: Mapping[str, int], separator: str, named: frozenset[str]) -> int:
    """Return the number of cells with several values; 0 if the evidence for this separator is not sufficient."""
    whole = {folded(text) for text in texts}
    split = {text: tuple(map(folded, values_in(text, separator))) for text in texts if separator in text}
    several = {text: values for text, values in split.items() if len(values) > 1}
    if not several or any(separator in name and name in whole for name in named):
        return 0
    alone = {folded(text) for text in texts if separator not in text} | named
    alone |= {values[0] for values in split.values() if len(values) == 1}  # forms write "욕설;" and "욕설;혐오;"
    seen_in = Counter(value for values in several.values() for value in set(values))
    if (
        len(seen_in.keys() | alone) > _MOST_VALUES
        or max(map(len, seen_in)) > _MOST_CHARS
        or seen_in.keys() <= TRUE | FALSE
    ):
        return 0
    rows = sum(texts[text] for text in several)
    repeated = sum(texts[text] for text, values in several.items() if len(set(values)) < len(values))
    known = {value for value, cells in seen_in.items() if cells > 1 or value in alone}
    odd = sum(texts[text] for text, values in several.items() if not known.issuperset(values))
    numbers = all(value.isdigit() for value in seen_in) and all(len(values) == 2 for values in several.values())
    if numbers and len(several) > 1 and {values[1] for values in several.values()} in ({"5"}, {"0"}):
        return 0  # 1,5 and 2,5 are numbers with a decimal comma
    fewest_alone = len(known) if numbers else len(known) / 2
    if max(repeated, odd) > _MOST_ODD * rows or len(known & alone) < fewest_alone:
        return 0
    return rows
