"""The text encoder of a bundle, which turns comments into the ids that a model's graph reads."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from toxiclf._registry import component
from toxiclf.errors import UnknownNameError, UsageError
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Span, Tokenizer, in_threads, tokenizer, tokenizer_class
from toxiclf.text.vocabulary import Ids, NgramVocabulary, TokenVocabulary


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of encoded comments, which a model's graph takes as its inputs.

    Attributes
    ----------
    views : ids of each view of the text, by the name of the view; the graph calls this input ``<name>_ids``.
    truncated : bool (n,), whether a part of the comment was cut off.
    known : bool (n,), whether the comment has an id in at least one graph input.
    """

    views: Mapping[str, Ids]
    truncated: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.truncated)

    def take(self, rows: NDArray[np.intp]) -> Encoded:
        """Return the comments at the indices ``rows``, in that order."""
        views = {name: ids.take(rows) for name, ids in self.views.items()}
        return Encoded(views, self.truncated[rows], self.known[rows])


class TokenViewSpec(BaseModel):
    """Schema of the entry in ``text.json`` for a graph input of tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["tokens"] = "tokens"
    tokenizer: str
    tokenizer_version: str
    max_tokens: Annotated[int, Field(ge=1)] | None
    part_of_speech: tuple[str, ...] = ()
    typo_correction: bool = False


class NgramViewSpec(BaseModel):
    """Schema of the entry in ``text.json`` for a graph input of n-grams."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["ngrams"] = "ngrams"
    unit: Literal["jamo", "syllable"]


class TextSpec(BaseModel):
    """Schema of ``text.json``: settings of the normalizer, views that read disguised words, and graph inputs.

    A step that is not in ``text.json`` is off, because the bundle was written before there was this step.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    repeat_cap: Annotated[int, Field(ge=1)]
    max_chars: Annotated[int, Field(ge=1)]
    html_entities: bool = False
    mask_personal: bool = False
    obfuscation: tuple[str, ...] = ()
    views: Annotated[
        dict[str, Annotated[TokenViewSpec | NgramViewSpec, Field(discriminator="kind")]], Field(max_length=1000)
    ]


class TokenView:
    """Encodes each text as the ids of its tokens, for a model's graph to read."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: TokenVocabulary, max_tokens: int | None = None) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens

    def encode(self, texts: Sequence[str], workers: int = 1) -> tuple[Ids, NDArray[np.bool_]]:
        """Return the ids of normalized texts and, for each, whether its tokens were cut to ``max_tokens``, bool (n,).

        Up to ``workers`` CPU cores share a large batch.
        """
        if workers < 2 or not texts or not self.tokenizer.threads_help:
            return self.encode_tokens(self.tokenizer.tokenize(texts, workers))
        # each thread also looks up the ids of its part, while other threads tokenize
        parts = in_threads(lambda part: self.encode_tokens(self.tokenizer.tokenize_part(part)), texts, workers)
        return Ids.joined([ids for ids, _ in parts]), np.concatenate([cut for _, cut in parts])

    def encode_tokens(self, tokens: Sequence[Sequence[str]]) -> tuple[Ids, NDArray[np.bool_]]:
        """Return the ids of tokenized texts and, for each, whether its tokens were cut to ``max_tokens``, bool (n,)."""
        ids = self.vocabulary.ids(tokens)
        cut = np.zeros(len(tokens), dtype=np.bool_)
        if self.max_tokens is not None:
            cut = ids.lengths > self.max_tokens
            ids = ids.cut(self.max_tokens)
        return ids, cut

    def spec(self) -> TokenViewSpec:
        """Return the entry in ``text.json`` for this graph input."""
        return TokenViewSpec(
            tokenizer=self.tokenizer.name,
            tokenizer_version=self.tokenizer.version,
            max_tokens=self.max_tokens,
            part_of_speech=self.tokenizer.part_of_speech,
            typo_correction=self.tokenizer.typo_correction,
        )

    def vocabulary_json(self) -> list[str]:
        """Return the entry in ``vocabulary.json`` for this graph input: the tokens in order of their ids."""
        return self.vocabulary.tokens

    @classmethod
    def from_spec(cls, spec: TokenViewSpec, vocabulary: Any) -> TokenView:
        """Make the graph input from its entries in ``text.json`` and ``vocabulary.json``.

        Warn if the installed version of the tokenizer is not the one recorded in ``text.json``.
        """
        if not (isinstance(vocabulary, list) and all(isinstance(token, str) for token in vocabulary)):
            raise ValueError("a vocabulary of tokens must be a list of strings")
        try:
            made = tokenizer_class(spec.tokenizer)
        except UnknownNameError as error:
            raise ValueError(_not_here("tokenizer", spec.tokenizer)) from error
        try:
            made.check_options(spec.part_of_speech, spec.typo_correction)
        except UsageError as error:
            raise ValueError(str(error)) from error  # the bundle is invalid; a missing engine, below, is another error
        engine = made(spec.part_of_speech, spec.typo_correction)
        if engine.version != spec.tokenizer_version:
            warnings.warn(
                f"the bundle was trained with {spec.tokenizer_version}, but {engine.version} is installed, so "
                "tokens and scores may differ; install the same version, or train again",
                stacklevel=2,
            )
        return cls(engine, TokenVocabulary(vocabulary), spec.max_tokens)


