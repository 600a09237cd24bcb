"""Train word vectors: Word2Vec, or FastText over jamo n-grams, on texts that are streamed through a file of tokens."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf._files import writing_text
from toxiclf.cache import cache_folder
from toxiclf.datasets.reading import read_texts
from toxiclf.embeddings import store
from toxiclf.embeddings.word_vectors import Say, WordVectors, with_pieces
from toxiclf.errors import DataError
from toxiclf.recipe import TextSection, VectorsSection
from toxiclf.rows import Rejected
from toxiclf.text import normalize
from toxiclf.text.hangul import decompose, recompose, respells
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import Tokenizer

_CHUNK = 8192
Advance = Callable[[float], None]
"""Called with the share of the training that is done."""


@dataclass(frozen=True)
class Pretrained:
    """Vectors and where they came from.

    Attributes
    ----------
    rejected : source and row, of rows of the files that could not be read.
    """

    vectors: WordVectors
    card: store.VectorCard
    rejected: list[tuple[str, Rejected]]


def pretrain(
    sources: Sequence[str],
    options: VectorsSection,
    text: TextSection,
    engine: Tokenizer,
    *,
    workers: int = 1,
    say: Say = lambda message: None,
    advance: Advance | None = None,
    scratch: Path | None = None,
) -> Pretrained:
    """Train vectors on files of any size: they are read once, as a stream, and their tokens are kept in a file.

    Parameters
    ----------
    sources : files, or ``corpus:NAME``.
    options : "auto" is ``min_count`` 5 and ``epochs`` 5.
    text, engine : how texts become tokens.
    workers : threads; with more than one, the seed does not give the same vectors again.
    advance : of the training itself, after the tokens are made.
    scratch : where the file of tokens lies meanwhile, about as large as the texts; None for the system's temporary folder.

    Raises
    ------
    DataError : the files hold no text, or no token is frequent enough.
    """
    options = resolved(options, min_count=5, epochs=5)
    rejected: list[tuple[str, Rejected]] = []
    digest = hashlib.sha256()
    count = 0

    def texts() -> Iterator[str]:
        nonlocal count
        for source in sources:

            def set_aside(row: Rejected, source: str = source) -> None:
                rejected.append((source, row))

            for found in read_texts(source, set_aside):
                digest.update(found.encode("utf-8", "surrogatepass") + b"\0")
                count += 1
                yield found

    with tempfile.TemporaryDirectory(prefix=".toxiclf-", dir=scratch) as folder:
        path = Path(folder) / "tokens.txt"
        sentences = _tokens_of(texts(), Normalizer(text.repeat_cap, text.max_chars), engine, workers)
        odd = _write(path, sentences, options)
        if not count:
            why = _set_aside_sentence(Counter(row.reason for _, row in rejected))
            raise DataError(f"{', '.join(sources)}: there is no text to train word vectors on{why and '; ' + why}")
        say(f"word vectors: {count:,} texts are tokens ({engine.name}); training {_title(options)}")
        vectors = _train(path, options, odd, seed=options.seed, workers=workers, say=say, advance=advance)
    card = store.VectorCard(
        kind=options.kind, text=text_facts(text, engine), options=_training_options(options), seed=options.seed, workers=workers,
        sources=tuple(source if source.startswith("corpus:") else Path(source).name for source in sources),
        texts=count, texts_sha256=digest.hexdigest(), versions=_versions(),
    )  # fmt: skip
    return Pretrained(vectors, card, rejected)


def vectors_of_rows(tokens: Iterable[Sequence[str]], options: VectorsSection, seed: int) -> WordVectors:
    """Vectors of the training rows themselves; "auto" is ``min_count`` 2 and ``epochs`` 20.

    Raises
    ------
    DataError : no token is frequent enough.
    """
    options = resolved(options, min_count=2, epochs=20)
    with tempfile.TemporaryDirectory(prefix="toxiclf-") as scratch:
        path = Path(scratch) / "tokens.txt"
        odd = _write(path, tokens, options)
        vectors = _train(path, options, odd, seed=(seed + options.seed) % 2**31, workers=1)
    return replace(vectors, origin={"source": "training rows", "kind": options.kind})


def vectors_of_unlabeled(options: VectorsSection, text: TextSection, engine: Tokenizer, say: Say) -> WordVectors:
    """Vectors of the ``unlabeled`` texts, from the cache where the same texts were trained on in the same way.

    The cache is :func:`toxiclf.cache.cache_folder`. Rows that cannot be read are left out, and said.

    Raises
    ------
    DataError : the files hold no text, or no token is frequent enough.
    """
    options = resolved(options, min_count=5, epochs=5)
    digest = hashlib.sha256()
    count = 0
    reasons: Counter[str] = Counter()
    for source in options.unlabeled:
        for found in read_texts(source, lambda row: reasons.update([row.reason])):
            digest.update(found.encode("utf-8", "surrogatepass") + b"\0")
            count += 1
    why = _set_aside_sentence(reasons)
    if not count:
        raise DataError(f"vectors.unlabeled names no text: {', '.join(options.unlabeled)}{why and '; ' + why}")
    if why:
        say(
            f"word vectors: {why}; to see them: toxiclf pretrain {shlex.join(options.unlabeled)} --out VECTORS, which writes them "
            "to VECTORS/rejected.csv"
        )
    key = {
        "format": 2, "texts": digest.hexdigest(), "text": text_facts(text, engine).model_dump(), "seed": options.seed,
        "kind": options.kind, "options": _training_options(options), "gensim": metadata.version("gensim"),
    }  # fmt: skip
    origin = {"source": ", ".join(options.unlabeled), "kind": options.kind, "texts_sha256": digest.hexdigest()}
    folder = cache_folder() / "vectors" / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    if store.place(folder).exists():
        try:
            vectors, _ = store.load(folder)
        except DataError as error:
            say(f"word vectors: what the cache holds is damaged ({error}); training them again")
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"word vectors of {count:,} unlabelled texts: from the cache")
            return replace(vectors, origin=origin)
    say(
        f"word vectors: training {options.kind} on {count:,} unlabelled texts; one worker, so that the seed reproduces them; "
        f"kept for later runs in {folder.parent}"
    )
    found_now = pretrain(options.unlabeled, options, text, engine, say=say)
    try:
        store.save(folder, found_now.vectors, found_now.card)
    except OSError as error:
        say(
            f"word vectors: not kept, as {folder.parent} cannot be written ({error.strerror}); set TOXICLF_CACHE to another folder"
        )
    return replace(found_now.vectors, origin=origin)


def _set_aside_sentence(reasons: Mapping[str, int]) -> str:
    """How many rows could not be read, and why most of them; empty where all could."""
    if not reasons:
        return ""
    most = max(reasons, key=reasons.__getitem__)
    return f"{sum(reasons.values()):,} rows could not be read and were set aside, most often: {most}"


def text_facts(text: TextSection, engine: Tokenizer) -> store.TextFacts:
    """How a recipe's ``[text]`` makes tokens."""
    return store.TextFacts(
        tokenizer=engine.name, tokenizer_version=engine.version, part_of_speech=engine.part_of_speech,
        typo_correction=engine.typo_correction, normalizer_version=normalize.VERSION, repeat_cap=text.repeat_cap,
        max_chars=text.max_chars,
    )  # fmt: skip


