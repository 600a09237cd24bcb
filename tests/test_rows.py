"""Reading and writing rows: any shape of file is read, and nothing is lost silently."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from tests.workbooks import Cell, write_workbook
from toxiclf.errors import DataError, UsageError
from toxiclf.rows import Format, Rejected, Row, RowReader, RowWriter, neutralised, write_rejected

Make = Callable[..., RowReader]
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=cases(60))
LONGEST = 2**20  # characters in a line


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Make]:
    """A reader of a file with these contents."""
    with ExitStack() as stack:

        def make(content: str | bytes, name: str = "rows.csv", **options: Any) -> RowReader:
            path = tmp_path / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            return stack.enter_context(closing(RowReader(path, **options)))

        yield make


def rows(reader: RowReader) -> list[list[Any]]:
    return [list(row.values.values()) for row in reader if isinstance(row, Row)]


def rejected(reader: RowReader) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in reader if isinstance(row, Rejected)]


def outcomes(reader: RowReader) -> list[tuple[int, bool]]:
    """Line of each row, and whether it was read."""
    return [(row.line, isinstance(row, Row)) for row in reader]


# --- encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_korean_is_read_in_utf_8_with_or_without_mark_and_in_cp949(encoding: str, reader: Make) -> None:
    result = reader("text,label\n꽃잎이 똠방각하,0\n쓰레기,1\n".encode(encoding))
    assert result.encoding == ("cp949" if encoding == "cp949" else "utf-8")
    assert rows(result) == [["꽃잎이 똠방각하", "0"], ["쓰레기", "1"]]


def test_byte_order_mark_before_a_quoted_header_is_no_part_of_it(reader: Make) -> None:
    assert reader('\ufeff"text","label"\n"가, 나",0\n').format.columns == ("text", "label")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_refused_with_the_way_out(encoding: str, reader: Make) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    with pytest.raises(DataError, match="is in UTF-16; save it as UTF-8"):
        reader((mark + "text,label\n가,0\n").encode(encoding))


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "a workbook or archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old workbook"),
        (b"PAR1\x15", "a Parquet file"),
        (gzip.compress(b"text", mtime=0), "packed by gzip"),
    ],
)
def test_files_that_hold_no_text_are_named_for_what_they_are(start: bytes, what: str, reader: Make) -> None:
    with pytest.raises(DataError, match=what):
        reader(start + b"\n")


@pytest.mark.parametrize(
    "before",
    [
        b"",
        "text,label\r\n가나다,0\r\n".encode(),
        "text,label\n가나다,0\n".encode("cp949"),
        ("text,label\n" + "가나다라마바사,0\n" * 60_000).encode(),
        b"a" * (2**20 - 1) + "가\n".encode(),  # a character that lies on both sides of a block's edge
        ("a" * (2**20 - 1) + "가나다\n").encode("cp949"),
    ],
    ids=["at once", "crlf", "cp949", "beyond the first MiB", "on an edge", "on an edge, cp949"],
)
def test_only_rows_that_do_not_decode_are_rejected(before: bytes, reader: Make) -> None:
    line = 1 + len(before.splitlines())
    found = list(reader(before + b"abc\xff,0\nabc,1\n", header=False, delimiter=","))
    odd = [row.line for row in found if isinstance(row, Rejected) and row.reason.startswith("byte 0xff is not")]
    assert odd == [line]
    assert found[-1] == Row(line + 1, {"column1": "abc", "column2": "1"})


def test_a_character_cut_off_at_the_end_of_the_file_costs_only_its_row(reader: Make) -> None:
    assert rejected(reader("text,label\n가,0\n".encode() + "나".encode()[:2])) == [(3, "byte 0xeb is not UTF-8")]


def test_an_early_bad_byte_does_not_turn_a_utf_8_file_into_another_encoding(reader: Make) -> None:
    cut_character = "가나".encode()[:5]
    content = b"text,label\n" + cut_character + ",0\n안녕하세요,1\n반갑습니다,0\n".encode()
    assert rows(reader(content)) == [["안녕하세요", "1"], ["반갑습니다", "0"]]


def test_a_cut_character_of_cp949_does_not_swallow_the_end_of_its_line(reader: Make) -> None:
    content = "text,label\n가나다라,0\n".encode("cp949") + b"\xb0\n" + "마바사,1\n".encode("cp949")
    assert outcomes(reader(content)) == [(2, True), (3, False), (4, True)]


def test_bytes_that_do_not_decode_are_shown_as_bytes(reader: Make) -> None:
    (row,) = (row for row in reader(b"text,label\n\xec\x95\x88\xff,0\n") if isinstance(row, Rejected))
    assert row.content == r"안\xff,0"


@given(st.binary(max_size=300))
@FIXTURES
def test_every_line_of_any_bytes_comes_out_once(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"first line\n" + data)
    result = RowReader(path, Format("text"))
    assert [row.line for row in result] == list(range(1, len((b"first line\n" + data).splitlines()) + 1))


@given(st.lists(st.binary(max_size=30), max_size=20), st.sampled_from([b",", b"\t", b"|"]))
@FIXTURES
def test_every_row_of_any_bytes_is_read_or_rejected(tmp_path: Path, lines: list[bytes], delimiter: bytes) -> None:
    path = tmp_path / "rows.csv"
    lines = [b"x" + line.translate(None, b'"\r\n') for line in lines]
    path.write_bytes(b"\n".join([b"text" + delimiter + b"label", *lines]))
    result = list(RowReader(path, Format("csv", delimiter.decode(), header=True)))
    assert [row.line for row in result] == list(range(2, len(lines) + 2))
    assert all(len(row.values) == 2 for row in result if isinstance(row, Row))


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=9), st.sampled_from(["제목", "가,1", "나\t0", "다|1", "text,label"]).map(str.encode)
        )
    ),
    st.sampled_from([",", "\t", "|"]),
)
@FIXTURES
def test_only_a_header_and_titles_above_it_are_no_rows(tmp_path: Path, lines: list[bytes], delimiter: str) -> None:
    path = tmp_path / "rows.csv"
    lines = [b"x" + line.translate(None, b'"\r\n') for line in [b"", *lines]]
    path.write_bytes(b"\n".join(lines))
    reader = RowReader(path, delimiter=delimiter)
    above = reader.format.titles + bool(reader.format.header)
    assert [row.line for row in reader] == list(range(1 + above, len(lines) + 1))


@given(
    st.lists(
        st.one_of(st.binary(max_size=20), st.sampled_from([b"[", b"]", b'"', b",", b"\t", b"|", b"\n", b'{"a": 1}\n']))
    ),
    st.sampled_from(["csv", "tsv", "txt", "jsonl", "json", "data", "csv.gz", "xlsx"]),
)
@FIXTURES
def test_any_file_is_read_or_refused_with_a_sentence(tmp_path: Path, pieces: list[bytes], ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"".join(pieces))
    with suppress(DataError):
        for row in RowReader(path, text_file=True):
            assert isinstance(row, Row) or row.reason


# --- files


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_packed_files_are_unpacked_by_their_ending(ending: str, pack: Callable[[bytes], bytes], reader: Make) -> None:
    assert rows(reader(pack("text\tlabel\n가\t1\n".encode()), f"rows.tsv{ending}")) == [["가", "1"]]


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("damage", ["cut", "changed", "not packed"])
def test_damaged_packed_files_are_refused_with_a_sentence(
    ending: str, pack: Callable[[bytes], bytes], damage: str, reader: Make
) -> None:
    packed = pack(("text,label\n" + "".join(f"댓글 {i},{i % 2}\n" for i in range(1000))).encode())
    half = len(packed) // 2
    content = {
        "cut": packed[:half],
        "changed": packed[:half] + bytes(byte ^ 0xFF for byte in packed[half : half + 8]) + packed[half + 8 :],
        "not packed": b"text,label\n",
    }[damage]
    with pytest.raises(DataError, match=r"cannot be read: .*; fetch or pack it again"):
        list(reader(content, f"rows.csv{ending}"))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"  \r\n\t\n"])
def test_files_without_a_row_are_called_empty(content: bytes, reader: Make) -> None:
    with pytest.raises(DataError, match="is empty; give a file with at least one row"):
        reader(content)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        RowReader(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="is a folder"):
        RowReader(tmp_path)


def test_a_header_alone_gives_no_rows(reader: Make) -> None:
    assert list(reader("text,label\n")) == []


def test_progress_ends_at_one(reader: Make) -> None:
    result = reader("text,label\n가,0\n")
    assert 0 <= (result.progress() or 0) <= 1
    assert len(list(result)) == 1
    assert result.progress() == 1


# --- standard input and pipes


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_standard_input_is_read_like_a_file_and_stays_open(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "text,label\n가나,0\n다라,1\n".encode(encoding))
    assert rows(RowReader("-")) == [["가나", "0"], ["다라", "1"]]
    assert not sys.stdin.buffer.closed


def test_lines_of_standard_input_are_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "[속보] 뉴스, 뉴스\n이거|저거\n{뭐래\n".encode())
    assert rows(RowReader("-")) == [["[속보] 뉴스, 뉴스"], ["이거|저거"], ["{뭐래"]]


def test_closed_standard_input_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)  # as Python sets it then
    with pytest.raises(DataError, match="standard input is closed; give a file"):
        RowReader("-")


def test_empty_standard_input_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"")
    with pytest.raises(DataError, match="standard input is empty"):
        RowReader("-")


def test_rows_of_a_pipe_in_another_encoding_than_its_begin_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"text,label\n" + b"plain,0\n" * 200_000 + "한글,1\n".encode("cp949"))
    assert rejected(RowReader("-")) == [(200_002, "byte 0xc7 is not UTF-8")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_once_through(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=("text,label\n가,0\n".encode(),))
    writer.start()
    assert rows(RowReader(pipe)) == [["가", "0"]]
    writer.join()


# --- delimiters and headers


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_found(delimiter: str, header: bool, reader: Make) -> None:
    lines = [["문장 하나", "0"], ["문장 둘", "1"], ["세 번째. 문장", "0"], ["네 번째", "1"]]
    names = ["comment", "label"]
    content = "\n".join(delimiter.join(row) for row in ([names] if header else []) + lines)
    result = reader(content, "rows.txt")
    assert result.format.delimiter == delimiter
    assert result.format.header is header
    assert result.format.columns == (("comment", "label") if header else ("column1", "column2"))
    assert rows(result) == lines


def test_a_given_delimiter_and_header_are_taken(reader: Make) -> None:
    result = reader("가,나:0\n다,라:1\n", delimiter=":", header=True)
    assert result.format.columns == ("가,나", "0")
    assert rows(result) == [["다,라", "1"]]
    assert rows(reader("text\tlabel\n가\t0\n", delimiter="tab")) == [["가", "0"]]


def test_a_delimiter_is_one_character(reader: Make) -> None:
    with pytest.raises(UsageError, match="the delimiter is '::'; expected one character, or the word tab"):
        reader("가::0\n", delimiter="::")


@pytest.mark.parametrize(
    "content",
    [
        "가,0\n나,1\n",
        "가나다,0\n나라마,1\n바사아,0\n",
        "나쁜 놈\ttoxic\n좋아요\tclean\n싫다\ttoxic\n그래\tclean\n",
        "오늘 뭐 먹지,hate\n어제 뭐 먹었지,none\n내일 뭐 먹지,hate\n",
    ],
)
def test_a_first_row_of_data_is_not_taken_for_a_header(content: str, reader: Make) -> None:
    assert len(rows(reader(content))) == content.count("\n")


@pytest.mark.parametrize(
    "content",
    [
        "id,무엇\n1,가나다\n2,라마바\n3,사아자\n",
        ",무엇,라벨\n0,가나다,1\n1,라마바,0\n2,사아자,1\n",
        "무엇,판정\n가나다,좋음\n라마바,나쁨\n사아자,좋음\n차카타,좋음\n",
        "comment,label\n가나다,0\n",
        "내용;정답\n가;내용\n나;정답\n",
    ],
)
def test_a_header_is_known_by_its_names_or_by_being_unlike_its_columns(content: str, reader: Make) -> None:
    result = reader(content)
    assert result.format.header
    assert len(rows(result)) == content.count("\n") - 1


def test_the_text_before_the_last_bar_may_hold_bars(reader: Make) -> None:
    lines = [["이거|저거", "0"], ["그거", "1"], ["ㅋㅋ | ㅎㅎ | ㅎ", "0"], ["뭐", "1"], ["음", "0"]]
    assert rows(reader("\n".join("|".join(row) for row in lines), "data.txt")) == lines


def test_columns_of_the_same_name_keep_all_their_values(reader: Make) -> None:
    result = reader("text,label,text,text.2\n가,0,나,다\n")
    assert len(set(result.format.columns)) == 4
    assert rows(result) == [["가", "0", "나", "다"]]


def test_columns_without_a_name_get_one(reader: Make) -> None:
    assert reader(",text,\n1,가,0\n").format.columns == ("column1", "text", "column3")


# --- CSV


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_may_declare_the_delimiter(line: str, reader: Make) -> None:
    found = list(reader(f"{line}\ntext;label\n가, 나;0\n"))
    assert found == [Row(3, {"text": "가, 나", "label": "0"})]


@pytest.mark.parametrize(
    ("content", "titles"),
    [
        ("댓글 목록\n2024년\ntext,label\n" + "가,0\n나,1\n" * 5, 2),
        ("댓글 목록,\n\ntext,label\n" + "가,0\n나,1\n" * 5, 1),
        (",댓글 목록,\n,text,label\n" + "1,가,0\n2,나,1\n" * 5, 1),
        ("댓글 하나\n" + "가나다,0\n라마바,1\n" * 5, 0),  # no header follows: a broken row
    ],
)
def test_titles_above_the_header_are_passed_over_and_said(content: str, titles: int, reader: Make) -> None:
    result = reader(content)
    assert result.format.titles == titles
    assert (f"{titles} row" in result.found) == bool(titles)
    values = [list(row.values.values()) for row in result if isinstance(row, Row)]
    assert len(values) == 10
    assert {row[-1] for row in values} == {"0", "1"}


def test_rows_in_quotation_marks_as_a_whole_are_split_again(reader: Make) -> None:
    content = 'text\tlabel\n"그가 ""안녕"" 했다\t0"\n"""나"" 라고\t1"\n다\t0\n"라, 마"\t1\n"한 칸뿐"\n'
    result = list(reader(content, "rows.tsv"))
    assert [list(row.values.values()) for row in result if isinstance(row, Row)] == [
        ['그가 "안녕" 했다', "0"], ['"나" 라고', "1"], ["다", "0"], ["라, 마", "1"],
    ]  # fmt: skip
    assert isinstance(result[-1], Rejected)
    assert rows(reader('"text|label"\n"가 ""나""|0"\n"다|1"\n')) == [['가 "나"', "0"], ["다", "1"]]