class NgramView:
    """Encodes each text as the ids of its distinct n-grams of jamo or syllables, for a model's graph to read."""

    def __init__(self, vocabulary: NgramVocabulary) -> None:
        self.vocabulary = vocabulary

    def encode(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.bool_]]:
        """Return the ids of normalized texts, and an array of False, bool (n,), because n-grams are never cut."""
        return self.vocabulary.ids(texts), np.zeros(len(texts), dtype=np.bool_)

    def spec(self) -> NgramViewSpec:
        """Return the entry in ``text.json`` for this graph input."""
        return NgramViewSpec(unit=self.vocabulary.unit)

    def vocabulary_json(self) -> dict[str, str]:
        """Return the entry in ``vocabulary.json`` for this graph input: for each n, its n-grams in one string."""
        return {str(n): text for n, text in self.vocabulary.ngrams.items()}

    @classmethod
    def from_spec(cls, spec: NgramViewSpec, vocabulary: Any) -> NgramView:
        """Make the graph input from its entries in ``text.json`` and ``vocabulary.json``."""
        if not (isinstance(vocabulary, dict) and all(isinstance(text, str) for text in vocabulary.values())):
            raise ValueError("a vocabulary of n-grams must be a JSON object whose values are strings")
        unknown = [n for n in vocabulary if n not in _NGRAM_LENGTHS]
        if unknown:
            raise ValueError(f"n-grams have {unknown[0][:20]} units; expected a number from 1 to {LONGEST_NGRAM}")
        return cls(NgramVocabulary(spec.unit, {int(n): text for n, text in vocabulary.items()}))


LONGEST_NGRAM = 16
_NGRAM_LENGTHS = frozenset(map(str, range(1, LONGEST_NGRAM + 1)))


def _not_here(kind: str, name: str) -> str:
    return f"there is no {kind} '{name}' here; install a newer toxiclf, or the package that adds it"


View = TokenView | NgramView


def join_views(views: Mapping[str, tuple[Ids, NDArray[np.bool_]]], truncated: NDArray[np.bool_]) -> Encoded:
    """Combine the ids of all graph inputs for one batch of texts.

    Parameters
    ----------
    views : the result of each view's ``encode``, by the name of the view.
    truncated : bool (n,), whether the normalizer cut the text.
    """
    known = np.zeros(len(truncated), dtype=np.bool_)
    for ids, cut in views.values():
        truncated = truncated | cut
        known |= ids.lengths > 0
    return Encoded({name: ids for name, (ids, _) in views.items()}, truncated, known)


