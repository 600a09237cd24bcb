"""What the normalizer promises for any string at all."""

from __future__ import annotations

import itertools
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from tests.text.whole_texts import normalized
from toxiclf.text import normalize
from toxiclf.text.normalize import Normalizer

# what comments and their obfuscations are made of, each far more frequent than chance would have it
ODD = (
    "가각힣ㄱㅏㅋaAé1! .~ⓐ漢ア゙ＡｱﾞﾊﾟﾡￂＡ😀❤✊🏽"
    "\u1100\u1161\u11a8\u1113\u1176\u11c3\ua960\ud7b0"  # conjoining jamo, modern and old
    "\u0300\u0301\u0316\u0327\u0344\u0340\u0f73\u3099"  # marks that join, decompose or change places
    "\u0000\u0007\u001f\u007f\u0085\u00ad"
    "\u200b\u200c\u200d\u200e\u202e\u2066\u2069\ufeff\U000e0041"
    "\u034f\ufe0e\ufe0f\U000e0100"
    "\u115f\u1160\u3164\uffa0\u2800"
    "\t\n\r\x0b\x1c\u00a0\u1680\u2003\u2028\u2029\u202f\u3000"
    "\ud800\udbff\udc00\udfff\ufffd\ufffe\U0010ffff"
)
# parts of HTML entities, also of those that nest, that other steps complete and that hold runs
PARTS = [
    *"&;#＆；\u037ealtgmpxK08", "lt;", "amp;", "&lt;", "&amp;", "&#38;", "#38;", "&#x26;", "&semi;", "&num;", "&#59;",
    "&nbsp;", "&#8203;", "&#0;", "&#55357;", "&#x110000;", "&#4352;", "&#4449;", "&bne;", "&ggg;", "gggg;", "sss;", "&#0060;",
    "&#00000", "veeeq;",
]  # fmt: skip
CHARACTERS = st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=()))
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=30), st.lists(st.one_of(st.sampled_from(PARTS), CHARACTERS), max_size=15).map("".join)
)
NORMALIZERS = st.builds(Normalizer, st.integers(1, 5), st.integers(1, 30), st.booleans())
# long runs, and parts in many copies: what is longer than a block
LONG_TEXTS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(PARTS), CHARACTERS, TEXTS), st.sampled_from([1, 1, 1, 2, 3, 31, 64, 65, 130, 400])
    ),
    max_size=8,
).map(lambda parts: "".join(part * count for part, count in parts))
MANY_NORMALIZERS = st.builds(
    Normalizer,
    st.sampled_from([1, 2, 3, 5, 64, 65, 10**9]),
    st.sampled_from([*range(1, 8), 30, 64, 130, 2000]),
    st.booleans(),
)
WHITE_SPACE = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()]
HUGE = 200_000


def for_any_text(test: Callable[[str, Normalizer], None]) -> Callable[[], None]:
    """Run a test on any text with any normalizer."""
    return settings(deadline=None, max_examples=cases(250))(given(text=TEXTS, normalizer=NORMALIZERS)(test))


@for_any_text
def test_normalizing_twice_changes_nothing_more(text: str, normalizer: Normalizer) -> None:
    once = normalizer(text)
    assert normalizer(once) == once


@for_any_text
def test_the_fast_way_and_the_way_with_offsets_agree(text: str, normalizer: Normalizer) -> None:
    slow = normalizer.with_offsets(text)
    (fast,), (cut,) = normalizer.batch([text])
    assert fast == slow.text == normalizer(text)
    assert cut == slow.truncated


@pytest.mark.parametrize("around", ["{}", "가{}나", "a{0}{0}{0}{0}{0} {0}"])
def test_the_fast_way_and_the_way_with_offsets_agree_on_every_character(around: str) -> None:
    normalizer = Normalizer()
    blocks = [
        (0, 0x3400),
        (0xA900, 0xAD00),
        (0xD700, 0xE000),
        (0xF900, 0x10000),
        (0x1F000, 0x1FB00),
        (0xE0000, 0xE0200),
    ]
    for code in itertools.chain.from_iterable(itertools.starmap(range, blocks)):
        text = around.format(chr(code))
        assert normalizer(text) == normalizer.with_offsets(text).text


@settings(deadline=None, max_examples=cases(250))
@given(text=st.one_of(TEXTS, LONG_TEXTS), normalizer=MANY_NORMALIZERS)
def test_reading_in_blocks_gives_what_reading_the_whole_text_gives(text: str, normalizer: Normalizer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalize, "_BLOCK", 64)
        result = normalizer.with_offsets(text)
        assert result == normalized(text, normalizer)
        assert normalizer.batch([text])[0] == [result.text]
        assert normalizer.batch([text])[1] == [result.truncated]


