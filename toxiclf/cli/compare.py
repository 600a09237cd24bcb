"""The command ``toxiclf compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toxiclf._console import print_json, print_table, say
from toxiclf.cli.options import JSON
from toxiclf.errors import UsageError


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Folders of two or more runs; the first is the reference.")
    ],
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="Primary metric, the only one with a verdict; choose it beforehand.")
    ] = "average_precision",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Also write the comparison to this Markdown file.")
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Compare runs on the same comments, with paired intervals of their differences."""
    from toxiclf._files import write_text
    from toxiclf.evaluation.compare import compare as compare_runs

    if out is not None and out.suffix != ".md":
        raise UsageError(f"--out {out}: the comparison is written as Markdown; give a name that ends in .md")
    comparison = compare_runs(runs, metric=metric)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, comparison.to_markdown())
    if as_json:
        print_json(comparison.to_dict())
        return
    for table in comparison.tables():
        print_table(table)
    for note in comparison.notes():
        say(note)