def resolved(options: VectorsSection, *, min_count: int, epochs: int) -> VectorsSection:
    """The options with "auto" written out."""
    auto = {"min_count": min_count, "epochs": epochs}
    return options.model_copy(update={key: value for key, value in auto.items() if getattr(options, key) == "auto"})


def _training_options(options: VectorsSection) -> dict[str, Any]:
    names = {"architecture", "size", "window", "min_count", "epochs"}
    if options.kind == "fasttext":
        names |= {"jamo_ngrams", "buckets"}
    return {name: value for name, value in options.model_dump(mode="json").items() if name in names}


def _title(options: VectorsSection) -> str:
    architecture = options.architecture.replace("_", "-")
    if options.kind == "word2vec":
        return f"Word2Vec ({architecture})"
    return f"FastText ({architecture}) over {options.jamo_ngrams[0]} to {options.jamo_ngrams[1]} jamo"


def _tokens_of(
    texts: Iterable[str], normalizer: Normalizer, engine: Tokenizer, workers: int
) -> Iterator[Sequence[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, _CHUNK)):
        yield from engine.tokenize(normalizer.batch(chunk)[0], workers=workers)


def _write(path: Path, sentences: Iterable[Sequence[str]], options: VectorsSection) -> Counter[str]:
    """Tokens of each text, one line a text, on disk: memory does not grow with the texts; for FastText, their jamo.

    Returns
    -------
    For FastText, how often each token was seen that is not what its jamo spell (ㅅㅣ발, 다ㅋ).
    """
    odd: Counter[str] = Counter()
    with writing_text(path) as file:
        for tokens in sentences:
            line = " ".join(tokens)
            if options.kind == "fasttext":
                if respells(line):
                    odd.update(token for token in tokens if respells(token))
                line = decompose(line)
            if line:
                file.write(line + "\n")
    return odd