@for_any_text
def test_offsets_rise_and_lie_in_the_original(text: str, normalizer: Normalizer) -> None:
    result = normalizer.with_offsets(text)
    assert len(result.starts) == len(result.ends) == len(result.text)
    assert list(result.starts) == sorted(result.starts)
    assert list(result.ends) == sorted(result.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(result.starts, result.ends, strict=True))


@example("0\u115f\u0340", Normalizer(1, 3))
@for_any_text
def test_every_character_comes_from_its_span(text: str, normalizer: Normalizer) -> None:
    result = normalizer.with_offsets(text)
    whole = replace(normalizer, max_chars=10**6)
    for at, character in enumerate(result.text):
        start, end = result.original_span(at, at + 1)
        assert character in whole(f"0{text[start:end]}0")  # white space at the ends would be lost


@for_any_text
def test_what_comes_out_is_clean(text: str, normalizer: Normalizer) -> None:
    result = normalizer(text)
    assert result == " ".join(result.split())
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in result)
    assert unicodedata.is_normalized("NFC", result)
    assert len(result) <= normalizer.max_chars
    assert all(len(list(run)) <= normalizer.repeat_cap for _, run in itertools.groupby(result))
    result.encode("utf-8")


@for_any_text
def test_a_cut_text_is_the_beginning_of_the_whole_one(text: str, normalizer: Normalizer) -> None:
    whole = replace(normalizer, max_chars=10**6)(text)
    result = normalizer.with_offsets(text)
    assert result.truncated == (len(whole) > normalizer.max_chars)
    assert result.text == whole[: normalizer.max_chars].rstrip()


@settings(deadline=None, max_examples=cases(60))
@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)))
def test_normalizing_keeps_every_syllable(text: str) -> None:
    assert Normalizer(repeat_cap=1000)(text) == text
    assert Normalizer(repeat_cap=1000)(unicodedata.normalize("NFD", text)) == text


@settings(deadline=None, max_examples=cases(60))
@given(st.text(st.one_of(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), st.sampled_from("éÅçñ 1ガ"))))
@example("한글 뷁")
def test_composed_and_decomposed_spelling_are_one(text: str) -> None:
    normalizer = Normalizer()
    assert normalizer(unicodedata.normalize("NFD", text)) == normalizer(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("ＡＢｃ１２！？～", "ABc12!?~"),
        ("ﾡﾢￂￌ", "ㄱㄲㅏㅗ"),
        ("ｶﾞﾊﾟ", "ガパ"),
        ("\u1109\u1175\u1107\u1161\u11af", "시발"),
        ("\u1109\u1107", "ㅅㅂ"),
        ("씨\u11a8", "씩"),
        ("ㅅㅣㅂㅏㄹ", "ㅅㅣㅂㅏㄹ"),
        ("와ㅋㅋㅋㅋㅋㅋㅋ", "와ㅋㅋㅋ"),
        ("앗!!!!!~~~~~~", "앗!!!~~~"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f", "👨👩👧 ❤"),
        ("\ud83d\ude00", "��"),
        ("가\ud800나", "가�나"),
        ("가\u3164나", "가 나"),
        ("가\u115f\u1160\uffa0\u2800나", "가 나"),
        ("&lt;b&gt; &#44060;&#xC0C8;&#X1f600;", "<b> 개새😀"),
        ("&amp;lt; &amp;#44060; &#38;#38;lt; &am&#112;;lt;", "< 개 < <"),  # escaped more than once
        ("＆ｌｔ；&l\u200bt;&lt\u037e", "<<<"),
        (
            "AT&T &copy 2020 R&D; &없음; &#; &#x; &#12a; ?a=1&copy=2",
            "AT&T &copy 2020 R&D; &없음; &#; &#x; &#12a; ?a=1&copy=2",
        ),
        ("가&nbsp;&nbsp;&#12644;나&ZeroWidthSpace;다&#8203;라", "가 나다라"),
        ("&#55357;&#0;&#x110000;&#99999999999999999999;|&#1;&#7;&#x80;", "���|€"),
        ("&#4361;&#4469;&#4359;&#4449;&#4527;e&#769;", "시발é"),
        ("&#0000000000000000060;", "<"),
        ("ㅋ&#12619;ㅋㅋ&#12619;", "ㅋㅋㅋ"),
        ("&gggg; &gt;;;;;", "⋙ >;;;"),  # what is an entity once its run is shortened
        ("", ""),
        (" \u200b \u3164 ", ""),
        ("\x00", ""),
    ],
)
def test_writing_is_brought_to_one_form(given: str, wanted: str) -> None:
    assert Normalizer()(given) == wanted


