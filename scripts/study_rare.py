"""What rare-event models, ensembles, boosting, metrics, selection and a GAN are worth, each beside a base with a tuned threshold.

    python scripts/study_rare.py                                   # both worlds, all remedies, seeds 0 to 4
    python scripts/study_rare.py --worlds rare --only smote wgan   # some
    python scripts/study_rare.py --tables                          # print what the log holds

Needs the corpus curse. A quarter of it is the test part, which stays as it is (35 % toxic). In the world "curse" training and
validation part stay so, too; in the world "rare" toxic rows are dropped from both at random until 1 % are left, and figures are of
the test part weighted to 1 %. Every run, the base model too, has its threshold tuned for F1 on rows that it did not learn from, and
Platt's calibration. Recall at precision .9 is the most that a threshold gives on the test part's own curve, without weights of what
was tuned; time is of the whole fit, out-of-fold scores included. Settings are the presets' defaults.

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
from sklearn.metrics import precision_recall_curve
from study_balance import difference

import toxiclf
from toxiclf.benchmark.jobs import thinned
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.splitting import Split, split
from toxiclf.evaluation.decision import live_weights
from toxiclf.evaluation.metrics import evaluate
from toxiclf.pipeline.calibrate import calibrated, fit_models
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer

METRICS = ("average_precision", "f1", "recall_at_precision_0.9", "seconds")
MODEL_METRICS = ("average_precision", "f1", "macro_f1", "accuracy")  # of the README's table
FOLDS = 3  # of out-of-fold scores: each is a whole fit
WORLDS = {"curse": None, "rare": 0.01}
TITLES = {"curse": "as it is, 35 % toxic", "rare": "1 % toxic comments in training, test part weighted to 1 %"}
PLAIN = {"balance.class_weight": "none"}
TRIPLET = {"features.metric_learning": "triplet"}
CONTRASTIVE = {"features.metric_learning": "supervised_contrastive"}

Settings = dict[str, Any]


def _resampled(*names: str, **more: Any) -> Settings:
    ratio = {"balance.ratio": [0.8, 1.0]} if len(names) > 1 else {}
    return {**PLAIN, "balance.resample": list(names), **ratio, **more}


BASES: dict[str, tuple[str, dict[str, tuple[str, Settings]]]] = {
    "ensembles": (
        "ngram_logistic",
        {"cnn": ("cnn", PLAIN), "voting": ("voting", PLAIN), "stacking": ("stacking", PLAIN)},
    ),
    "random_forest": (
        "random_forest",
        {
            "balanced weights": ("random_forest", {}),
            "balanced_random_forest": ("balanced_random_forest", {}),
            "easy_ensemble": ("easy_ensemble", {}),
            "rusboost": ("rusboost", {}),
            "lightgbm": ("lightgbm", PLAIN),
            "lightgbm, balanced weights": ("lightgbm", {}),
            "xgboost": ("xgboost", PLAIN),
            "xgboost, balanced weights": ("xgboost", {}),
            "knn": ("knn", PLAIN),
        },
    ),
    "anomalies": (
        "logistic",
        {
            name: (name, {})
            for name in (
                "autoencoder", "overcomplete_autoencoder", "vae", "isolation_forest", "one_class_svm", "lstm_autoencoder",
            )
        },
    ),
    "logistic": (
        "logistic",
        {
            "balanced weights": ("logistic", {}),
            "smote": ("logistic", _resampled("smote")),
            "30 numbers": ("logistic", {**PLAIN, "features.select": 30}),
            "wgan": ("logistic", _resampled("wgan")),
            "30 numbers, wgan": ("logistic", _resampled("wgan", **{"features.select": 30})),
            "30 numbers, wgan, then smote": ("logistic", _resampled("wgan", "smote", **{"features.select": 30})),
            "triplet": ("logistic", {**PLAIN, **TRIPLET}),
            "triplet, then smote": ("logistic", _resampled("smote", **TRIPLET)),
            "supervised_contrastive": ("logistic", {**PLAIN, **CONTRASTIVE}),
        },
    ),
    "dnn": (
        "dnn",
        {
            "balanced weights": ("dnn", {}),
            "triplet": ("dnn", {**PLAIN, **TRIPLET}),
            "triplet, balanced weights": ("dnn", TRIPLET),
            "supervised_contrastive, balanced weights": ("dnn", CONTRASTIVE),
        },
    ),
    "svm": (
        "svm",
        {
            "wgan": ("svm", _resampled("wgan")),
            "triplet": ("svm", {**PLAIN, **TRIPLET}),
            "triplet, then smote": ("svm", _resampled("smote", **TRIPLET)),
            "supervised_contrastive": ("svm", {**PLAIN, **CONTRASTIVE}),
        },
    ),
    "a metric of sequences": (
        "logistic",
        {
            "triplet by a cnn": ("logistic", {**PLAIN, **TRIPLET, "features.metric_encoder": "cnn"}),
            "supervised_contrastive by a cnn": ("logistic", {**PLAIN, **CONTRASTIVE, "features.metric_encoder": "cnn"}),
        },
    ),
}  # fmt: skip
"""By name of a table: the base model, without weights or remedy; and by name recipes beside it, a preset and its settings."""


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    parser.add_argument("--bases", nargs="+", default=list(BASES), choices=BASES)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="remedies whose name holds one of these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--log", type=Path, default=Path("runs/study_rare.jsonl"))
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    options = parser.parse_args()
    options.log.parent.mkdir(parents=True, exist_ok=True)
    if not options.tables:
        comments = toxiclf.read_comments("corpus:curse")
        for world in options.worlds:
            for base in options.bases:
                for remedy, (model, settings) in _rows(base).items():
                    if options.only and remedy and not any(word in remedy for word in options.only):
                        continue
                    for seed in options.seeds:
                        _run(options.log, comments, (world, base, remedy, seed), model, settings)
    logged = _logged(options.log)
    for world in options.worlds:
        for base in options.bases:
            print(f"\n**{base}: {TITLES[world]}**\n")
            _print_table(world, base, logged, options.seeds)
    print(
        "\n**models at their presets but for class weights, which are off, corpus as it is; mean ± standard deviation**\n"
    )
    _print_models(logged, options.seeds)


def _rows(base: str) -> dict[str, tuple[str, Settings]]:
    """Recipes of a table; that of the base model is called ""."""
    model, remedies = BASES[base]
    return {"": (model, PLAIN), **remedies}


def _run(log: Path, comments: Comments, key: tuple[str, str, str, int], model: str, settings: Settings) -> None:
    """One fit and its figures, unless the log has them: of these settings, whatever table asks for them."""
    world, _, _, seed = key
    content = json.dumps([world, model, sorted(settings.items()), seed, FOLDS])
    logged = _logged(log)
    if key in logged:
        return
    figures = next((row["figures"] for row in logged.values() if row["content"] == content), None)
    figures = figures or _figures(comments, model, settings, WORLDS[world], seed)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, "content": content, "figures": figures}) + "\n")
    print(*key, figures, file=sys.stderr, flush=True)


def _logged(path: Path) -> dict[tuple[str, str, str, int], Any]:
    if not path.exists():
        return {}
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {tuple(row["key"]): row for row in rows}


def _figures(comments: Comments, model: str, settings: Settings, rate: float | None, seed: int) -> dict[str, Any]:
    """Test metrics of one fit."""
    recipe = Recipe.load(model=model, settings=["split.test=0.25", f"decision.folds={FOLDS}"], seed=seed).changed(
        settings
    )
    parts = _parts(comments, recipe, rate)
    assert parts.test is not None
    try:
        fits, seconds = _fitted(parts, recipe)
    except toxiclf.ToxiclfError as error:
        return {"failure": str(error)}
    began = perf_counter()
    learned = calibrated(fits, parts, recipe)
    seconds += perf_counter() - began
    targets, prior = parts.test.targets, None if rate is None else (rate,)
    scores = learned.calibration.apply(learned.raw(learned.fitted.encoder.encode(parts.test.texts)))
    found = evaluate(scores, targets, learned.thresholds, comments.labels, seed=seed, prior=prior)
    weights = np.ones(targets.shape) if prior is None else live_weights(targets, prior, exclusive=False)
    precision, recall, _ = precision_recall_curve(targets[:, 0], scores[:, 0], sample_weight=weights[:, 0])
    figures: dict[str, Any] = {metric: round(found.value(metric) or 0.0, 5) for metric in MODEL_METRICS}
    figures["recall_at_precision_0.9"] = round(float(recall[precision >= 0.9].max(initial=0.0)), 5)
    figures["seconds"] = round(seconds, 2)
    gan = learned.fitted.facts.get("gan")
    if gan:
        figures["gan"] = {key: gan.get(key) for key in ("auc", "auc_real", "collapsed")}
    return figures


_kept: dict[str, tuple[Any, float]] = {}


def _fitted(parts: Split, recipe: Recipe) -> tuple[Any, float]:
    """All fits of a recipe, and how long they took; those of an ensemble's members are kept for another ensemble of them."""
    members = [member.model_dump() for member in recipe.members]
    key = json.dumps(
        [parts.train.sha256(), members, recipe.seed, recipe.balance.model_dump(), recipe.features.model_dump()]
    )
    if key not in _kept:
        began = perf_counter()
        fits = fit_models(parts, recipe, lambda message: None)
        if len(members) == 1:
            return fits, perf_counter() - began
        _kept[key] = fits, perf_counter() - began
    return _kept[key]


