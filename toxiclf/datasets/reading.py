"""Read labeled comments from files and corpora: detect format and columns, and keep rejected rows with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from numbers import Number
from typing import Any

import numpy as np

from toxiclf.datasets import cards
from toxiclf.datasets._cells import NONE
from toxiclf.datasets._columns import SAMPLE_ROWS, chosen_columns, text_column
from toxiclf.datasets._frame import FRAME, Frame, frame_table
from toxiclf.datasets._label_options import Label, LabelOptions, Like, label_entries, shown_name
from toxiclf.datasets._table import Table, as_string, is_parquet, read_parquet, read_table
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.labels import label_rows
from toxiclf.datasets.rejected import (
    MAX_REJECTED,
    NO_LABEL,
    NO_STRING,
    NO_TEXT,
    WRONG_VALUE,
    check_rejected,
    no_usable_row,
)
from toxiclf.errors import DataError, UsageError, listed
from toxiclf.rows import (
    Format,
    Guess,
    Layout,
    Rejected,
    Row,
    RowReader,
    column_named,
    find_column,
    folded,
    naming,
    source_name,
)
from toxiclf.text.given import described, path_given

Source = str | os.PathLike[str] | Frame
"""A file's path, ``corpus:NAME`` or a DataFrame."""


@dataclass(frozen=True)
class _Asked:
    """What the caller says about the columns of a file.

    Attributes
    ----------
    text, label, by : as in :func:`read_comments`.
    options : the arguments about label values; its columns are not known yet.
    """

    text: str | None
    label: Label
    by: str | None
    options: LabelOptions

    def of_card(self, card: cards.Card) -> _Asked:
        """Return the same with what a corpus card says where the caller says nothing."""
        asked = replace(self, text=self.text or card.text)
        if self.label:
            return asked
        options = self.options
        if not options.positive and not options.negative:
            options = replace(options, positive=card.positive, negative=_values(card.negative, "negative"))
        return replace(asked, label=card.labels, options=options)

    def as_in_training(self, like: Like, columns: Sequence[str]) -> _Asked:
        """Return the same with what was said in training; nothing about labels if the caller says which they are."""
        asked = replace(self, text=self.text or find_column(columns, like.text_column))
        known = like.label_map
        one_column = len(known.columns) <= 1 and known.positive_from is None
        said = replace(self.options, separator=None) if one_column else self.options
        if self.label or said != LabelOptions():
            return asked
        separator = (self.options.separator or known.separator or NONE) if one_column else None
        options = LabelOptions((), (), known.negative, known.positive, separator, known.positive_from)
        label = [column for name in known.columns if (column := find_column(columns, name))]
        if len(label) != len(known.columns):
            return replace(asked, options=options)
        names = like.labels if len(label) == len(like.labels) else ()
        return replace(asked, label=label, options=replace(options, names=names))

    def expected(self, like: Like | None) -> set[str]:
        """Return names that columns of the file should have: those that the caller gave, and those in training."""
        given = [self.label] if isinstance(self.label, str) else list(self.label)
        names = {*given, *(entry.rpartition("=")[0] for entry in given), self.text, self.by}
        if like is not None:
            names |= {like.text_column, *like.label_map.columns}
        return {name for name in names if name}


