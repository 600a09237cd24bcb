"""The text encoder of a bundle: from comments to inputs of ids, saved as JSON only."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """A batch of encoded comments, the input of a model's graph.

    Attributes
    ----------
    views : ids by name of view.
    truncated : bool (n,), True where a part of the comment was cut off.
    known : bool (n,), True where at least one view holds an id.
    """

    views: Mapping[str, Ids]
    truncated: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.truncated)

    def take(self, rows: NDArray[np.intp]) -> Encoded:
        """Some of the comments, in the order asked for."""
        views = {name: ids.take(rows) for name, ids in self.views.items()}
        return Encoded(views, self.truncated[rows], self.known[rows])


class TokenViewSpec(BaseModel):
    """What ``text.json`` says of a view of tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["tokens"] = "tokens"
    tokenizer: str
    tokenizer_version: str
    max_tokens: Annotated[int, Field(ge=1)] | None
    part_of_speech: tuple[str, ...] = ()
    typo_correction: bool = False


class NgramViewSpec(BaseModel):
    """What ``text.json`` says of a view of n-grams."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["ngrams"] = "ngrams"
    unit: Literal["jamo", "syllable"]


class TextSpec(BaseModel):
    """The schema of ``text.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repeat_cap: Annotated[int, Field(ge=1)]
    max_chars: Annotated[int, Field(ge=1)]
    obfuscation: tuple[str, ...] = ()
    views: dict[str, Annotated[TokenViewSpec | NgramViewSpec, Field(discriminator="kind")]]


class TokenView:
    """Ids of a tokenizer's tokens."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: TokenVocabulary, max_tokens: int | None = None) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens

    def encode(self, texts: Sequence[str], workers: int = 1) -> tuple[Ids, NDArray[np.bool_]]:
        """Ids of normalized texts, and which texts were cut; ``workers`` cores may share a big batch."""
        if workers < 2 or not texts or not self.tokenizer.threads_help:
            return self.encode_tokens(self.tokenizer.tokenize(texts, workers))
        # the ids of one part are looked up while others are tokenized
        parts = in_threads(lambda part: self.encode_tokens(self.tokenizer.tokenize_part(part)), texts, workers)
        return Ids.joined([ids for ids, _ in parts]), np.concatenate([cut for _, cut in parts])

    def encode_tokens(self, tokens: Sequence[Sequence[str]]) -> tuple[Ids, NDArray[np.bool_]]:
        """The same for texts that are tokenized already."""
        ids = self.vocabulary.ids(tokens)
        cut = np.zeros(len(tokens), dtype=np.bool_)
        if self.max_tokens is not None:
            cut = ids.lengths > self.max_tokens
            ids = ids.cut(self.max_tokens)
        return ids, cut

    def spec(self) -> TokenViewSpec:
        """What is written of this view in ``text.json``."""
        return TokenViewSpec(
            tokenizer=self.tokenizer.name,
            tokenizer_version=self.tokenizer.version,
            max_tokens=self.max_tokens,
            part_of_speech=self.tokenizer.part_of_speech,
            typo_correction=self.tokenizer.typo_correction,
        )

    def vocabulary_json(self) -> list[str]:
        """What is written of this view in ``vocabulary.json``."""
        return self.vocabulary.tokens

    @classmethod
    def from_spec(cls, spec: TokenViewSpec, vocabulary: Any) -> TokenView:
        """Undo :meth:`spec` and :meth:`vocabulary_json`."""
        if not (isinstance(vocabulary, list) and all(isinstance(token, str) for token in vocabulary)):
            raise ValueError("a vocabulary of tokens must be a list of strings")
        try:
            made = tokenizer_class(spec.tokenizer)
        except UnknownNameError as error:
            raise ValueError(_not_here("tokenizer", spec.tokenizer)) from error
        try:
            made.check_options(spec.part_of_speech, spec.typo_correction)
        except UsageError as error:
            raise ValueError(str(error)) from error  # the bundle's fault; an engine that is not installed is not
        engine = made(spec.part_of_speech, spec.typo_correction)
        if engine.version != spec.tokenizer_version:
            warnings.warn(
                f"the bundle was trained with {spec.tokenizer_version}, but {engine.version} is installed, so "
                "tokens and scores may differ; install the same version, or train again",
                stacklevel=2,
            )
        return cls(engine, TokenVocabulary(vocabulary), spec.max_tokens)


class NgramView:
    """Ids of the distinct n-grams of jamo or of syllables."""

    def __init__(self, vocabulary: NgramVocabulary) -> None:
        self.vocabulary = vocabulary

    def encode(self, texts: Sequence[str]) -> tuple[Ids, NDArray[np.bool_]]:
        """Ids of normalized texts; nothing is ever cut."""
        return self.vocabulary.ids(texts), np.zeros(len(texts), dtype=np.bool_)

    def spec(self) -> NgramViewSpec:
        """What is written of this view in ``text.json``."""
        return NgramViewSpec(unit=self.vocabulary.unit)

    def vocabulary_json(self) -> dict[str, str]:
        """What is written of this view in ``vocabulary.json``."""
        return {str(n): text for n, text in self.vocabulary.ngrams.items()}

    @classmethod
    def from_spec(cls, spec: NgramViewSpec, vocabulary: Any) -> NgramView:
        """Undo :meth:`vocabulary_json`."""
        if not (isinstance(vocabulary, dict) and all(isinstance(text, str) for text in vocabulary.values())):
            raise ValueError("a vocabulary of n-grams must be an object of strings")
        return cls(NgramVocabulary(spec.unit, {int(n): text for n, text in vocabulary.items()}))


def _not_here(kind: str, name: str) -> str:
    return (
        f"there is no {kind} '{name}' here; update toxiclf with: pip install -U toxiclf, or install the package that "
        "adds it"
    )


View = TokenView | NgramView


def join_views(views: Mapping[str, tuple[Ids, NDArray[np.bool_]]], truncated: NDArray[np.bool_]) -> Encoded:
    """Put the views of one batch together, given which texts the normalizer cut."""
    known = np.zeros(len(truncated), dtype=np.bool_)
    for ids, cut in views.values():
        truncated = truncated | cut
        known |= ids.lengths > 0
    return Encoded({name: ids for name, (ids, _) in views.items()}, truncated, known)


def _engine_of(view: View) -> tuple[Any, ...] | None:
    """What makes the view's tokens: equal for views that take the same ones."""
    if isinstance(view, NgramView):
        return None
    return (view.tokenizer.name, tuple(view.tokenizer.part_of_speech), view.tokenizer.typo_correction)


