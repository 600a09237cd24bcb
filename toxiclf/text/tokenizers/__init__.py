"""Tokenizers, looked up by name: batch first, with the span of every token on request.

mecab, jamo, char and whitespace come with the base install; kiwi with the extra ``[kiwi]``; okt, komoran, hannanum and kkma
with ``[konlpy]``, and they need Java. What those need is looked for when a tokenizer is made, and loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf.errors import unknown_name
from toxiclf.text.tokenizers.contract import Span, Tagged, Tokenizer
from toxiclf.text.tokenizers.kiwi import KiwiTokenizer
from toxiclf.text.tokenizers.konlpy import HannanumTokenizer, KkmaTokenizer, KomoranTokenizer, OktTokenizer
from toxiclf.text.tokenizers.mecab import MecabTokenizer
from toxiclf.text.tokenizers.simple import CharTokenizer, JamoTokenizer, WhitespaceTokenizer

__all__ = [
    "TOKENIZERS",
    "CharTokenizer",
    "HannanumTokenizer",
    "JamoTokenizer",
    "KiwiTokenizer",
    "KkmaTokenizer",
    "KomoranTokenizer",
    "MecabTokenizer",
    "OktTokenizer",
    "Span",
    "Tagged",
    "Tokenizer",
    "WhitespaceTokenizer",
    "tokenizer",
]

TOKENIZERS: dict[str, type[Tokenizer]] = {
    made.name: made
    for made in (
        MecabTokenizer,
        KiwiTokenizer,
        OktTokenizer,
        KomoranTokenizer,
        HannanumTokenizer,
        KkmaTokenizer,
        JamoTokenizer,
        CharTokenizer,
        WhitespaceTokenizer,
    )
}


def tokenizer(name: str, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> Tokenizer:
    """Make the tokenizer with this name.

    Parameters
    ----------
    name : of :data:`TOKENIZERS`.
    part_of_speech : keep the tokens whose tag, the engine's own, begins with one of these; empty keeps all.
    typo_correction : read misspelt words as what they were meant to be (kiwi alone).

    Raises
    ------
    UsageError : no tokenizer has this name, or it does not have what was asked for, or Java is missing.
    MissingExtraError : its engine is not installed.

    >>> tokenizer("mecab", part_of_speech=["NN"]).tokenize(["오늘 날씨가 좋다"])
    [['날씨']]
    """
    if name not in TOKENIZERS:
        raise unknown_name("tokenizer", name, TOKENIZERS)
    return TOKENIZERS[name](part_of_speech, typo_correction)
