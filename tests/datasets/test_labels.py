"""Label columns as people write them: several values in a cell, other spellings, names, numbers."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets._cells import detected_separator
from toxiclf.datasets.comments import Comments, check_classes
from toxiclf.datasets.reading import read_comments
from toxiclf.errors import DataError, UsageError

Read = Callable[..., Comments]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Comments of a file whose label column holds these cells."""

    def make(cells: Sequence[Any], column: str = "label", **options: Any) -> Comments:
        path = tmp_path / "comments.jsonl"
        rows = [{"text": f"댓글 {i}번", column: cell} for i, cell in enumerate(cells)]
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return read_comments(path, **{"max_rejected": 1, **options})  # one of a few rows is more than a fifth

    return make


def reasons(comments: Comments) -> dict[int, str]:
    return {row.line: row.reason for _, row in comments.rejected}


# --- several values in one cell

MARKS = ["욕설|혐오", "욕설", "혐오", "정상", "욕설"]


@pytest.mark.parametrize(
    "cells",
    [
        MARKS,
        [cell.replace("|", ";") for cell in MARKS],
        [cell.replace("|", " , ") for cell in MARKS],
        [cell.replace("|", "/") for cell in MARKS],
        [cell.split("|") for cell in MARKS],
        [json.dumps(cell.split("|")) for cell in MARKS],
        [repr(cell.split("|")) for cell in MARKS],
    ],
    ids=["bar", "semicolon", "comma", "slash", "lists", "JSON", "Python"],
)
def test_values_in_one_cell_become_independent_labels(cells: list[Any], read: Read) -> None:
    comments = read(cells, negative="정상")
    assert comments.labels == ("욕설", "혐오")
    assert not comments.exclusive
    assert comments.targets.tolist() == [[1, 1], [1, 0], [0, 1], [0, 0], [1, 0]]
    assert "a cell may hold several values" in comments.notes[0]
    assert "(if not: --label-separator none); " in comments.notes[0]
    assert "labels 욕설, 혐오, none of them where it is 정상" in comments.notes[0]
    assert comments.label_map.separator is not None


def test_an_empty_list_of_zeros_and_ones_is_not_toxic(read: Read) -> None:
    comments = read([[], ["1"], ["0"], ["1", "0"]], label="label=악성")
    assert comments.targets[:, 0].tolist() == [0, 1, 0]
    assert reasons(comments) == {4: "label '1, 0' holds both a toxic value and one that is not toxic"}


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["정상;", "욕설;", "욕설;혐오;", "혐오;"], ";"),  # as forms write answers
        (["정상", "욕설\n혐오", "욕설", "혐오"], "\n"),
        (["정상", "욕설+혐오", "욕설", "혐오"], "+"),
        (["정상", "욕설、혐오", "욕설", "혐오"], "、"),
        (["0", "1", "2", "3", "1,3", "2,3"], ","),
    ],
)
def test_separators_as_people_write_them(cells: list[str], separator: str) -> None:
    assert detected_separator(cells) == separator


@pytest.mark.parametrize("cell", ["욕설|혐오", ["욕설", "혐오"], "혐오|욕설|기타"])
def test_one_toxic_value_in_a_cell_makes_the_comment_toxic(cell: Any, read: Read) -> None:
    comments = read([cell, "욕설", "혐오", "기타", "정상", "기타|정상"], positive=["욕설", "혐오"])
    assert comments.targets[:, 0].tolist() == [1, 1, 1, 0, 0, 0]
    only = "'기타' (1), '정상' (1), '기타|정상' (1)" if isinstance(cell, list) else "'기타' (2), '정상' (2)"
    assert f"every other value is not toxic: {only}; " in comments.notes[0]  # 기타 beside 욕설 is toxic


@pytest.mark.parametrize("kind", [list, tuple, set, np.array])
def test_cells_of_a_frame_may_hold_lists(kind: Callable[[list[str]], Any]) -> None:
    frame = pd.DataFrame({"text": ["가", "나", "다"], "label": [kind(["욕설", "혐오"]), kind(["혐오"]), kind([])]})
    assert read_comments(frame).targets.tolist() == [[1, 1], [0, 1], [0, 0]]