class TextEncoder:
    """The preprocessor and the inputs between a comment and a model's graph.

    Parameters
    ----------
    preprocessor : applied first, to every text.
    views : by name; the graph's inputs are called ``<name>_ids`` and ``<name>_lengths``.
    """

    def __init__(self, preprocessor: Preprocessor, views: Mapping[str, View]) -> None:
        self.preprocessor = preprocessor
        self.views = dict(views)
        engines = Counter(map(_engine_of, self.views.values()))
        self._spanning: Tokenizer | None = None
        self._shared = {engine for engine, count in engines.items() if engine is not None and count > 1}

    @property
    def normalizer(self) -> Normalizer:
        """What makes comments equal."""
        return self.preprocessor.normalizer

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode raw texts."""
        return self.encode_preprocessed(*self.preprocessor.batch(texts))

    def encode_preprocessed(self, texts: Sequence[str], truncated: NDArray[np.bool_]) -> Encoded:
        """Encode preprocessed texts; ``truncated`` says which of them the normalizer cut."""
        tokens: dict[Any, list[list[str]]] = {}
        views = {}
        for name, view in self.views.items():
            key = _engine_of(view)
            if key in self._shared and isinstance(view, TokenView):  # an ensemble's views: tokens are made once
                if key not in tokens:
                    tokens[key] = view.tokenizer.tokenize(texts)
                views[name] = view.encode_tokens(tokens[key])
            else:
                views[name] = view.encode(texts)
        return join_views(views, truncated)

    def spans(self, text: str) -> list[Span]:
        """Half-open spans of the tokens of one normalized text, as the first view of tokens has them; of n-grams, as MeCab has."""
        if self._spanning is None:
            engines = (view.tokenizer for view in self.views.values() if isinstance(view, TokenView))
            self._spanning = next(engines, None) or tokenizer("mecab")
        return self._spanning.spans(text)

    def to_json(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The contents of ``text.json`` and of ``vocabulary.json``."""
        spec = TextSpec(
            repeat_cap=self.normalizer.repeat_cap,
            max_chars=self.normalizer.max_chars,
            obfuscation=self.preprocessor.views,
            views={name: view.spec() for name, view in self.views.items()},
        )
        return spec.model_dump(), {name: view.vocabulary_json() for name, view in self.views.items()}

    @classmethod
    def from_json(cls, text: Any, vocabulary: Any) -> TextEncoder:
        """Undo :meth:`to_json`.

        Raises
        ------
        ValueError : the contents do not fit the schema (pydantic's ValidationError is one).
        """
        spec = TextSpec.model_validate(text)
        if not isinstance(vocabulary, dict) or set(vocabulary) != set(spec.views):
            raise ValueError("text.json and vocabulary.json name different views")
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
        return cls(Preprocessor(Normalizer(spec.repeat_cap, spec.max_chars), spec.obfuscation), views)
