"""Turn label columns into targets: columns of 0 and 1, values of one column, several values in a cell, numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets._cells import FALSE, LIST, NONE, TRUE, detected_separator, values_in
from toxiclf.datasets._label_options import LabelOptions, Like, shown_name
from toxiclf.datasets._table import as_string
from toxiclf.errors import UsageError
from toxiclf.rows import Row, folded

_MOST_LABELS = 20
_MOST_LISTED = 20  # values in a note
_MOST_SOFT = 0.01  # share of numbers between 0 and 1 that are rejected; if there are more, labels are soft


@dataclass(frozen=True)
class LabeledRows:
    """Rows with targets, and the rejected rows, each with the reason.

    Attributes
    ----------
    labels, negative, label_map : as in :class:`toxiclf.Comments`.
    meaning, remarks : how label values were read, in words.
    rows, targets : the rows, and for each row whether it has each label.
    """

    labels: tuple[str, ...]
    negative: str | None
    label_map: LabelMap
    meaning: str
    remarks: tuple[str, ...]
    rows: list[Row]
    targets: list[list[bool]]
    rejected: list[tuple[Row, str]]


def is_binary(values: Iterable[str]) -> bool:
    """Return whether all non-empty values mean 1 or 0, as "true" and "no" do; False if all are empty."""
    present = {folded(value) for value in values if value}
    return bool(present) and present <= TRUE | FALSE


def label_rows(rows: Sequence[Row], options: LabelOptions, like: Like | None) -> LabeledRows:
    """Turn the label columns of rows that have all labels into targets.

    Raises
    ------
    UsageError : it is not clear which values are toxic, or a value that the user named never occurs.
    """
    if options.positive_from is not None:
        return _numbers(rows, options, options.positive_from)
    if len(options.columns) > 1:
        return _several_columns(rows, options)
    return _OneColumn(rows, options, like).labeled()


def _numbers(rows: Sequence[Row], options: LabelOptions, positive_from: float) -> LabeledRows:
    def decided(row: Row) -> list[bool] | str:
        values = [as_string(row.values[column]) for column in options.columns]
        odd = next((value for value in values if _number(value) is None), None)
        return [float(value) >= positive_from for value in values] if odd is None else f"label '{odd}' is not a number"

    given = LabelMap(columns=options.columns, positive_from=positive_from)
    names = options.label_names if len(options.columns) > 1 else (options.one_name,)
    return _labeled(rows, map(decided, rows), names, None, given, f"toxic where it is at least {positive_from:g}")


def _several_columns(rows: Sequence[Row], options: LabelOptions) -> LabeledRows:
    for column in options.columns:
        _refuse_soft([as_string(row.values[column]) for row in rows], column)

    def decided(row: Row) -> list[bool] | str:
        values = [as_string(row.values[column]) for column in options.columns]
        odd = next((value for value in values if folded(value) not in TRUE | FALSE), None)
        return [folded(value) in TRUE for value in values] if odd is None else f"label '{odd}' is neither 0 nor 1"

    given = LabelMap(columns=options.columns)
    return _labeled(rows, map(decided, rows), options.label_names, None, given, "0 and 1 in each")


class _OneColumn:
    """Reads the labels of a single column; values are compared in their folded form."""

    def __init__(self, rows: Sequence[Row], options: LabelOptions, like: Like | None) -> None:
        (self._column,), (self._name,) = options.columns, options.names
        self._rows, self._options, self._like = rows, options, like
        self._positive = dict.fromkeys(map(folded, options.positive))
        self._negative = dict.fromkeys(map(folded, options.negative))
        contents = [row.values.get(self._column) for row in rows]
        self._separator = options.separator or detected_separator(contents, self._positive | self._negative)
        self._spellings: dict[str, Counter[str]] = {}
        self._cells: list[tuple[str, ...]] = []  # the values of each row
        for content in contents:
            written = values_in(content, self._separator)
            for value in written:
                self._spellings.setdefault(folded(value), Counter())[value] += 1
            self._cells.append(tuple(dict.fromkeys(map(folded, written))))
        self._counts = Counter(value for values in self._cells for value in values)

    def labeled(self) -> LabeledRows:
        """Return the rows with targets; options and values decide which kind of labels they are."""
        options, like = self._options, self._like
        if like is None:
            self._check_named()
        elif self._negative and not self._counts.keys().isdisjoint(map(folded, like.label_map.positive)):
            self._positive |= dict.fromkeys(map(folded, like.label_map.positive))  # others are rejected, not toxic
        if self._positive:
            return self._by_positive()
        if like is not None and like.negative is not None:
            return self._exclusive(like.labels, like.negative)
        others = [value for value in self._counts if value not in self._negative]
        several = options.separator not in (None, NONE) or any(len(values) != 1 for values in self._cells)
        one_label = self._name is not None or (like is not None and len(like.labels) == 1)
        if self._negative and (one_label or (len(others) <= 1 and not several)):
            return self._by_negative(others)
        if several and not one_label:
            return self._independent(self._names(others) if like is None else like.labels)
        if self._negative:
            return self._exclusive(self._names(others), self._shown(next(iter(self._negative))))
        return self._zeros_and_ones()

    def _by_positive(self) -> LabeledRows:
        remarks = []
        others = Counter(v for values in self._cells if self._positive.keys().isdisjoint(values) for v in values)
        if others and not self._negative:
            remarks.append(f"every other value is not toxic: {self._listed(others, _MOST_LISTED)}")
        decided = self._toxic_or_not(self._positive.keys(), self._negative.keys())
        return self._one_label(decided, self._meaning(self._positive), self._options.positive, remarks)

    def _by_negative(self, others: Sequence[str]) -> LabeledRows:
        """Make every value toxic but those that the user named as not toxic."""
        decided = self._toxic_or_not(set(others), self._negative.keys())
        if len(others) <= 1 and self._like is None:
            return self._one_label(decided, self._meaning(others), tuple(map(self._shown, others)))
        toxic = Counter({value: self._counts[value] for value in others})
        meaning = f"toxic unless it is {' or '.join(map(self._shown, self._negative))}"
        return self._one_label(decided, meaning, (), [f"toxic values: {self._listed(toxic, _MOST_LISTED)}"])

    def _zeros_and_ones(self) -> LabeledRows:
        known = sum(count for value, count in self._counts.items() if value in TRUE | FALSE)
        _refuse_soft([self._written(values) for values in self._cells], self._column)
        if known < (0.9 if self._like is None else 0.5) * len(self._cells):  # a model's labels are known to be 0 and 1
            raise UsageError(f"column '{self._column}' holds {self._listed()}; {self._ask()}")
        return self._one_label(self._toxic_or_not(TRUE, FALSE), self._meaning(TRUE), ())

    def _toxic_or_not(self, positive: Set[str], negative: Set[str]) -> Decide:
        """Return the decision for one label; without negative values, each value that is not positive is not toxic."""

        def decided(values: tuple[str, ...]) -> list[bool] | str:
            toxic, not_toxic = (not named.isdisjoint(values) for named in (positive, negative))
            if toxic and not_toxic:
                return f"label '{self._written(values)}' holds both a toxic value and one that is not toxic"
            if toxic or not negative or negative >= set(values):
                return [toxic]
            return f"label '{self._written(values)}' is neither toxic nor not toxic"

        return decided

    def _exclusive(self, names: tuple[str, ...], negative: str) -> LabeledRows:
        place = {folded(name): j for j, name in enumerate(names)}
        nothing = {folded(negative), *self._negative}

        def decided(values: tuple[str, ...]) -> list[bool] | str:
            if len(values) == 1 and (values[0] in place or values[0] in nothing):
                return [place.get(values[0]) == j for j in range(len(names))]
            return f"label '{self._written(values)}' is not one of {', '.join((negative, *names))}"

        given = self._label_map((), self._options.negative or (negative,))
        none = " or ".join(map(self._shown, self._negative)) or negative
        return self._decided(decided, names, negative, given, f"one of {', '.join(names)}, or {none}")

    def _independent(self, names: tuple[str, ...]) -> LabeledRows:
        place = {folded(name): j for j, name in enumerate(names)}
        if self._like is None and not self._negative:
            self._check_lists()

        def decided(values: tuple[str, ...]) -> list[bool] | str:
            has = {place[value] for value in values if value in place}
            odd = [value for value in values if value not in place and value not in self._negative]
            if odd:
                return f"label '{self._shown(odd[0])}' is not one of {', '.join((*map(self._shown, self._negative), *names))}"
            if has and not self._negative.keys().isdisjoint(values):
                return f"label '{self._written(values)}' holds both a toxic value and one that is not toxic"
            return [j in has for j in range(len(names))]

        none = f", none of them where it is {' or '.join(map(self._shown, self._negative))}" if self._negative else ""
        return self._decided(
            decided, names, None, self._label_map((), self._options.negative), f"labels {', '.join(names)}{none}"
        )

    def _check_named(self) -> None:
        for value in (*self._options.positive, *self._options.negative):
            if folded(value) not in self._counts and self._rows:
                raise UsageError(
                    f"column '{self._column}' never holds {value!r}; give one of its values: {self._listed()}"
                )

    def _check_lists(self) -> None:
        """Refuse lists of which it is not known what "no label" looks like, and lists of 0 and 1."""
        if not self._cells:
            return
        example = self._written(sorted(self._cells, key=len)[-1])
        if self._counts.keys() <= TRUE | FALSE:
            raise UsageError(
                f"column '{self._column}' holds lists of 0 and 1; write each position of the list to a column of its own, "
                "and name these columns with --label"
            )
        if self._options.separator is None and all(self._cells):
            raise UsageError(
                f"column '{self._column}' holds several values in one cell, such as '{example}'; its values are: {self._listed()}; "
                f"{self._ask()}, or read each cell as one value with --label-separator none"
            )

    def _ask(self) -> str:
        numbers = sum(count for value, count in self._counts.items() if _number(value) is not None)
        several = any(len(values) > 1 for values in self._cells)
        return "name the value that is not toxic with --negative VALUE, or the toxic values with --positive VALUE" + (
            ", or the smallest number that means toxic with --positive-from NUMBER"
            if numbers >= 0.9 * self._counts.total() and not several
            else ""
        )

    def _names(self, values: Sequence[str]) -> tuple[str, ...]:
        if len(values) > _MOST_LABELS:
            raise UsageError(
                f"column '{self._column}' holds {len(self._counts)} values, too many for one label each; {self._ask()}"
            )
        return tuple(sorted(map(self._shown, values)))

    def _one_label(
        self, decided: Decide, meaning: str, positive: tuple[str, ...], remarks: Sequence[str] = ()
    ) -> LabeledRows:
        given = self._label_map(tuple(sorted(positive)), self._options.negative)
        return self._decided(decided, (self._options.one_name,), None, given, meaning, remarks)

    def _decided(
        self, decided: Decide, labels: tuple[str, ...], negative: str | None, given: LabelMap, meaning: str,
        remarks: Sequence[str] = (),
    ) -> LabeledRows:  # fmt: skip
        several = [] if self._separator == NONE else [self._how_separated()]
        return _labeled(
            self._rows, map(decided, self._cells), labels, negative, given, meaning,
            [*several, *remarks, *self._respelled()],
        )  # fmt: skip

    def _how_separated(self) -> str:
        how = "as a list" if self._separator == LIST else f"separated by {self._separator!r}"
        wrong = " (if not: --label-separator none)" if self._options.separator is None else ""
        return f"a cell may hold several values, {how}{wrong}"

    def _label_map(self, positive: tuple[str, ...], negative: tuple[str, ...]) -> LabelMap:
        separator = None if self._separator == NONE else self._separator
        return LabelMap(columns=self._options.columns, positive=positive, negative=negative, separator=separator)

    def _meaning(self, toxic: Iterable[str]) -> str:
        seen = sorted(self._shown(value) for value in toxic if value in self._counts)
        return f"toxic where it is {' or '.join(seen)}" if seen else "never toxic"

    def _shown(self, value: str) -> str:
        """Return the most common spelling of a folded value."""
        return shown_name(self._spellings[value].most_common(1)[0][0]) if value in self._spellings else value

    def _written(self, values: Iterable[str]) -> str:
        return (", " if self._separator in (NONE, LIST) else self._separator).join(map(self._shown, values))

    def _listed(self, counts: Counter[str] | None = None, most: int = 6) -> str:
        counts = self._counts if counts is None else counts
        listed = ", ".join(f"{self._shown(value)!r} ({count:,})" for value, count in counts.most_common(most))
        return listed + (f" and {len(counts) - most:,} more" if len(counts) > most else "")

    def _respelled(self) -> list[str]:
        """Return a remark for each value that is written in several ways."""
        remarks = []
        for value, spellings in self._spellings.items():
            (main, _), *others = spellings.most_common()
            for other, count in others[:_MOST_LISTED]:
                as_written = (
                    "with other white space or Unicode form"
                    if shown_name(other) == shown_name(main)
                    else f"{shown_name(other)!r}"
                )
                remarks.append(f"{self._shown(value)!r} is also written {as_written} ({count:,})")
        return remarks[:_MOST_LISTED]


Decide = Callable[[tuple[str, ...]], list[bool] | str]
"""A function that returns the targets of a row's values, or the reason to reject the row."""


def _labeled(
    rows: Sequence[Row], decisions: Iterable[list[bool] | str], labels: tuple[str, ...], negative: str | None,
    label_map: LabelMap, meaning: str, remarks: Sequence[str] = (),
) -> LabeledRows:  # fmt: skip
    kept: list[Row] = []
    targets: list[list[bool]] = []
    rejected: list[tuple[Row, str]] = []
    for row, decision in zip(rows, decisions, strict=True):
        if isinstance(decision, str):
            rejected.append((row, decision))
        else:
            kept.append(row)
            targets.append(decision)
    return LabeledRows(labels, negative, label_map, meaning, tuple(remarks), kept, targets, rejected)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _refuse_soft(values: Sequence[str], column: str) -> None:
    soft = [value for value in values if 0 < (_number(value) or 0) < 1]
    if len(soft) > _MOST_SOFT * len(values):
        raise UsageError(
            f"column '{column}' holds numbers between 0 and 1, such as {soft[0]}; give the smallest number that means "
            "toxic, such as --positive-from 0.5"
        )
