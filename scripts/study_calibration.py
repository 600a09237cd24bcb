"""What `toxiclf calibrate` is worth: a bundle of unsmile, calibrated on a few hundred comments of beep.

    python scripts/study_calibration.py --out docs/results/calibration.csv

A bundle is trained on unsmile (toxic: any label but clean; default recipe) and, for each seed, calibrated on ``--rows`` comments
drawn from beep (toxic: hate or offensive). Accuracy, F1 and Brier score before and after are given twice: as the command prints
them, after being cross-fitted on the drawn comments, and on all other comments of beep, which show whether these figures hold.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import toxiclf
from toxiclf._console import print_line, print_table, say

METRICS = ("accuracy", "f1", "brier")


def measured(moderator: toxiclf.Moderator, comments: toxiclf.Comments) -> list[float]:
    """Accuracy, F1 and Brier score."""
    scores, toxic = moderator.score(comments.texts)[:, 0], comments.targets[:, 0] == 1
    flagged = scores >= moderator.thresholds[0]
    right = float((flagged == toxic).mean())
    return [
        right,
        2 * float((flagged & toxic).sum() / (flagged.sum() + toxic.sum())),
        float(((scores - toxic) ** 2).mean()),
    ]


def main() -> None:
    """Train, draw, calibrate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=300, help="comments to calibrate on")
    parser.add_argument("--out", type=Path, help="CSV file of the table")
    wanted = parser.parse_args()
    unsmile = toxiclf.read_comments("corpus:unsmile", label="clean", positive="0")
    beep = toxiclf.read_comments("corpus:beep", label="hate", negative="none", positive=("hate", "offensive"))
    beep = toxiclf.Comments.of(beep.texts, beep.targets, unsmile.labels)
    found: dict[tuple[str, str, str], list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bundle = toxiclf.train(unsmile).save(folder) / "bundle"
        before = toxiclf.load(bundle)
        for seed in range(wanted.seeds):
            say(f"seed {seed}")
            order: NDArray[np.intp] = np.random.default_rng(seed).permutation(len(beep))
            own, others = beep.take(order[: wanted.rows]), beep.take(order[wanted.rows :])
            of_old = measured(before, others)
            for objective in ("f1", "accuracy"):
                made = toxiclf.calibrate(bundle, own, decision={"objective": objective}, seed=seed)
                printed = {entry.metric: [entry.before[0], entry.after[0]] for entry in made.figures}
                of_new = measured(made.moderator, others)
                for metric, old, new in zip(METRICS, of_old, of_new, strict=True):
                    found.setdefault((objective, "drawn, cross-fitted", metric), []).append(printed[metric])
                    found.setdefault((objective, "all others", metric), []).append([old, new])
    table = [["objective", "comments", "metric", "seeds", "before", "after", "change"]]
    for key, values in found.items():
        both = np.array(values)
        columns = (both[:, 0], both[:, 1], both[:, 1] - both[:, 0])
        table.append([*key, str(len(both)), *(f"{column.mean():.3f} ± {column.std(ddof=1):.3f}" for column in columns)])
    print_table(table)
    if wanted.out is not None:
        with wanted.out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
        print_line(f"written: {wanted.out}")


if __name__ == "__main__":
    main()
