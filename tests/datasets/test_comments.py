"""From a labelled file to comments: what is found is said, what does not fit is rejected or refused with a sentence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tests.workbooks import write_workbook
from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets.comments import Comments, check_classes, consistent
from toxiclf.datasets.reading import read_comments, read_texts
from toxiclf.errors import DataError, RejectedRowsError, UsageError
from toxiclf.pipeline.train import divided
from toxiclf.recipe import Recipe
from toxiclf.rows import Row, RowReader
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor

Read = Callable[..., Comments]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Comments of a file with this content."""

    def make(content: str | bytes, name: str = "comments.csv", **columns: Any) -> Comments:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_comments(path, **columns)

    return make


def reasons(comments: Comments) -> dict[int, str]:
    return {row.line: row.reason for _, row in comments.rejected}


# --- labels


@pytest.mark.parametrize(
    ("toxic", "other"),
    [("1", "0"), ("true", "false"), ("TRUE", "False"), ("1.0", "0.0"), ("yes", "no"), ("y", "n"), ("T", "F")],
)
def test_zeros_and_ones_are_known_in_every_spelling(toxic: str, other: str, read: Read) -> None:
    comments = read(f"text,label\n가,{toxic}\n나,{other}\n다,{toxic}\n")
    assert comments.texts == ["가", "나", "다"]
    assert comments.targets.tolist() == [[1], [0], [1]]
    assert comments.labels == ("toxic",)
    assert comments.lines.tolist() == [2, 3, 4]


def test_two_strings_need_to_be_told_which_is_toxic(read: Read) -> None:
    content = "text,label\n가,나쁨\n나,좋음\n다,나쁨\n"
    with pytest.raises(UsageError, match=r"'나쁨' \(2\), '좋음' \(1\).*--negative VALUE"):
        read(content)
    assert read(content, negative="좋음").targets.tolist() == [[1], [0], [1]]
    assert read(content, positive=["나쁨"]).targets.tolist() == [[1], [0], [1]]


def test_several_values_can_be_toxic(read: Read) -> None:
    comments = read("text,label\n가,욕설\n나,정상\n다,혐오\n", positive=["욕설", "혐오"])
    assert comments.targets.tolist() == [[1], [0], [1]]


def test_values_that_are_neither_positive_nor_negative_are_rejected(read: Read) -> None:
    comments = read("text,label\n가,욕설\n나,정상\n다,모름\n", positive=["욕설"], negative="정상", max_rejected=1)
    assert comments.texts == ["가", "나"]
    assert list(reasons(comments)) == [4]
    assert "'모름'" in reasons(comments)[4]


def test_values_that_never_occur_are_refused_with_those_that_do(read: Read) -> None:
    with pytest.raises(UsageError, match=r"never holds 'none'; give one of its values: '나쁨' \(1\), '좋음' \(1\)"):
        read("text,label\n가,나쁨\n나,좋음\n", negative="none")


def test_more_values_than_two_with_a_negative_one_exclude_each_other(read: Read) -> None:
    comments = read("comments,hate\n가,hate\n나,none\n다,offensive\n라,none\n", negative="none")
    assert comments.labels == ("hate", "offensive")
    assert comments.negative == "none"
    assert comments.exclusive
    assert comments.targets.tolist() == [[1, 0], [0, 0], [0, 1], [0, 0]]


def test_several_columns_are_independent_labels(read: Read) -> None:
    comments = read(
        "문장\t남성\t지역\n가\t1\t0\n나\t1\t1\n다\t모름\t1\n라\t\t1\n마\t0\t0\n",
        "a.tsv",
        label=("남성", "지역"),
        max_rejected=1,
    )
    assert comments.labels == ("남성", "지역")
    assert not comments.exclusive
    assert comments.targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert reasons(comments) == {4: "label '모름' is neither 0 nor 1", 5: "no label in column 남성"}


def test_several_columns_take_no_values(read: Read) -> None:
    with pytest.raises(UsageError, match="--positive, --negative and --label-separator work with one label column"):
        read("text,a,b\n가,1,0\n", label=("a", "b"), negative="0")


