"""Base class of tokenizers with a morphological analyzer; it handles part-of-speech tags, spans and failures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from toxiclf.errors import ToxiclfError
from toxiclf.text.tokenizers._bounded import Bounds, Cutter, Piece
from toxiclf.text.tokenizers._contract import Located, Span, Tagged, Tokenizer, ascending, words_of

T = TypeVar("T")


class Analyser(Tokenizer):
    """Base class of the kiwi tokenizer and of konlpy's tokenizers.

    It cuts each text into pieces within the engine's :attr:`bounds`. If the engine fails on a piece or finds no tokens
    in it, the piece is split at white space.
    """

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(self, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> None:
        super().__init__(part_of_speech, typo_correction)
        self._cutter = Cutter(self.bounds)

    @abstractmethod
    def _analysed(self, text: str) -> Sequence[Tagged]:
        """Return the engine's tokens and tags for one piece of a text; it may raise any exception."""

    @abstractmethod
    def _located(self, text: str) -> Sequence[Located]:
        """Return the engine's tokens, tags and spans for one piece of a text; it may raise any exception."""

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens."""
        self._ready()
        tokens: list[Located] = []
        for piece in self._cutter.pieces(text):
            located = _without_spaces(self._tried(self._located, piece.text) or words_of(piece.text), piece.text)
            for token, tag, start, end in ascending(located, len(piece.text)):
                tokens.append((token, tag, *piece.original(*_visible(piece.text, start, end))))
        return [(start, end) for _, tag, start, end in ascending(tokens, len(text)) if self.keeps(tag)]

    def tagged(self, text: str) -> list[Tagged]:
        """Return the tokens of one text, each with its tag."""
        self._ready()
        return [pair for piece in self._cutter.pieces(text) for pair in self._tagged(piece) if self.keeps(pair[1])]

    def _tokens(self, texts: Sequence[str]) -> list[list[str]]:
        self._ready()
        return [self._tokens_of(text) for text in texts]

    def _tokens_of(self, text: str) -> list[str]:
        if self.part_of_speech:
            return [token for token, _ in self.tagged(text)]
        self._ready()
        return [
            token
            for piece in self._cutter.pieces(text)
            for token, _ in self._finished(piece, self._tried(self._untagged, piece.text))
        ]

    def _untagged(self, text: str) -> Sequence[Tagged]:
        """Return the same tokens as :meth:`_analysed`; an engine whose tags are slow to read may give empty tags."""
        return self._analysed(text)

    def _tagged(self, piece: Piece) -> list[Tagged]:
        return self._finished(piece, self._tried(self._analysed, piece.text))

    def _finished(self, piece: Piece, tagged: Sequence[Tagged] | None) -> list[Tagged]:
        """Return the tokens in ``tagged``, split at spaces; if there are none, return the words of the piece."""
        result = [(part, tag) for token, tag in tagged or () for part in (token.split() if " " in token else (token,))]
        result = [pair for pair in result if pair[0]] or [(word, "") for word in piece.text.split()]
        if piece.text == piece.source:
            return result
        restored = piece.restored([token for token, _ in result])
        return [(token, tag) for token, (_, tag) in zip(restored, result, strict=True)]

    def _ready(self) -> None:
        """Load the engine before it reads a text, so that a loading error is not taken for a failure on the text."""

    def _tried(self, engine: Callable[[str], T], text: str) -> T | None:
        try:
            return engine(text)
        except (ToxiclfError, MemoryError):
            raise
        except Exception as error:  # whatever else an engine raises, a comment must have tokens
            self._check_blame(error)
            return None

    def _check_blame(self, error: Exception) -> None:
        """Raise an error if ``error`` has a cause other than the text, such as a lack of memory."""


def _without_spaces(tokens: Sequence[Located], text: str) -> list[Located]:
    """Split each token that contains white space into several, and leave out empty tokens."""
    result: list[Located] = []
    for token, tag, start, end in tokens:
        if " " not in token:
            result += [(token, tag, start, end)] if token else []
            continue
        at = start
        for part in token.split():
            begin = text.find(part, at, end)
            span = (begin, begin + len(part)) if begin >= 0 else (start, end)
            result.append((part, tag, *span))
            at = span[1] if begin >= 0 else at
    return result


def _visible(text: str, start: int, end: int) -> Span:
    """Strip white space from both ends of a span.

    A span of white space alone is replaced by the span of the visible character before it, or of the one after it
    if there is none before.
    """
    inner = text[start:end]
    if not inner.isspace():
        return start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())
    before = len(text[:start].rstrip())
    if before:
        return before - 1, before
    after = len(text) - len(text[end:].lstrip())
    return after, after + 1