def test_a_quoted_field_may_be_as_long_as_a_line(reader: Make) -> None:
    long = "가나, " * 50_000
    assert rows(reader(f'text,label\n"{long}",0\n나,1\n')) == [[long, "0"], ["나", "1"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(end: str, reader: Make) -> None:
    result = reader(end.join(["text,label", "가,0", "", "나,1", '"다', '라",1', ""]))
    assert [(row.line, row.values) for row in result if isinstance(row, Row)] == [
        (2, {"text": "가", "label": "0"}),
        (4, {"text": "나", "label": "1"}),
        (5, {"text": "다\n라", "label": "1"}),
    ]


def test_quoted_fields_hold_delimiters_quotes_and_empty_lines(reader: Make) -> None:
    result = reader('text,label\n"가, ""나""\n\n다",0\n라 "마" 바,1\n"",1\n')
    assert rows(result) == [['가, "나"\n\n다', "0"], ['라 "마" 바', "1"], ["", "1"]]


def test_unclosed_quote_costs_only_its_own_line(reader: Make) -> None:
    content = 'text,label\n"하나, 둘",0\n"셋, 넷,1\n다섯,0\n"여섯, ""일곱""",1\n여덟,0\n'
    result = list(reader(content))
    assert [row.line for row in result if isinstance(row, Row)] == [2, 4, 5, 6]
    assert [row for row in result if isinstance(row, Rejected)] == [
        Rejected(3, "a quotation mark opens here and is never closed", '"셋, 넷,1')
    ]


def test_unclosed_quote_in_the_last_line_costs_only_that_line(reader: Make) -> None:
    content = 'text,label\n"하나, 둘",0\n"셋, 넷",1\n"다섯, 여섯",1\n"일곱,0'
    assert outcomes(reader(content)) == [(2, True), (3, True), (4, True), (5, False)]


def test_one_unclosed_quote_leaves_the_quotes_of_the_others_quotes(reader: Make) -> None:
    content = "text,label\n" + "".join(f'"댓글 {i}",{i % 2}\n' for i in range(20)) + '"댓글,1\n"끝",0\n'
    result = reader(content)
    texts = [row.values["text"] for row in result if isinstance(row, Row)]
    assert texts == [*(f"댓글 {i}" for i in range(20)), "끝"]


def test_unclosed_quotes_of_tab_separated_rows_swallow_no_rows(reader: Make) -> None:
    lines = ["text\tlabel", *(f"댓글 {i}\t0" for i in range(10)), '"인용\t1', "가운데\t0", '끝"\t1', "나\t0"]
    result = reader("\n".join(lines), "rows.tsv")
    assert {row.line for row in result} == set(range(2, len(lines) + 1))


def test_ragged_rows_are_rejected_and_the_others_read(reader: Make) -> None:
    content = "text,label\n가,0\n나\n다,1,2\n라,1\n마,0\n바,1\n사,1\n아,0\n"
    assert rejected(reader(content)) == [(3, "1 field instead of 2"), (4, "3 fields instead of 2")]
    assert len(rows(reader(content))) == 6


def test_nul_bytes_are_ordinary_characters(reader: Make) -> None:
    assert rows(reader('text,label\n가\0나,0\n"다\0, 라",1\n')) == [["가\0나", "0"], ["다\0, 라", "1"]]


@pytest.mark.parametrize("length", [LONGEST + 1, LONGEST + 2, 3 * LONGEST])
@pytest.mark.parametrize("kind", ["csv", "txt", "jsonl"])
def test_a_line_that_is_too_long_costs_only_itself(length: int, kind: str, reader: Make) -> None:
    long = "가" * length
    content = {
        "csv": f"text,label\n나,1\n{long},0\n다,1\n",
        "txt": f"하나\n나\n{long}\n다\n",
        "jsonl": f'{{"text": "하나"}}\n{{"text": "나"}}\n{{"text": "{long}"}}\n{{"text": "다"}}\n',
    }[kind]
    result = list(reader(content, f"rows.{kind}", text_file=True))
    assert [row.line for row in result if isinstance(row, Row)][-2:] == [2, 4]
    assert [(row.line, row.reason) for row in result if isinstance(row, Rejected)] == [
        (3, "line longer than 1,048,576 characters")
    ]


def test_a_first_line_that_is_too_long_hides_neither_header_nor_rows(reader: Make) -> None:
    result = reader("가" * (LONGEST + 1) + "\ntext,label\n나,1\n다,0\n")
    assert result.format.columns == ("text", "label")
    assert outcomes(result) == [(1, False), (3, True), (4, True)]


def test_the_longest_line_is_read(reader: Make) -> None:
    assert rows(reader("가" * LONGEST + "\n나\n", "rows.txt")) == [["가" * LONGEST], ["나"]]


def cells(without: str) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r" + without), max_size=20)


def tables(delimiter: str) -> st.SearchStrategy[tuple[str, list[tuple[str, str, str]]]]:
    """Rows to write; texts hold the delimiter where it is a comma or semicolon, as in life."""
    cell = cells(delimiter if delimiter in "\t|" else "")
    return st.tuples(st.just(delimiter), st.lists(st.tuples(cell, cell, st.sampled_from("01")), max_size=8))


@given(st.sampled_from(",;\t|").flatmap(tables))
@FIXTURES
def test_what_the_csv_module_writes_is_read_back_equal(
    tmp_path: Path, table: tuple[str, list[tuple[str, str, str]]]
) -> None:
    path = tmp_path / "rows.csv"
    delimiter, written = table
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([("id", "comment", "label"), *written])
    assert rows(RowReader(path, Format("csv", delimiter, header=True))) == [list(row) for row in written]


@given(st.lists(st.tuples(cells("\t"), cells("\t")), max_size=8), st.sampled_from(["csv", "tsv"]))
@FIXTURES
def test_what_the_writer_writes_is_read_back_but_for_neutralised_cells(
    tmp_path: Path, written: list[tuple[str, str]], kind: str
) -> None:
    path = tmp_path / f"rows.{kind}"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = RowWriter(stream, ("text", "y"), kind)
        for text, y in written:
            writer.write({"text": text, "y": y})
    result = RowReader(path, Format("csv", "\t" if kind == "tsv" else ",", header=True))
    assert rows(result) == [[neutralised(text), neutralised(y)] for text, y in written]


@given(
    st.lists(
        st.tuples(
            st.text(), st.builds(Rejected, st.integers(1), st.text(), st.text(st.characters(exclude_categories=())))
        ),
        max_size=6,
    )
)
@settings(FIXTURES, max_examples=cases(15))
def test_rejected_rows_are_read_back_but_for_what_no_file_can_hold(
    tmp_path: Path, written: list[tuple[str, Rejected]]
) -> None:
    path = tmp_path / "rejected.csv"
    write_rejected(path, written)
    wanted = [[source, str(row.line), row.reason, row.content] for source, row in written]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        heading, *found = csv.reader(stream, strict=True)
    assert heading == ["file", "line", "reason", "content"]
    assert found == [[neutralised(held(cell)) for cell in row] for row in wanted]


def held(cell: str) -> str:
    """What a CSV file holds of a cell: one kind of line end, and no lone surrogate."""
    whole = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in cell)
    return whole.replace("\r\n", "\n").replace("\r", "\n")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), min_size=1, max_size=6))