def _engine_of(view: View) -> tuple[Any, ...] | None:
    """Return a key that is equal for graph inputs with the same tokenizer and options; None for n-grams."""
    if isinstance(view, NgramView):
        return None
    return (view.tokenizer.name, tuple(view.tokenizer.part_of_speech), view.tokenizer.typo_correction)


class TextEncoder:
    """Preprocesses comments and encodes them as the inputs of a model's graph.

    Parameters
    ----------
    preprocessor : preprocesses every text before it is encoded.
    views : views of the text by name; each becomes two inputs of the graph, ``<name>_ids`` and ``<name>_lengths``.
    """

    def __init__(self, preprocessor: Preprocessor, views: Mapping[str, View]) -> None:
        self.preprocessor = preprocessor
        self.views = dict(views)
        engines = Counter(map(_engine_of, self.views.values()))
        self._spanning: Tokenizer | None = None
        self._shared = {engine for engine, count in engines.items() if engine is not None and count > 1}

    @property
    def normalizer(self) -> Normalizer:
        """Normalizer of the comments. Comments with the same normalized text count as equal."""
        return self.preprocessor.normalizer

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Preprocess and encode raw texts; return them as one batch."""
        return self.encode_preprocessed(*self.preprocessor.batch(texts))

    def encode_preprocessed(self, texts: Sequence[str], truncated: NDArray[np.bool_]) -> Encoded:
        """Encode preprocessed texts; ``truncated`` (n,) tells which of them the normalizer cut."""
        tokens: dict[Any, list[list[str]]] = {}
        views = {}
        for name, view in self.views.items():
            key = _engine_of(view)
            if key in self._shared and isinstance(view, TokenView):  # inputs of an ensemble share their tokens
                if key not in tokens:
                    tokens[key] = view.tokenizer.tokenize(texts)
                views[name] = view.encode_tokens(tokens[key])
            else:
                views[name] = view.encode(texts)
        return join_views(views, truncated)

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens of one normalized text.

        The tokens are those of the first graph input of tokens, or MeCab's if all graph inputs are n-grams.
        """
        if self._spanning is None:
            engines = (view.tokenizer for view in self.views.values() if isinstance(view, TokenView))
            self._spanning = next(engines, None) or tokenizer("mecab")
        return self._spanning.spans(text)

    def to_json(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the contents of ``text.json`` and of ``vocabulary.json``."""
        spec = TextSpec(
            **asdict(self.normalizer),
            obfuscation=self.preprocessor.views,
            views={name: view.spec() for name, view in self.views.items()},
        )
        return spec.model_dump(), {name: view.vocabulary_json() for name, view in self.views.items()}

    @classmethod
    def from_json(cls, text: Any, vocabulary: Any) -> TextEncoder:
        """Make the encoder from the contents of ``text.json`` and of ``vocabulary.json``.

        Raises
        ------
        ValueError : the contents do not fit the schema (pydantic's ValidationError is a subclass of ValueError).
        UsageError : a tokenizer needs Java, which is missing.
        MissingExtraError : the engine of a tokenizer is not installed.
        """
        spec = TextSpec.model_validate_json(json.dumps(text), strict=True)
        if not isinstance(vocabulary, dict) or set(vocabulary) != set(spec.views):
            raise ValueError("the keys of vocabulary.json differ from the keys of views in text.json")
        views: dict[str, View] = {
            name: TokenView.from_spec(view, vocabulary[name])
            if isinstance(view, TokenViewSpec)
            else NgramView.from_spec(view, vocabulary[name])
            for name, view in spec.views.items()
        }
        for name in spec.obfuscation:
            try:
                component("view", name)
            except UnknownNameError as error:
                raise ValueError(_not_here("view", name)) from error
        return cls(Preprocessor(Normalizer.of(spec), spec.obfuscation), views)
