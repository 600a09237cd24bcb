"""A Korean page says what its English twin says: same headings, code, links, options and numbers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAIRS = [(page.with_name(page.name.replace(".ko.md", ".md")), page) for page in (
    *sorted(ROOT.glob("*.ko.md")), *sorted((ROOT / "docs").rglob("*.ko.md")),
)]  # fmt: skip
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_NUMBER = re.compile(r"\d*\.?\d+")
_BARE_POINT = re.compile(r"(?<![\w.])\.(?=\d)")  # English pages write .892, Korean ones 0.892

pytestmark = pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda page: str(page.relative_to(ROOT)))


def read(page: Path) -> str:
    return page.read_text("utf-8")


def sections(page: Path) -> list[str]:
    """Text under each heading, without blocks of code and without the line that leads to the other language."""
    text = _BLOCK.sub("", read(page))
    text = re.sub(r"^.*(\*\*English\*\*|\*\*한국어\*\*).*$", "", text, count=1, flags=re.MULTILINE)
    return re.split(r"^#+ ", text, flags=re.MULTILINE)


def table_rows(page: Path) -> list[str]:
    return re.findall(r"^\|.*$", _BLOCK.sub("", read(page)), re.MULTILINE)


def numbers(text: str) -> Counter[float]:
    return Counter(float(number) for number in _NUMBER.findall(text))


def korean_link(english: Path, link: str) -> str:
    """The link that the Korean page has for one of the English page: to the Korean twin where there is one."""
    twin = link.removesuffix(".md") + ".ko.md"
    return twin if link.endswith(".md") and (english.parent / twin).is_file() else link


def test_both_pages_link_to_each_other_at_the_top(english: Path, korean: Path) -> None:
    assert read(english).splitlines()[2] == f"**English** | [한국어]({korean.name})"
    assert read(korean).splitlines()[2] == f"[English]({english.name}) | **한국어**"


def test_headings_have_the_same_levels(english: Path, korean: Path) -> None:
    levels = [re.findall(r"^(#+) ", _BLOCK.sub("", read(page)), re.MULTILINE) for page in (english, korean)]
    assert len(levels[0]) > 1
    assert levels[1] == levels[0]


def test_blocks_of_code_are_the_same(english: Path, korean: Path) -> None:
    assert _BLOCK.findall(read(english))
    assert _BLOCK.findall(read(korean)) == _BLOCK.findall(read(english))


def test_rows_of_tables_have_the_same_numbers_and_names(english: Path, korean: Path) -> None:
    assert len(table_rows(korean)) == len(table_rows(english)) > 2
    for ours, theirs in zip(table_rows(english), table_rows(korean), strict=True):
        assert theirs.count("|") == ours.count("|")
        assert sorted(_CODE.findall(theirs)) == sorted(_CODE.findall(ours))
        assert numbers(theirs) == numbers(ours), theirs


def test_no_number_is_lost(english: Path, korean: Path) -> None:
    # the Korean page may have more: a number that is a word in English
    for ours, theirs in zip(sections(english), sections(korean), strict=True):
        assert not numbers(ours) - numbers(theirs), theirs


def test_links_and_names_in_code_are_the_same(english: Path, korean: Path) -> None:
    for ours, theirs in zip(sections(english), sections(korean), strict=True):
        assert sorted(_LINK.findall(theirs)) == sorted(korean_link(english, link) for link in _LINK.findall(ours))
        assert set(_CODE.findall(theirs)) == {_BARE_POINT.sub("0.", code) for code in _CODE.findall(ours)}