@settings(FIXTURES, max_examples=cases(15))
def test_objects_written_as_json_lines_are_read_back_equal(tmp_path: Path, written: list[dict[str, Any]]) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = RowWriter(stream, (), "jsonl")
        for values in written:
            writer.write(values)
    assert [row.values for row in RowReader(path) if isinstance(row, Row)] == written


KINDS = (VALUES, st.text(st.characters(exclude_categories=())), st.text("=-1a가\r"), st.floats(), st.booleans())


@given(
    st.integers(0, 4).flatmap(
        lambda n: st.lists(
            st.one_of(*(st.lists(kind, min_size=n, max_size=n) for kind in KINDS)), min_size=2, max_size=4
        )
    )
)
@settings(FIXTURES, max_examples=cases(60))
def test_a_value_is_written_to_a_cell_as_its_json_and_a_string_as_it_is(columns: list[list[Any]]) -> None:
    def cell(value: Any) -> str:
        if value is None or isinstance(value, bool):
            return {None: "", True: "1", False: "0"}[value]
        return neutralised(held(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))

    names = [f"n{i}" for i in range(len(columns))]
    by_row, by_column, expected = (io.StringIO(newline="") for _ in range(3))
    RowWriter(by_column, names, "csv").write_columns(columns)
    writer = RowWriter(by_row, names, "csv")
    for row in zip(*columns, strict=True):
        writer.write(dict(zip(names, row, strict=True)))
    rows = [list(map(cell, row)) for row in zip(*columns, strict=True)]
    csv.writer(expected, lineterminator="\n").writerows([names, *rows])
    assert by_column.getvalue() == by_row.getvalue() == expected.getvalue()


