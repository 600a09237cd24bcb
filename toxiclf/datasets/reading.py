"""Read labeled comments from files and corpora: detect format and columns, and keep rejected rows with the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from toxiclf.datasets import cards
from toxiclf.datasets._cells import NONE
from toxiclf.datasets._frame import FRAME, Frame, frame_table
from toxiclf.datasets._table import Table, as_string, is_parquet, read_parquet, read_table
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.labels import LabelOptions, Like, is_binary, label_entries, label_rows
from toxiclf.datasets.rejected import MAX_REJECTED, NO_LABEL, NO_TEXT, WRONG_VALUE, check_rejected, no_usable_row
from toxiclf.errors import DataError, UsageError, listed
from toxiclf.rows import (
    LABEL_NAMES,
    Guess,
    Rejected,
    Row,
    RowReader,
    column_named,
    find_column,
    folded,
    is_text_name,
    naming,
)

Source = str | os.PathLike[str] | Frame
"""A file's path, ``corpus:NAME`` or a DataFrame."""

_SAMPLE_ROWS = 1000
_NUMBER = re.compile(r"[\W_]*\d[\W\d_]*")  # no letter of any script
_CODE = re.compile(r"[^\W\d_]+[-_]?\d+")
_FEWEST_NUMBERS = 10  # values; fewer may be short comments


def read_comments(
    source: Source,
    *,
    text: str | None = None,
    label: str | Sequence[str] | Mapping[str, str] = (),
    negative: str | Sequence[str] | None = None,
    positive: str | Sequence[str] = (),
    label_separator: str | None = None,
    positive_from: float | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    by: str | None = None,
    part: str = "train",
    like: Like | None = None,
    max_rejected: float = MAX_REJECTED,
) -> Comments:
    """Read labeled comments from a file or a corpus.

    Parameters
    ----------
    source : str, path or DataFrame
        A CSV, TSV, ``|``-separated, JSON, Excel or Parquet file, or a corpus: ``corpus:NAME`` or ``corpus:NAME/PART``, or
        a DataFrame, whose rows are numbered by position from 1.
    text : str, optional
        The column with the comments; detected if left out. In JSON, a dotted path such as "comment.body" leads into an
        object; so it does for ``label`` and ``by``.
    label : str, sequence of str or mapping
        The label column, or several columns of 0 and 1; detected if left out. ``"판정=악성"`` or ``{"판정": "악성"}``
        names the label of a column.
    negative : str or sequence of str, optional
        The label values that are not toxic. If the column holds more than one other value and neither ``positive`` nor a
        name of the label is given, each other value becomes a label, and a comment has at most one label. With
        ``""``, an empty cell is not toxic.
    positive : str or sequence of str
        The label values that are toxic. All other values are not toxic; if ``negative`` is given too, rows with any
        other value are rejected.
    label_separator : str, optional
        What separates several values in a cell, such as ``"|"``; ``"list"`` if cells hold lists, ``"none"`` if each cell
        holds one value; detected if left out. Values of such cells become independent labels.
    positive_from : float, optional
        The smallest number that is toxic, if label columns hold numbers such as 0.7.
    header : bool, optional
        Whether the first row names the columns; detected if left out.
    delimiter : str, optional
        The column delimiter; detected if left out.
    sheet : str, optional
        The sheet of an Excel workbook; the first if left out.
    by : str, optional
        The column whose values are the subgroups in the report, such as the source of a comment.
    part : str
        If ``source`` is ``corpus:NAME``, the part to read: "train" or "test". Training rows are read if the corpus has
        no test rows.
    like : Comments, manifest or None
        Training rows or a model's manifest, whose labels the file must have. If no argument about labels is given,
        columns of the file become labels in the same way as in training.
    max_rejected : float
        The largest share of rows with a text and a label that may be rejected, from 0 to 1. Rows without a text or a
        label are rejected, too, but never too many.

    Returns
    -------
    Comments
        The comments; ``notes`` says what was detected, ``rejected`` holds the rows that could not be used.

    Raises
    ------
    DataError
        The file does not exist, has no usable row, too many rejected rows, numbers instead of texts, or other labels
        than ``like``.
    UsageError
        Columns or label values do not exist, or cannot be detected.

    Examples
    --------
    >>> comments = read_comments("corpus:sample")
    >>> comments.labels, len(comments.rejected)
    (('toxic',), 0)
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"comment": ["좋은 하루 되세요", "꺼져"], "toxic": [0, 1]})
    >>> read_comments(frame, text="comment", label=["toxic"]).counts()
    {'toxic': 1}
    """
    guesses: list[Guess] = []
    with naming(guesses):
        comments = _read(
            source, guesses, text, label, _values(negative), _values(positive), label_separator, positive_from, header,
            delimiter, sheet, by, part, like,
        )  # fmt: skip
        check_rejected(comments.source, len(comments), comments.rejected, max_rejected)
    return replace(comments, guesses=tuple(guesses))


