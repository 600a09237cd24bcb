"""Runs the benchmark plans `notes` and `models` and writes their results to docs/results/.

    python scripts/publish_benchmarks.py --jobs 2            # run what is missing, then write
    python scripts/publish_benchmarks.py --plans notes       # one plan alone
    python scripts/publish_benchmarks.py --tables            # run nothing, write the results of finished runs

Needs the corpora curse, beep and unsmile, and the extras [boost], [konlpy] and [rivals]. Each plan has two files: NAME.csv (means,
intervals, differences and costs) and NAME-findings.csv (how many runs had which finding, or failed). docs/studies/notes.md and
docs/studies/models.md cite these files; scripts/draw_figures_models.py draws their figures.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toxiclf.benchmark.plan import Plan, load_plan
from toxiclf.benchmark.running import finished, run_plan
from toxiclf.benchmark.tables import Line, to_csv
from toxiclf.benchmark.writing import write_tables
from toxiclf.pipeline.save import versions
from toxiclf.rows.writer import neutralised

RESULTS = Path(__file__).parent.parent / "docs/results"


def main() -> None:
    """Run what is missing and write the CSV files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", nargs="+", choices=["notes", "models"], default=["notes", "models"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder with one folder of rows for each plan")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the CSV files")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    options = parser.parse_args()
    for name in options.plans:
        plan, out = load_plan(name), options.out / f"benchmark-{name}"
        if not options.tables:
            run_plan(plan, out, jobs=options.jobs, say=lambda message: print(message, file=sys.stderr, flush=True))
        rows, missing = complete(plan, finished(plan, out))
        if not rows:
            sys.exit(f"{out} has no corpus of the plan {name} with all its runs. Leave out --tables to run them.")
        lines = write_tables(plan, rows, out)
        options.results.mkdir(parents=True, exist_ok=True)
        (options.results / f"{name}.csv").write_text(to_csv(lines), "utf-8")
        (options.results / f"{name}-findings.csv").write_text(findings_csv(lines), "utf-8")
        print(f"{options.results / name}.csv: {run_details(rows)}")
        if missing:
            print(f"Left out, as runs are missing: {', '.join(missing)}")


def complete(plan: Plan, rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of the corpora that have all their runs, and the names of the other corpora."""
    planned = Counter(run.corpus.title for run in plan.runs())
    found = Counter(row["corpus"] for row in rows)
    missing = [title for title, count in planned.items() if found[title] < count]
    return [row for row in rows if row["corpus"] not in missing], missing


def findings_csv(lines: Sequence[Line]) -> str:
    """One row for each corpus, entry and finding; a failed run counts as the finding "failed: REASON"."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["corpus", "entry", "finding", "runs", "seeds"])
    for line in lines:
        seeds = line.seeds + sum(line.failures.values())
        failures = {f"failed: {reason}": count for reason, count in line.failures.items()}
        for code, count in {**line.findings, **failures}.items():
            writer.writerow([neutralised(line.corpus), neutralised(line.entry), code, count, seeds])
    return stream.getvalue()


def run_details(rows: Sequence[dict[str, Any]]) -> str:
    """Number of runs, their time, the machine and the versions."""
    known = versions()
    names = ("toxiclf", "python", "scikit-learn", "keras", "tensorflow", "imbalanced-learn")
    hours = sum(row["seconds"] for row in rows) / 3600
    return (
        f"{len(rows):,} runs, {hours:.1f} hours of one core, on a machine with {os.cpu_count()} cores "
        f"({platform.machine()}); {', '.join(f'{name} {known[name]}' for name in names)}."
    )


if __name__ == "__main__":
    main()
