"""Score a file as a stream: rows in, rows with verdicts out, in constant memory (base install)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from toxiclf.errors import UsageError
from toxiclf.moderator import Moderator, Verdict
from toxiclf.rows import TEXT_NAMES, Rejected, Row, RowReader, RowWriter

_CHUNK = 2048
_KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class Predicted:
    """How many rows were scored and set aside, and where the latter lie."""

    rows: int
    rejected: int
    rejected_file: Path


def predict_rows(
    moderator: Moderator,
    source: str,
    *,
    column: str | None,
    out: Path | None,
    rejected: Path | None,
    json_lines: bool,
    say: Callable[[str], None],
) -> Predicted:
    """Score every row of a file; the output keeps its columns and adds score, threshold and is_toxic a label.

    An output file is written beside its place and renamed when it is whole; rows that cannot be read go to ``rejected``.

    Parameters
    ----------
    source : a CSV, TSV, JSON Lines or text file, or "-".
    column : with the comment; None to find out.
    out : the output file, None for standard output.

    Raises
    ------
    DataError, UsageError : the file, the column or the output's ending do not fit.
    """
    kind = "jsonl" if json_lines else "csv"
    if out is not None:
        if out.suffix.lower() not in _KINDS and not json_lines:
            raise UsageError(f"--out {out}: the ending says how to write; use .csv, .tsv or .jsonl")
        kind = _KINDS.get(out.suffix.lower(), kind)
        if source != "-" and out.exists() and os.path.samefile(source, out):
            raise UsageError(f"--out {out} is the input file; choose another name")
    rejected_file = rejected or (out.with_name(out.name + ".rejected.csv") if out is not None else Path("rejected.csv"))
    reader = RowReader(source, text_file=True, lenient=True)
    column = _text_column(reader, moderator.manifest.text_column, column)
    added = _added_columns(moderator.labels, reader.format.columns)
    say(f"{source}: {reader.encoding.upper()}, {reader.format.describe()}; comments from '{column}'")
    count = set_aside = 0
    with ExitStack() as stack:
        temporary = None if out is None else out.with_name(f".{out.name}.part")
        stream: TextIO = (
            sys.stdout
            if temporary is None
            else stack.enter_context(
                temporary.open("w", encoding="utf-8-sig" if kind == "csv" else "utf-8", newline="")
            )
        )
        writer = RowWriter(stream, [*reader.format.columns, *added, "truncated", "no_known_tokens"], kind)
        advance = stack.enter_context(_progress_bar(reader))
        aside = _RejectedFile(rejected_file, stack)
        for chunk in _chunks(reader):
            rows = []
            for row in chunk:
                if isinstance(row, Row) and isinstance(row.values.get(column), str):
                    rows.append(row)
                else:
                    if isinstance(row, Row):
                        row = Rejected(row.line, f"no text in '{column}'", str(row.values)[:10_000])
                    aside.write(row)
                    set_aside += 1
            for row, verdict in zip(rows, moderator.check([row.values[column] for row in rows]), strict=True):
                writer.write({**row.values, **_cells(verdict, added, kind)})
            count += len(rows)
            advance(len(chunk))
        stream.flush()
    if out is not None and temporary is not None:
        os.replace(temporary, out)
    say(f"{count:,} comments scored" + (f": {out}" if out is not None else ""))
    return Predicted(count, set_aside, rejected_file)


def _text_column(reader: RowReader, trained_on: str, wanted: str | None) -> str:
    columns = reader.format.columns
    if wanted is not None:
        if wanted not in columns:
            raise UsageError(f"there is no column '{wanted}'; the columns are: {', '.join(columns)}")
        return wanted
    if trained_on in columns:
        return trained_on
    named = [name for name in columns if name.casefold() in TEXT_NAMES]
    if named or len(columns) == 1:
        return (named or list(columns))[0]
    raise UsageError(f"which column holds the comments? name it with --column; the columns are: {', '.join(columns)}")


def _added_columns(labels: tuple[str, ...], present: tuple[str, ...]) -> list[str]:
    """Names of score, threshold and is_toxic for each label; told apart from the file's own columns where need be."""
    names = ("score", "threshold", "is_toxic")
    added = list(names) if len(labels) == 1 else [f"{label}_{name}" for label in labels for name in names]
    while set(added) & set(present):
        added = [f"toxiclf_{name}" for name in added]
    return added


def _cells(verdict: Verdict, added: list[str], kind: str) -> dict[str, Any]:
    values: list[Any] = []
    for entry in verdict.entries:
        values += [round(entry.score, 6), round(entry.threshold, 6), entry.is_toxic]
    cells: dict[str, Any] = dict(zip(added, values, strict=True))
    return {**cells, "truncated": verdict.truncated, "no_known_tokens": verdict.no_known_tokens}


def _chunks(reader: RowReader) -> Iterator[list[Row | Rejected]]:
    chunk: list[Row | Rejected] = []
    for row in reader:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@contextmanager
def _progress_bar(reader: RowReader) -> Iterator[Callable[[int], None]]:
    """A bar on standard error if that is a terminal, and nothing else; advanced by numbers of rows."""
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.fields[rows]:,} comments"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0 if reader.progress() is not None else None, rows=0)
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            bar.update(task, completed=reader.progress() or 0.0, rows=done)

        yield advance


class _RejectedFile:
    """Made when the first row is set aside."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path, self._stack = path, stack
        self._writer: RowWriter | None = None

    def write(self, row: Rejected) -> None:
        if self._writer is None:
            stream = self._stack.enter_context(self._path.open("w", encoding="utf-8-sig", newline=""))
            self._writer = RowWriter(stream, ("line", "reason", "content"), "csv")
        self._writer.write({"line": row.line, "reason": row.reason, "content": row.content})
