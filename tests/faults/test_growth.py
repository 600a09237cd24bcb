"""Work grows with what is read, counted in calls: twice the input takes at most 2.5 times as many."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from toxiclf.datasets._columns import text_column
from toxiclf.rows import Format, Row
from toxiclf.rows.names import folded
from toxiclf.rows.sniffing import with_header, with_keys
from toxiclf.text.normalize import Normalizer


def calls(work: Callable[[], Any]) -> int:
    """Number of calls and returns, also of functions in C, during the work."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "work",
    [
        lambda n: with_header(Format("csv"), [["a"] * n, ["1"] * n], ()),
        lambda n: with_header(Format("csv"), [["a", "a.2"] * n], ()),
        lambda n: with_keys(Format("jsonl"), [Row(i, {f"k{i}": None, "a": {f"b{i}": None}}) for i in range(n)]),
        lambda n: text_column([f"k{i}" for i in range(n)], [Row(i, {f"k{i}": "가"}) for i in range(n)]),
        lambda n: Normalizer(max_chars=10**6).with_offsets("가나\u200b" * n),
        lambda n: Normalizer(max_chars=10**6).with_offsets("&amp;lt;" * n),
        lambda n: Normalizer(max_chars=10**6).with_offsets("e\u0301\u0316" * n),
    ],
    ids=["repeated names", "numbered names", "keys of few rows", "columns of few rows", "text", "entities", "marks"],
)
def test_work_grows_with_the_input(work: Callable[[int], Any]) -> None:
    work(10)  # what is done once
    counts = []
    for n in (200, 400):
        folded.cache_clear()
        counts.append(calls(lambda n=n: work(n)))  # type: ignore[misc]
    assert counts[1] <= 2.5 * counts[0]


@pytest.mark.parametrize("text", ["\u200b{}", "{}\u200b", "&amp;{}", "{}&amp;", "e\u0301\u0316{}"], ids=ascii)
@pytest.mark.parametrize("unit", ["가나", "이 ", "a1\u200b", "e\u0301가", "&lt;가"], ids=ascii)
def test_a_long_comment_is_read_as_far_as_its_beginning_needs(text: str, unit: str) -> None:
    normalizer = Normalizer()
    few, many = (text.format(unit * n) for n in (8_000, 200_000))
    normalizer(few)  # fills caches
    assert calls(lambda: normalizer(many)) <= calls(lambda: normalizer(few)) + 100


@pytest.mark.parametrize("unit", list("가 \u200b\u03010a\u1161"), ids=ascii)
def test_the_middle_of_a_long_run_is_not_read(unit: str) -> None:
    few, many = ("&#\u200b" + unit * n + "x;" for n in (10_000, 200_000))
    Normalizer()(few)
    assert calls(lambda: Normalizer()(many)) <= calls(lambda: Normalizer()(few)) + 100
