"""Writes the tables of a benchmark to files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toxiclf._files import write_text
from toxiclf.benchmark.page import page
from toxiclf.benchmark.plan import Plan
from toxiclf.benchmark.tables import Line, lines_of, to_csv, to_latex, to_markdown
from toxiclf.errors import UsageError
from toxiclf.recipe.loading import without_folders
from toxiclf.rows import source_name


def write_tables(plan: Plan, rows: Sequence[Mapping[str, Any]], out: Path) -> list[Line]:
    """Write the tables as ``table.md``, ``table.tex``, ``table.csv``, ``table.json`` and ``table.html``.

    Parameters
    ----------
    plan : Plan
        The plan, whose order the tables follow.
    rows : sequence of dict
        Rows of the runs, as :func:`toxiclf.benchmark.running.run_plan` returns them.
    out : Path
        Folder for the files; it is created if it does not exist.

    Returns
    -------
    list of Line
        The lines of the tables.
    """
    lines = lines_of(plan, rows)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "table.md", to_markdown(plan, lines))
    write_text(out / "table.tex", to_latex(plan, lines))
    write_text(out / "table.csv", to_csv(lines))
    content = {"plan": _without_folders(plan), "lines": [asdict(line) for line in lines], "rows": list(rows)}
    write_text(out / "table.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_text(out / "table.html", page(plan, lines))
    return lines


def check_tables(plan: Plan, out: Path) -> None:
    """Check that a folder does not hold the tables of a benchmark on other corpora, none of which the plan has.

    Raises
    ------
    UsageError : it holds such tables, or tables that cannot be read.
    """
    path = out / "table.json"
    choice = "choose another folder with --out, or replace its tables with --overwrite"
    if not path.is_file():
        return
    try:
        corpora = json.loads(path.read_text("utf-8"))["plan"]["corpora"]
        earlier = {
            corpus.get("path_sha256", _hash(corpus["source"])): source_name(corpus["source"]) for corpus in corpora
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); {choice}") from None
    new = {_hash(corpus.source): corpus.source for corpus in plan.corpora}
    if not earlier.keys() & new.keys():
        held, asked = (", ".join(sorted(names.values())) for names in (earlier, new))
        raise UsageError(f"{out} holds the tables of a benchmark on {held}, not on {asked}; {choice}")


def _without_folders(plan: Plan) -> dict[str, Any]:
    """Return the plan as a dict that names files without their folders; a hash tells whether it is the same path."""
    content = without_folders(plan.model_dump(mode="json"))
    for corpus, named in zip(plan.corpora, content["corpora"], strict=True):
        named |= {"source": source_name(corpus.source), "path_sha256": _hash(corpus.source)}
    for entry, named in zip(plan.entries, content["entries"], strict=True):
        named["against"] = plan.reference_of(entry) if entry.against else ""
        named["recipe"] = None if entry.recipe is None else source_name(entry.recipe)
        named["corpora"] = list(
            dict.fromkeys(corpus.plain for corpus in plan.corpora if corpus.is_named(entry.corpora))
        )
    return {**content, "baseline": plan.reference if plan.baseline else ""}


def _hash(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]
