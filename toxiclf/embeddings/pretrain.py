"""Train word vectors on texts of any size: Word2Vec, or FastText over jamo n-grams."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from toxiclf._files import scratch_folder, writing_text
from toxiclf.cache import cache_folder, is_private
from toxiclf.datasets.reading import read_texts
from toxiclf.embeddings import store
from toxiclf.embeddings._gensim import Advance, trained_on
from toxiclf.embeddings.word_vectors import Say, WordVectors
from toxiclf.errors import DataError
from toxiclf.recipe import TextSection, VectorsSection
from toxiclf.rows import Rejected, source_name
from toxiclf.text import normalize
from toxiclf.text.hangul import decompose, respells
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import Tokenizer

_CHUNK = 8192


@dataclass(frozen=True)
class Pretrained:
    """Trained word vectors, their card, and the rejected rows.

    Attributes
    ----------
    rejected : source and details of each row that was rejected because it could not be read.
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
    """Train word vectors on files of any size, which are read once, as a stream, into a temporary file of tokens.

    Parameters
    ----------
    sources : files, or ``corpus:NAME``.
    options : options of the training; "auto" is 5 for ``min_count`` and 5 for ``epochs``.
    text, engine : options and tokenizer that turn texts into tokens.
    workers : number of threads; with more than one, the same seed does not give the same vectors again.
    advance : called with the share of the training that is done; tokenization before it is not reported.
    scratch : folder for the temporary file of tokens, which is about as large as the texts; None for the system's
        folder for temporary files.

    Raises
    ------
    DataError : the files hold no text, or no token occurs ``min_count`` times.
    """
    options = resolved(options, min_count=5, epochs=5)
    rejected: list[tuple[str, Rejected]] = []
    digest = hashlib.sha256()
    count = 0

    def texts() -> Iterator[str]:
        nonlocal count
        for source in sources:

            def reject(row: Rejected, source: str = source) -> None:
                rejected.append((source, row))

            for content in read_texts(source, reject):
                digest.update(content.encode("utf-8", "surrogatepass") + b"\0")
                count += 1
                yield content

    with scratch_folder(scratch) as folder:
        path = folder / "tokens.txt"
        sentences = _tokens_of(texts(), Normalizer.of(text), engine, workers)
        odd = _write(path, sentences, options)
        if not count:
            why = _rejected_sentence(Counter(row.reason for _, row in rejected))
            raise DataError(f"{', '.join(sources)}: there is no text to train word vectors on{why and '; ' + why}")
        say(f"word vectors: tokenized {count:,} texts ({engine.name}); training {_title(options)}")
        vectors = trained_on(path, options, odd, seed=options.seed, workers=workers, say=say, advance=advance)
    card = store.VectorCard(
        kind=options.kind, text=text_facts(text, engine), options=_training_options(options), seed=options.seed, workers=workers,
        sources=tuple(map(source_name, sources)),
        texts=count, texts_sha256=digest.hexdigest(), versions=_versions(),
    )  # fmt: skip
    return Pretrained(vectors, card, rejected)


def vectors_of_rows(tokens: Iterable[Sequence[str]], options: VectorsSection, seed: int) -> WordVectors:
    """Train word vectors on the tokens of the training rows; "auto" is 2 for ``min_count`` and 20 for ``epochs``.

    Raises
    ------
    DataError : no token occurs ``min_count`` times.
    """
    options = resolved(options, min_count=2, epochs=20)
    with scratch_folder() as scratch:
        path = scratch / "tokens.txt"
        odd = _write(path, tokens, options)
        vectors = trained_on(path, options, odd, seed=(seed + options.seed) % 2**31, workers=1)
    return replace(vectors, origin={"source": "training rows", "kind": options.kind})


