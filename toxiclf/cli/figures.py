"""The command ``toxiclf figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toxiclf._console import print_line, say


def figures(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or the bundle in it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the figures.")],
    kind: Annotated[str, typer.Option("--format", metavar="svg|pdf|png", help="File format.")] = "svg",
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,…", help="Only these figures; toxiclf list figures names all. [default: all of the run]"
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="L", help="Only this label [default: a panel for each label]")
    ] = None,
) -> None:
    """Draw figures of a run for publication, as SVG, PDF or PNG."""
    from toxiclf.evaluation.saved import drawable_report
    from toxiclf.report.figures import write_figures

    names = [name.strip() for entry in only or () for name in entry.split(",") if name.strip()]
    written = write_figures(drawable_report(run), out, names, label=label, kind=kind, say=say)
    for path in written:
        print_line(str(path))
