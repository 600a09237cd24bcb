"""Read labeled comments from files and corpora: detect format and columns, and keep rejected rows with the reason."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Protocol

import numpy as np

from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets import cards
from toxiclf.datasets._frame import FRAME, Frame, frame_table
from toxiclf.datasets._table import Table, as_string, is_parquet, read_parquet, read_table
from toxiclf.datasets.comments import Comments, consistent, no_usable_row
from toxiclf.errors import DataError, UsageError
from toxiclf.rows import LABEL_NAMES, Rejected, Row, RowReader, check_column, is_text_name

Source = str | os.PathLike[str] | Frame
"""A file's path, ``corpus:NAME`` or a DataFrame."""

_TRUE = frozenset({"1", "1.0", "true", "t", "yes", "y"})
_FALSE = frozenset({"0", "0.0", "false", "f", "no", "n"})
_GENERIC = LABEL_NAMES - {"hate", "abusive", "욕설", "혐오", "악성"}
_MOST_LABELS = 20
_SAMPLE_ROWS = 1000


class Like(Protocol):
    """Labels that a new file must match: those of training rows or of a model's manifest."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def negative(self) -> str | None: ...
    @property
    def label_map(self) -> LabelMap: ...


def read_comments(
    source: Source,
    *,
    text: str | None = None,
    label: Sequence[str] = (),
    negative: str | None = None,
    positive: Sequence[str] = (),
    header: bool | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    by: str | None = None,
    part: str = "train",
    like: Like | None = None,
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
    label : sequence of str
        The label column, or several columns of 0 and 1; detected if left out.
    negative : str, optional
        The label value that is not toxic. If the column holds more than two values and ``positive`` is not given, every
        value but this one becomes a label, and a comment has at most one label.
    positive : sequence of str
        The label values that are toxic. All other values are not toxic; if ``negative`` is given too, rows with any
        other value are rejected.
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
        Training rows or a model's manifest, whose labels the file must have. If ``label``, ``negative`` and
        ``positive`` are left out, columns of the file become labels in the same way as in training.

    Returns
    -------
    Comments
        The comments; ``notes`` says what was detected, ``rejected`` holds the rows that could not be used.

    Raises
    ------
    DataError
        The file does not exist, has no usable row, is in an unsupported encoding, or has other labels than ``like``.
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
            if not positive and negative is None:
                positive, negative = card.positive, card.negative
    table = read_table(source, format, header, delimiter, sheet) if frame is None else frame_table(frame)
    if not table.rows:
        raise no_usable_row(name, table.rejected)
    if like is not None and not label and not positive and negative is None:
        positive, negative = like.label_map.positive, like.label_map.negative
        if all(column in table.columns for column in like.label_map.columns):
            label = like.label_map.columns
    text, label = _columns(table, text, label, by)
    for row in table.rows:
        row.values.update({name: row.get(name) for name in (text, *label, by) if name and "." in name})  # nested JSON
    reading = _Reading(name, table, text, tuple(label), by)
    if len(label) > 1:
        if positive or negative is not None:
            raise UsageError(
                "--positive and --negative work with one label column, but several are given; leave both options out "
                "and write 0 or 1 in each label column"
            )
        comments = reading.several()
    else:
        comments = reading.single(negative, frozenset(positive), like)
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


def _columns(table: Table, text: str | None, label: Sequence[str], by: str | None) -> tuple[str, Sequence[str]]:
    for name in ([text] if text else []) + list(label) + ([by] if by else []):
        check_column(name, table.columns)
    if len(set(label)) < len(label):
        raise UsageError(f"--label names a column twice: {', '.join(label)}; name each once")
    sample = table.rows[:_SAMPLE_ROWS]
    if text is None:
        left = [name for name in table.columns if name not in (*label, by)]
        if not left:
            raise UsageError("no column is left for the text; name it with --text")
        text = _text_column(left, sample)
    if not label:
        others = [c for c in table.columns if c not in (text, by)]
        named = [c for c in others if c.rpartition(".")[2].casefold() in LABEL_NAMES]
        binary = [c for c in others if is_binary([as_string(row.get(c)) for row in sample])]
        candidates = named if len(named) == 1 else binary if len(binary) == 1 else others if len(others) == 1 else []
        if not candidates:
            raise UsageError(
                "the label column is not clear; name one or more columns with --label; columns other than the text "
                f"'{text}': {', '.join(others) or 'none'}"
            )
        label = candidates
    if text in label:
        raise UsageError(f"column '{text}' cannot be both text and label; name another with --text or --label")
    return text, label


def _text_column(columns: Sequence[str], sample: Sequence[Row]) -> str:
    """Return the first column with a known name for texts, else the column with the longest values."""
    named = [name for name in columns if is_text_name(name)]
    lengths = {name: sum(len(as_string(row.get(name))) for row in sample) for name in columns}
    return named[0] if named else max(columns, key=lambda name: lengths[name])


def is_binary(values: Sequence[str]) -> bool:
    """Return whether all non-empty values mean 1 or 0, as "true" and "no" do; False if all are empty."""
    present = {value.casefold() for value in values if value}
    return bool(present) and present <= _TRUE | _FALSE


def _clean(value: str) -> str:
    """Replace lone surrogates by "?", so that the value can be written as UTF-8."""
    return value.encode("utf-8", "replace").decode()


class _Reading:
    """Converts a table to comments: label values become targets, and rows without a text or a label are rejected."""

    def __init__(self, source: str, table: Table, text: str, label: tuple[str, ...], by: str | None = None) -> None:
        self._source, self._text, self._label, self._by = source, text, label, by
        self._rejected = list(table.rejected)
        self._note = table.note
        self._rows: list[Row] = []
        for row in table.rows:
            if not isinstance(row.values.get(text), str) or not row.values[text].strip():
                self._reject(row, "no text")
            elif missing := [name for name in label if not as_string(row.values.get(name))]:
                self._reject(row, f"no label in column {missing[0]}")
            else:
                self._rows.append(row)

    def several(self) -> Comments:
        """Convert a table with several label columns to comments; reject rows with a label that is not 0 or 1."""
        rows, targets = [], []
        for row in self._rows:
            values = [as_string(row.values[name]).casefold() for name in self._label]
            odd = next((value for value in values if value not in _TRUE | _FALSE), None)
            if odd is not None:
                self._reject(row, f"label '{odd}' is neither 0 nor 1")
            else:
                rows.append(row)
                targets.append([value in _TRUE for value in values])
        return self._comments(rows, targets, self._label, None, "0 and 1 in each", LabelMap(columns=self._label))

    def single(self, negative: str | None, positive: frozenset[str], like: Like | None) -> Comments:
        """Convert a table with one label column to comments with one label, or with labels that exclude each other.

        ``negative`` is the label value that is not toxic; ``positive`` holds those that are toxic. Labels exclude each
        other if ``like`` says so, or if ``negative`` alone is given and the column holds more than two values."""
        (column,) = self._label
        values = [as_string(row.values[column]) for row in self._rows]
        counts = Counter(values)
        listed = ", ".join(f"{value!r} ({count})" for value, count in counts.most_common(6))
        for wanted in [*positive, *([negative] if negative is not None else [])]:
            if wanted not in counts and self._rows and like is None:
                raise UsageError(f"column '{column}' never holds {wanted!r}; give one of its values: {listed}")
        name = "toxic" if column.casefold() in _GENERIC or re.fullmatch(r"column\d+", column) else column
        if like is not None and like.negative is not None:
            return self._exclusive(values, like.labels, like.negative)
        if positive:
            others = {negative} if negative is not None else set(counts) - positive
            given = LabelMap(columns=self._label, positive=tuple(sorted(positive)), negative=negative)
            return self._binary(values, positive, others, name, given)
        if negative is not None:
            others = set(counts) - {negative}
            if len(others) <= 1:
                given = LabelMap(columns=self._label, positive=tuple(others), negative=negative)
                return self._binary(values, others, {negative}, name, given)
            if len(others) > _MOST_LABELS:
                raise UsageError(
                    f"column '{column}' holds {len(counts)} values, too many for one label each; name the toxic ones "
                    "with --positive"
                )
            return self._exclusive(values, tuple(sorted(others)), negative)
        known = sum(count for value, count in counts.items() if value.casefold() in _TRUE | _FALSE)
        if known < 0.9 * len(values):
            raise UsageError(
                f"column '{column}' holds {listed}; name the not toxic value with --negative VALUE, or the toxic "
                "values with --positive VALUE"
            )
        values = [value.casefold() for value in values]
        return self._binary(values, _TRUE, _FALSE, name, LabelMap(columns=self._label))

    def _binary(
        self, values: Sequence[str], true: Iterable[str], false: Iterable[str], name: str, given: LabelMap
    ) -> Comments:
        table = dict.fromkeys(false, False) | dict.fromkeys(true, True)
        rows, targets = [], []
        for row, value in zip(self._rows, values, strict=True):
            if value in table:
                rows.append(row)
                targets.append([table[value]])
            else:
                self._reject(row, f"label '{value}' is neither a toxic nor a not toxic value")
        seen = sorted({v for v in values if table.get(v)})
        meaning = f"toxic where it is {' or '.join(seen)}" if seen else "never toxic"
        return self._comments(rows, targets, (name,), None, meaning, given)

    def _exclusive(self, values: Sequence[str], names: tuple[str, ...], negative: str) -> Comments:
        rows, targets = [], []
        for row, value in zip(self._rows, values, strict=True):
            if value == negative or value in names:
                rows.append(row)
                targets.append([value == name for name in names])
            else:
                self._reject(row, f"label '{value}' is not one of {', '.join((negative, *names))}")
        given = LabelMap(columns=self._label, negative=negative)
        return self._comments(rows, targets, names, negative, f"one of {', '.join(names)}, or {negative}", given)

    def _reject(self, row: Row, reason: str) -> None:
        self._rejected.append(Rejected(row.line, reason, str(row.values.get(self._text) or "")[:10_000]))

    def _comments(
        self, rows: list[Row], targets: list[list[bool]], names: tuple[str, ...], negative: str | None, meaning: str,
        given: LabelMap,
    ) -> Comments:  # fmt: skip
        return Comments(
            texts=[row.values[self._text] for row in rows],
            targets=np.array(targets, dtype=np.uint8).reshape(len(rows), len(names)),
            labels=names,
            negative=negative,
            lines=np.array([row.line for row in rows], dtype=np.intp),
            source=self._source,
            text_column=self._text,
            label_map=given,
            rejected=tuple((self._source, row) for row in sorted(self._rejected, key=lambda row: row.line)),
            notes=(
                f"{self._source}: {self._note}; text from '{self._text}', label from {', '.join(map(repr, self._label))} "
                f"({meaning})",
            ),
            group_column=_clean(self._by or ""),
            groups=tuple(_clean(as_string(row.values.get(self._by))) for row in rows) if self._by else (),
        )
