"""One contestant of scripts/bench_scoring.py, in a process of its own: it loads or learns, then times what it is told to.

    PYTHON scripts/scoring_contestant.py KIND TEXTS [BUNDLE]

TEXTS is a JSON file with the lists ``training``, ``targets``, ``test`` and ``timed``. The first line on standard output tells
versions and the scores of ``test``. Then each line on standard input, such as ``["batch", 2048, 1]``, is answered by a line
with the seconds it took.

This file imports the standard library only: it also runs beside an older toxiclf, and where there is no toxiclf.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any

Texts = Sequence[str]
_WARM = 50  # comments before each round of single ones: other contestants have emptied the CPU's caches


class Bundle:
    """A bundle of toxiclf."""

    def __init__(self, folder: str) -> None:
        import toxiclf

        self.load: Callable[..., Any] = lambda threads=1: toxiclf.load(folder, threads=threads)
        self.by_threads = {threads: self.load(threads) for threads in (1, 2)}
        self.versions = f"toxiclf {version('toxiclf')}"

    def many(self, texts: Texts, threads: int = 1) -> Any:
        """Return a verdict for each comment."""
        return self.by_threads[threads].check(texts)

    def one(self, text: str) -> Any:
        """Return the verdict for one comment."""
        return self.by_threads[1].check(text)

    def scores(self, texts: Texts) -> list[float]:
        """Return one score for each comment."""
        return [float(row[0]) for row in self.by_threads[1].score(texts)]


class Peer:
    """Another library, which learns from the same training rows.

    Parameters
    ----------
    versions : the package and its version.
    one : score one comment.
    many : score all comments.
    scores : return one score for each comment.
    """

    def __init__(
        self, package: str, one: Callable[[str], Any], many: Callable[[Texts], Any], scores: Callable[[Texts], Any]
    ) -> None:
        self.versions = f"{package} {version(package)}"
        self.one, self.scores = one, scores
        self.many: Callable[[Texts, int], Any] = lambda texts, threads: many(texts)


def _fasttext(texts: Texts, targets: Sequence[int], **settings: Any) -> Peer:
    import fasttext

    def line(text: str) -> str:
        return " ".join(text.split())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.txt"
        path.write_text("".join(f"__label__{y} {line(x)}\n" for x, y in zip(texts, targets, strict=True)), "utf-8")
        model = fasttext.train_supervised(str(path), thread=1, seed=0, verbose=0, **settings)

    def many(rows: Texts) -> Any:
        return model.predict([line(row) for row in rows], k=2)

    def scores(rows: Texts) -> list[float]:
        shares = (dict(zip(*pair, strict=True)) for pair in zip(*many(rows), strict=True))
        return [float(share["__label__1"]) for share in shares]

    return Peer("fasttext-numpy2-wheel", lambda text: model.predict(line(text), k=2), many, scores)


def _fasttext_ngrams(texts: Texts, targets: Sequence[int]) -> Peer:
    return _fasttext(texts, targets, wordNgrams=2, minn=2, maxn=5, epoch=25, lr=0.25, bucket=200_000)


def _scikit_learn(texts: Texts, targets: Sequence[int]) -> Peer:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)), LogisticRegression(C=10))
    model.fit(texts, targets)

    def many(rows: Texts) -> Any:
        return model.predict_proba(rows)[:, 1].tolist()

    return Peer("scikit-learn", lambda text: many([text]), many, many)


def _korcen(texts: Texts, targets: Sequence[int]) -> Peer:
    from korcen import korcen

    def many(rows: Texts) -> list[float]:
        return [float(bool(korcen.check(row))) for row in rows]

    return Peer("korcen", korcen.check, many, many)


def _spacy(texts: Texts, targets: Sequence[int]) -> Peer:
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("xx")  # its Korean needs an engine of its own
    bag_of_words = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
    }
    nlp.add_pipe("textcat", config={"model": bag_of_words})
    cats = ({"toxic": float(y), "other": 1.0 - y} for y in targets)
    examples = [Example.from_dict(nlp.make_doc(x), {"cats": y}) for x, y in zip(texts, cats, strict=True)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(10):
        for begin in range(0, len(examples), 64):
            nlp.update(examples[begin : begin + 64], sgd=optimizer)

    def many(rows: Texts) -> list[float]:
        return [doc.cats["toxic"] for doc in nlp.pipe(rows)]

    return Peer("spacy", lambda text: nlp(text).cats["toxic"], many, many)


PEERS: dict[str, Callable[[Texts, Sequence[int]], Peer]] = {
    "fastText, defaults": _fasttext,
    "fastText, n-grams": _fasttext_ngrams,
    "scikit-learn `char_wb`": _scikit_learn,
    "korcen": _korcen,
    "spaCy, bag of words": _spacy,
}


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    wall, processor = perf_counter(), process_time()
    work()
    return {"wall": perf_counter() - wall, "cpu": process_time() - processor}


def _one_by_one(one: Callable[[str], Any], texts: Texts) -> dict[str, float]:
    for text in texts[:_WARM]:
        one(text)
    spent = []
    processor = process_time()
    for text in texts:
        began = perf_counter()
        one(text)
        spent.append(perf_counter() - began)
    parts = quantiles(spent, n=100, method="inclusive")
    return {"p50": parts[49], "p99": parts[98], "cpu": (process_time() - processor) / len(texts)}


def main() -> None:
    """Get ready, then answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    kind, texts, *folder = sys.argv[1:]
    given = json.loads(Path(texts).read_text("utf-8"))
    try:
        contestant = Bundle(*folder) if kind == "bundle" else PEERS[kind](given["training"], given["targets"])
    except ImportError as error:
        answer({"missing": error.name})
        return
    answer({"versions": contestant.versions, "scores": contestant.scores(given["test"])})
    timed = given["timed"]
    gc.collect()
    gc.freeze()  # what learning left behind: a process that only scores does not hold it
    for line in sys.stdin:
        what, *numbers = json.loads(line)
        if what == "one":
            answer(_one_by_one(contestant.one, timed[: numbers[0]]))
        elif what == "batch":
            rows, threads = timed[: numbers[0]], numbers[1]
            answer(_timed(lambda rows=rows, threads=threads: contestant.many(rows, threads)))  # type: ignore[misc]
        elif isinstance(contestant, Bundle):
            answer(_timed(contestant.load))


if __name__ == "__main__":
    main()
