"""The classic models and the baseline on corpus:curse, several seeds: mean and standard deviation of test metrics.

    python scripts/study_curse.py                        # all models at their presets
    python scripts/study_curse.py svm --set model.C=3    # one model, another setting

Needs $TOXICLF_CORPORA with curse and nsmc. Test share 25 %, as in the corpus's published tables.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np

import toxiclf

MODELS = ("ngram_logistic", "svm", "random_forest", "dnn", "logistic")
METRICS = ("average_precision", "f1", "macro_f1", "accuracy", "roc_auc")
VECTORS = "vectors.unlabeled=corpus:nsmc"  # of all but ngram_logistic, which takes none


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    options = parser.parse_args()
    comments = toxiclf.read_comments("corpus:curse")
    print("model", *METRICS, "held-out AP", "seconds", sep="\t", flush=True)
    for model in options.models:
        rows, began = [], perf_counter()
        for seed in range(options.seeds):
            settings = ["split.test=0.25", *([VECTORS] if model != "ngram_logistic" else []), *options.settings]
            recipe = toxiclf.Recipe.load(model=model, settings=settings, seed=seed)
            trained = toxiclf.train(comments, recipe, say=lambda message: print(message, file=sys.stderr))
            figures = [trained.report.summary[metric]["value"] for metric in METRICS]
            rows.append([*figures, trained.report.data["decision_average_precision"]])
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
        cells = [f"{m:.4f} ± {s:.4f}" for m, s in zip(mean, spread, strict=True)]
        print(model, *cells, f"{(perf_counter() - began) / options.seeds:.0f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
