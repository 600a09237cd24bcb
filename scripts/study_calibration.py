"""What `toxiclf calibrate` is worth: bundles of one corpus, calibrated on a few hundred comments of another.

    python scripts/study_calibration.py --out docs/results/calibration.csv

A bundle is trained on unsmile (toxic: any label but clean) or on beep (toxic: hate or offensive), by the default recipe. For each
seed, it is calibrated on ``--rows`` comments drawn from beep or from curse. Accuracy, F1 and Brier score before and after are given
twice: as the command prints them, after being cross-fitted on the drawn comments, and on all other comments of the corpus, which
show whether these figures hold.
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


def of_seed(bundle: Path, comments: toxiclf.Comments, rows: int, seed: int) -> dict[tuple[str, ...], list[float]]:
    """Objective, comments and metric → the metric before and after."""
    order: NDArray[np.intp] = np.random.default_rng(seed).permutation(len(comments))
    own, others = comments.take(order[:rows]), comments.take(order[rows:])
    of_old = measured(toxiclf.load(bundle), others)
    found: dict[tuple[str, ...], list[float]] = {}
    for objective in ("f1", "accuracy"):
        made = toxiclf.calibrate(bundle, own, decision={"objective": objective}, seed=seed)
        printed = {entry.metric: [entry.before[0], entry.after[0]] for entry in made.figures}
        for metric, old, new in zip(METRICS, of_old, measured(made.moderator, others), strict=True):
            found[objective, "drawn, cross-fitted", metric] = printed[metric]
            found[objective, "all others", metric] = [old, new]
    return found


def main() -> None:
    """Train, draw, calibrate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=300, help="comments to calibrate on")
    parser.add_argument("--out", type=Path, help="CSV file of the table")
    wanted = parser.parse_args()
    corpora = {
        "unsmile": toxiclf.read_comments("corpus:unsmile", label="clean", positive="0"),
        "beep": toxiclf.read_comments("corpus:beep", label="hate", negative="none", positive=("hate", "offensive")),
        "curse": toxiclf.read_comments("corpus:curse"),
    }
    corpora = {name: toxiclf.Comments.of(rows.texts, rows.targets) for name, rows in corpora.items()}
    found: dict[tuple[str, ...], list[list[float]]] = {}
    for source, target in (("unsmile", "beep"), ("beep", "curse")):
        with tempfile.TemporaryDirectory() as folder:
            bundle = toxiclf.train(corpora[source]).save(folder) / "bundle"
            for seed in range(wanted.seeds):
                say(f"{source} on {target}, seed {seed}")
                for key, values in of_seed(bundle, corpora[target], wanted.rows, seed).items():
                    found.setdefault((source, target, *key), []).append(values)
    table = [["bundle", "calibrated on", "objective", "comments", "metric", "seeds", "before", "after", "change"]]
    for names, pairs in found.items():
        both = np.array(pairs)
        columns = (both[:, 0], both[:, 1], both[:, 1] - both[:, 0])
        table.append(
            [*names, str(len(both)), *(f"{column.mean():.3f} ± {column.std(ddof=1):.3f}" for column in columns)]
        )
    print_table(table)
    if wanted.out is not None:
        with wanted.out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
        print_line(f"written: {wanted.out}")


if __name__ == "__main__":
    main()