def test_codes_of_numbers_are_labels(read: Read) -> None:
    comments = read(["8", "2,3", "2", "3", "8", "0,2,3", "0"], negative="8")
    assert comments.labels == ("0", "2", "3")
    assert comments.targets.tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    "cells",
    [
        ["1,5", "2,5", "3,5", "1", "2", "3", "5"],
        ["1,25", "2,75", "3,5", "1", "2"],
        ["2020/01/02", "2020/01/03", "2020/02/03"],
        ["욕설, 비방", "정상", "욕설", "정상"],
        ["혐오/성별", "혐오/인종", "정상", "혐오/성별"],
        ["악플/욕설", "정상", "악플/욕설"],
        ["N/A", "0", "1"],
        ["1,1,0", "0,0,0", "1,0,1", "0", "1"],
        ["꺼져, 이 쓰레기야", "꺼져, 제발", "제발, 이 쓰레기야", "안녕"],
        ["[긴급]", "[속보]", "[긴급]"],
        ["1,234", "2,500", "12"],
        ["", ""],
    ],
)
def test_what_is_no_list_stays_whole(cells: list[str]) -> None:
    assert detected_separator(cells) == "none"


def test_a_few_misspelled_values_do_not_hide_a_list() -> None:
    cells = ["욕설|혐오", "욕설", "혐오"] * 20 + ["욕설|혐요"]
    assert detected_separator(cells) == "|"


def test_a_value_that_the_user_names_is_evidence(read: Read) -> None:
    cells = ["욕설|혐오", "정상", "정상"]
    assert detected_separator(cells) == "none"
    assert read(cells, positive=["욕설", "혐오"]).targets.tolist() == [[1], [0], [0]]
    assert read(["욕설|혐오", "욕설", "혐오"], positive="욕설|혐오").targets.tolist() == [[1], [0], [0]]


def test_the_separator_can_be_given(read: Read) -> None:
    assert read(["가 나", "가", "다"], negative="다", label_separator=" ").labels == ("가", "나")
    assert read(MARKS, negative="정상", label_separator="none").labels == ("욕설", "욕설|혐오", "혐오")
    comments = read(MARKS, label_separator="|")
    assert comments.labels == ("욕설", "정상", "혐오")  # nothing says that one value means none of the labels