# --- JSON Lines and text


def test_broken_lines_of_json_are_rejected_and_the_others_read(reader: Make) -> None:
    content = '{"text": "가", "n": {"a": [1]}}\n{"text": "나"\n[1]\n\n"x"\n{"label": 1}\n' + '{"text": "다"}\n' * 5
    result = list(reader(content, "rows.jsonl"))
    assert [row.line for row in result if isinstance(row, Row)] == [1, 6, 7, 8, 9, 10, 11]
    reasons = {row.line: row.reason for row in result if isinstance(row, Rejected)}
    assert reasons.keys() == {2, 3, 5}
    assert reasons[2].startswith("not JSON: ")
    assert reasons[3] == "a JSON list instead of an object"
    assert reasons[5] == "a JSON str instead of an object"


def test_nested_values_are_kept_and_nan_counts_as_missing(reader: Make) -> None:
    (row,) = reader('{"text": "가", "meta": {"a": [1, null]}, "score": NaN, "other": [-Infinity]}\n', "rows.jsonl")
    assert isinstance(row, Row)
    assert row.values == {"text": "가", "meta": {"a": [1, None]}, "score": None, "other": [None]}


def test_a_whole_number_of_too_many_digits_is_text(reader: Make) -> None:
    for name, content in (("rows.json", "[{}]"), ("rows.jsonl", "{}")):
        (row,) = reader(content.replace("{}", '{"text": "가", "n": [' + "9" * 5000 + ", 1]}"), name)
        assert isinstance(row, Row)
        assert row.values["n"] == ["9" * 5000, 1]