def _parts(comments: Comments, recipe: Recipe, rate: float | None) -> Split:
    """The split, its training and validation rows thinned to a rate."""
    normalizer = recipe_normalizer(recipe)
    parts = split(
        consistent(comments, normalizer), test=recipe.split.test, validation=recipe.split.validation, seed=recipe.seed,
        normalizer=normalizer,
    )  # fmt: skip
    if rate is None:
        return parts
    rng = np.random.default_rng(recipe.seed)
    return replace(parts, train=thinned(parts.train, rate, rng), validation=thinned(parts.validation, rate, rng))


def _print_table(world: str, base: str, logged: dict[tuple[str, str, str, int], Any], seeds: list[int]) -> None:
    heads = [metric.replace("_", " ").replace(" 0.9", " .9") for metric in METRICS]
    print("| | " + " | ".join(f"{head} | minus base" for head in heads[:-1]) + f" | {heads[-1]} |")
    print("|---" * (2 * len(METRICS)) + "|")
    for remedy in _rows(base):
        rows = [logged.get((world, base, name, seed), {}).get("figures") for name in ("", remedy) for seed in seeds]
        if None in rows:
            continue
        name = remedy or f"{BASES[base][0]}, threshold alone"
        failures = [row["failure"] for row in rows if "failure" in row]
        if failures:
            print(f"| {name} | {failures[0]} |" + " |" * (2 * len(METRICS) - 2))
            continue
        cells = []
        for metric in METRICS[:-1]:
            without, ours = np.array([row[metric] for row in rows]).reshape(2, len(seeds))
            cells += [f"{ours.mean():.3f}", difference(ours - without) if remedy else ""]
        print(
            "| " + " | ".join([name, *cells, f"{np.median([row['seconds'] for row in rows[len(seeds) :]]):.1f}"]) + " |"
        )


def _print_models(logged: dict[tuple[str, str, str, int], Any], seeds: list[int]) -> None:
    print("| model | " + " | ".join(metric.replace("_", " ") for metric in MODEL_METRICS) + " |")
    print("|---" * (1 + len(MODEL_METRICS)) + "|")
    names = dict.fromkeys((base, name) for base in BASES for name, (model, _) in _rows(base).items() if name == model)
    for base, name in names:
        rows = [logged.get(("curse", base, name, seed), {}).get("figures") for seed in seeds]
        if None in rows or any("failure" in row for row in rows):
            continue
        values = np.array([[row[metric] for metric in MODEL_METRICS] for row in rows])
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)]
        print(f"| `{name}` | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
