"""Speed of scoring: text → verdict by the bundle, beside the same model in its training library, in one run.

    python scripts/bench_scoring.py                       # sample corpus, every model
    python scripts/bench_scoring.py corpus:curse svm bilstm --unlabeled corpus:nsmc
    python scripts/bench_scoring.py --lines 1000000       # also: a file of so many lines through `toxiclf predict`

One comment: each comment alone, a hundred by one way, the same hundred by the next, and so on, so that all see the same machine;
in several rounds, of which each comment's best counts: the tail is that of comments, not of other programs on the machine.
Batch: all comments at once, way after way, the best of the rounds. Ratios are a way's time by ours (on one thread). What training
left in memory is kept from Python's garbage collection meanwhile. Cold: whole processes, median.

The ways:

- ours: text to verdict by the loaded bundle; one comment on one thread, a batch on one and on ``--threads``.
- no views (all views, where the model has none): the same bundle with ``text.views`` switched off (on), on one thread.
- library: MeCab, then scikit-learn over the mean of the tokens' vectors by numpy, or Keras's ``model.predict`` over it or over
  ids padded to the longest of the call (batches of 256); for ngram_logistic, scikit-learn's own TfidfVectorizer pipeline over
  jamo and syllables (without log-count ratios, which cost nothing to score).
- tf.function: the same with the network as one ``tf.function``, compiled once for any shape, and comments of like length together.
- graph: the bundle's graph alone, on ids that are encoded already; what is missing to ours is the cost of text.

Networks are trained for two epochs, as speed does not depend on how well they know.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

import toxiclf
from toxiclf._registry import components
from toxiclf.bundle import store
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.splitting import split
from toxiclf.features.pooling import WORDS, Pooling
from toxiclf.features.sequences import SequenceVectors
from toxiclf.moderator import Moderator
from toxiclf.pipeline.calibrate import CalibratedModel, learn
from toxiclf.pipeline.ensemble import FittedEnsemble
from toxiclf.pipeline.save import bundled
from toxiclf.recipe import Recipe
from toxiclf.rows import RowWriter
from toxiclf.text.encoder import TextEncoder, TokenView
from toxiclf.text.hangul import decompose
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.vocabulary import Ids

Score = Callable[[Sequence[str]], Any]
_BLOCK = 100  # comments; by single turns, each of ours would find the cache full of the library's things
_CHUNK = 1024  # comments that the graph alone is given at once, as many as the bundle takes
_SLOW, _LONG = 0.005, 2.0  # seconds a comment, and a batch, from which fewer are timed
_OWN_VECTORS = ("ngram_logistic", "dnn_sequence")  # n-grams, and vectors from scratch: no unlabelled texts


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default="corpus:sample")
    parser.add_argument("models", nargs="*", default=list(components("model")))
    parser.add_argument("--unlabeled", metavar="SOURCE", help="texts for the word vectors, such as corpus:nsmc")
    parser.add_argument("--comments", type=int, default=2000, help="comments timed one by one")
    parser.add_argument("--batch", type=int, default=10_000, help="comments in the batch")
    parser.add_argument("--threads", type=int, default=2, help="threads that share a batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-cold", action="store_false", dest="cold", help="leave out whole processes")
    parser.add_argument("--lines", type=int, default=0, help="lines of the file for `toxiclf predict`")
    options = parser.parse_args()
    comments = toxiclf.read_comments(options.corpus)
    print(
        "model",
        "way",
        "one comment p50 ms",
        "p99 ms",
        "p50 by ours",
        "in a batch comments/s",
        "by ours",
        sep="\t",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as scratch:
        bundles: dict[str, Path] = {}
        for name in options.models:
            bundles[name] = Path(scratch) / name / "bundle"
            _bench(name, comments, bundles[name], options)
        if options.cold:
            for name, bundle in bundles.items():
                _cold(name, bundle)
        if options.lines:
            for name, bundle in bundles.items():
                _big_file(name, bundle, comments.texts, options.lines, Path(scratch))


@dataclass
class Way:
    """A way to score the texts, and what it took.

    Attributes
    ----------
    one : score the comment with this number.
    all : score all comments.
    ones, batches : seconds; of each comment its best round, of the batch each round.
    """

    one: Callable[[int], Any] | None
    all: Callable[[], Any]
    ones: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)


def _bench(name: str, comments: toxiclf.Comments, bundle: Path, options: argparse.Namespace) -> None:
    """Train a model, save its bundle, and time all ways."""
    recipe = _recipe(name, options.unlabeled)
    parts = split(comments, test=recipe.split.test, validation=recipe.split.validation, seed=recipe.seed)
    learned = learn(parts, recipe, lambda message: None)
    bundle.parent.mkdir()
    store.save(bundle, *bundled(learned, comments, recipe, f"# {name}\n"))
    texts = (comments.texts * (options.batch // len(comments) + 1))[: max(options.batch, options.comments)]
    ways = _ways(learned, comments, bundle, texts, options.threads)
    gc.collect()
    gc.freeze()  # what training left behind: a process that scores does not hold it, and need not walk through it
    _one_by_one([way for way in ways.values() if way.one is not None], options.comments, options.rounds)
    _all_at_once(list(ways.values()), options.rounds)
    gc.unfreeze()
    ours = ways["ours"]
    for title, way in ways.items():
        ones = ["", "", ""]
        if way.ones:
            ratio = statistics.median(way.ones) / statistics.median(ours.ones)
            ones = [
                f"{np.percentile(way.ones, 50) * 1e3:.3f}",
                f"{np.percentile(way.ones, 99) * 1e3:.3f}",
                f"{ratio:.2f}",
            ]
        rate, ratio = len(texts) / min(way.batches), min(way.batches) / min(ours.batches)
        print(name, title, *ones, f"{rate:,.0f}", f"{ratio:.2f}", sep="\t", flush=True)


def _recipe(name: str, unlabeled: str | None) -> Recipe:
    settings = [f"vectors.unlabeled={unlabeled}"] if unlabeled and name not in _OWN_VECTORS else []
    recipe = Recipe.load(model=name, settings=settings)
    return recipe.changed({"model.epochs": 2}) if len(recipe.members) == 1 and recipe.has_network else recipe


def _ways(
    learned: CalibratedModel, comments: toxiclf.Comments, bundle: Path, texts: Sequence[str], threads: int
) -> dict[str, Way]:
    """All ways to score the texts."""
    moderator, shared = toxiclf.load(bundle), toxiclf.load(bundle, threads=threads)
    ways = {
        "ours": Way(lambda i: moderator.check(texts[i]), lambda: moderator.check(texts)),
        f"ours, {threads} threads": Way(None, lambda: shared.check(texts)),
    }
    assert learned.graph is not None
    encoder, scorer = learned.fitted.encoder, Scorer(learned.graph)
    views = () if encoder.preprocessor.views else tuple(components("view"))
    other = Moderator(moderator.manifest, TextEncoder(Preprocessor(encoder.normalizer, views), encoder.views), scorer)
    ways["all views" if views else "no views"] = Way(lambda i: other.check(texts[i]), lambda: other.check(texts))
    for title, score in _peers(learned, comments).items():
        ways[title] = Way(lambda i, score=score: score([texts[i]]), lambda score=score: score(texts))  # type: ignore[misc]
    alone = [encoder.encode([text]) for text in texts]
    chunks = [encoder.encode(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)]

    def by_threads() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(scorer.run, chunks))

    ways["graph"] = Way(lambda i: scorer.run(alone[i]), lambda: [scorer.run(chunk) for chunk in chunks])
    ways[f"graph, {threads} threads"] = Way(None, by_threads)
    return ways


def _peers(learned: CalibratedModel, comments: toxiclf.Comments) -> dict[str, Score]:
    """Text → score by the training library alone."""
    fitted = learned.fitted
    normalizer = Normalizer()
    if isinstance(fitted, FittedEnsemble):
        return {}  # no library has such a model
    features = fitted.features.numbers
    if not isinstance(features, Pooling | SequenceVectors):
        grams: dict[str, Any] = {"analyzer": "char", "binary": True, "min_df": 3}
        views = make_union(
            TfidfVectorizer(preprocessor=decompose, ngram_range=(1, 6), **grams),
            TfidfVectorizer(ngram_range=(1, 4), **grams),
        )
        pipeline = make_pipeline(views, LogisticRegression(C=3, class_weight="balanced", solver="liblinear"))
        pipeline.fit(normalizer.batch(comments.texts)[0], comments.targets[:, 0])
        return {"library": lambda texts: pipeline.predict_proba(normalizer.batch(texts)[0])}
    view = fitted.encoder.views[WORDS]
    assert isinstance(view, TokenView)
    numbers = {token: i for i, token in enumerate(view.vocabulary.tokens, start=1)}

    def tokenized(texts: Sequence[str]) -> list[list[int]]:
        tokens = view.tokenizer.tokenize(normalizer.batch(texts)[0])
        return [[numbers[token] for token in comment if token in numbers][: view.max_tokens] for comment in tokens]

    if isinstance(features, SequenceVectors):
        return _sequence_peers(fitted.model, tokenized)
    return _average_peers(fitted.model, tokenized, features.vectors.matrix)


def _average_peers(
    model: Any, tokenized: Callable[[Sequence[str]], list[list[int]]], matrix: NDArray[np.float32]
) -> dict[str, Score]:
    """Of a model over the mean of a comment's word vectors."""

    def means(texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), matrix.shape[1]), dtype=np.float32)
        for i, ids in enumerate(tokenized(texts)):
            if ids:
                rows[i] = matrix[np.array(ids) - 1].mean(axis=0)
        return rows

    if not hasattr(model, "network_"):
        return {"library": lambda texts: model.raw(means(texts))}
    from toxiclf.models._rows import VectorRows
    from toxiclf.models._training_loop import compiled_forward, predicted

    forward = compiled_forward(model.network_)

    def scaled(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.scaling_.apply(means(texts)), dtype=np.float32)

    return {
        "library": lambda texts: model.network_.predict(scaled(texts), batch_size=256, verbose=0),
        "tf.function": lambda texts: predicted(forward, VectorRows(scaled(texts))),
    }