def test_keys_of_nested_objects_can_be_chosen_and_are_listed(reader: Make) -> None:
    content = '{"id": 1, "a.b": 2, "comment": {"body": "가", "by": {"name": "나"}}, "n": null}\n{"comment": null}\n'
    result = reader(content, "rows.jsonl")
    assert result.format.columns == ("id", "a.b", "comment", "n")
    assert result.format.names == ("id", "a.b", "comment.body", "comment.by.name", "n")
    assert "keys id, a.b, comment.body, comment.by.name, n" in result.found
    (row, other) = (row for row in result if isinstance(row, Row))
    assert [row.get(name) for name in ("comment.body", "comment.by.name", "a.b", "comment.x")] == ["가", "나", 2, None]
    assert other.get("comment.body") is None


def test_columns_of_json_lines_are_all_keys_of_the_first_rows(reader: Make) -> None:
    assert reader('{"a": 1}\n{"b": 2, "a": 3}\n', "rows.txt").format.columns == ("a", "b")


def test_a_lone_surrogate_written_in_json_is_no_broken_byte(reader: Make) -> None:
    assert rows(reader('{"text": "\\udc80"}\n', "rows.jsonl")) == [["\udc80"]]


def test_deeply_nested_json_is_rejected(reader: Make) -> None:
    content = '{"text": "가"}\n{"text": "나"}\n{"text": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
    assert outcomes(reader(content, "rows.jsonl")) == [(1, True), (2, True), (3, False)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["rows.json", "rows.json.gz"])