def test_what_is_in_no_list_is_asked_for(read: Read) -> None:
    with pytest.raises(
        UsageError,
        match=r"such as '욕설\|혐오'; its values are: '욕설' \(3\).*--negative VALUE.*--label-separator none",
    ):
        read(MARKS)
    with pytest.raises(UsageError, match="holds lists of 0 and 1; write each position"):
        read([[0, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_an_empty_list_has_no_label(read: Read) -> None:
    comments = read([["욕설", "혐오"], [], ["혐오"], None])
    assert comments.labels == ("욕설", "혐오")
    assert comments.targets.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert reasons(comments) == {4: "no label in column label"}
    assert read([["욕설"], [], ["혐오"]], positive="욕설").targets.tolist() == [[1], [0], [0]]


def test_an_empty_cell_has_no_label_if_that_is_said(read: Read) -> None:
    comments = read(["욕설|혐오", "", "혐오", "욕설"], negative="")
    assert comments.targets.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0]]
    assert read(["악성", "", "악성"], negative="").targets.tolist() == [[1], [0], [1]]


def test_a_toxic_value_beside_a_not_toxic_one_is_rejected(read: Read) -> None:
    cells = [*MARKS, "욕설|정상"]
    for comments in (read(cells, negative="정상"), read(cells, positive="욕설", negative=["정상", "혐오"])):
        assert reasons(comments)[6] == "label '욕설|정상' holds both a toxic value and one that is not toxic"


@pytest.mark.parametrize(
    "options",
    [{"negative": "정상"}, {"positive": ["욕설", "혐오"]}, {"positive": "욕설", "negative": "정상"}],
)
def test_a_file_is_read_as_the_training_rows_were(options: dict[str, Any], read: Read) -> None:
    trained_on = read([*MARKS, "혐오|욕설"], **options)
    known = LabelMap.model_validate_json(trained_on.label_map.model_dump_json())
    assert known.separator == "|"
    for given in ({}, options):  # in both cases, too few cells to detect anything
        assert read(["정상", "욕설|혐오"], like=trained_on, **given).targets.any(axis=1).tolist() == [False, True]


def test_another_layout_than_in_training_can_be_given(read: Read, tmp_path: Path) -> None:
    one = read(MARKS, positive=["욕설", "혐오"])
    assert read([0.4, 0.7], positive_from=0.5, like=one).targets[:, 0].tolist() == [0, 1]
    path = tmp_path / "columns.csv"
    path.write_text("text,욕설,혐오\n가,1,0\n나,0,1\n", "utf-8")
    assert read_comments(path, label=["욕설", "혐오"], like=read(MARKS, negative="정상")).targets.tolist() == [
        [1, 0],
        [0, 1],
    ]
    other_order = read_comments(path, label=["혐오", "욕설"], like=read(MARKS, negative="정상"))
    assert (other_order.labels, other_order.targets.tolist()) == (("욕설", "혐오"), [[1, 0], [0, 1]])
    other_sign = read(["욕설;혐오", "정상"], label_separator=";", like=read(MARKS, negative="정상"))
    assert other_sign.targets.tolist() == [[1, 1], [0, 0]]
    columns = read_comments(path, label=["욕설", "혐오"])
    assert read(MARKS, label="label", negative="정상", like=columns).targets.tolist()[0] == [1, 1]


def test_a_separator_that_was_guessed_is_named_if_what_follows_fails(tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_text("text,label\n" + "".join(f"댓글,{cell}\n" for cell in MARKS), "utf-8")
    with pytest.raises(DataError, match=r"separated as '\|' \(--label-separator\)"):
        read_comments(path, negative="정상")


def test_a_value_that_training_lacks_is_rejected(read: Read) -> None:
    comments = read(["정상", "욕설|비방"], like=read(MARKS, negative="정상"))
    assert reasons(comments) == {2: "label '비방' is not one of 정상, 욕설, 혐오"}


def test_cells_of_a_file_stay_whole_as_in_training(read: Read) -> None:
    trained_on = read(["욕설|혐오", "정상"], negative="정상")
    assert trained_on.label_map.separator is None
    assert reasons(read([*MARKS, "욕설|혐오"], like=trained_on)).keys() == {2, 3, 5}


# --- several values that are not toxic


def test_every_other_value_is_listed_with_its_count(read: Read) -> None:
    (note,) = read(["악성", "정상", "정상", "모름", "악성"], positive="악성").notes
    assert "(toxic where it is 악성); every other value is not toxic: '정상' (2), '모름' (1); 5 comments" in note


def test_several_values_can_be_not_toxic(read: Read) -> None:
    cells = ["hate", "none", "clean", "offensive"]
    comments = read(cells, negative=["none", "clean"])
    assert comments.labels == ("hate", "offensive")
    assert comments.negative == "none"
    assert comments.targets.tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]
    assert "one of hate, offensive, or none or clean" in comments.notes[0]
    assert read(cells[::-1], like=comments).targets.tolist() == comments.targets[::-1].tolist()
    assert read(cells[:3], negative=["none", "clean"]).targets.tolist() == [[1], [0], [0]]
    assert reasons(read(cells, positive="hate", negative=["none", "clean"])).keys() == {4}
    assert read(["2,3", "2", "3", "8", "9"], negative=["8", "9"]).targets[3:].tolist() == [[0, 0], [0, 0]]


def test_the_label_map_of_old_bundles_is_read() -> None:
    assert LabelMap.model_validate({"columns": ["hate"], "negative": "none"}).negative == ("none",)
    assert LabelMap.model_validate({"columns": ["hate"], "negative": None}).negative == ()


def test_a_value_is_toxic_or_not(read: Read) -> None:
    with pytest.raises(UsageError, match="--positive and --negative both name 'clean'; name each value once"):
        read(["clean", "bad"], positive="Clean", negative="clean")


# --- spellings


def test_values_are_equal_in_every_spelling(read: Read) -> None:
    nfd = unicodedata.normalize("NFD", "일반")
    comments = read(["clean", "CLEAN", "hate", "Hate ", "clean", "hate"], negative="Clean")
    assert comments.targets[:, 0].tolist() == [0, 0, 1, 1, 0, 1]
    assert "'clean' is also written 'CLEAN' (1)" in comments.notes[0]
    assert "'hate' is also written 'Hate' (1)" in comments.notes[0]
    comments = read(["일반", "일반", nfd, "욕설", "not toxic"], negative=["일반", "not  toxic"])
    assert comments.targets[:, 0].tolist() == [0, 0, 0, 1, 0]
    assert "'일반' is also written with other white space or Unicode form (1)" in comments.notes[0]
    assert read([1.0, 2.0, 0.0], negative="0").labels == ("1.0", "2.0")


def test_columns_are_found_in_every_spelling(read: Read, tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "판정")
    trained_on = read(["1", "0"], nfd, text="TEXT", label="판정", by=" Text")
    assert trained_on.labels == ("판정",)
    assert read(["0", "1"], " 판정 ", like=trained_on).targets.tolist() == [[0], [1]]
    (tmp_path / "two.csv").write_text("댓글,남성,지역\n가,1,0\n나,0,1\n", "utf-8")
    (tmp_path / "nfd.csv").write_text(unicodedata.normalize("NFD", "댓글,지역,남성\n가,1,0\n나,0,1\n"), "utf-8")
    two = read_comments(tmp_path / "two.csv", label=["남성", "지역"])
    other = read_comments(tmp_path / "nfd.csv", like=two)
    assert other.labels == two.labels
    assert other.targets.tolist() == two.targets[::-1].tolist()
    again = read_comments(tmp_path / "nfd.csv", label=["남성", "지역"], like=two)
    assert again.targets.tolist() == other.targets.tolist()


def test_a_column_in_two_spellings_is_named_exactly(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,a,A\n가,1,0\n나,0,1\n", "utf-8")
    assert read_comments(tmp_path / "a.csv", label="A").targets.tolist() == [[0], [1]]
    with pytest.raises(UsageError, match="there is no column ' a'; the columns are: text, a, A"):
        read_comments(tmp_path / "a.csv", label=" a")


# --- names


@pytest.mark.parametrize("label", ["판정=악성", {"판정": "악성"}, ["판정 = 악성"]])
def test_a_label_can_be_named(label: Any, read: Read) -> None:
    comments = read(["악성", "정상", "욕설"], "판정", label=label, negative="정상")
    assert comments.labels == ("악성",)  # one name, so one label
    assert comments.targets[:, 0].tolist() == [1, 0, 1]
    assert "(toxic unless it is 정상); toxic values: '악성' (1), '욕설' (1)" in comments.notes[0]
    assert read(["비방", "정상"], "판정", like=comments).targets[:, 0].tolist() == [1, 0]
    assert read(["1", "0"], "판정", label=label).labels == ("악성",)
    assert read(["욕설|혐오", "욕설", "혐오", "정상"], "판정", label=label, negative="정상").labels == ("악성",)


@pytest.mark.parametrize("label", [(), ["a", "b"], ["b", "a"], ["B=나", "A"], {"b": "나", "a": "가"}])
def test_columns_have_the_names_and_order_of_training(label: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,a,b\n가나,0,1\n다라,1,1\n", "utf-8")
    training = read_comments(path, label={"a": "가", "b": "나"})
    comments = read_comments(path, label=label, like=training)
    assert comments.labels == ("가", "나")
    assert comments.targets.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"label": {"label": ""}}, "there is no name after '='"),
        ({"label": {"label": None}}, "there is no name after '='"),
        ({"label": 1}, "there is no column '1'"),
        ({"text": ["text"]}, "there is no column"),
        ({"by": 3}, "there is no column '3'"),
        ({"max_rejected": "0.2"}, "max_rejected is '0.2'; give a share"),
        ({"max_rejected": None}, "max_rejected is None; give a share"),
        ({"positive_from": "0.5"}, "--positive-from is '0.5'; expected a number"),
    ],
)
def test_arguments_of_another_type_are_refused(options: dict[str, Any], sentence: str, read: Read) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(["0", "1"], **options)