def vectors_of_unlabeled(options: VectorsSection, text: TextSection, engine: Tokenizer, say: Say) -> WordVectors:
    """Return word vectors trained on the ``options.unlabeled`` texts.

    If they were trained before on the same texts with the same options, they are read from the cache, which is in
    :func:`toxiclf.cache.cache_folder`. Otherwise they are trained, and cached there. Rejected rows are left out, and
    ``say`` gets a message with their number.

    Raises
    ------
    DataError : the files hold no text, or no token occurs ``min_count`` times.
    """
    options = resolved(options, min_count=5, epochs=5)
    digest = hashlib.sha256()
    count = 0
    reasons: Counter[str] = Counter()
    for source in options.unlabeled:
        for content in read_texts(source, lambda row: reasons.update([row.reason])):
            digest.update(content.encode("utf-8", "surrogatepass") + b"\0")
            count += 1
    why = _rejected_sentence(reasons)
    if not count:
        raise DataError(f"vectors.unlabeled names no text: {', '.join(options.unlabeled)}{why and '; ' + why}")
    if why:
        say(
            f"word vectors: {why}; to write these rows to VECTORS/rejected.csv, run: toxiclf pretrain "
            f"{shlex.join(options.unlabeled)} --out VECTORS"
        )
    key = {
        "format": 2, "texts": digest.hexdigest(), "text": text_facts(text, engine).model_dump(), "seed": options.seed,
        "kind": options.kind, "options": _training_options(options), "gensim": metadata.version("gensim"),
    }  # fmt: skip
    origin = {
        "source": ", ".join(map(source_name, options.unlabeled)),
        "kind": options.kind,
        "texts_sha256": digest.hexdigest(),
    }
    folder = cache_folder() / "vectors" / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    if (kept := store.place(folder)).exists():
        try:
            if not is_private(kept):
                raise DataError(
                    "other users may have written them; set TOXICLF_CACHE to a folder that only you can write to"
                )
            vectors, _ = store.load(folder)
        except DataError as error:
            say(f"word vectors: the cached ones are not used ({error}); training them again")
            with suppress(OSError):
                folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
        else:
            say(f"word vectors of {count:,} unlabeled texts: read from the cache")
            return replace(vectors, origin=origin)
    say(
        f"word vectors: training {options.kind} on {count:,} unlabeled texts with one worker, so that the vectors "
        f"are reproducible; they are kept in {folder.parent} for later runs"
    )
    trained = pretrain(options.unlabeled, options, text, engine, say=say)
    try:
        store.save(folder, trained.vectors, trained.card)
    except OSError as error:
        say(
            f"word vectors: not cached, because {folder.parent} cannot be written ({error.strerror}); set "
            "TOXICLF_CACHE to another folder"
        )
    return replace(trained.vectors, origin=origin)


def _rejected_sentence(reasons: Mapping[str, int]) -> str:
    """Return the number of rejected rows and the most frequent reason, as a sentence; "" if there are none."""
    if not reasons:
        return ""
    most = max(reasons, key=reasons.__getitem__)
    return f"{sum(reasons.values()):,} rows could not be read and were rejected, most often: {most}"


def text_facts(text: TextSection, engine: Tokenizer) -> store.TextFacts:
    """Return the settings and versions that decide how texts become tokens."""
    return store.TextFacts(
        tokenizer=engine.name, tokenizer_version=engine.version, part_of_speech=engine.part_of_speech,
        typo_correction=engine.typo_correction, normalizer_version=normalize.VERSION,
        **asdict(Normalizer.of(text)),
    )  # fmt: skip


def resolved(options: VectorsSection, *, min_count: int, epochs: int) -> VectorsSection:
    """Return the options, with ``min_count`` and ``epochs`` in place of "auto"."""
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
    """Write the tokens of each text (for FastText, their jamo) to a file, one text per line.

    Texts are not held in memory. A text without tokens gets no line.

    Returns
    -------
    For FastText, counts of the tokens that differ from the syllables that their jamo spell (ㅅㅣ발, 다ㅋ); else empty.
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


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("toxiclf", "gensim", "numpy")}