def test_a_json_array_is_read_as_a_stream_with_line_numbers(indent: int | None, name: str, reader: Make) -> None:
    objects = [{"text": f'"가]}}" {i}\n', "n": {"k": [i]}} for i in range(3000)]
    content = json.dumps([*objects, 7], indent=indent, ensure_ascii=False).encode()
    result = reader(gzip.compress(content) if name.endswith("gz") else content, name)
    assert result.format.kind == "json"
    assert result.format.names == ("text", "n.k")
    *found, last = result
    assert [row.values for row in found if isinstance(row, Row)] == objects
    assert [row.line for row in found[:2]] == ([1, 1] if indent is None else [2, 10])
    assert isinstance(last, Rejected)
    assert last.reason == "a JSON int instead of an object"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('[{"text": "가"},\n{"text": "나', r"is not a whole JSON array: line 2: Unterminated string"),
        ('[{"text": "가"}\n{"text": "나"}]', r"line 2: a comma or \] is missing"),
        ('[{"text": "가"}]\n{"text": "나"}', r"line 2: more follows after the end"),
        ('[{"text": "가"},\n', r"line 2: "),
        ("[1, 2]", "hold no JSON object"),
        ("[[1, 2]]", "is a JSON array without objects"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_json_array_is_refused_with_its_line(content: str, sentence: str, reader: Make) -> None:
    with pytest.raises(DataError, match=sentence):
        list(reader(content, "rows.json"))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)),
       st.sampled_from([None, 0, 1]), st.integers(1, 9))  # fmt: skip
