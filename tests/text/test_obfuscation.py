"""What the rules for obfuscated words promise: what they read, what they leave alone, and where."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from toxiclf._registry import components
from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import expanded, read_raw, readings
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.stems import any_of, stems

HERE = Path(__file__).parent
with (HERE / "obfuscation_pairs.tsv").open(encoding="utf-8", newline="") as file:
    PAIRS = [
        (row["rule"], row["written"], row["reading"])
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    ]
INNOCENT = (HERE / "obfuscation_innocent.txt").read_text("utf-8").splitlines()
NORMALIZER = Normalizer()
VIEWS = tuple(components("view"))
HUGE = 10_000

# what obfuscations are made of, each far more frequent than chance would have it
SIGNS = "시씨이발바병신개새애끼지랄아미친놈멍청ㅅㅣㅂㅏㄹㅆㄱㅐㅋㅠ1238^/\\Λ人r|lH.~*@-_ tlqkfTѕех𝒃ⓑ댕커엽머띵\u200b\u0301\ud800"
TEXTS = st.text(
    st.one_of(st.sampled_from(SIGNS), st.sampled_from(SIGNS), st.characters(exclude_categories=())), max_size=40
)
SPELLINGS = st.lists(st.one_of(st.sampled_from([written for _, written, _ in PAIRS]), TEXTS), max_size=5).map(" ".join)
CHOICES = st.lists(st.sampled_from(VIEWS), unique=True)


@pytest.mark.parametrize(("rule", "written", "reading"), PAIRS, ids=[f"{rule}:{written}" for rule, written, _ in PAIRS])
def test_an_obfuscated_word_is_read(rule: str, written: str, reading: str) -> None:
    found = readings(NORMALIZER(written))
    assert [(one.rule, one.text) for one in found] == [(rule, reading)]
    assert reading in expanded(NORMALIZER(written))[len(NORMALIZER(written)) + 1 :]


@pytest.mark.parametrize("text", INNOCENT)
def test_an_innocent_text_stays_as_it_is(text: str) -> None:
    text = NORMALIZER(text)
    assert readings(text) == []
    assert expanded(text) is text


def test_the_tables_hold_every_rule_and_nothing_twice() -> None:
    written = [one for _, one, _ in PAIRS]
    assert len(set(written)) == len(written) >= 350
    assert len(set(INNOCENT)) == len(INNOCENT) >= 120
    assert set().union(*(rule.split("+") for rule, _, _ in PAIRS)) == set(VIEWS)
    assert not set(written) & set(INNOCENT)


def test_every_stem_written_plainly_needs_no_reading() -> None:
    for stem in stems():
        assert readings(stem) == [], stem
        assert readings(f"{stem}아 {stem}") == [], stem


@pytest.mark.parametrize("rule", VIEWS)
def test_a_rule_alone_reads_its_own_pairs(rule: str) -> None:
    for name, written, reading in PAIRS:
        found = [(one.rule, one.text) for one in readings(NORMALIZER(written), [rule])]
        if name == rule:
            assert found == [(rule, reading)], written
        else:
            assert all(one == rule for one, _ in found), written


def test_the_list_of_stems_holds_no_tails_for_stems() -> None:
    assert not [stem for stem in stems() if stem.startswith("-") or (len(stem) < 2 and stem not in "썅ㅄ")]


def test_no_rules_read_nothing() -> None:
    assert readings("시1발 tlqkf", []) == []
    assert expanded("시1발 tlqkf", []) == "시1발 tlqkf"


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown view 'leet'; known: homoglyphs, lookalikes"):
        readings("시1발", ["leet"])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("야 시1발아 꺼져", "야 시1발아 꺼져 시발아"),
        ("야 시1발아 꺼어져 시1발아!", "야 시1발아 꺼어져 시1발아! 시발아 꺼져 시발아!"),
        ("시1발아 시1발아", "시1발아 시1발아 시발아"),
        ("이 시 발 놈아 꺼져", "이 시 발 놈아 꺼져 시발놈아"),
        ("시.발병1신", "시.발병1신 시발병신"),
        ("우리 댕댕이 커엽다", "우리 댕댕이 커엽다 멍멍이 귀엽다"),
        ("아 tlqkf", "아 tlqkf 시발"),
        ("좋은 영화", "좋은 영화"),
        ("", ""),
    ],
)
def test_words_as_read_follow_the_text(text: str, wanted: str) -> None:
    assert expanded(text) == wanted


@settings(deadline=None, max_examples=cases(100))
@given(SPELLINGS, CHOICES)
def test_readings_lie_in_the_text_in_order_and_differ_from_it(raw: str, rules: Sequence[str]) -> None:
    for text in (raw, NORMALIZER(raw)):
        found = readings(text, rules)
        assert all(0 <= one.start < one.end <= len(text) for one in found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
        assert all(text[one.start : one.end] != one.text for one in found)
        assert all(one.rule and set(one.rule.split("+")) <= set(rules) for one in found)


@settings(deadline=None, max_examples=cases(100))
@given(SPELLINGS, CHOICES)
def test_the_expanded_text_begins_with_the_text_and_is_bounded(raw: str, rules: Sequence[str]) -> None:
    text = NORMALIZER(raw)
    more = expanded(text, rules)
    assert more.startswith(text)
    assert len(more) <= 2 * len(text) + 33
    assert (more == text) or more[len(text)] == " "
    assert readings(text, rules) or more is text


@settings(deadline=None, max_examples=cases(100))
@given(SPELLINGS)
def test_spans_in_the_original_hold_what_was_written(raw: str) -> None:
    once = Normalizer(repeat_cap=1)  # a run stands behind each of its characters
    inside = readings(NORMALIZER(raw))
    outside = read_raw(raw, NORMALIZER)
    assert [(one.rule, one.text) for one in outside] == [(one.rule, one.text) for one in inside]
    text = NORMALIZER(raw)
    for near, far in zip(inside, outside, strict=True):
        assert once(text[near.start : near.end]) in once(raw[far.start : far.end])


@settings(deadline=None, max_examples=cases(20))
@given(st.lists(SPELLINGS, max_size=4), CHOICES, st.booleans())
def test_a_batch_is_read_as_its_texts_are_one_by_one(texts: list[str], rules: Sequence[str], masked: bool) -> None:
    preprocessor = Preprocessor(Normalizer(mask_personal=masked), tuple(rules))
    together, cut = preprocessor.batch(texts)
    assert list(zip(together, cut.tolist(), strict=True)) == [
        (one, alone_cut) for text in texts for one, alone_cut in zip(*preprocessor.batch([text]), strict=True)
    ]


def test_a_reading_leads_back_to_what_was_written() -> None:
    raw = "\u200b와  ㅅ\u200bㅣ발ㅋㅋㅋㅋㅋㅋ 병\u3164신 시~~~~~~발"
    assert [(one.rule, raw[one.start : one.end], one.text) for one in read_raw(raw, NORMALIZER)] == [
        ("jamo", "ㅅ\u200bㅣ발", "시발"),
        ("separators", "병\u3164신", "병신"),
        ("separators", "시~~~~~~발", "시발"),
    ]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "가",
            "시",
            "ㅅ",
            "ㅣ",
            "ㅅㅣ",
            "시이",
            "이",
            "아",
            "1",
            "^",
            "시.",
            ".",
            "ㅅ.",
            "시1",
            "t",
            "tl",
            "tlqkf",
            "ㅅr",
            "H",
        ),
        *(
            "시 ",
            "ㅅ ㅣ ",
            "시 발 ",
            "시.발 ",
            "시발",
            "시1발",
            "시이발 ",
            "개새",
            "댕",
            "댕댕",
            "a@",
            "a.",
            "://",
            "\ud800",
            "ѕ",
        ),
        *("ѕе ", "s3", "s3x ", "𝒃", "/\\", "^^ㅣ", "-_", "가-", "ㅠㅠ", "시바ㄹ", "아시발.", " ", "\n", "😀", "시😀"),
        *("www.", "a@b.", "http://", "시ㆍ", "시 1 ", "아니시1발", "f u ", "ㅅㅣ ", "a.com"),
    ],
    ids=ascii,
)
def test_a_text_of_any_length_is_read(unit: str) -> None:
    text = unit * (HUGE // len(unit))
    found = readings(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert len(expanded(text)) <= 2 * len(text) + 33


def test_a_tree_of_words_matches_the_words_alone() -> None:

    words = sorted(stems())
    pattern = re.compile(any_of(words))
    assert all(pattern.fullmatch(word) for word in words)
    assert not pattern.fullmatch("")
    assert not any(pattern.fullmatch(word + "깡") for word in words)
