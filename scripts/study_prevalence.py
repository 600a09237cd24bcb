"""How well `toxiclf estimate-prevalence` and `toxiclf calibrate` work, on public corpora.

    python scripts/study_prevalence.py --out docs/results/prevalence.csv

For each seed, a bundle is trained on ``--corpus`` (default recipe; the seed also draws the test set). From the test set, which the
model has not learned from, live sets are drawn: chance decides how many comments of a live set are toxic, at the given share; then
comments of each class are drawn without replacement. So each live set is a random sample of a population with exactly this share.
The error is the estimate minus the share of the population; coverage is how often the 95 % interval holds it.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import toxiclf
from toxiclf._console import print_line, print_table, say

SHARES = (0.01, 0.03, 0.1, 0.35)


def estimates(corpus: str, seed: int, draws: int, size: int, settings: list[str]) -> list[tuple[Any, ...]]:
    """One row an estimate: share of the population, method, estimate, low, high."""
    model = toxiclf.train(corpus, toxiclf.Recipe.load(settings=settings, seed=seed))
    rows = model.report.scored_rows
    assert rows is not None
    assert rows.comments is not None
    toxic = rows.targets[:, 0] == 1
    rng = np.random.default_rng(seed)
    found = []
    for share in SHARES:
        for _ in range(draws):
            count = int(rng.binomial(size, share))
            drawn: list[NDArray[np.intp]] = [
                rng.choice(np.flatnonzero(of_class), number, replace=False)
                for of_class, number in ((toxic, count), (~toxic, size - count))
            ]
            texts = rows.comments.take(np.concatenate(drawn)).texts
            (entry,) = toxiclf.estimate_prevalence(model.moderator, texts).values()
            found.append((share, "em", entry.share, entry.low, entry.high))
            found.append((share, "adjusted count", entry.pacc, entry.pacc_low, entry.pacc_high))
    return found


def main() -> None:
    """Train, draw, estimate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="corpus:curse")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=10, help="live sets a seed and share")
    parser.add_argument("--size", type=int, default=600, help="comments of a live set")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, help="CSV file of the table")
    wanted = parser.parse_args()
    found = []
    for seed in range(wanted.seeds):
        say(f"seed {seed}")
        found += estimates(wanted.corpus, seed, wanted.draws, wanted.size, wanted.settings)
    heading = ["share", "method", "live sets", "median absolute error", "bias", "coverage", "mean width"]
    table = [heading]
    for share in SHARES:
        for method in ("em", "adjusted count"):
            mine = np.array([row[2:] for row in found if row[:2] == (share, method)])
            error = mine[:, 0] - share
            covered = (mine[:, 1] <= share) & (share <= mine[:, 2])
            figures = f"{np.median(abs(error)):.4f}", f"{error.mean():+.4f}", f"{covered.mean():.2f}"
            table.append([f"{share:g}", method, str(len(mine)), *figures, f"{(mine[:, 2] - mine[:, 1]).mean():.3f}"])
    print_table(table)
    if wanted.out is not None:
        with wanted.out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
        print_line(f"written: {wanted.out}")


if __name__ == "__main__":
    main()