@FIXTURES
def test_any_json_array_is_read_back_whatever_the_chunks(
    tmp_path: Path, value: Any, indent: int | None, chunk: int
) -> None:
    items = [{"text": "가"}, 12, {"x": value}, value]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(items, indent=indent), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toxiclf.rows.records._CHUNK", chunk)
        found = list(RowReader(path))
    assert len(found) == len(items)
    assert [row.values for row in found if isinstance(row, Row)] == [item for item in items if isinstance(item, dict)]


def test_a_file_that_only_claims_to_be_json_lines_is_refused(reader: Make) -> None:
    with pytest.raises(DataError, match="hold no JSON object; write one JSON object per line"):
        reader("가\n나\n", "rows.jsonl")


def test_every_line_of_a_text_file_is_a_comment(reader: Make) -> None:
    result = reader('안녕, 하세요\n\n"뭐"\n이거|저거\n', "comments.txt", text_file=True)
    assert rows(result) == [["안녕, 하세요"], [""], ['"뭐"'], ["이거|저거"]]


# --- workbooks


def test_a_sheet_is_read_with_its_row_numbers_as_a_csv_export_of_it_would_be(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    table: list[list[Cell]] = [
        ["댓글 목록"],
        [],
        ["text", "label", "n"],
        ["가\r\n나", 1, 2.5],
        [None, None],
        ["12", True, None],
    ]
    write_workbook(path, {"첫째": table, "둘째": [["text"], ["다"]], "빈": []}, row=3, column=2)
    with closing(RowReader(path)) as reader:
        assert (
            reader.found == "sheet '첫째' (--sheet names another: '둘째', '빈'), 1 row above the header text, label, n"
        )
        assert list(reader) == [
            Row(6, {"text": "가\n나", "label": "1", "n": "2.5"}),
            Row(8, {"text": "12", "label": "TRUE", "n": ""}),
        ]
    assert rows(RowReader(path, sheet="둘째")) == [["다"]]
    with pytest.raises(UsageError, match="has no sheet '셋째'; give --sheet one of: 첫째, 둘째, 빈"):
        RowReader(path, sheet="셋째")
    with pytest.raises(DataError, match="sheet '빈' is empty"):
        RowReader(path, sheet="빈")


@pytest.mark.parametrize(
    ("far", "is_read"), [("XFD1048576", False), ("AH1048576", False), ("XFD2", True), ("B2000", True)]
)
def test_a_cell_far_from_the_others_does_not_end_the_process(far: str, is_read: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    write_workbook(path, {"댓글": [["text", "label"], ["가", 1]]}, far=far)
    if is_read:
        assert rows(RowReader(path, sheet=unicodedata.normalize("NFD", "댓글")))[0][:2] == ["가", "1"]
    else:
        column = far.rstrip("0123456789")
        with pytest.raises(DataError, match=rf"reaches to column {column} and row 1,048,576.*Ctrl\+End"):
            RowReader(path)


def test_what_is_no_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Make) -> None:
    for content in (b"", b"text,label\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        with pytest.raises(DataError, match=r"cannot be read as an Excel workbook: .*; save it again as \.xlsx"):
            reader(content, "rows.xlsx")
    with pytest.raises(DataError, match="does not exist; give a file of comments"):
        RowReader(tmp_path / "none.xlsx")
    with pytest.raises(UsageError, match=r"is not an Excel workbook .* \(in Python: sheet=\)"):
        reader("text,label\n가,0\n", sheet="첫째")
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(UsageError, match=r"needs the extra \[excel\].*pip install"):
        reader(b"", "rows.xlsx")


# --- what is said


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        ("text\tlabel\n가\t0\n", "a.tsv", "tab-separated, header text, label"),
        ("가|0\n나|1\n다|0\n", "a.csv", "'|'-separated, no header, columns called column1, column2"),
        ('{"text": 1}\n', "a.jsonl", "JSON Lines, keys text"),
        ("가나\n다라\n", "a.txt", "text, one comment a line"),
    ],
)
def test_the_format_found_can_be_said_aloud(content: str, name: str, sentence: str, reader: Make) -> None:
    assert reader(content, name).format.describe() == sentence


