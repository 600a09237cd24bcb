"""Detect the format of a file from its first lines."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from toxiclf.rows.decoding import OPENERS
from toxiclf.rows.format import Format
from toxiclf.rows.names import folded
from toxiclf.rows.records import LONGEST_LINE, Decoder, Lines, Rejected, Row, json_row, names_of, records
from toxiclf.rows.writer import NUMBER

DELIMITERS = ("\t", "|", ",", ";")
TEXT_NAMES = frozenset({
    "text", "texts", "comment", "comments", "content", "contents", "sentence", "document", "review", "message", "body",
    "문장", "댓글", "내용", "본문", "텍스트", "리뷰", "코멘트",
})  # fmt: skip
LABEL_NAMES = frozenset({
    "label", "labels", "toxic", "is_toxic", "toxicity", "hate", "abusive", "target", "class", "y",
    "라벨", "레이블", "악성", "혐오", "욕설", "정답",
})  # fmt: skip
_CLEAR_LINES = 10  # a text file with fewer lines has columns only if one has a known name
_MOST_TITLES = 10  # rows above a header
_QUOTED_FIELD = re.compile(r'"([^"]|"")*"', re.DOTALL)


def ending_of(path: Path) -> str:
    """Return the ending of a file's name in lower case, without that of its compression."""
    return next((s.lower() for s in reversed(path.suffixes) if s.lower() not in OPENERS), "")


