"""Personal strings become one token each, and nothing of them is in a vocabulary."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.canaries import canaries, texts_with, walks_to
from tests.conftest import cases
from toxiclf.balance.augmentation import augmented
from toxiclf.recipe import AugmentStep
from toxiclf.text.normalize import Normalizer
from toxiclf.text.personal import MASKS, NAMES, found, readable
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import tokenizer
from toxiclf.text.vocabulary import NgramVocabulary

MASKING = Normalizer(mask_personal=True)
PERSONAL = {
    "phone": "010-1234-5678|010 1234 5678|010.1234.5678|01012345678|010-1111-1111|011-123-4567|02-123-4567|(02)123-4567|"
    "0212345678|070-1234-5678|1588-1234|1577-1577|+82-10-1234-5678|+821012345678|+82-2-123-4567|010ㅡ1234ㅡ5678|"
    "０１０－１２３４－５６７８|010\u200b-1234-5678|공일공 일이삼사 오육칠팔|010-0000-0000|&#48;10-1234-5678",
    "resident_number": "900101-1234567|900101-1******|9001011234568|900101 5234567",
    "card": "4111111111111111|4111-1111-1111-1111|4111 1111 1111 1111|378282246310005",
    "account": "110-123-456789|123456-01-123456|3333-01-1234567|2345-6789-0123-45",
    "email": "user.name+x@naver.com|a@b.co.kr|abc@naver|010-1234-5678@naver.com",
    "url": "https://open.kakao.com/o/abc|www.example.com/view/123|t.me/abc|http://a.kr/?q=1&b=2",
    "mention": "@user_name|@봉봉세효|@길동이-p5k",
}
OTHERS = (
    "18|1818|010|010 010|1997|1592-1598|12,000원|2024-01-01|2024-01-01-12|3:2|21-15|ㅋㅋ18|1500000000|시@발|개@ss|"
    "@시발놈아|병@신|18:30|0.0000000003|222 33334444|naver.com|2020 2021 2022|1,234,567,890|192.168.100.100|km/h|1/2|"
    "2019/2020|2023.12.25|01-02-03|119|1004|6.25|2024-01-01 12:30:00|@|a@"
)
CASES = [(kind, text) for kind, texts in PERSONAL.items() for text in texts.split("|")]
PARTS = [
    *(text for _, text in CASES),
    *OTHERS.split("|"),
    *"0123456789@.-+ 가ㅋa/:",
    *MASKS.values(),
    "&#48;",
    "\u0301",
]


@pytest.mark.parametrize(("kind", "text"), CASES)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("연락은 ", " 로"), ("ㅋㅋㅋㅋㅋ", "으로")])
def test_a_personal_string_becomes_one_mask_whose_span_is_the_string(
    kind: str, text: str, before: str, after: str
) -> None:
    if kind == "mention" and (before.endswith("ㅋ") or after.startswith("으")):
        return  # no mention begins within a word, and a name ends where the word ends
    whole = before + text + after
    normalized = MASKING.with_offsets(whole)
    words = normalized.text.split(" ")
    assert MASKS[kind] in words
    assert not any(character.isdigit() or character.isascii() for word in words for character in word)
    at = normalized.text.index(MASKS[kind])
    start, end = normalized.original_span(at, at + 1)
    assert whole[start:end] == text
    assert NAMES[kind] in readable(normalized.text)


@pytest.mark.parametrize("text", OTHERS.split("|"))
def test_years_prices_dates_and_insults_stay(text: str) -> None:
    assert not found(f"아 {text} 끝")


@settings(deadline=None, max_examples=cases(60))
@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.integers(1, 4), st.integers(1, 40))
def test_normalizing_again_changes_nothing_and_finds_nothing(text: str, repeat_cap: int, max_chars: int) -> None:
    normalizer = Normalizer(repeat_cap, max_chars, mask_personal=True)
    once = normalizer(text)
    assert normalizer(once) == once == normalizer.with_offsets(text).text
    assert len(once) <= max_chars
    assert not found(once)
    normalized = normalizer.with_offsets(text)
    assert all(0 <= a < b <= len(text) for a, b in zip(normalized.starts, normalized.ends, strict=True))


@pytest.mark.parametrize("space", [" ", "\u200b "])
@pytest.mark.parametrize("length", [1990, 3000, 5000])
def test_a_number_at_the_border_leaks_no_part(space: str, length: int) -> None:
    for shift in range(0, 30, 3):
        text = "가" + space * 2 + "나다 " * ((length - 20 + shift) // 3) + "010-1234-5678 끝"
        for max_chars in (1000, 2000, 4000):
            assert not any(c.isdigit() for c in Normalizer(max_chars=max_chars, mask_personal=True)(text))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("20240101 01012345678", ["phone"]), ("가격 3000 01012345678 연락", ["phone"]), ("2900 0212345678", ["phone"]),
        ("@시발010-1234-5678", ["phone"]), ("@병신a.b@naver.com", ["email"]), ("공1공일이삼사오육칠팔", ["phone"]),
    ],
)  # fmt: skip
def test_what_is_not_personal_hides_nothing_that_is(text: str, kinds: list[str]) -> None:
    assert [one.kind for one in found(text)] == kinds


def test_views_read_no_masked_string_and_copies_hold_none() -> None:
    texts = [f"시1발 010-1234-567{number} {number}번 tlqkf" for number in range(6)] + ["안녕하세요"] * 6
    read = Preprocessor(MASKING, ("lookalikes", "keyboard", "separators")).batch(texts)[0]
    assert not any("1234" in text for text in read)
    made = augmented(
        texts, np.arange(12) < 6, [AugmentStep(method="keyboard")], normalizer=MASKING, avoid=(), seed=0
    )  # fmt: skip
    assert made.texts
    assert not any("34" in text for text in made.texts)


@pytest.mark.parametrize("name", ["mecab", "char", "jamo", "whitespace"])
@pytest.mark.parametrize("mask", MASKS.values())
def test_every_tokenizer_makes_a_mask_a_token(name: str, mask: str) -> None:
    assert mask in tokenizer(name).tokenize([MASKING("연락010-1234-5678로").replace(MASKS["phone"], mask)])[0]


def test_canaries_are_of_the_kinds_that_they_name() -> None:
    for canary in canaries():
        assert [one.kind for one in found(canary.text)] == ([canary.kind] if canary.masked else [])


@pytest.mark.parametrize("unit", ["jamo", "syllable"])
def test_no_masked_string_is_rebuilt_from_ngrams_and_others_are(unit: Literal["jamo", "syllable"]) -> None:
    made = canaries()
    texts = texts_with(made)
    for normalizer in (Normalizer(), MASKING):
        vocabulary = NgramVocabulary.learn(normalizer.batch(texts)[0], unit, 1, 6, 3)
        ngrams = {str(n): text for n, text in vocabulary.ngrams.items()}
        rebuilt = [canary for canary in made if walks_to(canary.text, unit, ngrams)]
        assert not normalizer.mask_personal or not any(canary.masked for canary in rebuilt)
        often = {canary for canary in made if canary.count >= 5 and (not normalizer.mask_personal or not canary.masked)}
        assert often <= set(rebuilt)  # what is not of a masked kind comes back, and without masks all do
