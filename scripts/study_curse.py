"""Models on corpus:curse, several seeds: mean and standard deviation of test metrics.

    python scripts/study_curse.py                            # all models at their presets
    python scripts/study_curse.py cnn --set model.filters=64 # one model, another setting
    python scripts/study_curse.py cnn lstm --seeds 5 9       # seeds 5 to 9

Needs the corpus curse. Word vectors are those of the package, unless --set vectors.… says otherwise. Test share 25 %, as in the
corpus's published tables. F1, macro-F1 and accuracy are at the threshold that is best for F1 on held-out rows; the two
columns after ROC AUC at one that is best for the metric itself.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np

import toxiclf
from toxiclf._registry import components
from toxiclf.datasets.comments import consistent
from toxiclf.datasets.splitting import split
from toxiclf.evaluation.metrics import evaluate
from toxiclf.pipeline.calibrate import learn
from toxiclf.pipeline.decision import choose_threshold
from toxiclf.recipe.preprocessing import recipe_normalizer

METRICS = ("average_precision", "f1", "macro_f1", "accuracy", "roc_auc")
OWN = ("macro_f1", "accuracy")


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(components("model")))
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 4), metavar=("FIRST", "LAST"))
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    options = parser.parse_args()
    comments = toxiclf.read_comments("corpus:curse")
    own = [f"{metric}, own threshold" for metric in OWN]
    print("model", *METRICS, *own, "held-out AP", "seconds", sep="\t", flush=True)
    for model in options.models:
        rows, began = [], perf_counter()
        for seed in range(options.seeds[0], options.seeds[1] + 1):
            rows.append(_figures(comments, model, seed, options.settings))
            print(model, seed, *(f"{figure:.4f}" for figure in rows[-1]), file=sys.stderr, flush=True)
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
        cells = [f"{m:.4f} ± {s:.4f}" for m, s in zip(mean, spread, strict=True)]
        print(model, *cells, f"{(perf_counter() - began) / len(rows):.0f}", sep="\t", flush=True)


def _figures(comments: toxiclf.Comments, model: str, seed: int, settings: list[str]) -> list[float]:
    """Test metrics and the average precision on held-out rows."""
    recipe = toxiclf.Recipe.load(model=model, settings=["split.test=0.25", *settings], seed=seed)
    normalizer = recipe_normalizer(recipe)
    parts = split(
        consistent(comments, normalizer), test=recipe.split.test, validation=recipe.split.validation, seed=seed,
        normalizer=normalizer,
    )  # fmt: skip
    assert parts.test is not None
    learned = learn(parts, recipe, lambda message: print(message, file=sys.stderr))
    scores = learned.calibration.apply(learned.raw(learned.fitted.encoder.encode(parts.test.texts)))

    def value(metric: str, thresholds: tuple[float, ...]) -> float:
        found = evaluate(scores, parts.test.targets, thresholds, comments.labels, seed=seed).value(metric)
        assert found is not None
        return found

    figures = [value(metric, learned.thresholds) for metric in METRICS]
    for metric in OWN:
        threshold, _ = choose_threshold(learned.decision_scores[:, 0], learned.decision_targets[:, 0], metric)
        figures.append(value(metric, (threshold,)))
    held_out = evaluate(
        learned.decision_scores, learned.decision_targets, learned.thresholds, comments.labels, seed=seed
    )
    return [*figures, held_out.value("average_precision") or 0.0]


if __name__ == "__main__":
    main()
