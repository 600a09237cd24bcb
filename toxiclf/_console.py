"""The only module that prints: results to standard output, messages and questions to standard error."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO, cast

from toxiclf.errors import UNSEEN, UsageError, visible


def say(message: str) -> None:
    """Print a message to standard error as one line, see :func:`visible`; on a terminal it breaks between words."""
    print(_broken(visible(message), sys.stderr), file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """Print one line of a result to standard output, see :func:`visible`; on a terminal it breaks between words."""
    stream = _output()
    print(_broken(visible(text), stream), file=stream, flush=True)


def _output() -> TextIO:
    """Return standard output.

    Raises
    ------
    UsageError : it is closed, so the results would be lost.
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed; leave it open, or write the results to a file")
    return sys.stdout


def results(escape: Callable[[str], str] = visible) -> TextIO:
    """Return the standard output stream, for results that are written row by row, each by one call of ``write``.

    A file or a pipe gets the rows as they are; on a terminal ``escape`` is applied to each.
    """
    stream = _output()
    return cast(TextIO, _Shown(stream, escape)) if stream.isatty() else stream


class _Shown:
    """A text stream that escapes each text written to it, except for the line feed at its end."""

    def __init__(self, stream: TextIO, escape: Callable[[str], str] = visible) -> None:
        self.stream, self._escape = stream, escape

    def write(self, text: str) -> int:
        """Write the text, escaped."""
        line = text.removesuffix("\n")
        self.stream.write(self._escape(line) + text[len(line) :])
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def print_json(content: Any) -> None:
    """Print a result to standard output as one line of JSON."""
    print(visible_json(json.dumps(content, ensure_ascii=False, allow_nan=False)), file=_output(), flush=True)


def visible_json(text: str) -> str:
    """Escape what :func:`visible` escapes in a line of JSON, such that it stays the same JSON.

    >>> print(visible_json('"\u202e"'))
    "\\u202e"
    """
    return UNSEEN.sub(lambda match: "".join(map("\\u{:04x}".format, _utf16(match[0]))), text)


def _utf16(character: str) -> memoryview:
    return memoryview(character.encode(f"utf-16-{sys.byteorder[0]}e", "surrogatepass")).cast("H")


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Print a table to standard output: drawn on a terminal, see :func:`drawn_tables`, else with tabs between cells.

    The first line is the heading; it is not printed if all its cells are empty. Without a terminal, no line whose cells
    are all empty is printed. White space in a cell, such as a line end in a comment, becomes a space.
    """
    lines = [[" ".join(cell.split()) for cell in line] for line in lines]
    if not _output().isatty():
        for line in lines:
            if any(line):
                print_line("\t".join(line))
        return
    print(drawn_tables(lines, _width()), flush=True)


def drawn_tables(lines: Sequence[Sequence[str]], width: int) -> str:
    """Return a table as it is drawn on a terminal of this width, in character cells.

    Cells that are too wide are wrapped between words; an interval counts as one word. A table whose words need more
    than the width is cut into tables below each other, each with the first columns, as many as tell rows apart. Only a
    word that does not fit beside these columns is broken.

    Parameters
    ----------
    lines : list of list of str
        Cells of the table, the heading first; it is left out if all its cells are empty.
    width : int
        Width of the terminal.
    """
    from rich.cells import cell_len

    table = [[visible(cell) for cell in line] for line in lines]
    columns = list(zip(*table, strict=True))
    natural = [max(map(cell_len, column)) for column in columns]
    longest = [
        max((cell_len(word) for cell in column for word in _WORDS.findall(cell)), default=0) for column in columns
    ]
    keys = next((n for n in range(1, len(columns)) if len({tuple(line[:n]) for line in table}) == len(table)), 1)
    if sum(longest[:keys]) > width / 2:
        keys = 1
    beside = sum(longest[:keys]) + _GAP * keys
    longest = [*longest[:keys], *(min(words, max(1, width - beside)) for words in longest[keys:])]
    blocks: list[list[int]] = [[]]
    for j in range(keys, len(columns)):
        if blocks[-1] and beside + sum(longest[i] + _GAP for i in (*blocks[-1], j)) - _GAP > width:
            blocks.append([])
        blocks[-1].append(j)
    return "\n".join(_drawn(table, [*range(keys), *block], natural, longest, width) for block in blocks)


def _drawn(
    table: Sequence[Sequence[str]], block: Sequence[int], natural: Sequence[int], longest: Sequence[int], width: int
) -> str:
    """Draw some columns of a table; each is at least as wide as its longest word, and at most as its natural width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def widths(cap: int) -> list[int]:
        return [min(natural[j], max(longest[j], cap)) for j in block]

    room = width - _GAP * (len(block) - 1)
    fitting = next((widths(cap) for cap in range(width, 0, -1) if sum(widths(cap)) <= room), widths(0))
    heading, *rows = [
        [Text("\n".join(wrapped(line[j], most))) for j, most in zip(block, fitting, strict=True)] for line in table
    ]
    drawn = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, show_header=any(table[0]),
        header_style="bold",
    )  # fmt: skip
    for j, cell in zip(block, heading, strict=True):
        numbers = all(_NUMBER.fullmatch(line[j]) for line in table[1:])
        drawn.add_column(cell, overflow="fold", justify="right" if numbers else "left")
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(drawn)
    return captured.get()


