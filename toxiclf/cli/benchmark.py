"""The command ``toxiclf benchmark``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from toxiclf._console import on_terminal, print_json, print_line, print_table, results, say
from toxiclf.benchmark import plans
from toxiclf.cli import options


@options.reads_columns(without=["by"])
def benchmark(
    *,
    plan: Annotated[
        str | None,
        typer.Argument(metavar="PLAN", help=f"Plan file, or a plan of toxiclf: {', '.join(plans.names())}."),
    ] = None,
    corpus: Annotated[
        str | None,
        options.of_input(metavar="NAME[,NAME…]", help="Files or corpora, instead of a plan."),
    ] = None,
    columns: dict[str, Any],
    model: Annotated[
        str | None,
        options.of_model(
            metavar="NAME[,NAME…]", help="Presets, or other classifiers: majority, korcen, fasttext, tfidf_svm."
        ),
    ] = None,
    resample: Annotated[
        str | None,
        options.of_model(metavar="NAME[,NAME…]", help="Resamplers to combine with each model; may include none."),
    ] = None,
    augment: Annotated[
        str | None,
        options.of_model(
            metavar="NAME[,NAME…]", help="Augmentation methods to combine with each model; may include none."
        ),
    ] = None,
    seeds: Annotated[str | None, options.of_model(metavar="0..4", help="Seeds: a range, or a list.")] = None,
    baseline: Annotated[
        str | None,
        options.of_model(metavar="NAME", help="Entry that all other entries are compared with [default: the first]."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        options.of_model("--set", metavar="KEY=VALUE", help="Set a recipe key for all entries."),
    ] = None,
    jobs: Annotated[int, options.of_output(metavar="N", min=1, help="Number of processes, one thread each.")] = 1,
    again: Annotated[bool, options.of_output("--retry-failed", help="Repeat failed runs.")] = False,
    init: Annotated[
        Path | None,
        options.of_output("--init", metavar="PLAN.toml", help="Write a commented plan to start from, and run nothing."),
    ] = None,
    show: Annotated[
        str | None,
        options.of_output("--show", metavar="PLAN", help="Print a plan of toxiclf, and run nothing."),
    ] = None,
    only_tables: Annotated[
        bool,
        options.of_output("--tables", help="Run nothing; write tables of the finished runs."),
    ] = False,
    out: Annotated[
        Path | None,
        options.of_output(metavar="DIR", help="Folder of results and tables [default: runs/benchmark-PLAN]."),
    ] = None,
    overwrite: Annotated[
        bool, options.of_output("--overwrite", help="Replace tables of other corpora in the folder.")
    ] = False,
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Run each model on each corpus with each seed, and write tables of results; an interrupted benchmark resumes."""
    from dataclasses import asdict

    from toxiclf.benchmark import tables
    from toxiclf.benchmark.plan import load_plan, of_flags, parsed, shipped_text
    from toxiclf.benchmark.running import finished, run_plan
    from toxiclf.benchmark.writing import check_tables, write_tables
    from toxiclf.errors import DataError, UsageError
    from toxiclf.pipeline.save import check_writable
    from toxiclf.recipe import parsed_setting

    if show is not None:
        for line in shipped_text(show).splitlines(keepends=True):
            results().write(line)
        results().flush()
        return
    if init is not None:
        _write_template(init)
        return
    keys = dict(map(parsed_setting, settings or ()))
    if plan is not None:
        given = {"corpus": corpus, "model": model, "resample": resample, "augment": augment, **columns}
        if named := [f"--{key.replace('_', '-')}" for key, value in given.items() if value is not None]:
            raise UsageError(
                f"{', '.join(named)} cannot be combined with a plan, which sets this itself; leave out the flags, or the plan"
            )
        chosen = load_plan(plan)
        changes: dict[str, Any] = {"settings": {**chosen.settings, **keys}}
        if seeds is not None:
            changes["seeds"] = _seeds(seeds)
        if baseline is not None:
            changes["baseline"] = baseline
        chosen = parsed({**chosen.model_dump(), **changes}, plan)
    else:
        if not corpus or not model:
            raise UsageError(
                "give a plan, or --corpus and --model; --init PLAN.toml writes a plan to start from, and these ship: "
                + ", ".join(plans.names())
            )
        chosen = of_flags(
            _names(corpus), _names(model), _seeds(seeds or "0..4"), resample=_names(resample or ""),
            augment=_names(augment or ""), settings=keys, baseline=baseline or "", columns=columns,
        )  # fmt: skip
    folder = out or Path("runs") / f"benchmark-{Path(plan).stem if plan else 'flags'}"
    if not overwrite:
        check_tables(chosen, folder)
    if only_tables:
        rows = finished(chosen, folder) if folder.is_dir() else []
        if not rows:
            raise UsageError(
                f"no run of this plan is in {folder}; leave out --tables, or name the folder of its runs with --out"
            )
    check_writable(folder, bundle=False)
    if not only_tables:
        rows = run_plan(chosen, folder, jobs=jobs, again=again, say=say, bar=on_terminal())
    lines = write_tables(chosen, rows, folder)
    if as_json:
        print_json({"out": str(folder), "lines": [asdict(line) for line in lines]})
    else:
        for name in dict.fromkeys(line.corpus for line in lines):
            say(name)
            corpus_lines = [line for line in lines if line.corpus == name]
            shown = tables.starred(tables.table(chosen, corpus_lines))
            print_table(shown)
            if any(cell.endswith(" *") for row in shown for cell in row):
                print_line("* p < .05 after Holm's correction for all entries")
            print_table(tables.cost_table(corpus_lines))
        print_line(f"tables: {folder / 'table.html'}, table.md, table.tex, table.csv, table.json")
    if all(row["status"] == "failed" for row in rows):
        raise DataError(f"no run succeeded; the first, {rows[0]['entry']}, failed: {rows[0]['reason']}")


def _write_template(path: Path) -> None:
    from toxiclf._files import write_text
    from toxiclf.benchmark.plan import template
    from toxiclf.errors import UsageError

    if path.suffix != ".toml" or path.exists():
        what = "exists already; give a new name" if path.exists() else "does not end in .toml; give a name that does"
        raise UsageError(f"--init {path}: {path.name} {what}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, template())
    print_line(f"plan: {path}; edit it, then run: toxiclf benchmark {path}")


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _seeds(given: str) -> list[int]:
    """Return the seeds of a range such as 0..4 (with both ends), or of a list such as 0,1,7."""
    from toxiclf.errors import UsageError

    match = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", given.strip())
    if match:
        return list(range(int(match[1]), int(match[2]) + 1))
    names = _names(given)
    if not names or not all(name.isdecimal() for name in names):
        raise UsageError(f"--seeds is '{given}'; expected a range such as 0..4, or a list such as 0,1,7")
    return [int(name) for name in names]
