"""Tokenizers that need no dictionary."""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf._registry import register
from toxiclf.text.hangul import codes_of, decompose, decompose_codes
from toxiclf.text.tokenizers._contract import Span, Tokenizer, found_in_order, without_surrogates


@register("tokenizer", summary="Words between white space", order=90)
class WhitespaceTokenizer(Tokenizer):
    """Splits texts at white space.

    >>> WhitespaceTokenizer().tokenize(["오늘 날씨 좋다"])
    [['오늘', '날씨', '좋다']]
    """

    name = "whitespace"

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text."""
        return [text.split() for text in texts]

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens."""
        return found_in_order(text, text.split())


@register("tokenizer", summary="One token per character", order=80)
class CharTokenizer(Tokenizer):
    """Makes each character a token, except white space.

    >>> CharTokenizer().tokenize(["잘 가"])
    [['잘', '가']]
    """

    name = "char"

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text."""
        return [[character for character in text if not character.isspace()] for text in texts]

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens."""
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace()]


@register("tokenizer", summary="One token per jamo, with syllables decomposed", order=70)
class JamoTokenizer(Tokenizer):
    """Makes each jamo a token; syllables are decomposed, and white space is left out.

    >>> JamoTokenizer().tokenize(["값"]), JamoTokenizer().spans("값")
    ([['ㄱ', 'ㅏ', 'ㅄ']], [(0, 1), (0, 1), (0, 1)])
    """

    name = "jamo"

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text."""
        try:
            return [[jamo for jamo in decompose(text) if not jamo.isspace()] for text in texts]
        except UnicodeEncodeError:
            return self.tokenize([without_surrogates(text) for text in texts])

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens; each jamo has the span of its syllable."""
        starts = decompose_codes(codes_of(without_surrogates(text)))[1]
        counts = starts[1:] - starts[:-1]
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace() for _ in range(counts[i])]
