"""Vocabularies, beside the plainest Python that does the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from toxiclf.text.hangul import decompose
from toxiclf.text.vocabulary import Ids, NgramVocabulary, TokenVocabulary, Unit

ALPHABET = "가각나값 aA!ㅋㄱㅏ😀İß"
TEXTS = st.lists(st.text(st.sampled_from(ALPHABET), max_size=8), max_size=6)
TOKENS = st.text(st.sampled_from("가각나ㄱㅏ값a"), min_size=1, max_size=4)
UNITS = st.sampled_from(["jamo", "syllable"])


def rows_of(ids: Ids) -> list[list[int]]:
    return [ids.flat[a:b].tolist() for a, b in zip(ids.starts[:-1], ids.starts[1:], strict=True)]


def grams_of(text: str, unit: Unit, sizes: Iterable[int]) -> set[str]:
    text = f" {text.lower()} "
    text = decompose(text) if unit == "jamo" else text
    return {text[i : i + n] for n in sizes for i in range(len(text) - n + 1)}


def known_grams(vocabulary: NgramVocabulary) -> list[str]:
    return [text[i : i + n] for n, text in vocabulary.ngrams.items() for i in range(0, len(text), n)]


@settings(deadline=None, max_examples=cases(200))
@given(TEXTS, UNITS, st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_the_ngrams_learned_are_those_that_enumeration_finds(
    texts: list[str], unit: Unit, low: int, more: int, min_comments: int
) -> None:
    vocabulary = NgramVocabulary.learn(texts, unit, low, low + more, min_comments)
    counts = Counter(gram for text in texts for gram in grams_of(text, unit, range(low, low + more + 1)))
    wanted = {gram for gram, count in counts.items() if count >= min_comments and gram.strip(" ")}
    found = known_grams(vocabulary)
    assert set(found) == wanted
    assert len(found) == len(set(found)) == len(vocabulary)


@settings(deadline=None, max_examples=cases(200))
@given(TEXTS, TEXTS, UNITS, st.integers(1, 3), st.integers(0, 3))
def test_the_ids_are_those_that_enumeration_finds(
    learned: list[str], texts: list[str], unit: Unit, low: int, more: int
) -> None:
    vocabulary = NgramVocabulary.learn(learned, unit, low, low + more, 1)
    ids = {gram: number for number, gram in enumerate(known_grams(vocabulary), start=1)}
    wanted = [sorted(ids[gram] for gram in grams_of(text, unit, vocabulary.ngrams) if gram in ids) for text in texts]
    assert rows_of(vocabulary.ids(texts)) == wanted


@settings(deadline=None, max_examples=cases(60))
@given(TEXTS, UNITS)
def test_ngrams_do_not_cross_comments(texts: list[str], unit: Unit) -> None:
    vocabulary = NgramVocabulary.learn([*texts, "가나 a"], unit, 1, 4, 1)
    together = rows_of(vocabulary.ids(texts))
    assert together == [rows_of(vocabulary.ids([text]))[0] for text in texts]


def test_ngrams_tell_a_small_letter_from_a_large_one_nowhere() -> None:
    vocabulary = NgramVocabulary.learn(["Good GAME"], "syllable", 1, 3, 1)
    assert rows_of(vocabulary.ids(["gOOd game"])) == rows_of(vocabulary.ids(["Good GAME"]))


@pytest.mark.parametrize("unit", ["jamo", "syllable"])
def test_an_ngram_of_too_few_comments_is_not_learned(unit: Unit) -> None:
    vocabulary = NgramVocabulary.learn(["나나나나", "가", "가"], unit, 1, 2, 2)
    assert "나" not in known_grams(vocabulary)
    assert rows_of(vocabulary.ids(["가"]))[0]


@pytest.mark.parametrize("unit", ["jamo", "syllable"])
@pytest.mark.parametrize("learned", [[], [""], ["가나다"]])
def test_nothing_known_or_nothing_said_gives_no_ids(unit: Unit, learned: list[str]) -> None:
    vocabulary = NgramVocabulary.learn(learned, unit, 1, 4, 1)
    assert rows_of(vocabulary.ids(["", "xyz", "ㄲ"])) == [[], [], []]
    assert rows_of(vocabulary.ids([])) == []
    assert vocabulary.ids([]).flat.dtype == np.int32


@pytest.mark.parametrize("ngrams", [{2: "가나다"}, {0: "가"}, {-1: "가"}, {1: ""}, {10**9: ""}])
def test_ngrams_that_do_not_fit_their_size_are_refused(ngrams: dict[int, str]) -> None:
    with pytest.raises(ValueError, match="expected a multiple of"):
        NgramVocabulary("syllable", ngrams)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit is 'word'; expected 'jamo' or 'syllable'"):
        NgramVocabulary("word", {})  # type: ignore[arg-type]


def pieces_of(token: str, known: list[str]) -> list[str]:
    """The longest known piece from the left; a syllable without one jamo by jamo; the rest left out."""
    if not token:
        return []
    for end in range(len(token), 0, -1):
        if token[:end] in known:
            return [token[:end], *pieces_of(token[end:], known)]
    return [jamo for jamo in decompose(token[0]) if jamo in known] + pieces_of(token[1:], known)


@settings(deadline=None, max_examples=cases(200))
@given(st.lists(TOKENS, unique=True), st.lists(st.lists(TOKENS, max_size=5), max_size=4))
def test_unknown_tokens_are_broken_into_known_pieces(known: list[str], comments: list[list[str]]) -> None:
    vocabulary = TokenVocabulary(known)
    wanted = [
        [known.index(piece) + 1 for token in comment for piece in pieces_of(token, known)] for comment in comments
    ]
    assert rows_of(vocabulary.ids(comments)) == wanted
    assert rows_of(vocabulary.ids(comments)) == wanted  # remembered pieces are the same pieces


@settings(deadline=None, max_examples=cases(60))
@given(st.lists(TOKENS, unique=True))
def test_a_known_token_has_one_id(known: list[str]) -> None:
    assert rows_of(TokenVocabulary(known).ids([known])) == [list(range(1, len(known) + 1))]


def test_an_empty_vocabulary_knows_nothing() -> None:
    vocabulary = TokenVocabulary([])
    assert len(vocabulary) == 0
    assert rows_of(vocabulary.ids([["가", "나"], []])) == [[], []]
    assert rows_of(vocabulary.ids([])) == []


def test_an_empty_token_breaks_nothing() -> None:
    assert rows_of(TokenVocabulary(["", "가"]).ids([["나가다"]])) == [[2]]


def test_a_token_of_any_length_is_broken_into_pieces() -> None:
    long = "가나" * 5000
    assert rows_of(TokenVocabulary([long, "가", "나"]).ids([[long, long + "가", long[1:]]])) == [
        [1, 1, 2, *[3, 2] * 4999, 3]
    ]


def test_tokens_must_be_distinct() -> None:
    with pytest.raises(ValueError, match="distinct"):
        TokenVocabulary(["가", "가"])


IDS = st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=5)


def ids_of(rows: list[list[int]]) -> Ids:
    starts = np.cumsum([0, *map(len, rows)])
    return Ids(np.array([i for row in rows for i in row], dtype=np.int32), starts.astype(np.intp))


@settings(deadline=None, max_examples=cases(60))
@given(IDS, st.data())
def test_taking_rows_gives_those_rows_in_the_order_asked_for(rows: list[list[int]], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6) if rows else st.just([]))
    assert rows_of(ids_of(rows).take(np.array(wanted, dtype=np.intp))) == [rows[i] for i in wanted]


@settings(deadline=None, max_examples=cases(60))
@given(IDS, st.integers(1, 6) | st.just(10**30))
def test_cutting_keeps_the_first_ids(rows: list[list[int]], longest: int) -> None:
    assert rows_of(ids_of(rows).cut(longest)) == [row[:longest] for row in rows]


@settings(deadline=None, max_examples=cases(60))
@given(IDS)
def test_padding_is_zeros_on_the_right(rows: list[list[int]]) -> None:
    matrix = ids_of(rows).padded()
    width = max([1, *map(len, rows)])
    assert matrix.shape == (len(rows), width)
    assert matrix.dtype == np.int32
    assert matrix.tolist() == [row + [0] * (width - len(row)) for row in rows]
