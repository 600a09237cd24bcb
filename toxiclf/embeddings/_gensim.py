"""Train Word2Vec and FastText on a file of tokens, with gensim."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.cache import own_settings_of_libraries
from toxiclf.embeddings.word_vectors import Say, WordVectors, with_pieces
from toxiclf.errors import DataError
from toxiclf.recipe import VectorsSection
from toxiclf.text.hangul import decompose, recompose

Advance = Callable[[float], None]
"""Function that is called with the share of the training that is done."""


def trained_on(
    path: Path, options: VectorsSection, odd: Counter[str], *, seed: int, workers: int, say: Say = lambda message: None,
    advance: Advance | None = None,
) -> WordVectors:  # fmt: skip
    """Train Word2Vec (Mikolov et al. 2013) or FastText (Bojanowski et al. 2017) on a file of tokens, with gensim.

    FastText reads jamo in place of syllables, so that its n-grams can cross syllable boundaries (Park et al. 2018).
    Spellings with the same jamo (ㅅㅣ발 and 시발, 다ㅋ and 닼) are one word to FastText; each frequent spelling gets the
    word's vector.

    Parameters
    ----------
    odd : counts of tokens that differ from the syllables that their jamo spell, as ㅅㅣ발 differs from 시발; only used for
        FastText.

    Raises
    ------
    DataError : no token occurs ``min_count`` times.
    """
    with own_settings_of_libraries():
        from gensim.models import FastText, Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
        from gensim.models.fasttext import ft_ngram_hashes

    assert isinstance(options.epochs, int)  # the caller has replaced "auto" by a number
    epochs: int = options.epochs

    class Epochs(CallbackAny2Vec):  # type: ignore[misc]  # gensim has no types
        done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            say(f"word vectors: epoch {self.done} of {epochs}")
            if advance is not None:
                advance(self.done / epochs)

    settings = {
        "vector_size": options.size, "window": options.window, "sg": int(options.architecture == "skip_gram"),
        "min_count": options.min_count, "epochs": epochs, "seed": seed, "workers": workers,
    }  # fmt: skip
    low, high = options.jamo_ngrams
    if options.kind == "fasttext":
        model = FastText(min_n=low, max_n=high, bucket=options.buckets, **settings)
    else:
        model = Word2Vec(**settings)
    model.build_vocab(corpus_file=str(path))
    if not len(model.wv):
        raise DataError(
            f"no token occurs {options.min_count} times, so there is nothing to train word vectors on; name more texts with "
            "vectors.unlabeled, or lower vectors.min_count"
        )
    with _listening(advance, epochs):
        model.train(corpus_file=str(path), total_words=model.corpus_total_words, epochs=epochs, callbacks=[Epochs()])
    counts = np.array([model.wv.get_vecattr(key, "count") for key in model.wv.index_to_key], dtype=np.float64)
    matrix = np.ascontiguousarray(model.wv.vectors, dtype=np.float32)
    if options.kind == "word2vec":
        return with_pieces(list(model.wv.index_to_key), matrix, counts)

    def vectors_of(pieces: Sequence[str]) -> NDArray[np.float32]:
        """Return FastText's vectors of pieces, as ``model.wv.get_vector`` does; zeros for a piece without n-grams."""
        keys = [decompose(piece) for piece in pieces]
        ngrams = [ft_ngram_hashes(key, low, high, options.buckets) for key in keys]
        sizes = np.fromiter(map(len, ngrams), dtype=np.intp, count=len(ngrams))
        made = np.zeros((len(keys), options.size), dtype=np.float32)
        for k in range(sizes.max(initial=0)):
            made[sizes > k] += model.wv.vectors_ngrams[[hashes[k] for hashes in ngrams if len(hashes) > k]]
        made /= np.maximum(sizes, 1).astype(np.float32)[:, None]
        for i, key in enumerate(keys):
            if key in model.wv.key_to_index:
                made[i] = model.wv.vectors[model.wv.key_to_index[key]]
        return made

    assert isinstance(options.min_count, int)
    tokens, rows, seen = _spellings(model.wv.index_to_key, counts, odd, options.min_count)
    return with_pieces(tokens, matrix[rows], seen, vectors_of)


def _spellings(
    keys: Sequence[str], counts: NDArray[np.float64], odd: Mapping[str, int], min_count: int
) -> tuple[list[str], NDArray[np.intp], NDArray[np.float64]]:
    """Return each spelling of FastText's words, the index of its word in ``keys``, and the count of the spelling.

    All three are in order of falling count. ``keys`` are the words in jamo, and ``counts`` their counts. ``odd`` has
    the counts of spellings other than the syllables that a word's jamo spell. Spellings rarer than ``min_count`` are
    left out, except the most frequent spelling of each word.
    """
    spelt: dict[str, dict[str, int]] = {}
    for token, count in odd.items():
        spelt.setdefault(decompose(token), {})[token] = count
    rows: list[tuple[float, int, str]] = []
    for place, key in enumerate(keys):
        others = spelt.get(key, {})
        spellings = {recompose(key): int(counts[place]) - sum(others.values()), **others}
        most = max(spellings.values())
        rows += [(-n, place, token) for token, n in spellings.items() if n >= min(min_count, most)]
    rows.sort()
    tokens = [token for _, _, token in rows]
    return tokens, np.array([place for _, place, _ in rows]), -np.array([n for n, _, _ in rows], dtype=np.float64)


@contextmanager
def _listening(advance: Advance | None, epochs: int) -> Iterator[None]:
    """Report progress within an epoch by reading gensim's log, because gensim's callbacks report only whole epochs."""
    if advance is None:
        yield
        return
    report: Advance = advance  # mypy does not carry the check into the class

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if str(record.msg).startswith("EPOCH %i - PROGRESS: at %.2f%%") and isinstance(record.args, tuple):
                epoch, percent = record.args[:2]
                assert isinstance(epoch, int) and isinstance(percent, float)  # noqa: PT018
                report((epoch + percent / 100) / epochs)

    logger, ear = logging.getLogger("gensim.models.word2vec"), Ear()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
        logger.propagate = propagate
