"""Augmentation `eda`: replaces words by synonyms, or inserts, swaps or deletes words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toxiclf._registry import register
from toxiclf.balance.augmentation._abuse import abusive_spans
from toxiclf.balance.augmentation._method import Generator, Method
from toxiclf.balance.augmentation._particles import PARTICLES, final, particle_after
from toxiclf.balance.augmentation._synonyms import CONTENT, VERBAL, Synonyms
from toxiclf.recipe import AugmentStep
from toxiclf.text.tokenizers import found_in_order, without_surrogates
from toxiclf.text.tokenizers.mecab import MecabTokenizer

_WORD = re.compile(r"\S+")
_SYLLABLES = re.compile("[가-힣]+")
_FEW = 5  # words; in a shorter comment any word may be the one that makes it toxic


class _Token(NamedTuple):
    """A token that a synonym may replace, with the index of its word and the span of the token in the text.

    ``particle`` is the particle after the token, if its form depends on the token's last sound; else an empty string.
    """

    word: int
    start: int
    end: int
    text: str
    tag: str
    particle: str
    fixed: bool
    """Whether a synonym must end like this token: in a vowel, or in a consonant."""


@dataclass(frozen=True)
class _Parsed:
    """A parsed comment: word spans, indices of words that may be deleted, and tokens that synonyms may replace."""

    words: list[tuple[int, int]]
    deletable: list[int]
    tokens: list[_Token]


@register(
    "augmenter",
    summary="Words replaced by synonyms, inserted, swapped or deleted",
    keys=("rate", "similarity", "vectors"),
    order=10,
)
class Eda(Method):
    """Replaces words by synonyms, inserts synonyms, swaps words or deletes words: one of the four for each copy.

    The number of changes is ``rate`` times the number of words, at least one. Synonyms are words with similar vectors
    and the same part of speech. Endings stay, and particles are adapted to the last sound of the new word. Abusive
    words, including disguised ones, are neither replaced nor deleted. If a comment has fewer than five words and none
    of them is abusive, no word is deleted. Source: Wei and Zou 2019, "EDA: Easy Data Augmentation Techniques for
    Boosting Performance on Text Classification Tasks".

    >>> import numpy as np
    >>> eda = Eda(AugmentStep(method="eda"))
    >>> eda.prepare(["배우는 정말 잘하는데"])
    >>> eda.variant("배우는 정말 잘하는데", np.random.default_rng(6))
    '출연진은 정말 잘하는데'
    """

    auto_rate = 0.1
    needs = "two words, or one with a synonym"

    def __init__(self, step: AugmentStep) -> None:
        super().__init__(step)
        self._synonyms = Synonyms(step.vectors, step.similarity)
        self._mecab = MecabTokenizer()
        self._parsed: dict[str, _Parsed] = {}

    def prepare(self, texts: Sequence[str]) -> None:
        """Parse comments, and look up the synonyms of all their words at once, which is faster than one by one."""
        new = {text: self._parse(text) for text in texts if text not in self._parsed}
        if not new:
            return
        self._synonyms.look_up((token.text, token.tag) for parsed in new.values() for token in parsed.tokens)
        self._parsed |= new

    def variant(self, text: str, rng: Generator) -> str:
        """Try the four operations in random order; return the first result that differs from the text."""
        self.prepare([text])
        parsed = self._parsed[text]
        operations = (self._replaced, self._inserted, self._swapped, self._deleted)
        for number in rng.permutation(len(operations)):
            written = operations[int(number)](text, parsed, rng)
            if written != text:
                return written
        return text

    def _parse(self, text: str) -> _Parsed:
        strong = abusive_spans(text)
        words = _words(text, strong)
        tagged = self._mecab.tagged(text)
        spans = found_in_order(without_surrogates(text), (token for token, _ in tagged))
        tokens, word = [], 0
        for i, ((token, tag), (start, end)) in enumerate(zip(tagged, spans, strict=True)):
            if tag not in CONTENT or not _SYLLABLES.fullmatch(token) or (len(token) < 2 and tag not in VERBAL):
                continue
            if _touches(strong, start, end):
                continue
            while words[word][1] < end:
                word += 1
            after, next_tag = tagged[i + 1] if i + 1 < len(tagged) and spans[i + 1][0] == end else ("", "")
            if next_tag.startswith(("XSV", "XSA")) and tag == "NNG":
                continue  # a noun before 하다 has no synonym here: few nouns take 하다
            particle = after if next_tag.startswith("J") and after in PARTICLES else ""
            fixed = not particle and next_tag.startswith(("J", "VCP"))
            tokens.append(_Token(word, start, end, token, tag, particle, fixed))
        safe = strong or len(words) >= _FEW
        deletable = [i for i, span in enumerate(words) if safe and not _touches(strong, *span)]
        return _Parsed(words, deletable, tokens)

    def _choices(self, parsed: _Parsed) -> list[tuple[_Token, list[str]]]:
        """Return (token, synonyms) for each token that has synonyms which fit the particle or ending after it."""
        pairs = []
        for token in parsed.tokens:
            synonyms = self._synonyms.of(token.text, token.tag)
            fitting = [other for other in synonyms if not token.fixed or bool(final(other)) == bool(final(token.text))]
            if fitting:
                pairs.append((token, fitting))
        return pairs

    def _written(self, text: str, parsed: _Parsed, rng: Generator) -> list[tuple[_Token, int, str]]:
        """Draw tokens at random, and a synonym for each of them.

        Returns a list of (token, index in ``text`` where the token's particle ends, synonym with adapted particle).
        """
        choices = self._choices(parsed)
        count = min(len(choices), self.how_many(len(parsed.words)))
        chosen = rng.choice(len(choices), count, replace=False, shuffle=False) if count else ()
        result = []
        for i in sorted(chosen):
            token, synonyms = choices[i]
            synonym = synonyms[rng.integers(len(synonyms))]
            particle = particle_after(synonym, token.particle) if token.particle else ""
            result.append((token, token.end + len(token.particle), synonym + particle))
        return result

    def _replaced(self, text: str, parsed: _Parsed, rng: Generator) -> str:
        pieces, at = [], 0
        for token, end, new in self._written(text, parsed, rng):
            pieces += [text[at : token.start], new]
            at = end
        return "".join(pieces) + text[at:]

    def _inserted(self, text: str, parsed: _Parsed, rng: Generator) -> str:
        """Copy words, replace a token in each copy by a synonym, and insert the copies before randomly chosen words."""
        new: dict[int, str] = {}
        for token, end, synonym in self._written(text, parsed, rng):
            start, stop = parsed.words[token.word]
            place = int(rng.integers(len(parsed.words)))
            new[place] = new.get(place, "") + text[start : token.start] + synonym + text[end:stop] + " "
        pieces, at = [], 0
        for place in sorted(new):
            start = parsed.words[place][0]
            pieces += [text[at:start], new[place]]
            at = start
        return "".join(pieces) + text[at:]

    def _swapped(self, text: str, parsed: _Parsed, rng: Generator) -> str:
        order = list(range(len(parsed.words)))
        if len(order) < 2:
            return text
        for _ in range(self.how_many(len(order))):
            a, b = rng.choice(len(order), 2, replace=False)
            order[a], order[b] = order[b], order[a]
        pieces, at = [], 0
        for (start, end), source in zip(parsed.words, order, strict=True):
            pieces += [text[at:start], text[slice(*parsed.words[source])]]
            at = end
        return "".join(pieces) + text[at:]

    def _deleted(self, text: str, parsed: _Parsed, rng: Generator) -> str:
        words = parsed.words
        count = min(len(parsed.deletable), len(words) - 1, self.how_many(len(words)))
        if count < 1:
            return text
        gone = set(rng.choice(parsed.deletable, count, replace=False).tolist())
        first, *rest = (i for i in range(len(words)) if i not in gone)
        pieces = [text[slice(*words[first])], *(text[words[i - 1][1] : words[i][1]] for i in rest)]
        return text[: words[0][0]] + "".join(pieces) + text[words[-1][1] :]


def _words(text: str, strong: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans of the words of a text, which is split at white space.

    ``strong`` holds the spans of abusive words; an abusive word with spaces in it (병 신) stays one word.
    """
    words: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        start, end = word.span()
        if words and any(a < words[-1][1] and start < b for a, b in strong):
            start = words.pop()[0]
        words.append((start, end))
    return words


def _touches(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(a < end and start < b for a, b in spans)