def test_a_label_column_is_named_once(read: Read) -> None:
    with pytest.raises(UsageError, match="--label names a column twice: a, a"):
        read("text,a,b\n가,1,0\n", label=("a", "a"))


def test_a_label_with_a_name_of_its_own_keeps_it(read: Read) -> None:
    assert read("text,욕설\n가,1\n나,0\n").labels == ("욕설",)
    assert read("text,is_toxic\n가,1\n나,0\n").labels == ("toxic",)
    assert read("가나다 라,1\n나나나 나,0\n다다다 다,1\n").labels == ("toxic",)


def test_a_few_unknown_values_are_rejected(read: Read) -> None:
    rows = "".join(f"댓글 {i},{i % 2}\n" for i in range(20))
    comments = read(f"text,label\n{rows}나,?\n")
    assert len(comments) == 20
    assert list(reasons(comments)) == [22]


# --- columns


@pytest.mark.parametrize(
    ("header", "row", "text"),
    [
        ("id,댓글,label", "7,가,1", "댓글"),
        ("label,content", "1,가", "content"),
        ("date,무엇,label", "2020-01-01,아주 긴 댓글이라 가장 깁니다,1", "무엇"),
    ],
)
def test_the_column_with_the_comment_is_found_by_name_or_length(header: str, row: str, text: str, read: Read) -> None:
    comments = read(f"{header}\n{row}\n")
    assert comments.text_column == text
    assert len(comments) == 1


def test_label_and_text_can_be_named(read: Read) -> None:
    comments = read("text,title,a,b\n본문,제목,1,0\n본문 둘,제목 둘,1,1\n", text="title", label=("b",))
    assert comments.texts == ["제목", "제목 둘"]
    assert comments.targets.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"text": "nothing"}, "there is no column 'nothing'; the columns are: text, a, b"),
        ({"label": ("nothing",)}, "there is no column 'nothing'; the columns are: text, a, b"),
        (
            {},
            "the label column is not clear; name one or more columns with --label; columns other than the text 'text': a, b",
        ),
        ({"text": "a", "label": ("a",)}, "column 'a' cannot be both text and label"),
        ({"label": ("text", "a", "b")}, "no column is left for the text; name it with --text"),
    ],
)
def test_columns_that_cannot_be_told_are_asked_for(columns: dict[str, Any], sentence: str, read: Read) -> None:
    with pytest.raises(UsageError, match=sentence):
        read("text,a,b\n가,1,0\n나,0,1\n", **columns)


def test_a_file_without_columns_is_refused(read: Read) -> None:
    with pytest.raises(UsageError, match="has no columns, so no labels"):
        read("가나다\n라마바\n", "comments.txt")


def test_header_and_delimiter_can_be_given(read: Read) -> None:
    comments = read("가:1\n나:0\n", header=False, delimiter=":")
    assert comments.texts == ["가", "나"]


# --- rejected rows


def test_rows_without_text_or_label_are_rejected_with_line_and_reason(read: Read) -> None:
    comments = read("text,label\n가,1\n나,\n,0\n  ,1\n다\n라,0\n마,0\n바,1\n사,1\n아,0\n")
    assert comments.texts == ["가", "라", "마", "바", "사", "아"]
    assert reasons(comments) == {
        3: "no label in column label",
        4: "no text",
        5: "no text",
        6: "1 field instead of 2",
    }


def test_contradicting_duplicates_are_all_rejected_and_agreeing_ones_kept(read: Read) -> None:
    comments = read("text,label\n가나,1\n가나,0\n 가나  ,1\n다라,0\n다라,0\n마바,1\n", max_rejected=0.5)
    assert comments.texts == ["다라", "다라", "마바"]
    assert set(reasons(comments)) == {2, 3, 4}
    assert "has different labels (lines 2, 3, 4)" in reasons(comments)[2]


def test_rows_in_are_rows_out_and_rejected_rows(read: Read) -> None:
    content = 'text,label\n가,1\n나,0\n다\n라,1,1\n마,?\n,1\n"바,0\n사,1\n사,0\n' + "아,0\n자,1\n" * 20
    comments = read(content)
    assert len(comments) + len(comments.rejected) == content.count("\n") - 1
    assert f"{len(comments)} comments, {len(comments.rejected)} rejected rows" in comments.notes[0]


