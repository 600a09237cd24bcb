"""What each remedy for a rare class is worth: corpus:curse with 5 % toxic training rows, beside the same model without any.

    python scripts/study_balance.py                              # all models, all remedies, seeds 0 to 4
    python scripts/study_balance.py --models logistic --only smote aeda
    python scripts/study_balance.py --tables                     # print what the log holds

Needs the corpus curse. A quarter of it is the test part, which stays as it is (35 % toxic); of the rest, toxic rows are dropped at
random until 5 % are left, in the training and in the validation part. Every run, the one without a remedy too, has its threshold
tuned for F1 on rows that it did not learn from (out of fold; of ``cnn`` the validation part) and Platt's calibration.

Three tables a model: figures of the test part weighted to the 5 % that the model was trained for; the same with abusive
words disguised as in study_text.py (ㅅㅣ발, 시.발, 시1발, 시이이발), which training rows need not hold; and of the test part as it
is, which asks for a threshold and scores that training could not know (but for the remedy ``prior``, which is told the 35 %).
Differences are paired by seed; their 95 % intervals are Student's t over seeds, with the variance corrected for what splits of the
same comments share (Nadeau and Bengio 2003). Finished runs are kept in --log.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from study_text import disguised

import toxiclf
from toxiclf._registry import components
from toxiclf.benchmark.jobs import thinned
from toxiclf.benchmark.tables import interval
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.splitting import Split, split
from toxiclf.evaluation.metrics import evaluate
from toxiclf.pipeline.calibrate import learn
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer

METRICS = ("average_precision", "f1", "recall", "brier")
RARE = 0.05
MODELS = ("logistic", "cnn", "ngram_logistic")
NOTHING = "threshold alone"
WORLDS = {
    "rare": f"test part weighted to {RARE:.0%} toxic",
    "disguised": f"test part weighted to {RARE:.0%} toxic, abusive words disguised",
    "as it is": "test part as it is",
}
COPIES = 4
TEST = 0.25

Settings = dict[str, Any]


def remedies(model: str) -> dict[str, Settings]:
    """Recipe keys by remedy; each alone, so class weights are off but where they are the remedy."""
    plain = {"balance.class_weight": "none"}
    found: dict[str, Settings] = {
        NOTHING: plain,
        "balanced": {"balance.class_weight": "balanced"},
        "effective_number": {"balance.class_weight": "effective_number"},
        "explicit 1 : 5": {"balance.class_weight": {"negative": 1, "toxic": 5}},
        "prior": {**plain, "decision.prior": 0.35},
    }
    if model == "cnn":
        found["focal"] = {**plain, "balance.loss": "focal"}
        found["logit_adjusted"] = {**plain, "balance.loss": "logit_adjusted"}
    if model == "logistic":
        for name in components("resampler"):
            found[name] = {**plain, "balance.resample": name}
        for name in ("random_over", "random_under", "smote"):
            found[f"{name}, ratio 0.3"] = {**plain, "balance.resample": name, "balance.ratio": 0.3}
    for name in components("augmenter"):
        found[f"{name} × {COPIES}"] = {**plain, "balance.augment": [{"method": name, "copies": COPIES}]}
    for name in components("augmenter"):
        found[f"{name}, of all"] = {**plain, "balance.augment": [{"method": name, "of": "all"}]}
    found["all views, no remedy"] = {**plain, "text.views": "all"}
    return found


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="remedies whose name holds one of these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--log", type=Path, default=Path("runs/study_balance.jsonl"))
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    options = parser.parse_args()
    options.log.parent.mkdir(parents=True, exist_ok=True)
    if not options.tables:
        comments = toxiclf.read_comments("corpus:curse")
        for model in options.models:
            for remedy, settings in remedies(model).items():
                if options.only and remedy != NOTHING and not any(word in remedy for word in options.only):
                    continue
                for seed in options.seeds:
                    if (model, remedy, seed) in _logged(options.log):
                        continue
                    began = perf_counter()
                    figures = _figures(comments, model, settings, seed)
                    row = {"key": [model, remedy, seed], **figures, "seconds": round(perf_counter() - began, 1)}
                    with options.log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    print(model, remedy, seed, row["rare"], row["seconds"], file=sys.stderr, flush=True)
    logged = _logged(options.log)
    for model in options.models:
        for world, title in WORLDS.items():
            print(f"\n**`{model}`, {title}**\n")
            _print_table(model, world, logged, options.seeds)


def _logged(path: Path) -> dict[tuple[str, str, int], Any]:
    if not path.exists():
        return {}
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {tuple(row["key"]): row for row in rows}


def _figures(comments: Comments, model: str, settings: Settings, seed: int) -> dict[str, dict[str, float]]:
    """Test metrics in each world."""
    recipe = Recipe.load(model=model, settings=[f"split.test={TEST}"], seed=seed).changed(settings)
    parts = _thinned(comments, recipe)
    assert parts.test is not None
    learned = learn(parts, recipe, lambda message: None)
    targets = parts.test.targets
    figures = {}
    for world in WORLDS:
        texts = disguised(parts.test, seed) if world == "disguised" else parts.test.texts
        scores = learned.calibration.apply(learned.raw(learned.fitted.encoder.encode(texts)))
        prior = None if world == "as it is" else (RARE,)
        found = evaluate(scores, targets, learned.thresholds, comments.labels, seed=seed, prior=prior)
        figures[world] = {metric: round(found.value(metric) or 0.0, 5) for metric in METRICS}
    return figures


def _thinned(comments: Comments, recipe: Recipe) -> Split:
    normalizer = recipe_normalizer(recipe)
    parts = split(
        consistent(comments, normalizer), test=recipe.split.test, validation=recipe.split.validation, seed=recipe.seed,
        normalizer=normalizer,
    )  # fmt: skip
    rng = np.random.default_rng(recipe.seed)
    return replace(parts, train=thinned(parts.train, RARE, rng), validation=thinned(parts.validation, RARE, rng))


def _print_table(model: str, world: str, logged: dict[tuple[str, str, int], Any], seeds: list[int]) -> None:
    print("| remedy | " + " | ".join(f"{metric.replace('_', ' ')} | minus none" for metric in METRICS) + " |")
    print("|---" * (1 + 2 * len(METRICS)) + "|")
    for remedy in remedies(model):
        if any((model, name, seed) not in logged for name in (NOTHING, remedy) for seed in seeds):
            continue
        cells = []
        for metric in METRICS:
            ours, base = (
                np.array([logged[model, name, seed][world][metric] for seed in seeds]) for name in (remedy, NOTHING)
            )
            cells += [f"{ours.mean():.3f}", "" if remedy == NOTHING else difference(ours - base)]
        print("| " + " | ".join([remedy, *cells]) + " |")


def difference(values: np.ndarray) -> str:
    """Mean of paired differences with its 95 % interval; in bold where the interval leaves zero out."""
    if len(values) < 2:
        return f"{values.mean():+.3f}"
    low, high = interval(values, TEST)
    cell = f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"
    return f"**{cell}**" if low > 0 or high < 0 else cell


if __name__ == "__main__":
    main()