def wrapped(text: str, width: int) -> list[str]:
    """Break text between words into lines of at most this width; an interval or a command in backticks is one word."""
    from rich.cells import cell_len

    lines: list[str] = []
    for paragraph in text.split("\n"):
        if cell_len(paragraph) <= width:
            lines.append(paragraph)
            continue
        line = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        empty = True
        for word in _WORDS.findall(paragraph):
            if not empty and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line, empty = "", True
            line = line + word if empty else f"{line} {word}"
            empty = False
        lines.append(line)
    return lines


def _broken(text: str, stream: TextIO) -> str:
    return "\n".join(wrapped(text, _width())) if stream is not None and stream.isatty() else text


def _width() -> int:
    return shutil.get_terminal_size().columns


def confirmed(question: str) -> bool:
    """Ask the user a yes-or-no question and return whether the answer is yes; False without a terminal."""
    if sys.stdin is None or not (sys.stdin.isatty() and on_terminal()):
        return False
    import typer

    return typer.confirm(visible(question), err=True)


def guard_messages() -> None:
    """Escape what libraries and Python itself write to standard error: warnings, log lines and tracebacks."""
    if sys.stderr is not None:
        sys.stderr = cast(TextIO, _Guarded(sys.stderr))


class _Guarded(_Shown):
    """Standard error, escaped; its line feeds stay, because they are those of libraries."""

    def write(self, text: str) -> int:
        """Write the text, each line of it escaped."""
        for line in text.splitlines(keepends=True) if "\n" in text else (text,):
            super().write(line)
        return len(text)


def drawing() -> TextIO:
    """Return the standard error stream for a bar, which is drawn by control characters."""
    return sys.stderr.stream if isinstance(sys.stderr, _Shown) else sys.stderr


def let_go() -> bool:
    """Flush standard output and standard error; return whether both succeeded.

    A stream that does not, such as a pipe whose reader has gone, writes to the null device from then on.
    """
    done = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            done = False
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
    return done


def on_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


_GAP = 2
"""Character cells between two columns of a table."""
_WITH_DIGIT = r"(?=[^\s\d]*\d)\S++"
_WORDS = re.compile(rf"{_WITH_DIGIT}(?: (?:±|to) {_WITH_DIGIT})+(?: \*)?|`[^`\n]+`\S*|\S+")
_NUMBER = re.compile(r"[-+−]?[\d.,]+( ?%)?|[–]?")