def test_columns_of_a_frame_may_be_numbers_or_hold_objects() -> None:
    frame = pd.DataFrame({0: ["가나", "다라"], 1: [{"toxic": 0, "by": "a"}, {"toxic": 1, "by": "b"}]})
    comments = read_comments(frame, text=0, label="1.toxic", by="1.by")  # type: ignore[arg-type]
    assert comments.counts() == {"1.toxic": 1}
    assert comments.groups == ("a", "b")
    assert read_comments(pd.DataFrame({0: ["가", "나"], 1: [0, 1]}), text=0, label=[1]).counts() == {"1": 1}  # type: ignore[arg-type, list-item]


def test_texts_that_are_no_strings_are_rejected_with_that_reason(read: Read, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [b"a", 1.5, "b", None], "label": [0, 1, 0, 1]})
    kinds = [row.kind for _, row in read_comments(frame, text="text", max_rejected=1).rejected]
    assert kinds == ["text is not a string", "text is not a string", "no text"]
    with pytest.raises(DataError, match=r"50 %.*of the type bytes.*another column holds the text"):
        read_comments(frame[::2], text="text")
    (tmp_path / "columns.json").write_text(json.dumps({"text": ["가", "나"], "label": [0, 1]}), "utf-8")
    with pytest.raises(DataError, match=r"text is not a string.*a cell holds many comments; write a row for each"):
        read_comments(tmp_path / "columns.json")


