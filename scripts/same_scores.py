"""Whether a change of the code leaves every score as it was: train with two versions of the package, compare to the last digit.

    git worktree add ../before COMMIT
    python scripts/same_scores.py train before --package ../before
    python scripts/same_scores.py train after
    python scripts/same_scores.py compare before after

`train` trains every preset on the sample corpus and ten recipes on `corpus:curse` (leave those out with `--sample-only`), seed 0,
and scores the sample corpus with each bundle. `compare` compares `predictions.csv` of both, and scores the sample corpus anew
with each bundle of the first version.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "corpora" / "sample_comments.csv"
ON_CURSE = {
    "ngram_logistic": [], "svm": [], "random_forest": [], "dnn": [], "lstm": [], "cnn": [], "stacking": [],
    "smote": ["--model", "logistic", "--set", "balance.resample=smote"],
    "wgan": ["--model", "logistic", "--set", "balance.resample=wgan"],
    "triplet": ["--model", "logistic", "--set", "features.metric=triplet"],
}  # fmt: skip


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with this version of the package, one thread each library."""
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    threads = dict.fromkeys(libraries, "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(package), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *arguments]  # python -m looks for the package where it runs, before PYTHONPATH
    return subprocess.run(command, env=environment, cwd=package, capture_output=True, text=True, check=False)


def train(out: Path, package: Path, *, sample_only: bool, only: list[str]) -> None:
    """A folder a run; those that are there already are not trained again."""
    presets = run(package, "-c", "from toxiclf.recipe import presets; print(*presets())").stdout.split()
    assert presets, "this version of the package lists no presets"
    jobs = [(f"sample-{name}", str(SAMPLE), ["--recipe", name]) for name in presets]
    if not sample_only:
        jobs += [(f"curse-{name}", "corpus:curse", given or ["--model", name]) for name, given in ON_CURSE.items()]
    for name, comments, given in jobs:
        folder = out / name
        if (only and name not in only) or (folder / "scored.csv").exists() or (folder / "failed.txt").exists():
            continue
        done = run(package, "-m", "toxiclf", "train", comments, *given, "--seed", "0", "--out", str(folder))
        if done.returncode == 0 and (folder / "bundle").is_dir():
            done = run(package, "-m", "toxiclf", "predict", str(SAMPLE), "--bundle", str(folder / "bundle"),
                       "--out", str(folder / "scored.csv"))  # fmt: skip
        if done.returncode:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "failed.txt").write_text(done.stdout + done.stderr, "utf-8")
        print(f"{name}: exit {done.returncode}", flush=True)


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows without the path of the comments, which differs between checkouts."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [{key: value for key, value in row.items() if key != "file"} for row in csv.DictReader(stream)]


def compare(before: Path, after: Path) -> int:
    """The number of runs that differ."""
    differ = 0
    names = sorted(path.parent.name for path in before.glob("*/predictions.csv"))
    for name in names:
        notes = []
        for file in ("predictions.csv", "scored.csv"):
            first, second = before / name / file, after / name / file
            if not second.is_file() or _rows(first) != _rows(second):
                notes.append(f"{file} differs" if second.is_file() else f"{file} is missing")
        rescored = after / name / "scored-by-the-bundle-of-before.csv"
        rescored.parent.mkdir(parents=True, exist_ok=True)
        rescored.unlink(missing_ok=True)
        bundle = str(before / name / "bundle")
        run(ROOT, "-m", "toxiclf", "predict", str(SAMPLE), "--bundle", bundle, "--out", str(rescored))
        if not rescored.is_file() or rescored.read_bytes() != (before / name / "scored.csv").read_bytes():
            notes.append("the bundle of before scores otherwise")
        differ += bool(notes)
        print(f"{name}: {'; '.join(notes) or 'the same to the last digit'}", flush=True)
    print(f"{len(names)} runs, {differ} of them differ")
    return differ


def _absolute(path: str) -> Path:
    return Path(path).resolve()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("out", type=_absolute)
    training.add_argument("--package", type=_absolute, default=ROOT, help="a checkout of the version to train with")
    training.add_argument("--sample-only", action="store_true")
    training.add_argument("--only", nargs="*", default=[], help="names of runs, such as curse-lstm")
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=_absolute)
    comparing.add_argument("after", type=_absolute)
    given = parser.parse_args()
    if given.command == "train":
        train(given.out, given.package, sample_only=given.sample_only, only=given.only)
    else:
        sys.exit(1 if compare(given.before, given.after) else 0)


if __name__ == "__main__":
    main()