def is_array(start: bytes, suffix: str) -> bool:
    """Return whether a file that begins with these bytes is one JSON array."""
    return suffix in (".json", "") and bool(re.match(rb"(\xef\xbb\xbf)?\s*\[\s*(\{|\[|\]|$)", start))


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line such as ``sep=;`` declares to spreadsheets; None if it declares none."""
    match = re.fullmatch(r'"?sep=([^"\s\w]|\t)"?', line.strip(" "), re.IGNORECASE)
    return match[1] if match else None


def sniffed(
    sample: Sequence[str], suffix: str, delimiter: str | None, *, text_file: bool, names: Collection[str] = ()
) -> Format:
    if delimiter is not None:
        return _best(sample, (delimiter,)) or Format("csv", delimiter)
    if suffix in (".jsonl", ".ndjson", ".json") or (suffix not in (".csv", ".tsv") and _holds_json(sample)):
        return Format("jsonl")
    text_file = text_file and suffix in (".txt", "")
    best = _best(sample, ("\t",) if suffix == ".tsv" else DELIMITERS)
    if best is not None and (not text_file or _clearly_columns(sample, best, names)):
        return best
    if text_file or suffix == ".txt":
        return Format("text")
    return Format("csv", "\t" if suffix == ".tsv" else ",")


def _best(sample: Sequence[str], delimiters: Sequence[str]) -> Format | None:
    """Return the format that fits the most rows (on a tie, with the most columns); None if no format makes a table."""
    best: tuple[float, int, Format] | None = None
    for delimiter in delimiters:
        for quoting in (True, False):
            for split_last in (False, True) if delimiter == "|" and not quoting else (False,):
                format = Format("csv", delimiter, quoting, split_last=split_last)
                fit = _fit(sample, format)
                if fit is not None and (best is None or fit > best[:2]):
                    best = *fit, format
    return best[2] if best is not None else None


def _holds_json(sample: Sequence[str]) -> bool:
    decoder = Decoder()
    objects = [isinstance(json_row(0, line, decoder), Row) for line in sample[:_CLEAR_LINES] if line.strip()]
    return sum(objects) > len(objects) / 2


def _fit(sample: Sequence[str], format: Format) -> tuple[float, int] | None:
    """Return the share of rows with the most common number of fields, and that number; None if this is not a table."""
    rows = _sample_rows(sample, format)
    width = _usual_width(rows)
    count = sum(len(row) == width for row in rows)
    if width < 2 or count < 0.8 * len(rows):
        return None
    if format.split_last:
        last = {row[-1].strip() for row in rows if len(row) == 2}
        if len(last) > max(3, len(rows) // 10) or max(map(len, last)) > 30:
            return None
    share = count / len(rows)
    if not format.quoting:  # a field all in quotation marks is a sign of quoting
        share -= sum(any(map(_QUOTED_FIELD.fullmatch, row)) for row in rows) / len(rows)
    return share, width


def _sample_rows(sample: Sequence[str], format: Format) -> list[list[str]]:
    """Return the fields of each record in the sample, [] for an unreadable record; skip lines that are too long."""
    lines = Lines(io.StringIO("\n".join(line for line in sample if len(line) <= LONGEST_LINE)))
    rows = [fields if isinstance(fields, list) else [] for _, fields, _ in records(lines, format)]
    return rows or [[]]


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(len(row) for row in rows if row).most_common(1)[0][0] if any(rows) else 1


def _clearly_columns(sample: Sequence[str], format: Format, names: Collection[str]) -> bool:
    if format.delimiter in "\t|" and len(sample) >= _CLEAR_LINES:
        return True
    return any(is_name(cell) or folded(cell) in names for cell in _sample_rows(sample[:1], format)[0])


def is_text_name(name: str) -> bool:
    """Return whether a column, or the last key of a dotted path, has a usual name for texts."""
    return folded(name.rpartition(".")[2]) in TEXT_NAMES


def is_name(cell: str) -> bool:
    return folded(cell) in TEXT_NAMES | LABEL_NAMES


def with_columns(format: Format, sample: Sequence[str], names: Collection[str] = ()) -> Format:
    if format.kind == "text":
        return replace(format, columns=("text",), names=("text",))
    if format.kind == "jsonl":
        decoder = Decoder()
        return with_keys(format, [json_row(0, line, decoder) for line in sample])
    return with_header(format, _sample_rows(sample, format), names)


def with_keys(format: Format, rows: Iterable[Row | Rejected]) -> Format:
    """Return a format with the keys of JSON objects as columns."""
    objects = [row.values for row in rows if isinstance(row, Row)]
    columns = dict.fromkeys(key for values in objects for key in values)
    return replace(format, columns=tuple(columns), names=names_of(objects))


def with_header(format: Format, rows: Sequence[Sequence[str]], expected: Collection[str]) -> Format:
    """Return the format of a table with the columns that its first rows name."""
    titles = _titles(rows, expected) if format.header is None else 0
    header = bool(titles) or _has_header(rows, expected) if format.header is None else format.header
    if header:
        names = [name.strip() or f"column{i}" for i, name in enumerate(rows[titles], start=1)]
    else:
        names = list(format.columns) or [f"column{i}" for i in range(1, _usual_width(rows) + 1)]
    columns = tuple(_distinct(names))
    return replace(format, header=header, columns=columns, names=columns, titles=titles)


def _titles(rows: Sequence[Sequence[str]], expected: Collection[str]) -> int:
    """Return the number of rows above the header, such as a title; 0 if no header follows them."""
    width = _usual_width(rows)
    for n, row in enumerate(rows[: _MOST_TITLES + 1]):
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) == width > 1 and filled > max(1, width // 2):
            return n if n and _has_header(rows[n:], expected) else 0
        if any(is_name(cell) or folded(cell) in expected for cell in row):
            break
    return 0


def _has_header(rows: Sequence[Sequence[str]], expected: Collection[str]) -> bool:
    """Return whether the first row names the columns.

    One of its cells must be an expected or known column name, or differ from the column below: text above numbers, or a new value
    above a few repeated ones.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(folded(cell) in TEXT_NAMES or folded(cell) in expected for cell in first):
        return True
    unlike = any(is_name(cell) for cell in first)
    for cell, column in zip(first, zip(*rest, strict=True), strict=False):
        values = set(column)
        if cell.strip() and cell in values:
            return False
        if all(map(NUMBER.fullmatch, values)):
            if NUMBER.fullmatch(cell):
                return False
            unlike = unlike or bool(cell.strip())
        unlike = unlike or _are_few(values, len(rest))
    return unlike


def _are_few(values: set[str], rows: int) -> bool:
    return len(values) < rows and len(values) <= max(2, rows // 10) and max(map(len, values)) <= 20


def _distinct(names: Sequence[str]) -> list[str]:
    """Return column names, with a number added to those that repeat.

    >>> _distinct(["a", "a", "a.2"])
    ['a', 'a.2', 'a.2.2']
    """
    result: dict[str, None] = {}
    numbers: dict[str, int] = {}  # the last number that was added to a name; smaller ones are taken
    for name in names:
        candidate = name
        while candidate in result:
            numbers[name] = numbers.get(name, 1) + 1
            candidate = f"{name}.{numbers[name]}"
        result[candidate] = None
    return list(result)
