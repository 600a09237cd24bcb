"""Synonyms: words with similar vectors and the same part of speech; verbs and adjectives take the same endings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.augmentation._abuse import abusive_spans
from toxiclf.balance.augmentation._particles import final
from toxiclf.errors import UsageError
from toxiclf.text.hangul import parts
from toxiclf.text.tokenizers.mecab import MecabTokenizer

CONTENT = frozenset({"NNG", "VV", "VA", "MAG", "IC", "XR"})
"""Tags of common nouns, verbs, adjectives, adverbs, interjections and roots. Names are left out, because their nearest
neighbors are other people."""
VERBAL = frozenset({"VV", "VA"})
_SYLLABLES = re.compile("[가-힣]+")
_TURNING = frozenset(
    ("있", "없", "않", "못", "안", "아니", "모르", "싫", "좋", "최고", "최악", "여자", "남자", "여성", "남성")
)
"""Words that get no synonyms, because their nearest neighbors are their opposites."""
_FREQUENT = 15_000  # most frequent words of a vocabulary; neighbors among rarer words are mostly misspelled
_MOST = 5  # synonyms of a word
_AT_ONCE = 512  # words whose similarities are computed at the same time, to save memory


@dataclass(frozen=True)
class _Lexicon:
    """Word vectors, and the words that can be synonyms.

    Attributes
    ----------
    words : the words that can be synonyms, by part-of-speech tag.
    units : vectors of these words, scaled to length 1, by part-of-speech tag.
    places : for each word that has a vector, the number of its row in ``matrix``.
    matrix : vectors of all words.
    """

    words: dict[str, list[str]]
    units: dict[str, NDArray[np.float32]]
    places: dict[str, int]
    matrix: NDArray[np.float32]


class Synonyms:
    """Finds synonyms of many words at once by the similarity of word vectors, and remembers them.

    Parameters
    ----------
    vectors : word vectors of mecab tokens: "ko-comments", a folder that ``toxiclf pretrain`` wrote, or a file in one of
        word2vec's formats.
    similarity : lowest cosine similarity that makes a word a synonym.
    """

    def __init__(self, vectors: str, similarity: float) -> None:
        self._vectors = vectors
        self._similarity = similarity
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def of(self, word: str, tag: str) -> tuple[str, ...]:
        """Return up to five synonyms of a word with this part-of-speech tag, the most similar first.

        The result is empty if :meth:`look_up` was not called with the word and tag before.
        """
        return self._known.get((word, tag), ())

    def look_up(self, words: Iterable[tuple[str, str]]) -> None:
        """Find the synonyms of pairs (word, part-of-speech tag); after that, :meth:`of` returns them.

        A synonym is not an abusive word, does not contain the word and is not contained in it. The synonym of a verb or
        adjective takes the same endings.

        >>> synonyms = Synonyms("ko-comments", 0.6)
        >>> synonyms.look_up([("배우", "NNG"), ("정말", "MAG")])
        >>> synonyms.of("배우", "NNG")[:2], synonyms.of("정말", "MAG")[0]
        (('연기자', '조연'), '진짜')
        """
        lexicon = _lexicon(self._vectors)
        wanted: dict[str, list[str]] = {}
        for word, tag in sorted({pair for pair in words if pair not in self._known}):
            if tag in lexicon.words and word in lexicon.places and word not in _TURNING:
                wanted.setdefault(tag, []).append(word)
        for tag, of_tag in wanted.items():
            for begin in range(0, len(of_tag), _AT_ONCE):
                self._look_up(of_tag[begin : begin + _AT_ONCE], tag, lexicon)

    def _look_up(self, words: list[str], tag: str, lexicon: _Lexicon) -> None:
        own = _units(lexicon.matrix[[lexicon.places[word] for word in words]])
        similarity = own @ lexicon.units[tag].T
        for word, row in zip(words, similarity, strict=True):
            near = np.flatnonzero(row >= self._similarity)
            ranked = (lexicon.words[tag][i] for i in near[np.argsort(-row[near], kind="stable")])
            fitting = [other for other in ranked if _may_stand_for(other, word, tag)]
            self._known[word, tag] = tuple(fitting[:_MOST])


def _may_stand_for(other: str, word: str, tag: str) -> bool:
    if other in word or word in other:
        return False
    return tag not in VERBAL or _joint(other) == _joint(word)


def _joint(stem: str) -> tuple[bool, bool, bool]:
    """Return whether a stem ends in a vowel, whether it ends in ㄹ, and whether its last vowel is ㅏ or ㅗ.

    These three facts decide which endings the stem takes.
    """
    return final(stem) == "", final(stem) == "ㄹ", parts(stem[-1])[1] in "ㅏㅗ"


def _units(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    units: NDArray[np.float32] = (matrix / lengths).astype(np.float32)
    return units


@lru_cache(maxsize=2)
def _lexicon(source: str) -> _Lexicon:
    from toxiclf.embeddings.pretrained import load_vectors

    vectors, card = load_vectors(source)
    if card is not None and card.text.tokenizer != MecabTokenizer.name:
        raise UsageError(
            f"the word vectors {source} hold tokens of {card.text.tokenizer}, but synonyms need tokens of "
            f"{MecabTokenizer.name}; give word vectors of such tokens, for example ko-comments"
        )
    mecab = MecabTokenizer()
    seen = np.flatnonzero(vectors.frequencies > 0)
    by_tag: dict[str, list[int]] = {}
    for i in seen[:_FREQUENT].tolist():
        word = vectors.tokens[i]
        if not _SYLLABLES.fullmatch(word) or word in _TURNING or abusive_spans(word):
            continue
        tagged = mecab.tagged(word)
        tag = tagged[0][1]
        if len(tagged) == 1 and tag in CONTENT and (len(word) > 1 or tag in VERBAL):
            by_tag.setdefault(tag, []).append(i)
    if not by_tag:
        raise UsageError(
            f"the word vectors {source} hold no word that can be a synonym; give others, such as ko-comments"
        )
    return _Lexicon(
        {tag: [vectors.tokens[i] for i in ids] for tag, ids in by_tag.items()},
        {tag: _units(vectors.matrix[ids]) for tag, ids in by_tag.items()},
        {vectors.tokens[i]: i for i in seen.tolist()},
        vectors.matrix,
    )
