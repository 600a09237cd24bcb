"""Arguments and flags that several commands share."""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING, Any

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
LABEL = of_input(
    metavar="COL[=NAME][,COL…]",
    help="Label column, or several columns of 0 and 1 (quote a name with a comma); =NAME names the label; detected if "
    "left out; repeatable.",
)
NEGATIVE = of_input(metavar="VALUE", help="Label value that is not toxic; others become labels; repeatable.")
POSITIVE = of_input(metavar="VALUE", help="Label value that means toxic; repeatable.")
SEPARATOR = of_input(
    "--label-separator",
    metavar="SIGN",
    help="Sign between several values in one label cell, or list, or none; detected if left out.",
)
POSITIVE_FROM = of_input("--positive-from", metavar="NUMBER", help="Smallest number that means toxic, such as 0.5.")
HEADER = of_input("--header/--no-header", help="Whether the first row names the columns; detected if left out.")
DELIMITER = of_input(metavar="CHAR", help="Delimiter of columns, a character or tab; detected if left out.")
SHEET = of_input(metavar="NAME", help="Sheet of an Excel workbook; the first if left out.")
BY = of_input(metavar="COL", help="Column whose values, such as sources, are subgroups in the report.")
NO_COMMENTS = of_output("--no-comments", help="Leave the texts of comments out of the report.")
OVERWRITE = of_output("--overwrite", help="Replace a run on other data, or of another kind, in the folder.")
MAX_REJECTED = of_input(
    "--max-rejected",
    metavar="SHARE",
    help="Stop if more rows with text and label are rejected.",
)
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
    help="Lowest score that counts as toxic, from 0 to 1, for all labels or by label; replaces the bundle's threshold.",
)
JSON = of_output("--json", help="Print JSON instead of a table.")


def columns(
    text: str | None, label: list[str] | None, negative: list[str] | None, positive: list[str] | None,
    label_separator: str | None, positive_from: float | None, header: bool | None, delimiter: str | None,
    by: str | None = None, sheet: str | None = None, max_rejected: float = 0.2,
) -> dict[str, Any]:  # fmt: skip
    """Return the flags about a file's columns as arguments of :func:`toxiclf.datasets.reading.read_comments`."""
    names = [
        name.strip() for entry in label or () if entry for name in next(csv.reader([entry], skipinitialspace=True))
    ]
    return {
        "text": text, "label": tuple(names), "negative": tuple(negative or ()), "positive": tuple(positive or ()),
        "label_separator": label_separator, "positive_from": positive_from, "header": header, "delimiter": delimiter,
        "by": by, "sheet": sheet, "max_rejected": max_rejected,
    }  # fmt: skip


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
    for entry in next(csv.reader([text or " "], skipinitialspace=True)):
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
