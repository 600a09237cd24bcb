"""Runs the benchmark plan `imbalance` (what techniques for rare toxic comments are worth) and writes docs/results/imbalance.csv.

    python scripts/study_imbalance.py --jobs 2               # run what is missing (seeds 0 to 4), then write
    python scripts/study_imbalance.py --seeds 2              # seeds 0 and 1 alone
    python scripts/study_imbalance.py --tables               # run nothing, write the results of finished runs

Needs the corpora curse and unsmile. `toxiclf benchmark imbalance` runs the same plan and resumes the same rows. The page
docs/studies/imbalance.md cites the file; scripts/draw_figures.py draws its figures.

The baseline of each technique is the same model with Platt's calibration and a threshold tuned for F1 on out-of-fold scores. Where
training is subsampled, the file has metrics of the whole test set and of the test set weighted to the prevalence of training.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toxiclf.benchmark.plan import load_plan
from toxiclf.benchmark.running import finished, run_plan
from toxiclf.benchmark.tables import to_csv
from toxiclf.benchmark.writing import write_tables
from toxiclf.pipeline.save import versions

RESULTS = Path(__file__).parent.parent / "docs/results"


def main() -> None:
    """Run what is missing and write the CSV file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-imbalance"), help="folder of the rows")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the CSV file")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    options = parser.parse_args()
    plan = load_plan("imbalance").model_copy(update={"seeds": tuple(range(options.seeds))})
    if not options.tables:
        run_plan(plan, options.out, jobs=options.jobs, say=lambda message: print(message, file=sys.stderr, flush=True))
    rows = finished(plan, options.out)
    if not rows:
        sys.exit(f"{options.out} has no finished run of the plan imbalance. Leave out --tables to run it.")
    lines = write_tables(plan, rows, options.out)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "imbalance.csv").write_text(to_csv(lines), "utf-8")
    print(f"{options.results / 'imbalance.csv'}: {run_details(rows)}")


def run_details(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many runs and seeds, how long, on what machine, with which versions."""
    known = versions()
    seconds = sum(row["seconds"] for row in rows)
    packages = ("toxiclf", "scikit-learn", "keras", "tensorflow", "imbalanced-learn")
    return (
        f"{len(rows):,} runs, {len({row['seed'] for row in rows})} seeds, {seconds / 3600:.1f} hours of one core, "
        f"{os.cpu_count()} cores ({platform.machine()}), Python {known['python']}, "
        f"{', '.join(f'{name} {known[name]}' for name in packages)}"
    )


if __name__ == "__main__":
    main()
