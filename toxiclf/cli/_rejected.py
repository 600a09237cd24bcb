"""Write the rejected rows of a command beside the folder that it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from toxiclf._console import say
from toxiclf.errors import RejectedRowsError
from toxiclf.rows import Rejected, write_rejected


@contextmanager
def saving_rejected(folder: Path | None) -> Iterator[None]:
    """Write the rejected rows if they are too many, and name their file in the error's message.

    Parameters
    ----------
    folder : folder that the command would have written; None writes no file.
    """
    try:
        yield
    except RejectedRowsError as error:
        if folder is not None and error.rejected:
            error.args = (f"{error.message}; all rejected rows are in {write_beside(folder, error.rejected)}",)
        raise


def write_beside(folder: Path, rejected: Sequence[tuple[str, Rejected]]) -> Path:
    """Write rejected rows to ``FOLDER.rejected.csv``, and return this path."""
    path = folder.with_name(f"{folder.name}.rejected.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rejected(path, rejected)
    return path


def report_rejected(
    count: int, saved: Path | None, *, strict: bool, unsaved: str = "add --out DIR to save them"
) -> None:
    """Say how many rows were rejected, if any; with ``strict``, exit with code 5.

    Parameters
    ----------
    saved : file of the rejected rows; None if they are not saved.
    unsaved : what to do then.
    """
    if count:
        say(f"{count:,} rows were rejected" + (f": {saved}" if saved else f"; {unsaved}"))
        if strict:
            raise typer.Exit(5)
