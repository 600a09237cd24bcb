"""Jobs: planned runs with hashes of what they depend on. Also reads, splits, subsamples and disguises comments."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np

from toxiclf.benchmark import rows
from toxiclf.benchmark.plan import CorpusEntry, PlannedRun
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.reading import read_texts
from toxiclf.datasets.splitting import Split, split
from toxiclf.embeddings.pretrained import load_vectors, vectors_hash
from toxiclf.errors import DataError, UnknownNameError, UsageError
from toxiclf.pipeline.save import versions
from toxiclf.pipeline.search.cross_validation import content_of, named_sources, named_vectors
from toxiclf.pipeline.train import read_parts
from toxiclf.recipe import SHIPPED_VECTORS, Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.rows import naming
from toxiclf.text.hangul import FIRST_SYLLABLE, decompose
from toxiclf.text.obfuscation import stem_pattern

_LIBRARIES = {
    "korcen": "korcen", "fasttext": "fasttext-numpy2-wheel", "kiwi": "kiwipiepy",
    **dict.fromkeys(("okt", "komoran", "hannanum", "kkma"), "konlpy"),
}  # fmt: skip
"""Package of each rival and tokenizer whose version is part of the key, beyond the versions of every run."""
_FEWEST = 20  # fewest toxic training comments of a subsampled corpus


@dataclass(frozen=True)
class Job:
    """A planned run with the key of its result row and the hashes of its comments.

    Attributes
    ----------
    run : the planned run.
    key : hash of what the run depends on; its result row is stored under this key.
    data : hash of the corpus's comments, and hash of its own test set or None.
    unfit : why the settings are not a valid recipe, in which case the run fails; empty if they are valid.
    """

    run: PlannedRun
    key: str
    data: tuple[str | None, ...]
    unfit: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether the corpus has changed since the job was made."""
        return _hashes(_unnamed(self.run.corpus)) != self.data

    @classmethod
    def of(cls, run: PlannedRun) -> Job:
        """Make the job of a planned run; this reads the corpus to hash it.

        Raises
        ------
        UnknownNameError : the recipe names an unknown preset or key.
        """
        data = _hashes(_unnamed(run.corpus))
        unnamed = run.corpus.model_dump(
            mode="json", exclude={"name", "max_rejected"} | (set() if run.corpus.disguised else {"disguised"})
        )
        content: dict[str, Any] = {
            "corpus": unnamed, "data": data, "rival": run.entry.rival,
            "versions": versions(),
        }  # fmt: skip
        try:
            recipe, unfit = run.recipe(), ""
        except UnknownNameError:
            raise
        except UsageError as error:
            content |= {"entry": run.entry.model_dump(mode="json"), "seed": run.seed, "settings": dict(run.settings)}
            unfit = error.message
        else:
            content |= {"recipe": recipe.model_dump(mode="json"), **_beside(run, recipe)}
        return cls(run, rows.key_of(content), data, unfit)


def _beside(run: PlannedRun, recipe: Recipe) -> dict[str, Any]:
    """Return what results depend on beyond recipe and corpus: library versions, unlabeled texts and word vectors.

    Texts and vectors are given as hashes.
    """
    content: dict[str, Any] = {}
    libraries = (_LIBRARIES.get(run.entry.rival or ""), _LIBRARIES.get(recipe.text.tokenizer))
    if any(libraries):
        content["libraries"] = {name: _version(name) for name in libraries if name is not None}
    unlabeled = named_sources(recipe, recipe.search, "unlabeled")
    if unlabeled:
        content["unlabeled"] = {source: _texts_hash(source) for source in unlabeled}
    if recipe.pretrained_vectors is not None:
        content["pretrained"] = _vectors_hash(recipe.pretrained_vectors)
    others = set(named_vectors(recipe, recipe.search)) - {recipe.pretrained_vectors, *SHIPPED_VECTORS}
    if others:
        content["vectors"] = {source: _vectors_hash(source) for source in sorted(others)}
    return content


def _texts_hash(source: str) -> str:
    next(read_texts(source), None)  # raises an error that says what to do if there are no texts
    return content_of(source)


def _vectors_hash(source: str) -> str:
    try:
        return vectors_hash(source)
    except OSError:
        load_vectors(source)  # raises an error that says what to do if there are no vectors
        raise


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def corpus(entry: CorpusEntry) -> tuple[Comments, Comments | None]:
    """Return the labeled comments of a corpus, and its own test set or None."""
    return _read(_unnamed(entry))