def _read(
    source: Source, guesses: list[Guess], text: str | None, label: str | Sequence[str] | Mapping[str, str],
    negative: tuple[str, ...], positive: tuple[str, ...], label_separator: str | None, positive_from: float | None,
    header: bool | None, delimiter: str | None, sheet: str | None, by: str | None, part: str, like: Like | None,
) -> Comments:  # fmt: skip
    """Read comments as :func:`read_comments` does, and add to ``guesses`` what is detected."""
    frame = source if isinstance(source, Frame) else None
    source = FRAME if isinstance(source, Frame) else _path(source)
    format = None
    name = source
    if source.startswith(cards.PREFIX):
        card, wanted = cards.parse(source)
        if not card.labels:
            raise UsageError(f"{source} has no labels; use it for word vectors: --set vectors.unlabeled={source}")
        chosen = wanted or card.part(part) or card.part("train")
        assert chosen is not None  # every card with labels has training rows
        name = f"corpus:{card.name}/{chosen.role}"
        source = str(card.path(chosen))
        format = card.row_format(chosen)
        text = text or card.text
        if not label:
            label = card.labels
            if not positive and not negative:
                positive, negative = card.positive, _values(card.negative)
    table = (
        read_table(source, format, header, delimiter, sheet, _expected(text, label, by, like))
        if frame is None
        else frame_table(frame)
    )
    guesses += table.guesses
    if not table.rows and not table.rejected:
        raise DataError(f"{name} has the columns {listed(table.columns)}, but no row; add a row for each comment")
    if not table.rows:
        raise no_usable_row(name, table.rejected)
    names: tuple[str | None, ...] = ()
    if like is not None:
        text = text or find_column(table.columns, like.text_column)
        known = like.label_map
        if not label and not positive and not negative and label_separator is None and positive_from is None:
            positive, negative, positive_from = known.positive, known.negative, known.positive_from
            if len(known.columns) <= 1 and positive_from is None:
                label_separator = known.separator or NONE
            columns = [column for name in known.columns if (column := find_column(table.columns, name))]
            if len(columns) == len(known.columns):
                label, names = columns, like.labels if len(columns) == len(like.labels) else ()
    text = column_named(text, table.columns) if text else None
    by = column_named(by, table.columns) if by else None
    entries = label_entries(label, table.columns)
    text, label = _columns(table, text, tuple(entries), by, guesses)
    for row in table.rows:
        row.values.update({name: row.get(name) for name in (text, *label, by) if name and "." in name})  # nested JSON
    names = names or tuple(entries.get(column) for column in label)
    if like is not None and like.label_map.separator and len(label) == 1 and positive_from is None:
        label_separator = label_separator or like.label_map.separator
    options = LabelOptions(tuple(label), names, negative, positive, label_separator, positive_from)
    comments = _comments(name, table, text, options, like, by)
    if label_separator is None and (separator := comments.label_map.separator):
        guesses.append(Guess(f"several values in a label cell, separated as '{separator}'", "--label-separator"))
    if like is not None:
        if len(comments.labels) == len(like.labels) == 1 and comments.negative is like.negative is None:
            comments = replace(comments, labels=like.labels)  # a single label matches, whatever its column is called
        if (comments.labels, comments.negative) != (like.labels, like.negative):
            raise DataError(
                f"{name} has the labels {', '.join(comments.labels)}; expected {', '.join(like.labels)}, as in training: "
                "name the same columns with --label"
            )
    comments = consistent(comments)
    (note,) = comments.notes
    counts = f"{len(comments):,} comments, {len(comments.rejected):,} rejected rows"
    return replace(comments, notes=(f"{note}; {counts}",))


def _path(source: object) -> str:
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"the comments are a {type(source).__name__}; expected a file, corpus:NAME or a DataFrame: for a list of "
            "texts give targets, too, as in train(texts, targets=targets) or Comments.of(texts, targets)"
        )
    return os.fspath(source)


