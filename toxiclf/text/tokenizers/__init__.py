"""Tokenizers, looked up by name: batch first, with the span of every token on request.

mecab, jamo, char and whitespace come with the base install; kiwi with the extra ``[kiwi]``; okt, komoran, hannanum and kkma
with ``[konlpy]``, and they need Java. What those need is looked for when a tokenizer is made, and loaded when it is first used.
A tokenizer is a subclass of :class:`Tokenizer` that registers itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf._registry import component
from toxiclf.text.tokenizers import _jvm  # noqa: F401  # from here on it notes forks, after which Java does not answer
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
    name : as it is registered; ``toxiclf list tokenizers`` shows them.
    part_of_speech : keep the tokens whose tag, the engine's own, begins with one of these; empty keeps all.
    typo_correction : read misspelt words as what they were meant to be (kiwi alone).

    Raises
    ------
    UsageError : no tokenizer has this name, or it does not have what was asked for, or Java is missing.
    MissingExtraError : its engine is not installed.

    >>> tokenizer("mecab", part_of_speech=["NN"]).tokenize(["오늘 날씨가 좋다"])
    [['날씨']]
    """
    return tokenizer_class(name)(part_of_speech, typo_correction)


def tokenizer_class(name: str) -> type[Tokenizer]:
    """The class of a tokenizer; it knows tags and abilities even if the engine is not installed.

    Raises
    ------
    UnknownNameError : no tokenizer has this name.
    """
    target: type[Tokenizer] = component("tokenizer", name).target
    return target