def _sequence_peers(model: Any, tokenized: Callable[[Sequence[str]], list[list[int]]]) -> dict[str, Score]:
    """Of a network over a comment's word vectors in turn."""
    from toxiclf.models._rows import IdRows
    from toxiclf.models._training_loop import compiled_forward, predicted

    forward, time = compiled_forward(model.network_), model.network_.input_shape[1]

    def rows(texts: Sequence[str]) -> IdRows:
        ids = tokenized(texts)
        starts = np.cumsum([0, *map(len, ids)]).astype(np.intp)
        return IdRows(Ids(np.array([i for comment in ids for i in comment], dtype=np.int32), starts), time)

    def library(texts: Sequence[str]) -> Any:
        padded = rows(texts).take(np.arange(len(texts)))
        return model.network_.predict(padded, batch_size=256, verbose=0)

    return {"library": library, "tf.function": lambda texts: predicted(forward, rows(texts))}


def _one_by_one(ways: Sequence[Way], count: int, rounds: int) -> None:
    """Time the first ``count`` comments one by one, those of slow ways (Keras, forests) fewer times."""
    slow = []
    for way in ways:
        assert way.one is not None
        for i in range(3):  # to compile, and to fill caches
            way.one(i)
        slow.append(_time(lambda way=way: way.one(0)) > _SLOW)  # type: ignore[misc]
        way.ones = [float("inf")] * (_BLOCK if slow[-1] else count)
    for turn in range(rounds):
        for begin in range(0, count, _BLOCK):
            for way, is_slow in zip(ways, slow, strict=True):
                if is_slow and (turn or begin):
                    continue
                for i in range(begin, min(begin + _BLOCK, count)):
                    way.ones[i] = min(way.ones[i], _time(lambda way=way, i=i: way.one(i)))  # type: ignore[misc]


def _all_at_once(ways: Sequence[Way], rounds: int) -> None:
    """Time all comments at once, those of slow ways twice (the first round may compile)."""
    for turn in range(rounds):
        for way in ways:
            if turn < 2 or min(way.batches) < _LONG:
                way.batches.append(_time(way.all))


def _time(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _cold(name: str, bundle: Path) -> None:
    ours = [sys.executable, "-m", "toxiclf", "predict", "오늘 날씨 좋네요", "--bundle", str(bundle)]
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
        [sys.executable, "-c", _PEAK, *command, "--text", "comment"], check=True, capture_output=True
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
