"""The only module that prints: results to standard output, messages and questions to standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO


def say(message: str) -> None:
    """Print a message to standard error, with control characters escaped."""
    print(visible(message), file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """Print one line of a result to standard output, with control characters escaped."""
    print(visible(text), flush=True)


def results() -> TextIO:
    """Return the standard output stream, for results that are written row by row."""
    return sys.stdout


def print_json(content: Any) -> None:
    """Print a result to standard output as one line of JSON."""
    print(json.dumps(content, ensure_ascii=False, allow_nan=False), flush=True)


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Print a table to standard output: drawn by rich on a terminal, else with tabs between cells.

    The first line is the heading; it is not printed if all its cells are empty. Without a terminal, no line whose cells
    are all empty is printed.
    """
    if not sys.stdout.isatty():
        for line in lines:
            if any(line):
                print_line("\t".join(cell.strip() for cell in line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", show_header=any(lines[0]))
    for heading in lines[0]:
        table.add_column(Text(heading), overflow="fold")
    for line in lines[1:]:
        table.add_row(*(Text(visible(cell)) for cell in line))
    Console().print(table)


def confirmed(question: str) -> bool:
    """Ask the user a yes-or-no question and return whether the answer is yes; False without a terminal."""
    if sys.stdin is None or not (sys.stdin.isatty() and on_terminal()):
        return False
    import typer

    return typer.confirm(question, err=True)


def on_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def visible(text: str) -> str:
    """Escape control characters except tab and line feed, so that comments and file names cannot control the terminal.

    >>> visible("\x1b[31m빨강")
    '\\\\x1b[31m빨강'
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