def _unnamed(entry: CorpusEntry) -> CorpusEntry:
    """Return the entry without name, rate and disguise; a corpus is read once for entries that differ only in these."""
    return entry.model_copy(update={"name": "", "rate": None, "disguised": False})


@lru_cache(maxsize=8)
def _hashes(entry: CorpusEntry) -> tuple[str | None, ...]:
    return tuple(None if part is None else part.sha256() for part in _read(entry))


@lru_cache(maxsize=8)
def _read(entry: CorpusEntry) -> tuple[Comments, Comments | None]:
    comments, test = read_parts(entry.source, None, **entry.columns)
    if test is not None and entry.test == "drawn":
        comments, test = comments.joined(test), None
    if not entry.any:
        return comments, test
    return _any(comments), None if test is None else _any(test)


def _any(comments: Comments) -> Comments:
    targets = comments.targets.max(axis=1)[:, None]
    return consistent(replace(comments, targets=targets, labels=("toxic",), negative=None))


def parts_of(run: PlannedRun, recipe: Recipe) -> Split:
    """Return the training, validation and test set of a run.

    If the corpus has a ``rate``, training and validation set are subsampled to this share of toxic comments. If the
    corpus is ``disguised``, abusive words in the test set are disguised.

    Raises
    ------
    UsageError : there is no test set, or the corpus cannot be subsampled to the rate.
    DataError : the corpus is too small to split, or too few toxic training comments are left.
    """
    normalizer = recipe_normalizer(recipe)
    comments, test = corpus(run.corpus)
    with naming(comments.guesses):
        own = None if test is None else consistent(test, normalizer)
        parts = split(
            consistent(comments, normalizer), test=own if own is not None else recipe.split.test, seed=recipe.seed,
            validation=recipe.split.validation, normalizer=normalizer,
        )  # fmt: skip
    if parts.test is None:
        raise UsageError("a benchmark measures on a test set: set split.test above 0")
    if run.corpus.disguised:
        parts = replace(parts, test=disguised(parts.test, recipe.seed))
    if run.corpus.rate is None:
        return parts
    rng = np.random.default_rng(recipe.seed)
    train, validation = (subsampled(part, run.corpus.rate, rng) for part in (parts.train, parts.validation))
    if train.targets.sum() < _FEWEST:
        raise DataError(
            f"at a rate of {run.corpus.rate:g}, only {int(train.targets.sum())} toxic training comments are "
            f"left, but {_FEWEST} are needed; raise the rate"
        )
    return replace(parts, train=train, validation=validation)


def subsampled(comments: Comments, rate: float, rng: np.random.Generator) -> Comments:
    """Remove random toxic comments until the share of toxic comments is ``rate``.

    Raises
    ------
    UsageError : there are several labels, or the share is already lower.
    """
    if len(comments.labels) > 1:
        raise UsageError("a corpus with a rate must have one label; choose one by the key label, or set any = true")
    toxic, others = (np.flatnonzero(comments.targets[:, 0] == value) for value in (1, 0))
    count = max(1, round(len(others) * rate / (1 - rate)))
    if count > len(toxic):
        raise UsageError(
            f"the rate is {rate:g}, but only {len(toxic) / len(comments):.1%} of these comments are toxic; lower "
            "the rate"
        )
    return comments.take(np.sort(np.concatenate([others, rng.choice(toxic, count, replace=False)])))


def disguised(comments: Comments, seed: int) -> Comments:
    """Disguise each abusive stem of toxic comments in a random one of four ways: ㅅㅣ발, 시.발, 시1발, 시이이발.

    The last way needs a first syllable without a final consonant; otherwise the stem stays as it is.
    """
    rng = np.random.default_rng(seed)

    def other(match: re.Match[str]) -> str:
        stem = match[0]
        way = rng.integers(4)
        if way == 0 or len(stem) < 2:
            return decompose(stem[0]) + stem[1:]
        if way == 1:
            return str(rng.choice(list(".~*-"))).join(stem)
        if way == 2:
            return f"{stem[0]}1{stem[1:]}"
        vowel_alone = chr((ord(stem[0]) - FIRST_SYLLABLE) % 588 // 28 * 28 + ord("아"))
        return stem if (ord(stem[0]) - FIRST_SYLLABLE) % 28 else stem[0] + 2 * vowel_alone + stem[1:]

    texts = [
        stem_pattern().sub(other, text) if toxic else text
        for text, toxic in zip(comments.texts, comments.targets.max(axis=1), strict=True)
    ]
    return replace(comments, texts=texts)
