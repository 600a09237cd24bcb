"""Speed of scoring: text → verdict by the bundle, beside the same model in its training library, in one run.

    python scripts/bench_scoring.py                       # sample corpus, every model
    python scripts/bench_scoring.py corpus:curse svm dnn --unlabeled corpus:nsmc
    python scripts/bench_scoring.py --lines 1000000       # also: a file of so many lines through `toxiclf predict`

One comment: each comment alone, a hundred by ours, the same hundred by the library's way, and so on: both see the same machine.
Batch: all comments at once. Ratios are the library's time by ours. Cold: whole processes, median of several.
The library's way: MeCab, the mean of the tokens' vectors by numpy, then scikit-learn or Keras; for ngram_logistic,
scikit-learn's own TfidfVectorizer pipeline over jamo and syllables (without log-count ratios, which cost nothing to score).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

import toxiclf
from toxiclf.corpus.split import split
from toxiclf.learning import Learned, learn
from toxiclf.models import MODELS
from toxiclf.recipe import Recipe
from toxiclf.rows import RowWriter
from toxiclf.text.encoder import TokenView
from toxiclf.text.hangul import decompose
from toxiclf.text.normalize import Normalizer
from toxiclf.vectors.features import WORDS, AverageVectors

Score = Callable[[Sequence[str]], Any]
_BLOCK = 100  # comments; by single turns, each of ours would find the cache full of the library's things


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default="corpus:sample")
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--unlabeled", metavar="SOURCE", help="texts for the word vectors, such as corpus:nsmc")
    parser.add_argument("--comments", type=int, default=2000, help="comments timed one by one")
    parser.add_argument("--lines", type=int, default=0, help="lines of the file for `toxiclf predict`")
    options = parser.parse_args()
    comments = toxiclf.read_comments(options.corpus)
    texts = (comments.texts * (options.comments // len(comments) + 1))[: options.comments]
    print("model", "ours p50 ms", "ours p99 ms", "library p50 ms", "library p99 ms", "ratio of p50", sep="\t", end="\t")
    print("ours comments/s", "library comments/s", "ratio", sep="\t", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        bundles = {}
        for name in options.models:
            vectors = (
                [f"vectors.unlabeled={options.unlabeled}"] if options.unlabeled and name != "ngram_logistic" else []
            )
            recipe = Recipe.load(model=name, settings=vectors)
            trained = toxiclf.train(comments, recipe)
            bundles[name] = trained.save(Path(scratch) / name) / "bundle"
            moderator = toxiclf.load(bundles[name])
            parts = split(comments, test=recipe.split.test, validation=recipe.split.validation, seed=recipe.seed)
            library = _library(learn(parts, recipe, lambda message: None), comments)
            ours_one, library_one = _one_by_one((moderator.check, library), texts)
            ours_all, library_all = _all_at_once((moderator.check, library), texts)
            print(
                name, *_percentiles(ours_one), *_percentiles(library_one),
                f"{statistics.median(library_one) / statistics.median(ours_one):.1f}",
                f"{len(texts) / ours_all:,.0f}", f"{len(texts) / library_all:,.0f}", f"{library_all / ours_all:.1f}",
                sep="\t", flush=True,
            )  # fmt: skip
        for name, bundle in bundles.items():
            _cold(name, bundle)
        if options.lines:
            for name, bundle in bundles.items():
                _big_file(name, bundle, comments.texts, options.lines, Path(scratch))


def _library(learned: Learned, comments: toxiclf.Comments) -> Score:
    """Text → score by the training library alone."""
    fitted = learned.fitted
    normalizer = Normalizer()
    if not isinstance(fitted.featurizer.features, AverageVectors):
        grams: dict[str, Any] = {"analyzer": "char", "binary": True, "min_df": 3}
        views = make_union(
            TfidfVectorizer(preprocessor=decompose, ngram_range=(1, 6), **grams),
            TfidfVectorizer(ngram_range=(1, 4), **grams),
        )
        pipeline = make_pipeline(views, LogisticRegression(C=3, class_weight="balanced", solver="liblinear"))
        pipeline.fit(normalizer.batch(comments.texts)[0], comments.targets[:, 0])
        return lambda texts: pipeline.predict_proba(normalizer.batch(texts)[0])
    view = fitted.encoder.views[WORDS]
    assert isinstance(view, TokenView)
    words = {token: i for i, token in enumerate(fitted.featurizer.features.vectors.tokens)}
    matrix = fitted.featurizer.features.vectors.matrix

    def score(texts: Sequence[str]) -> Any:
        rows = np.zeros((len(texts), matrix.shape[1]), dtype=np.float32)
        for i, tokens in enumerate(view.tokenizer.tokenize(normalizer.batch(texts)[0])):
            known = [words[token] for token in tokens if token in words]
            if known:
                rows[i] = matrix[known].mean(axis=0)
        return fitted.model.raw(rows)

    return score


def _one_by_one(ways: Sequence[Score], texts: Sequence[str]) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way(texts[:1])
    slow = 200 if _time(ways[1], texts[:1]) > 0.01 else len(texts)  # Keras and forests take tens of milliseconds
    for begin in range(0, len(texts), _BLOCK):
        for way, spent in zip(ways, times, strict=True):
            if way is ways[0] or begin < slow:
                spent += [_time(way, [text]) for text in texts[begin : begin + _BLOCK]]
    return times


def _all_at_once(ways: Sequence[Score], texts: Sequence[str]) -> list[float]:
    return [min(_time(way, texts) for _ in range(3)) for way in ways]


def _time(way: Score, texts: Sequence[str]) -> float:
    began = perf_counter()
    way(texts)
    return perf_counter() - began


def _percentiles(times: Sequence[float]) -> tuple[str, str]:
    return f"{np.percentile(times, 50) * 1e3:.3f}", f"{np.percentile(times, 99) * 1e3:.3f}"


def _cold(name: str, bundle: Path) -> None:
    ours = [sys.executable, "-m", "toxiclf", "predict", "--bundle", str(bundle), "--text", "오늘 날씨 좋네요"]
    theirs = [sys.executable, "-c", "import tensorflow"]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(6):
        for command, spent in zip((ours, theirs), times, strict=True):
            began = perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            spent.append(perf_counter() - began)
    mine, other = (statistics.median(spent[1:]) for spent in times)
    print(
        f"cold predict, {name}: {mine:.2f} s; python -c 'import tensorflow': {other:.2f} s; ratio {other / mine:.1f}",
        flush=True,
    )


def _big_file(name: str, bundle: Path, texts: Sequence[str], lines: int, scratch: Path) -> None:
    source, out = scratch / "big.csv", scratch / "big.out.csv"
    if not source.exists():
        with source.open("w", encoding="utf-8", newline="") as stream:
            writer = RowWriter(stream, ("id", "comment"), "csv")
            for i in range(lines):
                writer.write({"id": i, "comment": texts[i % len(texts)]})
    command = [sys.executable, "-m", "toxiclf", "predict", str(source), "--bundle", str(bundle), "--out", str(out)]
    began = perf_counter()
    answer = subprocess.run(
        [sys.executable, "-c", _PEAK, *command, "--column", "comment"], check=True, capture_output=True
    )
    seconds = perf_counter() - began
    with out.open(encoding="utf-8-sig") as stream:
        rows = sum(1 for line in stream) - 1
    unit = 1024 if sys.platform != "darwin" else 1
    print(
        f"file, {name}: {lines:,} lines in {seconds:.0f} s ({lines / seconds:,.0f}/s), {rows:,} scored, "
        f"peak memory {int(answer.stdout) * unit / 2**20:.0f} MiB",
        flush=True,
    )


# run from a small process: a child started from this one would count the memory of this one as its own peak
_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


if __name__ == "__main__":
    main()
