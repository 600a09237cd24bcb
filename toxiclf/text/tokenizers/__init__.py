"""Tokenizers, looked up by name; each splits batches of texts into tokens and can give the span of each token.

mecab, jamo, char and whitespace come with the base install, kiwi with the extra ``[kiwi]``, and okt, komoran, hannanum
and kkma with ``[konlpy]``; those four also need Java. Making a tokenizer checks that its engine is installed. The
engine is loaded when the tokenizer is first used. A tokenizer is a subclass of :class:`Tokenizer` that registers
itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf._registry import component
from toxiclf.text.tokenizers import _jvm  # noqa: F401  # when imported, it watches for forks, which break Java
from toxiclf.text.tokenizers._contract import Span, Tagged, Tokenizer, found_in_order, in_threads, without_surrogates

__all__ = [
    "Span",
    "Tagged",
    "Tokenizer",
    "found_in_order",
    "in_threads",
    "tokenizer",
    "tokenizer_class",
    "without_surrogates",
]


def tokenizer(name: str, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> Tokenizer:
    """Make the tokenizer with this name.

    Parameters
    ----------
    name : name of a registered tokenizer; ``toxiclf list tokenizers`` shows them.
    part_of_speech : beginnings of the engine's tags; only tokens with such a tag are kept. Empty keeps all tokens.
    typo_correction : whether misspelled words are read as if they were spelled correctly (only kiwi can do this).

    Raises
    ------
    UsageError : no tokenizer has this name, it does not support an option, or Java is missing.
    MissingExtraError : the tokenizer's engine is not installed.

    >>> tokenizer("mecab", part_of_speech=["NN"]).tokenize(["오늘 날씨가 좋다"])
    [['날씨']]
    """
    return tokenizer_class(name)(part_of_speech, typo_correction)


def tokenizer_class(name: str) -> type[Tokenizer]:
    """Return the class of a tokenizer; its tags and abilities are known even if the engine is not installed.

    Raises
    ------
    UnknownNameError : no tokenizer has this name.
    """
    target: type[Tokenizer] = component("tokenizer", name).target
    return target
