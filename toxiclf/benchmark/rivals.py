"""Rivals: other classifiers, compared on the same splits and calibrated the same way. Some need extra ``[rivals]``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from toxiclf._files import scratch_folder, write_bytes
from toxiclf.errors import MissingExtraError

Floats = NDArray[np.float64]
Fitted = Callable[[Sequence[str]], Floats]
"""A fitted rival: a function from comments to raw outputs, (n,), which are higher for more toxic comments."""


def majority(texts: Sequence[str], targets: NDArray[np.uint8], seed: int) -> Fitted:
    """Return a classifier that predicts the majority class (not toxic) for every comment: its output is always 0."""
    return lambda rows: np.zeros(len(rows))


def korcen(texts: Sequence[str], targets: NDArray[np.uint8], seed: int) -> Fitted:
    """Return korcen, an untrained keyword filter (TanaCommunity): its output is 1 if it finds a keyword, else 0."""
    try:
        from korcen import korcen as filter_of_words
    except ModuleNotFoundError:
        raise MissingExtraError("the rival korcen", "rivals") from None
    return lambda rows: np.array([float(bool(filter_of_words.check(text))) for text in rows])


def fasttext(texts: Sequence[str], targets: NDArray[np.uint8], seed: int) -> Fitted:
    """Train fastText's classifier (Joulin et al. 2017) on words, word pairs and character n-grams (2 to 4).

    Its outputs are log-odds. If training diverges ("Encountered NaN"), as with some seeds, training starts again
    with half the learning rate, up to three times; fastText offers no other way out.
    """
    try:
        import fasttext as library
    except ModuleNotFoundError:
        raise MissingExtraError("the rival fasttext", "rivals") from None
    with scratch_folder() as folder:
        path = folder / "training.txt"
        lines = (f"__label__{y} {_line(text)}\n" for text, y in zip(texts, targets.tolist(), strict=True))
        write_bytes(path, "".join(lines).encode("utf-8", "replace"))
        for halving in range(4):
            try:
                model = library.train_supervised(
                    str(path),
                    dim=100,
                    epoch=25,
                    lr=0.5 / 2**halving,
                    wordNgrams=2,
                    minn=2,
                    maxn=4,
                    bucket=200_000,
                    thread=1,
                    seed=seed,
                    verbose=0,
                )
                break
            except RuntimeError as error:
                if "NaN" not in str(error) or halving == 3:
                    raise

    def raw(rows: Sequence[str]) -> Floats:
        log_odds = []
        for text in rows:
            pairs = model.f.predict(f"{_line(text)}\n", 2, 0.0, "replace")
            shares = {label: share for share, label in pairs}
            share = min(max(shares.get("__label__1", 0.0), 1e-6), 1 - 1e-6)
            log_odds.append(float(np.log(share / (1 - share))))
        return np.array(log_odds)

    return raw


def tfidf_svm(texts: Sequence[str], targets: NDArray[np.uint8], seed: int) -> Fitted:
    """Train a linear SVM on TF-IDF of character n-grams (1 to 5, within words) and word n-grams (1 to 2)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=2, sublinear_tf=True)
    words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(make_union(characters, words), LinearSVC(C=0.3, random_state=seed))
    model.fit(list(texts), targets)
    return lambda rows: np.asarray(model.decision_function(list(rows)), dtype=np.float64)


RIVALS: dict[str, Callable[[Sequence[str], NDArray[np.uint8], int], Fitted]] = {
    "majority": majority,
    "korcen": korcen,
    "fasttext": fasttext,
    "tfidf_svm": tfidf_svm,
}
"""By name, the function that trains a rival on texts and targets, (n,), with a seed."""


def _line(text: str) -> str:
    return " ".join(text.split())