def _values(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one label value, several or none as a tuple; values that are numbers are written out."""
    given = () if given is None else given
    return tuple(map(as_string, [given] if isinstance(given, str | int | float) else given))


def _comments(
    source: str, table: Table, text: str, options: LabelOptions, like: Like | None, by: str | None
) -> Comments:
    """Convert a table to comments: label values become targets, and rows without a text or a label are rejected."""
    rejected = list(table.rejected)

    def reject(row: Row, reason: str, kind: str) -> None:
        rejected.append(Rejected(row.line, reason, str(row.values.get(text) or "")[:10_000], kind))

    usable = []
    for row in table.rows:
        if not isinstance(row.values.get(text), str) or not row.values[text].strip():
            reject(row, "no text", NO_TEXT)
        elif "" not in options.negative and (
            missing := [name for name in options.columns if not as_string(row.values.get(name))]
        ):
            reject(row, f"no label in column {missing[0]}", NO_LABEL)
        else:
            usable.append(row)
    labeled = label_rows(usable, options, like)
    for row, reason in labeled.rejected:
        reject(row, reason, WRONG_VALUE)
    rows = labeled.rows
    note = (
        f"{source}: {table.note}; text from '{text}', label from {', '.join(map(repr, options.columns))} "
        f"({labeled.meaning})"
    )
    return Comments(
        texts=[row.values[text] for row in rows],
        targets=np.array(labeled.targets, dtype=np.uint8).reshape(len(rows), len(labeled.labels)),
        labels=labeled.labels,
        negative=labeled.negative,
        lines=np.array([row.line for row in rows], dtype=np.intp),
        source=source,
        text_column=text,
        label_map=labeled.label_map,
        rejected=tuple((source, row) for row in sorted(rejected, key=lambda row: row.line)),
        notes=("; ".join((note, *labeled.remarks)),),
        group_column=_clean(by or ""),
        groups=tuple(_clean(as_string(row.values.get(by))) for row in rows) if by else (),
    )


def read_texts(source: Source, reject: Callable[[Rejected], None] | None = None) -> Iterator[str]:
    """Yield the texts of a file or corpus one by one, without labels, for training word vectors.

    Parameters
    ----------
    reject : called with each row that cannot be read; None skips such rows.
    """
    source = str(source)
    format = None
    column = None
    if source.startswith(cards.PREFIX):
        card, wanted = cards.parse(source)
        part = wanted or card.part("unlabeled") or card.part("train")
        assert part is not None  # every card has one of the two
        source, format, column = str(card.path(part)), card.row_format(part), "text" if part.text_lines else card.text
    rows: Iterator[Row]
    if is_parquet(source):
        table = read_parquet(source)
        columns, rows = table.columns, iter(table.rows)
    else:
        reader = RowReader(source, format, text_file=True)
        columns, rows = reader.format.names, _usable(reader, reject)
    sample = list(islice(rows, _SAMPLE_ROWS))
    column = column or _text_column(columns, sample)
    for row in chain(sample, rows):
        text = row.get(column)
        if isinstance(text, str) and text.strip():
            yield text


def _usable(reader: RowReader, reject: Callable[[Rejected], None] | None) -> Iterator[Row]:
    for row in reader:
        if isinstance(row, Row):
            yield row
        elif reject is not None:
            reject(row)


def _expected(
    text: str | None, label: str | Sequence[str] | Mapping[str, str], by: str | None, like: Like | None
) -> set[str]:
    """Return names that columns of the file should have: those that the user gave, and those in training."""
    given = [label] if isinstance(label, str) else list(label)
    names = {*given, *(entry.rpartition("=")[0] for entry in given), text, by}
    if like is not None:
        names |= {like.text_column, *like.label_map.columns}
    return {name for name in names if name}


def _columns(
    table: Table, text: str | None, label: Sequence[str], by: str | None, guesses: list[Guess]
) -> tuple[str, Sequence[str]]:
    sample = table.rows[:_SAMPLE_ROWS]
    if text is None:
        left = [name for name in table.columns if name not in (*label, by)]
        if not left:
            raise UsageError("no column is left for the text; name it with --text")
        text = _text_column(left, sample)
        guesses.insert(0, Guess(f"text column '{text}'", "--text"))
    values = _strings(sample, text)
    if _holds_numbers(values):
        raise DataError(
            f"column '{text}' holds numbers or codes such as {listed(map(repr, values[:3]))}, not comments; name the column of "
            "the comments with --text"
        )
    if not label:
        others = [c for c in table.columns if c not in (text, by)]
        named = [c for c in others if folded(c.rpartition(".")[2]) in LABEL_NAMES]
        binary = [c for c in others if is_binary([as_string(row.get(c)) for row in sample])]
        candidates = named if len(named) == 1 else binary if len(binary) == 1 else others if len(others) == 1 else []
        if not candidates:
            raise UsageError(
                "the label column is not clear; name one or more columns with --label; columns other than the text "
                f"'{text}': {listed(others) or 'none'}"
            )
        label = candidates
        guesses.insert(0, Guess(f"label column '{label[0]}'", "--label"))
    if text in label:
        raise UsageError(f"column '{text}' cannot be both text and label; name another with --text or --label")
    return text, label


def _text_column(columns: Sequence[str], sample: Sequence[Row]) -> str:
    """Return the first column with a known name for texts, else the one with the longest values that are no numbers."""
    named = [name for name in columns if is_text_name(name)]
    if named:
        return named[0]
    values = {name: _strings(sample, name) for name in columns}
    texts = [name for name in columns if not _holds_numbers(values[name])] or columns
    return max(texts, key=lambda name: sum(map(len, values[name])))


def _strings(rows: Sequence[Row], column: str) -> list[str]:
    """Return the values of a column as strings, without empty ones."""
    return [value for row in rows if (value := as_string(row.get(column)))]


def _holds_numbers(values: Sequence[str]) -> bool:
    """Return whether nearly all values are numbers, dates, or codes of one word and a number; False for few values.

    >>> _holds_numbers(["010-1234"] * 20), _holds_numbers(["sensor37"] * 20), _holds_numbers(["1", "ㅋㅋㅋ"] * 20)
    (True, True, False)
    """
    if len(values) < _FEWEST_NUMBERS:
        return False
    return any(sum(map(bool, map(kind.fullmatch, values))) >= 0.95 * len(values) for kind in (_NUMBER, _CODE))


def _clean(value: str) -> str:
    """Replace lone surrogates by "?", so that the value can be written as UTF-8."""
    return value.encode("utf-8", "replace").decode()