def test_what_was_found_is_said(read: Read) -> None:
    (note,) = read("text;label\n가;1\n나;0\n".encode("cp949")).notes
    assert (
        "CP949, semicolon-separated, header text, label; text from 'text', label from 'label' (toxic where it is 1)"
        in note
    )


# --- unfit data


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "text,label\n",
            r"has the columns text, label, but no row; add .*: .*first row as header \(--no-header\)",
        ),
        (
            "text,label\n가\n나\n",
            r"no usable row: 2 rows .*: 2 × wrong number of cells \(lines 2, 3: 1 field instead of 2\)",
        ),
        ("text,label\n,1\n,0\n", r"no usable row: 2 rows were rejected: 2 × no text \(lines 2, 3\)"),
        (
            "text,label\n가,1\n가,0\n",
            r"no usable row: 2 rows .*: 2 × same comment with different labels \(lines 2, 3\)",
        ),
        ("", "is empty"),
    ],
)
def test_a_file_without_usable_rows_is_refused_with_the_reason(content: str, sentence: str, read: Read) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        read(content)
    assert caught.value.exit_code == 3


BASE = "text,label\n" + "".join(f"댓글 {i},{i % 2}\n" for i in range(78))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (b"a\n", r"wrong number of cells \(lines 80, .*: 1 field instead of 2\); likely cause: unquoted texts"),
        (b"\xff,1\n", r"undecodable bytes \(.*; likely cause: an encoding other than UTF-8 and CP949"),
        (
            b"%d a,?\n",
            r"unknown label value \(.*label '\?' .*; likely cause: another column holds the label \(--label\)",
        ),
        (b"%d a,1\n%d a,0\n", r"same comment with different labels \(.*; likely cause: another column holds the text"),
    ],
)
def test_too_many_rejected_rows_stop_with_counts_lines_and_the_likely_cause(
    row: bytes, sentence: str, read: Read
) -> None:
    columns: dict[str, Any] = {"negative": "0", "positive": ("1",)}
    lines = b"".join(row.replace(b"%d", b"%d" % i) for i in range(20 // row.count(b"\n")))
    head = r"20 of 98 rows with a text and a label were rejected \(20 %; at most 20 % may be\): 20 × "
    with pytest.raises(RejectedRowsError, match=head + sentence) as caught:
        read(BASE.encode() + lines, **columns)
    assert "to continue without them, use --max-rejected 0.21" in str(caught.value)
    assert len(caught.value.rejected) == 20
    assert caught.value.exit_code == 3
    assert len(read(BASE.encode() + lines, **columns, max_rejected=0.21)) == 78
    assert len(read((BASE + "가나,1\n나다,0\n").encode() + lines, **columns)) == 80  # 20 % is not more than 20 %


def test_rows_without_text_or_label_stop_nothing(read: Read) -> None:
    comments = read(BASE + "아직,\n,1\n" * 200, max_rejected=0)
    assert (len(comments), len(comments.rejected)) == (78, 400)


def test_the_allowed_share_is_a_share(read: Read) -> None:
    with pytest.raises(UsageError, match=r"max_rejected is 20; give a share from 0 to 1"):
        read(BASE, max_rejected=20)


@pytest.mark.parametrize(
    ("content", "columns", "error", "guesses"),
    [
        (  # the title is longer than the comment
            "제목,글,판정\n" + "오늘의 긴 제목,가나,1\n오늘의 긴 제목,다라,0\n" * 9, {}, RejectedRowsError,
            "label column '판정' (--label), text column '제목' (--text), comma-separated (--delimiter), first row as header",
        ),
        ("제목;글\n가;나\n", {"label": ("판정",)}, UsageError, "semicolon-separated (--delimiter), no header (--header)"),
        ("text,label\n가,1\n", {"text": "x"}, UsageError, "comma-separated (--delimiter), first row as header (--no-header)"),
        ("가나 다,라마\n바사 아,자차\n", {"text": "글"}, UsageError, "comma-separated (--delimiter), no header (--header)"),
        ("글,판정\n가나,1\n".encode("cp949"), {"text": "x"}, UsageError, "encoding CP949 (save the file as UTF-8)"),
    ],
)  # fmt: skip
def test_an_error_names_the_guesses_it_may_rest_on(
    content: str | bytes, columns: dict[str, Any], error: type[Exception], guesses: str, read: Read
) -> None:
    with pytest.raises(error, match=re.escape("; check what was detected, or set it: ")) as caught:
        read(content, **columns)
    assert guesses in str(caught.value)
    assert str(caught.value).count("detected") == 1


def test_guesses_are_named_on_one_line(read: Read) -> None:
    with pytest.raises(UsageError) as caught:
        read('"글\n\u202e",label\n가나,1\n다라,0\n', label=("x",))
    assert not set("\n\u202e") & set(str(caught.value))


def test_later_errors_name_guesses_too_and_nothing_that_was_given(read: Read) -> None:
    comments = read("글,판정\n" + "".join(f"가나 {i},0\n" for i in range(50)), text="글", header=True)
    with pytest.raises(
        DataError, match=r"or set it: label column '판정' \(--label\), comma-separated \(--delimiter\) \(in"
    ):
        divided(comments, None, Recipe())


@pytest.mark.parametrize("value", ["sensor{}", "{}", "2024-01-{}", "010-{}", "{}.5", "v_{}"])
def test_a_text_column_of_numbers_is_refused(value: str, read: Read) -> None:
    content = "content,label\n" + "".join(f"{value.format(10 + i)},{i % 2}\n" for i in range(60)) + "가나,1\n"
    with pytest.raises(
        DataError, match=r"column 'content' holds numbers or codes such as '.*', not comments; .*--text"
    ):
        read(content)


@pytest.mark.parametrize("value", ["ㅋㅋㅋ", "👍👍", "응 {}", "lol", "...!", "1{}등이다"])
def test_short_comments_are_no_numbers(value: str, read: Read) -> None:
    rows = "".join(f"{value.format(i)},1\n{i},1\n" for i in range(30))
    assert len(read(f"text,label\n{rows}하하,0\n")) == 61


def test_a_column_of_numbers_is_not_guessed_to_be_the_text(read: Read) -> None:
    rows = "".join(f"2024-01-01 00:00:{10 + i},가 {i},{i % 2}\n" for i in range(20))
    assert read(f"시각,무엇,판정\n{rows}").text_column == "무엇"


def test_a_row_with_the_names_that_are_given_is_a_header(read: Read) -> None:
    content = "neutral,implicit\n가나 다라,마바 사\n아자 차,카타 파하\n"
    comments = read(content, text="implicit", label=("neutral",), positive=("가나 다라",))
    assert comments.texts == ["마바 사", "카타 파하"]


def test_many_columns_are_shortened(read: Read) -> None:
    names = ",".join(f"c{i}" for i in range(40))
    with pytest.raises(UsageError, match="the columns are: c0, c1, c2, c3, c4, c5, c6, c7 and 32 more"):
        read(f"{names}\n" + ",".join("가" * 40) + "\n", text="x", header=True)


def comments_of(toxic: int, others: int) -> Comments:
    return Comments.of([f"댓글 {i}" for i in range(toxic + others)], [1] * toxic + [0] * others)


@pytest.mark.parametrize(
    ("toxic", "others", "sentence"),
    [
        (0, 50, "no usable comment of .* has label 'toxic'; training needs both classes"),
        (50, 0, "every usable comment of .* has label 'toxic'; training needs both classes"),
        (9, 50, "distinct comments with label 'toxic' is 9, but training needs at least 10"),
        (50, 9, "distinct comments without label 'toxic' is 9, but training needs at least 10"),
    ],
)
def test_one_class_or_too_few_of_the_rare_one_are_refused(toxic: int, others: int, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        check_classes(comments_of(toxic, others))


def test_ten_of_each_class_are_enough() -> None:
    check_classes(comments_of(10, 10))


def test_the_same_comment_again_is_no_further_comment_of_the_rare_class() -> None:
    texts = ["나쁜 말"] * 30 + [f"댓글 {i}" for i in range(30)]
    with pytest.raises(DataError, match="distinct comments with label 'toxic' is 1, but"):
        check_classes(Comments.of(texts, [1] * 30 + [0] * 30))


def test_too_few_of_the_negative_value_are_refused_too() -> None:
    targets = np.eye(2, dtype=np.uint8)[np.arange(40) % 2]
    targets[:3] = 0
    comments = Comments([f"댓글 {i}" for i in range(40)], targets, ("hate", "offensive"), "none")
    with pytest.raises(DataError, match="with label 'none' is 3"):
        check_classes(comments)


# --- JSON, workbooks and Parquet


def test_nested_keys_name_columns(read: Read) -> None:
    lines = [{"comment": {"body": f"댓글 {i}", "by": {"site": "뉴스"}}, "mod": {"toxic": i % 2}} for i in range(4)]
    names: dict[str, Any] = {"text": "comment.body", "label": ("mod.toxic",), "by": "comment.by.site"}
    for content, name in ("\n".join(map(json.dumps, lines)), "a.jsonl"), (json.dumps(lines), "a.json"):
        for columns in ({}, names):
            comments = read(content, name, **columns)
            assert (comments.texts[1], comments.targets[1].tolist()) == ("댓글 1", [1])
        assert comments.groups == ("뉴스",) * 4
    with pytest.raises(
        UsageError, match=r"'comment' holds JSON objects; name one of their keys: comment.body, comment.by"
    ):
        read(content, name, text="comment")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("sep=;\ntext;label\n가나;1\n다라;0\n", "a.csv"),
        ("댓글 목록\n글,판정\n" + "가나,1\n다라,0\n" * 9, "a.csv"),
        ('글\t판정\n"가 ""나""\t1"\n다라\t0\n', "a.tsv"),
        ("가나|1\n다라|0\n" * 9 + "마|바|1\n", "a.txt"),
        ('text,label\n"' + "가나 " * 70_000 + '",1\n다라,0\n', "a.csv"),
        ('[{"글": {"내용": "가나"}, "판정": 1},\n{"글": {"내용": "다라"}, "판정": 0}]', "a.json"),
        (b"text,label\n" + BASE.encode()[11:] + b"\xff,1\n", "a.csv"),
        ("글,판정\n가나,1\n다라,0\n", "a.txt"),
        ("xlsx", "a.xlsx"),
    ],
)
def test_scoring_reads_the_rows_that_training_reads(
    content: str | bytes, name: str, read: Read, tmp_path: Path
) -> None:
    if content == "xlsx":
        write_workbook(tmp_path / name, {"하나": [["댓글 목록"], ["글", "판정"], ["가나", 1], ["다라", 0]]})
        comments = read_comments(tmp_path / name)
    else:
        comments = read(content, name)
    reader = RowReader(tmp_path / name, text_file=True, names=[comments.text_column])
    assert comments.text_column in reader.format.names
    found = [(row.line, row.get(comments.text_column)) for row in reader if isinstance(row, Row)]
    assert found == list(zip(comments.lines.tolist(), comments.texts, strict=True))
    again = read_comments(tmp_path / name, like=comments)
    assert (again.texts, again.text_column, again.label_map.columns) == (
        comments.texts, comments.text_column, comments.label_map.columns,
    )  # fmt: skip


def test_the_text_column_of_training_is_read_again(read: Read) -> None:
    content = "제목,text,label\n가나 다,라,1\n마바 사,아,0\n"
    trained_on = read(content, text="제목")
    assert read(content, like=trained_on).texts == ["가나 다", "마바 사"]


def test_json_values_are_labels_and_broken_lines_are_rejected(read: Read) -> None:
    comments = read(
        '{"text": "가", "label": true}\n{"text": "나", "label": 0}\n{"text": 3, "label": 0}\n'
        '{"text": "다", "label": NaN}\n{"text": "라", "label": null}\n{"text": "마"}\nbroken\n'
        + "".join(f'{{"text": "댓글 {i}", "label": {i % 2}.0}}\n' for i in range(20)),
        "comments.jsonl",
    )
    assert comments.targets[:2].tolist() == [[1], [0]]
    assert len(comments) == 22
    found = reasons(comments)
    assert found[3] == "the text is of the type int; expected a string"
    assert {found[line] for line in (4, 5, 6)} == {"no label in column label"}
    assert found[7].startswith("not JSON")


def write_parquet(path: Path, **columns: list[Any]) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.mark.parametrize("name", ["comments.parquet", "COMMENTS.PARQUET", "comments.pq"])
def test_parquet_is_read_with_numbers_and_nulls(name: str, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / name, text=["가", "나", None, "라", "마"], label=[1, 0, 1, None, 0])
    comments = read_comments(path)
    assert comments.texts == ["가", "나", "마"]
    assert comments.targets.tolist() == [[1], [0], [0]]
    assert reasons(comments) == {3: "no text", 4: "no label in column label"}


@pytest.mark.parametrize("labels", [[1.0, 0.0, math.nan], [True, False, None], ["1", "0", ""]])
def test_parquet_labels_may_be_of_any_type(labels: list[Any], tmp_path: Path) -> None:
    comments = read_comments(write_parquet(tmp_path / "a.parquet", text=["가", "나", "다"], label=labels))
    assert comments.targets.tolist() == [[1], [0]]
    assert reasons(comments) == {3: "no label in column label"}


@pytest.mark.parametrize("content", [b"", b"text,label\n", b"PAR1"])
def test_what_is_no_parquet_is_refused(content: bytes, read: Read) -> None:
    with pytest.raises(DataError, match="is not a Parquet file"):
        read(content, "comments.parquet")
    with pytest.raises(DataError, match="does not exist"):
        read_comments("nowhere.parquet")


# --- in memory


def test_comments_can_be_made_of_lists() -> None:
    comments = Comments.of(["가", "나", "다"], np.array([True, False, True]))
    assert comments.targets.tolist() == [[1], [0], [1]]
    assert comments.lines.tolist() == [1, 2, 3]
    assert comments.counts() == {"toxic": 2}


@pytest.mark.parametrize(
    ("texts", "targets", "sentence"),
    [
        (["가"], [2], "targets must be 0 or 1"),
        (["가"], [0.5], "targets must be 0 or 1"),
        (["가"], [None], "targets must be 0 or 1"),
        (["가"], ["toxic"], "targets must be 0 or 1"),
        (["가", "나"], [[1], [0, 1]], "targets must be 0 or 1"),
        (["가", "나"], [1], r"targets have shape \(1, 1\); expected \(2, 1\)"),
        (["가", None], [1, 0], "row 1 of texts is None; expected a string"),
        (["가", math.nan], [1, 0], r"row 1 of texts is nan \(float\); expected a string"),
        ("가나", [1, 0], "texts is one string; expected a list of comments"),
        (pd.DataFrame({"text": ["가"]}), [1], r'texts has the shape \(1, 1\); .* such as texts\["comment"\]'),
    ],
)
def test_lists_that_do_not_fit_are_refused(texts: Any, targets: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Comments.of(texts, targets)


def test_no_comments_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="a list of comments has no usable row"):
        Comments.of([], [])


def test_contradictions_in_lists_are_rejected() -> None:
    comments = Comments.of(["가", "가", "나"], [1, 0, 1])
    assert comments.texts == ["나"]
    assert len(comments.rejected) == 2


def test_consistent_comments_stay_as_they_are() -> None:
    comments = comments_of(3, 3)
    assert consistent(comments) is comments


def test_comments_are_equal_if_their_normalized_texts_are() -> None:
    keys = Comments.of(["ＡＢ ㅋㅋㅋㅋㅋㅋ", "AB  ㅋㅋㅋㅋ\u200b ", "AB ㅎㅎㅎ"], [0, 0, 1]).keys()
    assert keys[0] == keys[1] != keys[2]


@given(st.text() | st.just("a&lt;b&amp;c"), st.integers(1, 5), st.integers(1, 12), st.booleans())
def test_a_kept_normalization_is_that_of_any_settings(
    text: str, repeat_cap: int, max_chars: int, html_entities: bool
) -> None:
    comments, normalizer = Comments([text, "가 나"], np.array([[0], [1]], np.uint8), ("a",)), Normalizer()
    assert comments.normalized(normalizer)[0] == normalizer.batch(comments.texts)[0]
    other = Normalizer(repeat_cap, max_chars, html_entities)
    normalized, truncated = comments.normalized(other)
    expected = other.batch(comments.texts)
    assert normalized == expected[0]
    assert truncated.tolist() == expected[1].tolist()


def test_comments_taken_from_others_know_what_those_know(monkeypatch: pytest.MonkeyPatch) -> None:
    comments = Comments.of(["가  나", "다", "다", "라 "], [0, 1, 1, 0])
    other = Comments.of(["마  바"], [1])

    def never(self: Normalizer, text: str) -> str:
        raise AssertionError(text)

    monkeypatch.setattr(Normalizer, "_cut", never)
    assert comments.take(np.array([3, 0])).keys() == ["라", "가 나"]
    assert comments.take(np.array([1])).joined(other).keys() == ["다", "마 바"]
    assert comments.preprocessed(Preprocessor(Normalizer(mask_personal=True)))[0] == ["가 나", "다", "다", "라"]


def test_the_hash_speaks_of_texts_targets_and_labels() -> None:
    hashes = {
        comments.sha256()
        for comments in (
            Comments.of(["가", "나"], [1, 0]),
            Comments.of(["가", "다"], [1, 0]),
            Comments.of(["가", "나"], [0, 1]),
            Comments.of(["가", "나"], [1, 0], labels=("욕설",)),
        )
    }
    assert len(hashes) == 4
    assert Comments.of(["\ud800"], [1]).sha256()


# --- as in training


def test_a_file_with_other_labels_than_in_training_is_refused(read: Read) -> None:
    two = Comments(["가"], np.array([[0, 1]], np.uint8), ("욕설", "혐오"))
    with pytest.raises(DataError, match="has the labels 욕설; expected 욕설, 혐오, as in training"):
        read("text,욕설\n가,1\n나,0\n", like=two)


def test_one_label_is_the_same_label_whatever_its_column_is_called(read: Read) -> None:
    one = Comments(["가"], np.array([[0]], np.uint8), ("hate",), label_map=LabelMap(columns=("hate",)))
    assert read("text,label\n가,1\n나,0\n", like=one).labels == ("hate",)


def test_label_values_of_training_are_the_default(read: Read) -> None:
    trained_on = read("text,label\n가,0\n나,1\n", positive=("0",))
    assert read("text,label\n다,0\n라,1\n", like=trained_on).targets.tolist() == [[1], [0]]


def test_a_test_part_may_lack_a_value_that_training_has(read: Read) -> None:
    like = Comments(["가"], np.array([[0, 1]], np.uint8), ("hate", "offensive"), "none")
    comments = read("comments,hate\n가,hate\n나,none\n다,other\n", like=like, max_rejected=1)
    assert comments.labels == like.labels
    assert comments.targets.tolist() == [[1, 0], [0, 0]]
    assert list(reasons(comments)) == [4]


def test_wrong_values_beside_zeros_and_ones_are_counted_if_the_labels_are_known(read: Read) -> None:
    file = "text,label\n" + "".join(f"댓글 {chr(0xAC00 + 28 * i)},{'01?'[i % 3]}\n" for i in range(30))
    with pytest.raises(UsageError, match="name the value that is not toxic with"):
        read(file)
    like = read("text,label\n가,1\n나,0\n")
    with pytest.raises(RejectedRowsError, match=r"10 of 30 rows .*10 × unknown label value"):
        read(file, like=like)
    assert len(read(file, like=like, max_rejected=0.4)) == 20
    with pytest.raises(UsageError, match="name the value that is not toxic with"):
        read("text,label\n가,나쁨\n나,좋음\n", like=like)


# --- texts for word vectors


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("가나다\n\n라마바\n", "texts.txt"),
        ("[속보] 가나다\n라|마바\n", "texts.txt"),
        ("id,댓글\n1,가나다\n2,라마바\n", "texts.csv"),
        ("1\t좋음\t아주 긴 가나다\n2\t나쁨\t아주 긴 라마바\n", "texts.tsv"),
        ('{}\n{"n": 1, "무엇": "가나다"}\n{"무엇": "라마바"}\n', "texts.jsonl"),
    ],
)
def test_texts_are_read_from_any_file_without_labels(content: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    texts = list(read_texts(tmp_path / name))
    assert len(texts) == 2
    assert "다" in texts[0]
    assert "마바" in texts[1]


def test_texts_are_read_from_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "texts.parquet", n=[1, 2, 3], 무엇=["가나다", None, "라마바"])
    assert list(read_texts(path)) == ["가나다", "라마바"]


