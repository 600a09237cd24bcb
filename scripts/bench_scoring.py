"""Speed of scoring: models of toxiclf, an older toxiclf and other libraries, all measured in one run.

    python scripts/bench_scoring.py --publish --before ../older   # writes docs/results/speed.json and all that quotes it
    python scripts/bench_scoring.py --rounds 1 --only svm cnn     # prints the page
    python scripts/bench_scoring.py --pages                       # measures nothing: writes docs/speed.md and README anew

Each contestant lives in its own process (scripts/scoring_contestant.py). They take turns: a round times one contestant after
the other, so that changes of load affect all. Pages show medians over rounds; a ratio is the median of the ratios of rounds.

- One comment: 500 comments, each alone.
- Batch: one call with 2,048 to 10,240 comments; on one thread, and for toxiclf also on two.
- Whole commands (``predict``, ``--help``): new processes.

``--before`` is a checkout of an older version; if it has a compiled part, build that first. ``--peers`` is a Python that has
other libraries (``pip install fasttext-numpy2-wheel scikit-learn korcen spacy``); one that is missing is left out. All but
korcen learn from the same rows of ``corpus:curse`` and have the same test set. Trained bundles stay in ``--bundles`` for the
next run; ``--train`` trains those of this checkout anew.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import speed_page
from scoring_contestant import PEERS

ROOT = Path(__file__).parent.parent
CORPUS, DEFAULT = "corpus:curse", "ngram_logistic"
NO_VIEWS = f"{DEFAULT}, no views"
NETWORKS = ("cnn", "bilstm")
MODELS = (DEFAULT, NO_VIEWS, "svm", "logistic", "random_forest", *NETWORKS)
TIMED, SINGLE, LINES = 10_240, 500, 100_000
_SECONDS = 0.7  # that a batch should take
_COMMENT = "오늘 날씨 좋네요"
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
PACKAGES = ("numpy", "onnxruntime")


@dataclass
class Contestant:
    """A process that answers what it is asked to time.

    Attributes
    ----------
    name : the row of the page.
    process : the process.
    answer : what it said first: versions and scores, or what is missing.
    threads : numbers of threads for its batches.
    comments : comments in its batch.
    """

    name: str
    process: subprocess.Popen[str]
    threads: tuple[int, ...] = (1,)
    comments: int = 2048
    answer: dict[str, Any] = field(default_factory=dict)

    def ask(self, *question: Any) -> dict[str, Any]:
        """Send a question and wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.heard()

    def heard(self) -> dict[str, Any]:
        """Wait for an answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended: see above")
        return json.loads(line)  # type: ignore[no-any-return]


def main() -> None:
    """Measure, write the results, and write the pages that quote them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--publish", action="store_true", help="write docs/results/speed.json, docs/speed.md and README"
    )
    parser.add_argument("--pages", action="store_true", help="write the pages from docs/results/speed.json")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="checkout of an older version")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="Python with other libraries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bundles", type=Path, default=Path("runs/speed"), help="folder of trained bundles")
    parser.add_argument("--train", action="store_true", help="train the bundles of this checkout anew")
    parser.add_argument("--only", nargs="+", help="names of contestants")
    options = parser.parse_args()
    if not options.pages:
        results = measured(options)
        if not options.publish:
            print(speed_page.page(results))
            return
        speed_page.RESULTS.write_text(speed_page.to_json(results), "utf-8")
    speed_page.write_pages()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Train what is missing, start all contestants, and time them in rounds."""
    from toxiclf._compiled import MODULES, compiled

    if missing := [name for name in MODULES if compiled(name) is None]:
        sys.exit(f"not compiled here: {', '.join(missing)}; pip install -e .")
    load_before, folder = os.getloadavg(), options.bundles.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    trees = {"now": ROOT} | ({"before": options.before.resolve()} if options.before else {})
    texts = written_texts(folder)
    targets = json.loads(texts.read_text("utf-8"))["test_targets"]
    for which, tree in trees.items():
        for model in MODELS if which == "now" else (DEFAULT, NO_VIEWS, *NETWORKS):
            trained(model, tree, folder / which / model, options.train and which == "now")
    contestants, absent = started(trees, folder, texts, options)
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(options.rounds):
        print(f"round {number + 1}, {perf_counter():.0f} s", file=sys.stderr, flush=True)
        for contestant in contestants:
            timed(contestant, values[contestant.name])
        if not options.only:
            for name, command, tree in commands(trees, folder):
                for clock, seconds in run(command, tree, folder).items():
                    values[name][clock].append(seconds)
    return {
        "run": {**run_details(trees, load_before, options.rounds), "absent": absent},
        "contestants": {
            contestant.name: {
                "versions": contestant.answer["versions"],
                "average_precision": round(average_precision(targets, contestant.answer["scores"]), 4),
                "comments": contestant.comments,
            }
            for contestant in contestants
        },
        "seconds": {name: dict(measures) for name, measures in values.items()},
    }


def written_texts(folder: Path) -> Path:
    """Write the rows that other libraries learn from, the test set of toxiclf, and the comments that are timed."""
    import toxiclf
    from toxiclf.datasets.splitting import split
    from toxiclf.recipe.preprocessing import recipe_normalizer

    recipe, comments = toxiclf.Recipe.load(), toxiclf.read_comments(CORPUS)
    share, normalizer = recipe.split.validation, recipe_normalizer(recipe)
    parts = split(comments, test=recipe.split.test, validation=share, seed=recipe.seed, normalizer=normalizer)
    assert parts.test is not None
    learned = (parts.train, parts.validation)  # the default model is fitted on both in the end
    timed_texts = (list(comments.texts) * (TIMED // len(comments) + 1))[:TIMED]
    given = {
        "training": [text for part in learned for text in part.texts],
        "targets": [int(row[0]) for part in learned for row in part.targets],
        "test": list(parts.test.texts),
        "test_targets": parts.test.targets[:, 0].tolist(),
        "timed": timed_texts,
    }
    path = folder / "texts.json"
    path.write_text(json.dumps(given), "utf-8")
    with (folder / "file.csv").open("w", encoding="utf-8", newline="") as file:
        rows = ((i, timed_texts[i % TIMED]) for i in range(LINES))
        csv.writer(file).writerows([("id", "comment"), *rows])
    return path


def average_precision(targets: list[int], scores: list[float]) -> float:
    """Return the average precision on the test set."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(targets, scores))


