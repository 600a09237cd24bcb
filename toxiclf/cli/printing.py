"""What the command line prints: results on standard output, messages on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer


def say(message: str) -> None:
    """A message, on standard error."""
    typer.echo(visible(message), err=True)


def visible(text: str) -> str:
    """Text without control characters, which a terminal would obey: comments and files are other people's words.

    >>> visible("\x1b[31m빨강")
    '\\\\x1b[31m빨강'
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def print_json(content: Any) -> None:
    """A result as one line of JSON."""
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False))


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """A table, heading first: by rich on a terminal; tab-separated lines off one, whole and easy to cut."""
    if not sys.stdout.isatty():
        for line in lines:
            if any(line):
                typer.echo("\t".join(visible(cell.strip()) for cell in line))
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