def test_texts_of_rows_that_do_not_decode_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes("가\n".encode() + b"\xff\n" + "나\n".encode())
    assert list(read_texts(tmp_path / "texts.txt")) == ["가", "나"]


# --- DataFrames

FRAME = pd.DataFrame(
    {
        "글": pd.Series(["나쁜 말", "좋은 말", None, "다른 말", "또 다른 말"], dtype="string"),
        "욕설": [1.0, 0.0, 1.0, float("nan"), 0.0],
        "혐오": pd.Categorical(["no", "yes", "no", "no", "no"]),
        "출처": ["a", "b", "a", "b", None],
    }
).set_axis([7, 7, 8, 9, 10])


def test_a_frame_is_read_as_a_file_with_its_rows_by_position() -> None:
    comments = read_comments(FRAME, text="글", label=["욕설", "혐오"], by="출처")
    assert comments.texts == ["나쁜 말", "좋은 말", "또 다른 말"]
    assert comments.targets.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert comments.lines.tolist() == [1, 2, 5]
    assert reasons(comments) == {3: "no text", 4: "no label in column 욕설"}
    assert (comments.source, comments.groups) == ("a DataFrame", ("a", "b", ""))
    assert comments.notes[0].startswith("a DataFrame: DataFrame, columns 글, 욕설, 혐오, 출처; text from '글'")