def environment(tree: Path) -> dict[str, str]:
    """Return the environment of processes that import toxiclf from a checkout."""
    return {**os.environ, **_ENVIRONMENT, "PYTHONPATH": str(tree)}


def trained(model: str, tree: Path, out: Path, anew: bool) -> None:
    """Train a bundle with the code of a checkout, unless it is there."""
    if (out / "bundle").exists() and not anew:
        return
    name, _, rest = model.partition(",")
    settings = ["--set", "text.views=none"] if rest else []
    print(f"training {out}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "toxiclf", "train", CORPUS, "--model", name, "--out", str(out), *settings]
    subprocess.run(command, env=environment(tree), check=True, capture_output=True, cwd=out.parent.parent)


def started(
    trees: dict[str, Path], folder: Path, texts: Path, options: argparse.Namespace
) -> tuple[list[Contestant], list[str]]:
    """Start all contestants and choose the sizes of their batches; return them, and the packages that are missing."""
    wanted: list[tuple[str, list[str], dict[str, str], tuple[int, ...]]] = []
    program = str(ROOT / "scripts/scoring_contestant.py")
    for which, tree in trees.items():
        end = "" if which == "now" else ", before"
        for model in MODELS if which == "now" else (DEFAULT, NO_VIEWS, *NETWORKS):
            command = [sys.executable, program, "bundle", str(texts), str(folder / which / model / "bundle")]
            wanted.append((model + end, command, environment(tree), (1, 2)))
            if which == "now" and model in (DEFAULT, NO_VIEWS):
                wanted.append((f"{model}, pure", command, {**environment(tree), "TOXICLF_PURE": "1"}, (1,)))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    wanted += [(name, [options.peers, program, name, str(texts)], {**clean, **_ENVIRONMENT}, (1,)) for name in PEERS]
    found, absent = [], []
    for name, command, variables, threads in wanted:
        if options.only and name not in options.only:
            continue
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )
        contestant = Contestant(name, process, threads)
        contestant.answer = contestant.heard()
        if "missing" in contestant.answer:
            absent.append(contestant.answer["missing"])
            continue
        contestant.ask("batch", 2048, 1)
        seconds = contestant.ask("batch", 2048, 1)["wall"]
        contestant.comments = min(5, max(1, round(_SECONDS / seconds))) * 2048
        found.append(contestant)
    return found, absent


def timed(contestant: Contestant, values: dict[str, list[float]]) -> None:
    """Time one contestant in one round."""
    for name, seconds in contestant.ask("one", SINGLE).items():
        values[name].append(seconds)
    for threads in contestant.threads:
        spent = contestant.ask("batch", contestant.comments, threads)
        values[f"batch_{threads}"].append(spent["wall"] / contestant.comments)
        values[f"batch_{threads}_cpu"].append(spent["cpu"] / contestant.comments)
    if 2 in contestant.threads:
        values["load"].append(contestant.ask("load")["wall"])


def commands(trees: dict[str, Path], folder: Path) -> list[tuple[str, list[str], Path]]:
    """Return the commands that are timed as new processes: name, command and checkout."""
    toxiclf = [sys.executable, "-m", "toxiclf"]
    made = [("import sklearn", [sys.executable, "-c", "import sklearn"], ROOT)]
    for which, tree in trees.items():
        end = "" if which == "now" else ", before"
        bundle = ["--bundle", str(folder / which / DEFAULT / "bundle")]
        out = ["--text", "comment", "--out", str(folder / which / "scored.csv")]
        made += [
            (f"predict{end}", [*toxiclf, "predict", _COMMENT, *bundle], tree),
            (f"help{end}", [*toxiclf, "--help"], tree),
            (f"file{end}", [*toxiclf, "predict", str(folder / "file.csv"), *bundle, *out], tree),
        ]
    return made


def run(command: list[str], tree: Path, folder: Path) -> dict[str, float]:
    """Run a command in a folder without a toxiclf of its own; return wall and CPU seconds."""
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment(tree), check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": perf_counter() - began, "cpu": spent}


def run_details(trees: dict[str, Path], load_before: tuple[float, ...], rounds: int) -> dict[str, Any]:
    """Return what the figures depend on."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    commits = {
        which: subprocess.run(
            ["git", "-C", str(tree), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for which, tree in trees.items()
    }
    return {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "commits": commits,
        "load_before": round(load_before[0], 2),
        "load_after": round(os.getloadavg()[0], 2),
        "rounds": rounds,
        "single": SINGLE,
        "lines": LINES,
    }


if __name__ == "__main__":
    main()