def read_comments(
    source: Source,
    *,
    text: str | None = None,
    label: Label = (),
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
        object; the same holds for ``label`` and ``by``.
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
        label do not count.

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
    if not isinstance(label_separator, str | None):
        raise UsageError(f"label_separator is {described(label_separator)}; expected one character, 'list' or 'none'")
    if not isinstance(header, bool | None):
        raise UsageError(f"header is {described(header)}; expected True, False or None")
    if part not in ("train", "test"):
        raise UsageError(f"part is {part!r:.100}; expected 'train' or 'test'")
    if like is not None and not (hasattr(like, "label_map") and hasattr(like, "text_column")):
        raise UsageError(f"like is {described(like)}; expected Comments or a manifest")
    negative, positive = _values(negative, "negative"), _values(positive, "positive")
    options = LabelOptions((), (), negative, positive, label_separator, positive_from)
    text, by = (None if name is None else str(name) for name in (text, by))  # columns of a DataFrame may be numbers
    if isinstance(label, Mapping):
        label = {str(column): name for column, name in label.items()}
    else:
        label = tuple(map(str, _several(label, "label")))
    asked = _Asked(text, label, by, options)
    layout: Layout = {"header": header, "delimiter": delimiter, "sheet": sheet}
    guesses: list[Guess] = []
    with naming(guesses):
        comments = _read(source, asked, layout, part, like, guesses)
        check_rejected(comments.source, len(comments), comments.rejected, max_rejected)
    return replace(comments, guesses=tuple(guesses))


def _read(
    source: Source, asked: _Asked, layout: Layout, part: str, like: Like | None, guesses: list[Guess]
) -> Comments:
    """Read comments as :func:`read_comments` does, and add to ``guesses`` what is detected."""
    if isinstance(source, Frame):
        name, table = FRAME, frame_table(source)
    else:
        name, path, format, asked = _located(_path(source), part, asked)
        table = read_table(path, format, asked.expected(like), **layout)
    guesses += table.guesses
    if not table.rows and not table.rejected:
        raise DataError(f"{name} has the columns {listed(table.columns)}, but no row; add a row for each comment")
    if not table.rows:
        raise no_usable_row(name, table.rejected)
    if like is not None:
        asked = asked.as_in_training(like, table.columns)
    text, by = (column_named(given, table.columns) if given else None for given in (asked.text, asked.by))
    entries = label_entries(asked.label, table.columns)
    text, label = chosen_columns(table, text, tuple(entries), by, guesses)
    for row in table.rows:
        row.values.update({name: row.get(name) for name in (text, *label, by) if name and "." in name})  # nested JSON
    names = asked.options.names
    if not names:
        names = tuple(entries.get(column) for column in label)
        if like is not None:
            label, names = _named_as_in_training(label, entries, like)
    options = replace(asked.options, columns=tuple(label), names=names)
    if like is not None and options.separator is None and len(label) == 1 and options.positive_from is None:
        options = replace(options, separator=like.label_map.separator)
    comments = _comments(name, table, text, options, like, by)
    if options.separator is None and (separator := comments.label_map.separator):
        guesses.append(Guess(f"several values in a label cell, separated as '{separator}'", "--label-separator"))
    if like is not None:
        if len(comments.labels) == len(like.labels) == 1 and comments.negative is like.negative is None:
            comments = replace(comments, labels=like.labels)  # a single label matches, whatever its column is called
        if (comments.labels, comments.negative) != (like.labels, like.negative):
            raise DataError(
                f"{name} has the labels {', '.join(comments.labels)}; expected {', '.join(like.labels)}, as in training: "
                "name the same columns with --label, as in --label COL=NAME"
            )
    _refuse_damaged_names(comments)
    comments = consistent(comments)
    (note,) = comments.notes
    counts = f"{len(comments):,} comments, {len(comments.rejected):,} rejected rows"
    return replace(comments, notes=(_clean(f"{note}; {counts}"),))


def _named_as_in_training(
    label: Sequence[str], entries: Mapping[str, str | None], like: Like
) -> tuple[Sequence[str], tuple[str | None, ...]]:
    """Return several label columns in the order of training, each with the name that it had there, unless one was given."""
    known = like.label_map.columns
    trained = dict(zip(map(folded, known), like.labels, strict=True)) if len(known) == len(like.labels) > 1 else {}
    names = {column: entries.get(column) or trained.get(folded(column)) for column in label}
    shown = {column: name or shown_name(column) for column, name in names.items()}
    if set(shown.values()) == set(like.labels):
        place = {name: at for at, name in enumerate(like.labels)}
        label = sorted(label, key=lambda column: place[shown[column]])
    return label, tuple(names[column] for column in label)


def _located(source: str, part: str, asked: _Asked) -> tuple[str, str, Format | None, _Asked]:
    """Return the name of a file or a corpus, its path and format, and what is asked for, completed by the corpus card."""
    if not source.startswith(cards.PREFIX):
        return source, source, None, asked
    card, wanted = cards.parse(source)
    if not card.labels:
        raise UsageError(f"{source} has no labels; use it for word vectors: --set vectors.unlabeled={source}")
    chosen = wanted or card.part(part) or card.part("train")
    assert chosen is not None  # every card with labels has training rows
    return f"corpus:{card.name}/{chosen.role}", str(card.path(chosen)), card.row_format(chosen), asked.of_card(card)


def _path(source: object) -> str:
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"comments is of the type {type(source).__name__}; expected a path, corpus:NAME or a DataFrame. For a list of "
            "texts, give targets, too: train(texts, targets=targets) or Comments.of(texts, targets)"
        )
    path_given(source, "comments", "the path of a file, or corpus:NAME")
    return os.fspath(source)


def _values(given: Any, name: str) -> tuple[str, ...]:
    """Return one label value, several or none as a tuple; values that are numbers are written out."""
    return tuple(map(as_string, _several(given, name)))


def _several(given: Any, name: str) -> Iterable[Any]:
    """Return one name or number, several or none, as the argument ``name`` gives it, as an iterable."""
    if given is None or isinstance(given, str | Number):
        return () if given is None else (given,)
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise UsageError(f"{name} is {described(given)}; expected one string, or a list of strings")
    return given


def _comments(
    source: str, table: Table, text: str, options: LabelOptions, like: Like | None, by: str | None
) -> Comments:
    """Convert a table to comments: label values become targets, and rows without a text or a label are rejected."""
    source, rejected = source_name(source), list(table.rejected)

    def reject(row: Row, reason: str, kind: str) -> None:
        rejected.append(Rejected(row.line, reason, str(row.values.get(text) or "")[:10_000], kind))

    usable = []
    for row in table.rows:
        content = row.values.get(text)
        if not as_string(content):
            reject(row, "no text", NO_TEXT)
        elif not isinstance(content, str):
            reject(row, f"the text is of the type {type(content).__name__}; expected a string", NO_STRING)
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
    sample = list(islice(rows, SAMPLE_ROWS))
    column = column or text_column(columns, sample)
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


def _refuse_damaged_names(comments: Comments) -> None:
    """Refuse names that no file can hold: the manifest and the report name columns and label values."""
    known = comments.label_map
    names = (comments.text_column, *comments.labels, *known.columns, *known.positive, *known.negative, known.separator)
    damaged = next((name for name in names if name and _clean(name) != name), None)
    if damaged is not None:
        raise DataError(
            f"{comments.source}: the name {damaged!r} of a column or label holds a broken character; correct it in the file, or "
            "save the file as UTF-8"
        )


def _clean(value: str) -> str:
    """Replace lone surrogates by "?", so that the value can be written as UTF-8."""
    return value.encode("utf-8", "replace").decode()