@pytest.mark.parametrize(
    "hidden", list("\x00\x07\x7f\u00ad\u034f\u200b\u200c\u200d\u200e\u202e\u2060\u2066\ufe0f\ufeff\U000e0041\U000e0100")
)
def test_invisible_characters_do_not_hide_a_word(hidden: str) -> None:
    result = Normalizer().with_offsets(f"시{hidden}발")
    assert result.text == "시발"
    assert [result.original_span(i, i + 1) for i in range(2)] == [(0, 1), (2, 3)]


@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
def test_white_space_of_every_kind_is_one_space(space: str) -> None:
    assert Normalizer()(f"{space}가{space}{space}\u200b{space}나{space}") == "가 나"


def test_a_span_leads_back_to_what_was_written() -> None:
    text = "\u200b이  ㅅ\u3164ㅂ\x00 \u110c\u1175\u11ab짜ㅋㅋㅋㅋㅋㅋ!"
    result = Normalizer().with_offsets(text)
    assert result.text == "이 ㅅ ㅂ 진짜ㅋㅋㅋ!"
    assert [text[slice(*result.original_span(*span))] for span in ((2, 5), (6, 7), (8, 11))] == [
        "ㅅ\u3164ㅂ",
        "\u110c\u1175\u11ab",
        "ㅋㅋㅋㅋㅋㅋ",
    ]
    assert result.original_span(0, len(result.text)) == (1, len(text))


def test_an_empty_span_lies_at_its_place_and_a_wrong_one_is_refused() -> None:
    result = Normalizer().with_offsets(" 가나 ")
    assert result.original_span(1, 1) == (2, 2)
    assert result.original_span(2, 2) == (3, 3)
    assert Normalizer().with_offsets(" ").original_span(0, 0) == (0, 0)
    for span in ((0, 3), (-1, 1), (2, 1)):
        with pytest.raises(IndexError, match="outside the normalized text of 2 characters"):
            result.original_span(*span)


@pytest.mark.parametrize(
    "unit",
    [
        "가",
        "가나",
        "a\u0301\u0316",
        "\u0301\u0316",
        "가\x00",
        "\u200b",
        " ",
        "\u3000나",
        "\u1161\u1165",
        "😀👍",
        "\ud800x",
        "&amp;",
        "&",
        "&#0",
        "&am",
        "amp;",
        "&#38;",
        "&#x1;;",
    ],
    ids=ascii,
)
def test_a_text_of_any_length_and_kind_is_normalized(unit: str) -> None:
    (text,), (cut,) = Normalizer().batch([unit * (HUGE // len(unit))])
    assert 1999 <= len(text) <= 2000 if cut else len(text) < 2000
    assert Normalizer()(text) == text


def test_a_decoded_entity_has_the_span_of_what_was_written() -> None:
    text = "이 &am&#112;;#44060;&bne;새 &nbsp;&lt; e&#769;"
    result = Normalizer().with_offsets(text)
    assert result.text == "이 개=\u20e5새 < é"
    assert [text[slice(*result.original_span(i, i + 1))] for i in (2, 3, 4, 6, 7, 9)] == [
        "&am&#112;;#44060;", "&bne;", "&bne;", " &nbsp;", "&lt;", "e&#769;",
    ]  # fmt: skip


def test_entities_stay_where_the_step_is_off() -> None:
    text = "&lt;&#44060; a&amp;b"
    assert Normalizer(html_entities=False)(text) == Normalizer(html_entities=False).with_offsets(text).text == text


def test_a_letter_keeps_only_so_many_marks() -> None:
    assert Normalizer()("e" + "\u0316\u0301" * 1000 + "끝").endswith("끝")
    assert len(Normalizer()("e" + "\u0316\u0301" * 1000 + "끝")) < 40


def test_no_texts_give_no_texts() -> None:
    texts, cut = Normalizer().batch([])
    assert texts == []
    assert cut.shape == (0,)
    assert cut.dtype == bool


def test_a_cap_beyond_any_text_is_no_cap() -> None:
    assert Normalizer(repeat_cap=10**30, max_chars=10**30)("ㅋ" * 5000) == "ㅋ" * 5000