def _train(
    path: Path, options: VectorsSection, odd: Counter[str], *, seed: int, workers: int, say: Say = lambda message: None,
    advance: Advance | None = None,
) -> WordVectors:  # fmt: skip
    """Word2Vec (Mikolov et al. 2013) or FastText (Bojanowski et al. 2017) over a file of tokens, by gensim.

    FastText sees jamo in place of syllables, so that its n-grams cross syllables (Park et al. 2018). What has the same jamo (ㅅㅣ발
    and 시발, 다ㅋ and 닼) is one word to it; each spelling that is frequent enough gets its vector.

    Parameters
    ----------
    odd : how often tokens were seen that are not what their jamo spell.
    """
    from gensim.models import FastText, Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec
    from gensim.models.fasttext import ft_ngram_hashes

    assert isinstance(options.epochs, int)  # "auto" is written out
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
        """What ``model.wv.get_vector`` gives for each, in few steps; zeros where a piece is shorter than any n-gram."""
        keys = [decompose(piece) for piece in pieces]
        ngrams = [ft_ngram_hashes(key, low, high, options.buckets) for key in keys]
        sizes = np.fromiter(map(len, ngrams), dtype=np.intp, count=len(ngrams))
        made = np.zeros((len(keys), options.size), dtype=np.float32)
        for k in range(sizes.max(initial=0)):
            made[sizes > k] += model.wv.vectors_ngrams[[found[k] for found in ngrams if len(found) > k]]
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
    """Tokens of falling frequency from words of jamo: the place of each one's word, and how often it was seen itself."""
    spelt: dict[str, dict[str, int]] = {}
    for token, count in odd.items():
        spelt.setdefault(decompose(token), {})[token] = count
    found: list[tuple[float, int, str]] = []
    for place, key in enumerate(keys):
        others = spelt.get(key, {})
        spellings = {recompose(key): int(counts[place]) - sum(others.values()), **others}
        most = max(spellings.values())
        found += [(-n, place, token) for token, n in spellings.items() if n >= min(min_count, most)]
    found.sort()
    tokens = [token for _, _, token in found]
    return tokens, np.array([place for _, place, _ in found]), -np.array([n for n, _, _ in found], dtype=np.float64)


@contextmanager
def _listening(advance: Advance | None, epochs: int) -> Iterator[None]:
    """Hear from gensim's log how far it is within an epoch: its callbacks only tell of whole ones."""
    if advance is None:
        yield
        return
    heard: Advance = advance

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if str(record.msg).startswith("EPOCH %i - PROGRESS: at %.2f%%") and isinstance(record.args, tuple):
                epoch, percent = record.args[:2]
                assert isinstance(epoch, int) and isinstance(percent, float)  # noqa: PT018
                heard((epoch + percent / 100) / epochs)

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


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("toxiclf", "gensim", "numpy")}
