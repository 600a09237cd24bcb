"""Arguments and flags that several commands share."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Collection
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from toxiclf.bundle.prevalence import Prior  # which loads NumPy; --help does not need it

of_input, of_model, of_decision, of_output = (
    partial(typer.Option, rich_help_panel=name) for name in ("Input", "Model", "Decision", "Output")
)
"""Functions that make an option in one group of the help: input, model, decision or output."""

COMMENTS = typer.Argument(
    metavar="COMMENTS",
    help="CSV, TSV, |-separated, JSON, Excel or Parquet file, or corpus:NAME.",
)
TEXT = of_input(metavar="COL", help="Column with the comment; detected if left out.")
NO_COMMENTS = of_output("--no-comments", help="Leave the texts of comments out of the report.")
OVERWRITE = of_output("--overwrite", help="Replace a run on other data, or of another kind, in the folder.")
STRICT = of_output("--strict", help="Exit with code 5 if any row was rejected.")
PRIOR = of_decision(
    "--prior",
    metavar="SHARE|LABEL=SHARE[,…]",
    help="Correct scores to this share of toxic comments in production, such as 0.02 for 2 %; replaces the share that "
    "the bundle was trained for.",
)
THRESHOLD = of_decision(
    "--threshold",
    metavar="NUMBER|LABEL=NUMBER[,…]",
    help="Threshold in place of the bundle's, for all labels or by label.",
)
JSON = of_output("--json", help="Print JSON instead of a table.")


def columns(
    text: Annotated[str | None, TEXT] = None,
    label: Annotated[
        list[str] | None,
        of_input(
            metavar="COL[=NAME][,COL…]",
            help="Label column or columns; detected if left out; repeatable.",
        ),
    ] = None,
    negative: Annotated[
        list[str] | None,
        of_input(metavar="VALUE", help="Label value that is not toxic; others become labels; repeatable."),
    ] = None,
    positive: Annotated[
        list[str] | None, of_input(metavar="VALUE", help="Label value that means toxic; repeatable.")
    ] = None,
    label_separator: Annotated[
        str | None,
        of_input(
            metavar="SIGN",
            help="Separator of values in a cell, list or none; detected if left out.",
        ),
    ] = None,
    positive_from: Annotated[
        float | None, of_input(metavar="NUMBER", help="Smallest number that means toxic, such as 0.5.")
    ] = None,
    header: Annotated[
        bool | None,
        of_input("--header/--no-header", help="Whether the first row names the columns; detected if left out."),
    ] = None,
    delimiter: Annotated[
        str | None, of_input(metavar="CHAR", help="Delimiter of columns, a character or tab; detected if left out.")
    ] = None,
    sheet: Annotated[
        str | None, of_input(metavar="NAME", help="Sheet of an Excel workbook; the first if left out.")
    ] = None,
    by: Annotated[
        str | None, of_input(metavar="COL", help="Column whose values, such as sources, are subgroups in the report.")
    ] = None,
    max_rejected: Annotated[
        float | None,
        of_input(metavar="SHARE", help="Stop if a larger share of labeled rows is rejected [default: 0.2]."),
    ] = None,
) -> dict[str, Any]:
    """Return the flags about a file's columns that are given, as arguments of :func:`toxiclf.read_comments`."""
    names = [name.strip() for entry in label or () if entry for name in _items("--label", entry)]
    given = {
        "text": text, "label": names, "negative": negative, "positive": positive, "label_separator": label_separator,
        "positive_from": positive_from, "header": header, "delimiter": delimiter, "sheet": sheet, "by": by,
        "max_rejected": max_rejected,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value not in (None, [])}


def _items(flag: str, text: str) -> list[str]:
    """Return the items of a list with commas; an item in quotation marks may hold a comma.

    Raises
    ------
    UsageError : the text is not one line, or too long.
    """
    try:
        (items,) = csv.reader([text], skipinitialspace=True, strict=False)
    except (csv.Error, ValueError):
        raise UsageError(f"{flag} {text[:100]}: expected a comma-separated list on one line") from None
    return items


def reads_columns(
    *, only: Collection[str] = (), without: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the flags of :func:`columns` in place of its parameter ``columns``.

    Parameters
    ----------
    only, without : flags that the command alone has, or that it lacks; all flags if both are empty.
    """
    known = inspect.signature(columns, eval_str=True).parameters
    flags = [flag for name, flag in known.items() if name not in without and (not only or name in only)]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            read = columns(**{flag.name: given.pop(flag.name) for flag in flags})
            command(**given, columns=read)

        own = inspect.signature(command, eval_str=True)
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, one in own.parameters.items()
            for parameter in (flags if name == "columns" else [one])
        ]
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # Typer reads both
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorated


def parsed_prior(text: str | None) -> Prior | None:
    """Return the value of ``--prior``: a share, or shares by label; None if the flag is not given.

    >>> parsed_prior("0.02"), parsed_prior("toxic=0.02, hate=0.01")
    (0.02, {'toxic': 0.02, 'hate': 0.01})
    """
    meaning = "the share of comments in production that are toxic, such as 0.02 for 2 %"
    return _by_label("--prior", text, meaning, "toxic=0.02,hate=0.01")


def parsed_threshold(text: str | None) -> float | dict[str, float] | None:
    """Return the value of ``--threshold``: a number, or numbers by label; None if the flag is not given."""
    return _by_label("--threshold", text, "the lowest score that counts as toxic, such as 0.6", "toxic=0.6,hate=0.4")


def _by_label(flag: str, text: str | None, meaning: str, example: str) -> float | dict[str, float] | None:
    """Parse a number, or numbers by label.

    Raises
    ------
    UsageError : the text is neither, or a label is named twice.
    """
    if text is None:
        return None
    numbers: dict[str, float] = {}
    for entry in _items(flag, text or " "):
        label, equals, number = entry.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise UsageError(f"{flag} {text}: expected {meaning}, or by label, such as {example}") from None
        if not equals and entry == text:
            return value
        if equals and not label.strip():
            raise UsageError(
                f"{flag} {text}: there is no label before '={number}'; give {number.strip()} alone, or with a "
                f"label, such as toxic={number.strip()}"
            )
        if not equals or label.strip() in numbers:
            raise UsageError(f"{flag} {text}: name each label once, such as {example}")
        numbers[label.strip()] = value
    return numbers