def test_values_of_a_frame_are_named_as_in_a_file() -> None:
    frame = pd.DataFrame({"comment": ["가", "나", "다"], "kind": [0, 1, 2]})
    comments = read_comments(frame, label=["kind"], negative="0")
    assert (comments.labels, comments.negative) == (("1", "2"), "0")
    assert read_comments(frame, label=["kind"], positive=["1", "2"]).targets.ravel().tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (pd.DataFrame([["가", 1]], columns=["x", "x"]), "several columns 'x'; give each column its own name"),
        (FRAME.rename(columns={"글": "본문"}), "there is no column '글'"),
        (
            ["가", "나"],
            r"comments is of the type list; .* train\(texts, targets=targets\) or Comments.of\(texts, targets\)",
        ),
        (FRAME["글"], "comments is of the type Series; expected a path, corpus:NAME or a DataFrame"),
        (None, "comments is of the type NoneType"),
    ],
)
def test_what_is_neither_file_nor_frame_is_refused(source: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_comments(source, text="글", label=["욕설"])


def test_parquet_of_any_type_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    zone = pyarrow.array([0, None], pyarrow.timestamp("us", tz="Mars/Base"))
    path = write_parquet(
        tmp_path / "odd.parquet", comment=["가", "나"], label=[0, 1], at=zone, none=pyarrow.nulls(2), raw=[b"x", b"y"],
        price=pyarrow.array([1, 2], pyarrow.decimal128(9, 2)), span=pyarrow.array([1, 2], pyarrow.duration("ns")),
        nest=[{"a": [1]}, None], kind=pyarrow.array(["x", "y"]).dictionary_encode(),
    )  # fmt: skip
    assert list(read_comments(path).texts) == ["가", "나"]
    late = pyarrow.array([2**50, 0], pyarrow.timestamp("s"))
    with pytest.raises(DataError, match="column 'late' has the type timestamp"):
        read_comments(write_parquet(tmp_path / "late.parquet", comment=["가", "나"], label=[0, 1], late=late))
