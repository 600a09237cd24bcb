"""What each method does to a comment: what stays, what changes, and what the change may be."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toxiclf._registry import component, components
from toxiclf.balance.augmentation import Method
from toxiclf.balance.augmentation._abuse import abusive_spans
from toxiclf.balance.augmentation._particles import particle_after
from toxiclf.balance.augmentation._strokes import BESIDE, LATIN, strokes
from toxiclf.balance.augmentation._synonyms import Synonyms
from toxiclf.balance.augmentation.eda import Eda
from toxiclf.errors import DataError
from toxiclf.recipe import AugmentStep
from toxiclf.text.hangul import compose, recompose
from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import expanded
from toxiclf.text.obfuscation.keyboard import as_hangul
from toxiclf.text.stems import stems
from toxiclf.text.tokenizers.mecab import MecabTokenizer

METHODS = {name: entry.target(AugmentStep(method=name)) for name, entry in components("augmenter").items()}
COMMENTS = [
    "저 시발놈은 진짜 답이 없다",
    "배우는 연기를 정말 잘하는데 감독이 영화를 망쳤다!",
    "꺼져라 이 멍청한 새끼야 ㅋㅋ",
    "오늘 점심에는 김치찌개를 먹고 커피도 한 잔 마셨다",
]

any_method = pytest.mark.parametrize("name", METHODS)


def made(name: str, **options: Any) -> Method:
    """A method with options of its own."""
    method: Method = component("augmenter", name).target(AugmentStep(method=name, **options))
    return method


def variants(name: str, text: str, count: int = 60, **options: object) -> list[str]:
    """The comment written so many times, each by draws of its own."""
    method = made(name, **options) if options else METHODS[name]
    return [method.variant(text, np.random.default_rng(seed)) for seed in range(count)]


def is_subsequence(short: object, long: object) -> bool:
    rest = iter(long)  # type: ignore[call-overload]
    return all(part in rest for part in short)  # type: ignore[attr-defined]


def distance(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


# -- every method


@any_method
@pytest.mark.parametrize("text", COMMENTS)
def test_a_comment_is_changed_in_several_ways_that_survive_normalization(name: str, text: str) -> None:
    written = {Normalizer()(variant) for variant in variants(name, text)}
    assert len(written - {text}) > 5


@any_method
def test_the_same_draws_write_the_same(name: str) -> None:
    fresh = made(name)
    for text in COMMENTS:
        assert fresh.variant(text, np.random.default_rng(3)) == METHODS[name].variant(text, np.random.default_rng(3))


@any_method
def test_a_higher_rate_changes_more(name: str) -> None:
    text = " ".join(COMMENTS)
    few, many = (
        np.mean([distance(text, variant) for variant in variants(name, text, 15, rate=rate)]) for rate in (0.05, 0.9)
    )
    assert many > 1.5 * few


@any_method
@given(st.text() | st.text(alphabet="가각ㄱㅏㅋ시발값의 .!\x00\ud800\u0301ᄀ😀\n1a", max_size=30), st.integers(0, 5))
@example("", 0)
@example("시", 0)
@example("ㅄ", 0)
@example("\x00시발\x00 놈\x00", 1)
@example("시발\ud800 \udfff새끼", 2)
@example("각".join(["ㅏ"] * 9), 3)
@example("한글 " * 1000, 4)
@example("x" * 3000, 4)
def test_any_text_is_rewritten_without_new_control_characters(name: str, text: str, seed: int) -> None:
    written = METHODS[name].variant(text, np.random.default_rng(seed))
    odd = {character for character in written if unicodedata.category(character)[0] == "C"}
    assert odd <= set(text)
    assert bool(written.strip()) == bool(text.strip())
    assert METHODS[name].variant(text, np.random.default_rng(seed)) == written


@any_method
def test_a_comment_without_anything_to_change_stays(name: str) -> None:
    for text in ("", "   ", "😀" if name != "aeda" else "\t"):
        assert set(variants(name, text, 5)) == {text}


# -- aeda


@pytest.mark.parametrize("text", [*COMMENTS, "하나", "two words", "끝에  빈칸 "])
def test_aeda_keeps_all_words_in_order_and_adds_marks_apart(text: str) -> None:
    words = text.split()
    for variant in variants("aeda", text):
        longer = variant.split()
        assert is_subsequence(words, longer)
        added = [word for word in longer if word in ".;?:!,"]
        assert 1 <= len(added) <= max(1, int(0.3 * len(words)))
        assert len(longer) == len(words) + len(added)
        assert not any(a in ".;?:!," and b in ".;?:!," for a, b in pairwise(longer))


# -- jamo


@pytest.mark.parametrize("text", [*COMMENTS, "값있는 삶", "아ㅋㅋ 헐ㅋㅋ", "각ㅏ 가ㄱㅏ", "ㄴ가ㅏ나"])
def test_jamo_recomposes_to_what_the_comment_spells(text: str) -> None:
    for variant in variants("jamo", text):
        assert recompose(variant) == recompose(text)


def test_jamo_splits_the_share_of_syllables_that_was_asked_for() -> None:
    assert all(len(variant) == 12 for variant in variants("jamo", "가나다라마바사아자차"))
    assert set(variants("jamo", "가나다", 3, rate=1.0)) == {"ㄱㅏㄴㅏㄷㅏ"}


# -- keyboard


@pytest.mark.parametrize("text", COMMENTS)
def test_keyboard_slips_by_two_strokes_a_syllable_at_most(text: str) -> None:
    slips = max(1, round(0.1 * sum("가" <= character <= "힣" for character in text)))
    for variant in variants("keyboard", text):
        assert distance(strokes(variant), strokes(text)) <= 2 * slips
        assert [c for c in variant if not "ㄱ" <= c <= "힣"] == [c for c in text if not "ㄱ" <= c <= "힣"]


def test_keyboard_writes_what_an_input_method_would() -> None:
    written = set(variants("keyboard", "가각", 300))
    assert {"까각", "ㄱ가각", "ㅏㄱ각", "ㅏ각", "가ㅏㄱ"} <= written  # shift held, doubled, swapped, left out
    assert all(compose(strokes(text)) == text for text in ("값의", "괜찮아", "뷁", "닭갈비가"))


def test_keys_beside_each_other_touch_on_a_real_keyboard() -> None:
    assert set(BESIDE["ㅎ"]) == set("ㅅㅛㄹㅗㅍㅠ")  # g: t y f h v b
    assert set(BESIDE["ㅂ"]) == set("ㅈㅁ")  # q: w a
    assert "ㅉ" in BESIDE["ㅃ"]
    assert all(
        one in BESIDE[other] for one in LATIN for other in BESIDE[one] if other in BESIDE and one in "ㅁㄴㅇㅏㅣ"
    )


def test_strokes_are_those_that_the_views_read() -> None:
    for word in ("씨발", "괜찮아", "병신", "뷁얘기"):
        latin = "".join(LATIN[letter] for letter in strokes(word))
        assert "".join(syllable for _, _, syllable in as_hangul(latin)) == word


# -- spacing


@pytest.mark.parametrize("text", [*COMMENTS, "한단어", "탭\t과  두 칸"])
def test_spacing_changes_nothing_but_spaces(text: str) -> None:
    for variant in variants("spacing", text):
        assert variant != text
        assert variant.replace(" ", "") == text.replace(" ", "")


def test_spacing_both_parts_and_joins() -> None:
    counts = {variant.count(" ") for variant in variants("spacing", COMMENTS[0])}
    assert min(counts) < COMMENTS[0].count(" ") < max(counts)


# -- repeat


@pytest.mark.parametrize("text", [*COMMENTS, "시발", "ㅋㅋ", "그래서 뭐!!", "가나다라"])
def test_repeat_only_adds_to_a_comment(text: str) -> None:
    for variant in variants("repeat", text):
        assert is_subsequence(text, variant)
        assert Normalizer()(variant) == variant != text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("시발", {"시이발", "시이이발"}),
        ("ㅋㅋ", {"ㅋㅋㅋ"}),
        ("아", {"아아", "아아아"}),
        ("야!", {"야!!", "야!!!", "야아!", "야아아!"}),
        ("의사", {"의사아", "의사아아"}),
        ("값!!!", {"값!!!"}),
        ("3.5", {"3.5"}),
        ("ㅅㅂ", {"ㅅㅂ"}),
    ],
)
def test_repeat_draws_out_what_people_draw_out(text: str, expected: set[str]) -> None:
    assert set(variants("repeat", text)) == expected


# -- obfuscate


def test_obfuscated_words_of_known_stems_are_read_back() -> None:
    words = [stem for stem in stems() if len(stem) > 1 and "가" <= stem[0] <= "힣"]
    read = total = 0
    for seed, word in enumerate(words):
        written = METHODS["obfuscate"].variant(word, np.random.default_rng(seed))
        total += written != word
        read += written != word and word in expanded(Normalizer()(written)).split()
    assert total > 0.99 * len(words)
    assert read > 0.95 * total


def test_obfuscate_takes_abusive_words_first() -> None:
    for variant in variants("obfuscate", "오늘은 날씨도 좋은데 저 시발놈이 또 왔다"):
        assert variant.startswith("오늘은 날씨도 좋은데 저 ")
        assert variant.endswith(" 또 왔다")


def test_obfuscate_knows_several_ways() -> None:
    written = set(variants("obfuscate", "멍청이", 200))
    assert {"댕청이", "멍.청.이", "멍1청이", "ㅁㅓㅇ청이", "ajdcjddl", "멍청ㅇl"} <= written | {"멍청이"}
    assert all(variant != "fuck" and len(variant) == 4 for variant in variants("obfuscate", "fuck"))


# -- eda


def eda_words(text: str, **options: object) -> list[list[str]]:
    return [variant.split() for variant in variants("eda", text, 120, **options)]


@pytest.mark.parametrize("text", COMMENTS)
def test_eda_changes_the_number_of_words_by_the_rate_at_most(text: str) -> None:
    words = text.split()
    lengths = {len(changed) - len(words) for changed in eda_words(text)}
    assert lengths <= {-1, 0, 1}
    assert 0 in lengths


def test_eda_does_all_four_operations() -> None:
    text = "배우는 정말 잘하는데 감독이 작품을 망쳤다"
    words = sorted(text.split())
    kinds = set()
    for changed in eda_words(text):
        kinds.add((len(changed) - len(words), sorted(changed) == words))
    assert kinds == {(0, True), (0, False), (1, False), (-1, False)}


def test_eda_never_touches_abusive_words_even_obfuscated_ones() -> None:
    text = "저 배우는 정말 시1발 같은 쓰레기다 이 새끼야 ㅅㅣ발 꺼져라"
    for changed in eda_words(text, rate=0.5):
        assert is_subsequence(["시1발"], changed)
        assert {"시1발", "쓰레기다", "새끼야", "ㅅㅣ발", "꺼져라"} <= set(changed)


def test_eda_keeps_an_abusive_word_that_is_written_apart_together() -> None:
    text = "그 감독 진짜 병 신 같은 영화를 만들었다"
    assert all("병 신" in variant for variant in variants("eda", text, 80, rate=0.4))


@pytest.mark.parametrize("text", ["배우", "시발", "시발놈아", "ㅋㅋㅋ", "단 둘", "두 낱말"])
def test_eda_leaves_something_of_a_short_comment(text: str) -> None:
    assert all(len(changed) >= len(text.split()) for changed in eda_words(text))


def test_synonyms_share_the_part_of_speech_and_are_near() -> None:
    mecab = MecabTokenizer()
    synonyms = Synonyms("ko-comments", 0.6)
    words = [(token, tag) for text in [*COMMENTS, "존나 진짜"] for token, tag in mecab.tagged(text)]
    synonyms.look_up(words)
    found = 0
    for word, tag in words:
        for other in synonyms.of(word, tag):
            found += 1
            assert mecab.tagged(other) == [(other, tag)]
            assert not abusive_spans(other)
            assert word not in other
    assert found > 10
    strict = Synonyms("ko-comments", 0.75)
    strict.look_up(words)
    assert all(set(strict.of(*word)) <= set(synonyms.of(*word)) for word in words)
    assert sum(len(strict.of(*word)) for word in words) < found


def test_looking_up_many_words_at_once_gives_what_one_gives() -> None:
    words = [(word, "NNG") for word in ("배우", "작품", "감독", "정치", "회사")]
    together = Synonyms("ko-comments", 0.6)
    together.look_up(words)
    for word in words:
        alone = Synonyms("ko-comments", 0.6)
        alone.look_up([word])
        assert alone.of(*word) == together.of(*word)


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("작품", "는", "은"),
        ("영화", "은", "는"),
        ("사람", "가", "이"),
        ("감독", "를", "을"),
        ("배우", "과", "와"),
        ("서울", "으로", "로"),
        ("집", "로", "으로"),
        ("연극", "랑", "이랑"),
    ],
)
def test_particles_follow_the_sound_before_them(word: str, particle: str, expected: str) -> None:
    assert particle_after(word, particle) == expected


def test_replaced_nouns_take_their_particles_along() -> None:
    for changed in eda_words("배우가 배우를 배우는 배우와"):
        for word in changed:
            noun, particle = word[:-1], word[-1]
            assert particle_after(noun, particle) == particle


def test_eda_says_where_its_vectors_are_not() -> None:
    with pytest.raises(DataError, match="there are no word vectors 'nowhere'"):
        Eda(AugmentStep(method="eda", vectors="nowhere")).variant("배우는 좋다", np.random.default_rng(0))


def test_a_method_is_told_its_rate() -> None:
    method = made("jamo", rate=0.5)
    assert method.rate == 0.5
    assert METHODS["jamo"].rate == 0.2