@pytest.mark.parametrize("options", [{}, {"text": "text", "label": "\ud83dlabel", "by": "by"}])
def test_names_with_a_broken_character_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    name = "\ud83dlabel" if options else "label"
    rows = [{"text": f"댓글 {i}번", name: "욕" if i % 2 else "\ud83d", "by": "\ud83d"} for i in range(4)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(DataError, match="holds a broken character; correct it in the file"):
        read_comments(tmp_path / "a.jsonl", **{"label": name, "negative": "욕", **options})


def test_several_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,a=b,c\n가,1,0\n나,0,1\n", "utf-8")
    assert read_comments(path, label=["a=b", "c=욕설"]).labels == ("a=b", "욕설")
    named = read_comments(path, label=["a=b=악성", "c"])
    assert named.labels == ("악성", "c")
    assert read_comments(path, like=named).labels == named.labels
    with pytest.raises(UsageError, match="there is no column 'd'; the columns are: text, a=b, c"):
        read_comments(path, label=["d=악성"])
    with pytest.raises(UsageError, match="--label c=: there is no name after '='"):
        read_comments(path, label=["c="])
    with pytest.raises(UsageError, match="give each its own name"):
        read_comments(path, label=["a=b=x", "c=x"])


def test_any_toxic_value_counts_where_training_had_one_label(read: Read) -> None:
    one = read(["1", "0"])
    comments = read(["hate", "none", "offensive"], "kind", label="kind", negative="none", like=one)
    assert comments.labels == ("toxic",)
    assert comments.targets[:, 0].tolist() == [1, 0, 1]


def test_a_value_that_training_with_one_label_lacks_is_rejected(read: Read) -> None:
    one = read(["악성", "정상"], negative="정상")
    comments = read(["악성", "정상", "모름"], negative="정상", like=one)
    assert comments.targets[:, 0].tolist() == [1, 0]
    assert reasons(comments) == {3: "label '모름' is neither toxic nor not toxic"}


# --- numbers


def test_shares_are_asked_for_a_number_from_which_on_they_are_toxic(read: Read) -> None:
    cells = [0.0, 0.7, 0.5, 0.2, 1]
    with pytest.raises(UsageError, match=r"numbers between 0 and 1, such as 0\.7; .*--positive-from 0.5"):
        read(cells)
    with pytest.raises(UsageError, match="--positive-from NUMBER"):
        read([0, 3, 5, 2, 4])
    comments = read([*cells, "모름"], positive_from=0.5)
    assert comments.targets[:, 0].tolist() == [0, 1, 1, 0, 1]
    assert reasons(comments) == {6: "label '모름' is not a number"}
    assert "(toxic where it is at least 0.5)" in comments.notes[0]
    known = LabelMap.model_validate_json(comments.label_map.model_dump_json())
    assert known.positive_from == 0.5
    assert read([0.4, 0.6], like=comments).targets[:, 0].tolist() == [0, 1]


def test_several_columns_may_hold_shares(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,a,b\n가,1,0.2\n나,0.5,0\n", "utf-8")
    with pytest.raises(UsageError, match=r"column 'a' holds numbers between 0 and 1, such as 0\.5"):
        read_comments(path, label=["a", "b"])
    comments = read_comments(path, label=["a=악플", "b"], positive_from=0.5)
    assert comments.labels == ("악플", "b")
    assert comments.targets.tolist() == [[1, 0], [1, 0]]
    assert read_comments(path, like=comments).targets.tolist() == comments.targets.tolist()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"positive_from": 0.5, "negative": "0"}, "--positive-from reads numbers, so"),
        ({"positive_from": float("nan")}, "expected a number, such as 0.5"),
        ({"label_separator": ""}, "--label-separator is empty"),
    ],
)
def test_options_without_an_effect_are_refused(options: dict[str, Any], sentence: str, read: Read) -> None:
    with pytest.raises(UsageError, match=sentence):
        read([0, 1], **options)


def test_too_few_of_a_value_can_be_merged_with_others(read: Read) -> None:
    comments = read(["hate", *["none"] * 20, *["offensive"] * 20], negative="none")
    with pytest.raises(DataError, match=r"label 'hate' is 1, .*or merge labels with --positive"):
        check_classes(comments)
