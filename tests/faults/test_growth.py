"""Work grows with what is read, counted in steps: twice the input takes at most 2.5 times as many."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.machine import PATIENCE
from toxiclf._console import wrapped
from toxiclf.datasets._columns import text_column
from toxiclf.datasets._label_options import label_entries
from toxiclf.evaluation.compare import _judged
from toxiclf.evaluation.comparison import Difference
from toxiclf.rows import Format, Row
from toxiclf.rows.names import folded
from toxiclf.rows.records import Lines, records
from toxiclf.rows.sniffing import with_header, with_keys
from toxiclf.rows.workbook import _CELL
from toxiclf.rows.writer import neutralised
from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation import expanded
from toxiclf.text.obfuscation._endings import may_follow
from toxiclf.text.personal import found

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm signal")


@pytest.fixture(autouse=True)
def _nothing_hangs() -> Iterator[None]:
    """A pattern that tries each way to read a text is not counted in calls; it would end in years."""
    handler = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("this takes far too long"))
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


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


def steps(work: Callable[[], Any]) -> int:
    """Number of lines of Python that are run during the work; of a comprehension each turn."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return counted

    before = sys.gettrace()
    sys.settrace(counted)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def read_rows(text: str) -> None:
    """Read the records of a CSV file."""
    assert list(records(Lines(io.StringIO(text)), Format("csv", ",", True)))


GROWING: dict[str, Callable[[int], Any]] = {
    "repeated names": lambda n: with_header(Format("csv"), [["a"] * n, ["1"] * n], ()),
    "numbered names": lambda n: with_header(Format("csv"), [["a", "a.2"] * n, ["1"] * n], ()),
    "keys of few rows": lambda n: with_keys(
        Format("jsonl"), [Row(i, {f"k{i}": None, "a": {f"b{i}": None}}) for i in range(n)]
    ),
    "columns of few rows": lambda n: text_column(
        [f"k{i}" for i in range(n)], [Row(i, {f"k{i}": "가"}) for i in range(n)]
    ),
    "names in another case": lambda n: label_entries([f"L{i}" for i in range(n)], [f"l{i}" for i in range(n)]),
    "a field of many lines": lambda n: read_rows('"' + "가\n" * n + '",1\n'),
    "text": lambda n: Normalizer(max_chars=10**6).with_offsets("가나\u200b" * n),
    "entities": lambda n: Normalizer(max_chars=10**6).with_offsets("&amp;lt;" * n),
    "chain of entities": lambda n: Normalizer(max_chars=10**6).with_offsets("&" + "amp;" * n),
    "nest of entities": lambda n: Normalizer(max_chars=10**6).with_offsets("&" * n + "amp;" * n),
    "entities of entities": lambda n: Normalizer(max_chars=10**6).with_offsets("&am" * n + "&#112;;" * n),
    "an entity of many digits": lambda n: Normalizer(max_chars=10**6).with_offsets("&#" + "0" * n + "x;"),
    "an entity of many letters": lambda n: Normalizer(max_chars=10**6).with_offsets("&" + "l" * n + ";"),
    "numbers that are not personal": lambda n: found("20240101 " * n + "01012345678"),
    "marks": lambda n: Normalizer(max_chars=10**6).with_offsets("e\u0301\u0316" * n),
    "digits in stems": lambda n: expanded("시8" * n),
    "spaces in stems": lambda n: expanded("ㅂㅕㅇ ㅅㅣㄴ " * (n // 5)),
    "endings": lambda n: expanded("홍.어" + "이다" * n + "뷁"),
    "differences": lambda n: _judged(
        [Difference("b", f"l{i}", "f1", *[0.1] * 6, "descriptive") for i in range(n)], "f1"
    ),
}


@pytest.mark.parametrize("work", GROWING.values(), ids=GROWING)
def test_work_grows_with_the_input(work: Callable[[int], Any]) -> None:
    work(10)  # what is done once
    counts = []
    for n in (200, 400):
        folded.cache_clear()
        counts.append(steps(lambda n=n: work(n)))  # type: ignore[misc]
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


@pytest.mark.parametrize(
    "work",
    [
        lambda text: neutralised("-" + text + "x"),
        lambda text: with_header(Format("csv"), [["a", "b"], [text + "x", "1"]], ()),
        lambda text: wrapped(text, 80),
        lambda text: may_follow("홍어", text[:2_000].replace("1", "이다") + "뷁"),
        lambda text: _CELL.findall(b"<c" + text.encode().replace(b"1", b' r="A1"')),
    ],
    ids=[
        "a cell that is no formula",
        "a cell below a header",
        "a word of a message",
        "endings after a stem",
        "a tag of a workbook",
    ],
)
def test_a_pattern_reads_a_long_text_once(work: Callable[[str], Any]) -> None:
    work("1" * 500_000)  # the square of this is hours
