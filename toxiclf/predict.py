"""Score the rows of a file as a stream, in constant memory; this needs only the base install."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO, Unpack

from toxiclf import _console
from toxiclf._files import is_writable, writing_device, writing_text
from toxiclf._progress import Bar
from toxiclf.errors import UsageError, listed, visible
from toxiclf.moderator import Moderator
from toxiclf.rows import (
    Layout,
    Rejected,
    Row,
    RowReader,
    RowWriter,
    column_named,
    find_column,
    is_text_name,
    naming,
)
from toxiclf.text.occlusion import TokenEffect
from toxiclf.verdict import Verdict

_CHUNK, _CHUNK_CHARS = 2048, 2**23
_REJECTED = ("line", "reason", "content")
_TOKENS = 5  # that explain the score of a label
_KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class Predicted:
    """The outcome of :func:`predict_rows`: numbers of scored and rejected rows, and the file for rejected rows."""

    rows: int
    rejected: int
    rejected_file: Path | None  # None if they could not be saved


def predict_rows(
    moderator: Moderator,
    source: str,
    *,
    column: str | None,
    out: Path | None,
    rejected: Path | None,
    json_lines: bool,
    say: Callable[[str], None],
    explain: bool = False,
    **layout: Unpack[Layout],
) -> Predicted:
    """Score every row of a file, and write the row with its verdict.

    The output has the columns of the input, then the columns score, threshold and is_toxic for each label (if the class
    with the highest score is the verdict: label and is_toxic, then the score of each label), then the columns truncated
    and no_known_tokens. An old output file is replaced only when the new one is complete.

    Parameters
    ----------
    source : path of a CSV, TSV, JSON, Excel or text file; "-" for standard input.
    column : name of the column with the comments; None to detect it.
    out : output file; None for standard output.
    rejected : file for rejected rows; None for ``OUT.rejected.csv``, or ``rejected.csv`` without ``out``.
    json_lines : whether to write JSON Lines; a known ending of ``out``, such as .csv, sets the format instead.
    say : called with each message to the user.
    explain : whether a last column, tokens, has the tokens that move each label's score most, up to five, as JSON.
    layout : ``header``, ``delimiter`` and ``sheet``, as in :class:`toxiclf.rows.RowReader`.

    Raises
    ------
    DataError, UsageError : the input cannot be read, its column of comments is missing or unclear, or a file cannot be
        written.
    """
    kind = _kind(out, json_lines)
    _check_writable(source, out, rejected)
    usual = Path("rejected.csv") if out is None or _is_device(out) else out.with_name(out.name + ".rejected.csv")
    with ExitStack() as stack:
        reader, column = stack.enter_context(_opened(source, moderator.manifest.text_column, column, say, **layout))
        columns = reader.format.columns
        added = _added_columns(moderator, columns, explain)
        escape = _console.visible_json if kind == "jsonl" else visible
        stream = _console.results(escape) if out is None else stack.enter_context(_written(out, bom=kind == "csv"))
        writer = RowWriter(stream, [*columns, *added], kind)
        aside = _RejectedFile(rejected, usual, source, stack, say)
        bar = stack.enter_context(Bar(total=1.0 if reader.progress() is not None else None))
        count = n_rejected = 0
        late: set[str] = set()
        for texts, rows, unfit in _chunks(reader, column):
            for rejection in unfit:
                aside.write(rejection)
            if not reader.is_table:
                late.update(*rows)  # their keys
            if rows:
                new = _columns(moderator.check(texts, explain=explain))
                if kind == "jsonl":
                    named = [dict(zip(columns, row, strict=True)) for row in rows] if reader.is_table else rows
                    for name, values in zip(added, new, strict=True):
                        for row, value in zip(named, values, strict=True):
                            row[name] = value
                    for row in named:
                        writer.write(row)
                else:
                    old = (
                        zip(*rows, strict=True)
                        if reader.is_table
                        else ([r.get(name) for r in rows] for name in columns)
                    )
                    writer.write_columns([*old, *new])
            count += len(rows)
            n_rejected += len(unfit)
            bar.update(reader.progress() or 0.0, f"{count + n_rejected:,} comments")
        stream.flush()
    late.difference_update(columns)
    if lost := late & set(added) if kind == "jsonl" else late:
        why = "toxiclf adds columns of these names" if kind == "jsonl" else "the columns are those of the first rows"
        say(f"these keys of the input were left out, because {why}: {', '.join(sorted(lost))}")
    for number, what in (
        (reader.decoder.n_huge, "numbers are too large for a float, such as 1e400; they are written as text"),
        (
            reader.decoder.n_undefined,
            "numbers are NaN or Infinity, which JSON does not allow; they are written as null",
        ),
    ):
        if number:
            say(f"{number:,} {what}")
    if not n_rejected and out is not None and not _is_device(out) and rejected is None and _is_ours(usual, source):
        usual.unlink(missing_ok=True)  # left by an earlier run
    say(f"{count:,} comments scored" + (f": {out}" if out is not None else ""))
    return Predicted(count, n_rejected, aside.path)


def read_texts(
    source: str, trained_on: str, *, say: Callable[[str], None], text: str | None = None, **layout: Unpack[Layout]
) -> Iterator[str]:
    """Yield the comments of a file, without its labels; rows without a text are skipped and counted.

    Parameters
    ----------
    source, say, layout : as in :func:`predict_rows`.
    trained_on : name of the text column in training, which is taken if the file has it.
    text : name of the column with the comments; None to detect it.

    Raises
    ------
    DataError, UsageError : the file cannot be read, or its column of comments is missing or unclear.
    """
    n_rejected = 0
    with _opened(source, trained_on, text, say, **layout) as (reader, column):
        for row in reader:
            if isinstance(row, Row) and isinstance(value := row.get(column), str) and value.strip():
                yield value
            else:
                n_rejected += 1
    if n_rejected:
        say(f"{n_rejected:,} rows without a readable comment were left out")


@contextmanager
def _opened(
    source: str, trained_on: str, wanted: str | None, say: Callable[[str], None], **layout: Unpack[Layout]
) -> Iterator[tuple[RowReader, str]]:
    """Open a file, choose the column of its comments, and say what was found; close the file at the end."""
    with closing(RowReader(source, text_file=True, names=(wanted or trained_on,), **layout)) as reader:
        with naming(reader.guesses):
            column = _text_column(reader.format.names, trained_on, wanted)
        say(f"{reader.name}: {reader.found}; comments from '{column}'")
        yield reader, column


def _kind(out: Path | None, json_lines: bool) -> str:
    if out is not None and out.suffix.lower() in _KINDS:
        return _KINDS[out.suffix.lower()]
    if out is not None and not json_lines:
        raise UsageError(f"--out {out} has no known ending; use .csv, .tsv or .jsonl")
    return "jsonl" if json_lines else "csv"


def _check_writable(source: str, out: Path | None, rejected: Path | None) -> None:
    """Raise a UsageError if a file cannot be written, or would overwrite the input or the other output file."""
    for flag, path in (("--out", out), ("--rejected", rejected)):
        if path is None or _is_device(path):
            continue
        folder = path.absolute().parent
        if path.is_dir() or not is_writable(folder):
            raise UsageError(f"{flag} {path} cannot be written; give a file in a folder that you may write to")
        if source != "-" and path.exists() and Path(source).exists() and os.path.samefile(source, path):
            raise UsageError(f"{flag} {path} is the input file; choose another name")
    if out is not None and rejected is not None and out.absolute() == rejected.absolute():
        raise UsageError(f"--out and --rejected are both {out}; choose another name for one")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _text_column(columns: Sequence[str], trained_on: str, wanted: str | None) -> str:
    if wanted is not None:
        return column_named(wanted, columns)
    column = find_column(columns, trained_on)
    if column is not None:
        return column
    named = [name for name in columns if is_text_name(name)]
    if named or len(columns) == 1:
        return (named or list(columns))[0]
    raise UsageError(f"the column of the comments is not clear; name it with --text: the columns are {listed(columns)}")


def _added_columns(moderator: Moderator, present: tuple[str, ...], explain: bool) -> list[str]:
    """Return the names of the added columns, prefixed with ``toxiclf_`` if the input already has one of them."""
    names = ("score", "threshold", "is_toxic")
    labels = moderator.labels
    if moderator.manifest.arg_max:
        added = ["label", "is_toxic", *(f"{label}_score" for label in labels)]
    else:
        added = list(names) if len(labels) == 1 else [f"{label}_{name}" for label in labels for name in names]
    added += ["truncated", "no_known_tokens", *(["tokens"] if explain else [])]
    while set(added) & set(present):
        added = [f"toxiclf_{name}" for name in added]
    return added


def _columns(verdicts: Sequence[Verdict]) -> list[list[Any]]:
    """Return the added columns, each with its value for each verdict."""
    first, n = verdicts[0], len(verdicts)
    columns: list[list[Any]] = []
    if first.label is not None:
        columns += [[verdict.label for verdict in verdicts], [verdict.is_toxic for verdict in verdicts]]
    for entries in zip(*(verdict.entries for verdict in verdicts), strict=True):
        columns.append([round(entry.score, 6) for entry in entries])
        threshold = entries[0].threshold  # the same for all comments
        if threshold is not None:
            columns += [[round(threshold, 6)] * n, [entry.is_toxic for entry in entries]]
    columns += [[verdict.truncated for verdict in verdicts], [verdict.no_known_tokens for verdict in verdicts]]
    if first.entries[0].tokens is not None:
        columns.append(
            [{entry.label: list(map(_token, (entry.tokens or ())[:_TOKENS])) for entry in v.entries} for v in verdicts]
        )
    return columns


def _token(token: TokenEffect) -> dict[str, Any]:
    return {**asdict(token), "effect": round(token.effect, 4) + 0.0}  # no -0.0


def _chunks(reader: RowReader, column: str) -> Iterator[tuple[list[str], list[Any], list[Rejected]]]:
    """Yield up to 2,048 rows at a time, and fewer once they exceed 2**23 characters: texts, their rows, rejected rows.

    A row is the list of its cells, or the object in JSON.
    """
    texts: list[str] = []
    rows: list[Any] = []
    rejected: list[Rejected] = []
    size = 0
    place = reader.format.columns.index(column) if reader.is_table else 0
    for row in reader.cells() if reader.is_table else reader:
        if isinstance(row, Rejected):
            rejected.append(row)
            size += len(row.content)
        elif not isinstance(row, Row):
            _, cells = row
            texts.append(cells[place])
            rows.append(cells)
            size += sum(map(len, cells))
        else:
            if isinstance(text := row.get(column), str):
                texts.append(text)
                rows.append(row.values)
            else:
                rejected.append(Rejected(row.line, f"no text in '{column}'", str(row.values)[:10_000]))
            size += sum(len(value) for value in row.values.values() if isinstance(value, str))
        if len(rows) + len(rejected) == _CHUNK or size > _CHUNK_CHARS:
            yield texts, rows, rejected
            texts, rows, rejected, size = [], [], [], 0
    if rows or rejected:
        yield texts, rows, rejected


@contextmanager
def _written(path: Path, *, bom: bool) -> Iterator[TextIO]:
    """Open a device, or a new file that replaces ``path`` when it is complete.

    If ``path`` is a symbolic link, the file that it points to is replaced.
    """
    with writing_device(path) if _is_device(path) else writing_text(Path(os.path.realpath(path))) as stream:
        if bom:
            stream.write("\ufeff")  # the encoding utf-8-sig does the same, with a call in Python for each row
        yield stream


class _RejectedFile:
    """The CSV file of rejected rows, which is created when the first row is rejected."""

    def __init__(
        self, given: Path | None, usual: Path, source: str, stack: ExitStack, say: Callable[[str], None]
    ) -> None:
        self.path: Path | None = given or usual
        self._given, self._source, self._stack, self._say = given, source, stack, say
        self._writer: RowWriter | None = None

    def write(self, row: Rejected) -> None:
        """Write a row that could not be read, or that has no text."""
        if self._writer is None and self.path is not None:
            self._open(self.path)
        if self._writer is not None:
            self._writer.write({"line": row.line, "reason": row.reason, "content": row.content})

    def _open(self, path: Path) -> None:
        """Open the file; a file that has its usual name but is of another program is left alone."""
        if self._given is None:
            number, first = 1, path
            while os.path.lexists(path) and not _is_ours(path, self._source):
                number += 1
                path = first.with_stem(f"{first.stem}-{number}")
            if number > 1:
                self._say(f"{first} was not written by toxiclf predict, so it is kept; rejected rows go to {path}")
        try:
            stream = self._stack.enter_context(_written(path, bom=True))
        except OSError as error:
            if self._given is not None:
                raise
            self._say(f"{path} cannot be written ({error.strerror}), so rejected rows are only counted")
            self.path = None
            return
        self.path = path
        self._writer = RowWriter(stream, _REJECTED, "csv")


def _is_ours(path: Path, source: str) -> bool:
    """Return whether a file holds rejected rows of :func:`predict_rows`, by its first line, and is not its input."""
    try:
        if path.is_symlink() or not path.is_file() or (source != "-" and os.path.samefile(source, path)):
            return False
        with path.open("rb") as file:
            return file.readline(100).rstrip(b"\r\n") == ",".join(_REJECTED).encode("utf-8-sig")
    except OSError:
        return False