# --- writing


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "－1+1", "=cmd|' /C'!A0"]
)
def test_no_cell_starts_a_formula(cell: str) -> None:
    stream = io.StringIO(newline="")
    RowWriter(stream, ("text",), "csv").write({"text": cell})
    ((written,),) = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))[1:]
    assert written.startswith("'")


@pytest.mark.parametrize("cell", ["-1.5", "+3", "1e-5", "-.5", "가=나", "", "0"])
def test_numbers_and_texts_stay_as_they_are(cell: str) -> None:
    assert neutralised(cell) == cell


def test_names_of_columns_are_neutralised_too() -> None:
    stream = io.StringIO(newline="")
    RowWriter(stream, ("=1+1", "text"), "csv")
    assert stream.getvalue() == "'=1+1,text\n"


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_any_value_can_be_written(kind: str) -> None:
    stream = io.StringIO(newline="")
    names = ("text", "meta", "n\udc80", "none", "yes")
    values = {"text": "가\ud83d", "meta": {"a": ["\udc80"]}, "n\udc80": 1.5, "none": None, "yes": True}
    RowWriter(stream, names, kind).write(values)
    assert stream.getvalue().encode("utf-8")


def test_a_carriage_return_inside_a_cell_makes_no_new_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        RowWriter(stream, ("text", "y"), "csv").write({"text": "가\r나\r\n다", "y": "1"})
    assert rows(RowReader(path)) == [["가\n나\n다", "1"]]


def test_json_lines_keep_types_and_every_key() -> None:
    stream = io.StringIO()
    values = {"text": "가", "n": 1, "list": [1, None], "late": {"a": True}}
    RowWriter(stream, ("text", "n"), "jsonl").write(values)
    assert json.loads(stream.getvalue()) == values


def test_rows_rejected_are_written_with_file_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    write_rejected(path, [("a.csv", Rejected(3, "1 field instead of 2", "=나쁜, 줄"))])
    with path.open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"file": "a.csv", "line": "3", "reason": "1 field instead of 2", "content": "'=나쁜, 줄"}
        ]
