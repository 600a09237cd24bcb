"""Scoring files: a row in is a row out or rejected, whatever the file; a file appears when it is whole."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toxiclf
from tests.conftest import cases
from toxiclf.errors import DataError, UsageError
from toxiclf.moderator import Moderator
from toxiclf.predict import Predicted, predict_rows, read_texts

ADDED = ["score", "threshold", "is_toxic", "truncated", "no_known_tokens"]

Predict = Callable[..., Predicted]


@pytest.fixture
def moderator(bundle: Path) -> Moderator:
    """A model of the sample corpus."""
    return toxiclf.load(bundle)


@pytest.fixture
def predict(moderator: Moderator, tmp_path: Path) -> Predict:
    """Scores a file with this content; what is said is dropped unless asked for."""

    def run(content: str | bytes, name: str = "in.csv", out: str | None = "out.csv", **options: Any) -> Predicted:
        source = tmp_path / name
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        usual: dict[str, Any] = {"column": None, "rejected": None, "json_lines": False, "say": lambda message: None}
        return predict_rows(
            moderator, str(source), **{**usual, "out": tmp_path / out if out is not None else None, **options}
        )

    return run


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- what comes out


def test_columns_are_kept_and_scores_added(predict: Predict, moderator: Moderator, tmp_path: Path) -> None:
    predict("번호,text,메모\n7,오늘 날씨 좋네요,가\n8,꺼져 이 새끼야,나\n")
    first, second = table(tmp_path / "out.csv")
    assert list(first) == ["번호", "text", "메모", *ADDED]
    assert (first["번호"], first["메모"], second["text"]) == ("7", "가", "꺼져 이 새끼야")
    for row in (first, second):
        verdict = moderator.check(row["text"])
        assert float(row["score"]) == pytest.approx(verdict.score, abs=1e-5)
        assert row["is_toxic"] == str(int(verdict.is_toxic))
        assert float(row["threshold"]) == pytest.approx(verdict.entries[0].threshold, abs=1e-5)


def test_the_order_of_rows_is_kept_over_many_chunks(predict: Predict, tmp_path: Path) -> None:
    result = predict("id,text\n" + "".join(f"{i},댓글 {i % 50}\n" for i in range(5000)))
    assert (result.rows, result.rejected) == (5000, 0)
    assert [row["id"] for row in table(tmp_path / "out.csv")] == [str(i) for i in range(5000)]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("안녕하세요\n반가워요\n", "in.txt"),
        ("text\tn\n안녕하세요\t1\n반가워요\t2\n", "in.tsv"),
        ('{"text": "안녕하세요"}\n{"text": "반가워요", "n": 1}\n', "in.jsonl"),
        ("댓글|n\n안녕하세요|1\n반가워요|2\n", "in.csv"),
        ("댓글;n\n안녕하세요;1\n반가워요;2\n".encode("cp949"), "in.csv"),
    ],
)
@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.jsonl"])
def test_any_kind_of_file_goes_into_any_other(
    content: str | bytes, name: str, out: str, predict: Predict, tmp_path: Path
) -> None:
    assert predict(content, name, out).rows == 2
    path = tmp_path / out
    rows = lines_of(path) if out.endswith("jsonl") else table(path, "\t" if out.endswith("tsv") else ",")
    assert [next(row[key] for key in ("text", "댓글") if key in row) for row in rows] == ["안녕하세요", "반가워요"]
    assert all(0 <= float(row["score"]) <= 1 for row in rows)


def test_json_lines_keep_types_and_nested_values(predict: Predict, tmp_path: Path) -> None:
    predict('{"text": "안녕", "meta": {"a": [1, null]}, "n": 1.5}\n', "in.jsonl", "out.jsonl")
    (row,) = lines_of(tmp_path / "out.jsonl")
    assert row["meta"] == {"a": [1, None]}
    assert row["n"] == 1.5
    assert row["is_toxic"] in (True, False)


def test_columns_of_the_same_names_as_the_results_are_kept(predict: Predict, tmp_path: Path) -> None:
    predict("text,score,truncated,no_known_tokens\n안녕,a,b,c\n")
    (row,) = table(tmp_path / "out.csv")
    assert [row["score"], row["truncated"], row["no_known_tokens"]] == ["a", "b", "c"]
    assert 0 <= float(row["toxiclf_score"]) <= 1
    assert row["toxiclf_truncated"] == "0"


def test_the_output_can_be_scored_again(predict: Predict, tmp_path: Path) -> None:
    predict("text,n\n안녕,1\n")
    predict((tmp_path / "out.csv").read_bytes(), out="again.csv")
    (row,) = table(tmp_path / "again.csv")
    assert row["score"] == row["toxiclf_score"]


def test_a_model_of_many_labels_adds_columns_for_each(moderator: Moderator, tmp_path: Path) -> None:
    class TwoLabels(Moderator):
        def __init__(self) -> None:
            self.manifest = moderator.manifest

        @property
        def labels(self) -> tuple[str, ...]:
            return ("욕설", "혐오")

        def check(self, texts: Any, **options: Any) -> Any:
            verdicts = moderator.check(texts)
            return [type(v)((v.entries[0], v.entries[0]), v.truncated, v.no_known_tokens) for v in verdicts]

    (tmp_path / "in.csv").write_text("text,n\n안녕,1\n", "utf-8")
    predict_rows(
        TwoLabels(), str(tmp_path / "in.csv"), column=None, out=tmp_path / "out.csv", rejected=None,
        json_lines=False, say=lambda message: None,
    )  # fmt: skip
    (row,) = table(tmp_path / "out.csv")
    added = [f"{label}_{name}" for label in ("욕설", "혐오") for name in ("score", "threshold", "is_toxic")]
    assert list(row) == ["text", "n", *added, "truncated", "no_known_tokens"]


@pytest.mark.parametrize("out", ["out.csv", "out.jsonl"])
def test_a_file_is_explained_by_tokens_in_a_column(
    out: str, predict: Predict, moderator: Moderator, tmp_path: Path
) -> None:
    predict("text,tokens\n꺼져 이 새끼야,a\n,b\n", out=out, explain=True)
    row = table(tmp_path / out)[0] if out == "out.csv" else lines_of(tmp_path / out)[0]
    assert (list(row)[-1], row["tokens"]) == ("toxiclf_tokens", "a")
    tokens = row["toxiclf_tokens"]
    (strongest, *_) = (json.loads(tokens) if isinstance(tokens, str) else tokens)["toxic"]
    wanted = moderator.check("꺼져 이 새끼야", explain=True)["toxic"].tokens
    assert wanted is not None
    assert strongest == {**asdict(wanted[0]), "effect": pytest.approx(wanted[0].effect, abs=1e-4)}


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-1+1", "@a", "=HYPERLINK(1)"])
def test_cells_that_a_spreadsheet_would_run_are_neutralised(cell: str, predict: Predict, tmp_path: Path) -> None:
    predict(f"text,=note\n{cell},{cell}\n안녕,-1.5\n")
    first, second = table(tmp_path / "out.csv")
    assert first["text"] == first["'=note"] == "'" + cell
    assert second["'=note"] == "-1.5"


def test_keys_that_come_late_are_kept_in_json_lines_and_said_to_be_left_out_of_csv(
    predict: Predict, tmp_path: Path
) -> None:
    content = '{"text": "안녕"}\n' * 1000 + '{"text": "안녕", "late": 1, "score": 2}\n'
    said: list[str] = []
    predict(content, "in.jsonl", "out.jsonl", say=said.append)
    assert lines_of(tmp_path / "out.jsonl")[-1]["late"] == 1
    assert [message for message in said if "left out" in message] == [
        "these keys of the input were left out, because toxiclf adds columns of these names: score"
    ]
    said.clear()
    predict(content, "in.jsonl", say=said.append)
    reason = "the columns are those of the first rows"
    assert f"these keys of the input were left out, because {reason}: late, score" in said


def test_empty_comments_and_comments_of_no_known_letter_are_scored_and_marked(predict: Predict, tmp_path: Path) -> None:
    predict("text,n\n,1\n☃,2\n안녕하세요,3\n")
    assert [row["no_known_tokens"] for row in table(tmp_path / "out.csv")] == ["1", "1", "0"]


# --- rejected rows


def test_rows_that_cannot_be_read_are_rejected_with_line_and_reason(predict: Predict, tmp_path: Path) -> None:
    content = 'text,n\n"가, 나",1\n다\n"라,2\n"마, 바",3\n'.encode() + b"\xff,4\n" + "사,5\n".encode()
    result = predict(content)
    assert (result.rows, result.rejected) == (3, 3)
    assert result.rejected_file == tmp_path / "out.csv.rejected.csv"
    assert [(row["line"], row["reason"], row["content"]) for row in table(result.rejected_file)] == [
        ("3", "1 field instead of 2", "다"),
        ("4", "a quotation mark opens here and is never closed", '"라,2'),
        ("6", "byte 0xff is not UTF-8", r"\xff,4"),
    ]


def test_rows_of_json_lines_without_a_text_are_rejected(predict: Predict) -> None:
    result = predict('{"text": "안녕"}\n{"text": 1}\n{"text": null}\n{"n": 1}\n{"text": NaN}\nbroken\n', "in.jsonl")
    assert (result.rows, result.rejected) == (1, 5)
    assert [row["reason"] for row in table(result.rejected_file)][:4] == ["no text in 'text'"] * 4


def test_numbers_too_large_for_a_float_are_written_as_text_and_said(predict: Predict, tmp_path: Path) -> None:
    said: list[str] = []
    rows = (
        '{"text": "안녕", "n": 1e400, "m": {"a": [-1e999, {"b": 1e400}]}, "k": 1.5, "whole": 7}',
        '{"text": "가", "n": [-' + "9" * 5000 + '], "m": NaN, "k": {"a": [Infinity, -Infinity]}}',
    )
    for name, content in (("in.jsonl", "\n".join(rows)), ("in.json", f"[{rows[0]},\n{rows[1]}]")):
        said.clear()
        result = predict(content, name, "out.jsonl", say=said.append)
        assert (result.rows, result.rejected) == (2, 0)
        lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
        first, second = (
            json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) for line in lines
        )
        assert (first["n"], first["m"], first["k"]) == ("1e400", {"a": ["-1e999", {"b": "1e400"}]}, 1.5)
        assert (first["whole"], second["n"], second["m"], second["k"]) == (
            7,
            ["-" + "9" * 5000],
            None,
            {"a": [None, None]},
        )
        assert "4 numbers are too large for a float, such as 1e400; they are written as text" in said
        assert "3 numbers are NaN or Infinity, which JSON does not allow; they are written as null" in said


def test_numbers_of_a_long_array_are_counted_once(predict: Predict) -> None:
    said: list[str] = []
    numbers = ", ".join(["1e400"] * 20_000)
    predict(f'[{{"text": "가", "n": [{numbers}]}}, {{"text": "나", "n": [1e400]}}]', "in.json", say=said.append)
    assert "20,001 numbers are too large for a float, such as 1e400; they are written as text" in said


def test_a_device_does_not_cost_the_rejected_rows_of_another_run(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rejected.csv").write_text("line,reason,content\n2,no text,x\n", "utf-8")
    predict("text\n안녕\n", out="/dev/null", json_lines=True)
    assert (tmp_path / "rejected.csv").exists()


def test_any_string_of_json_lines_can_be_scored(predict: Predict, tmp_path: Path) -> None:
    texts = ["\ud800", "\udc80 안녕", "\x00", "", "a\r\nb\rc", "👩‍👩‍👧", "가" * 5000]
    content = "".join(json.dumps({"text": text, "meta": {"x": text}, "y\udc80": 1}) + "\n" for text in texts)
    for out in ("out.csv", "out.tsv", "out.jsonl"):
        assert predict(content, "in.jsonl", out).rows == len(texts)
        assert (tmp_path / out).read_text("utf-8")
    assert len(table(tmp_path / "out.csv")) == len(texts)


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(["안녕,1".encode(), b'"a, b",1'])), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=cases(40))
def test_rows_in_are_rows_out_and_rejected_rows(predict: Predict, tmp_path: Path, lines: list[bytes]) -> None:
    lines = [b"x" + line.translate(None, b'"\r\n') for line in lines]
    result = predict(b"\n".join([b"text,n", *lines]))
    assert result.rows + result.rejected == len(lines)
    assert len(table(tmp_path / "out.csv")) == result.rows
    assert result.rejected_file.exists() == (result.rejected > 0)
    if result.rejected:
        assert len(table(result.rejected_file)) == result.rejected


def test_rejected_rows_of_an_earlier_run_do_not_stay(predict: Predict, tmp_path: Path) -> None:
    predict("text,n\n안녕,1\n라\n다,1\n마,1\n바,1\n사,1\n")
    assert (tmp_path / "out.csv.rejected.csv").exists()
    predict("text,n\n안녕,1\n")
    assert names(tmp_path) == {"in.csv", "out.csv"}


# --- streams


def test_standard_input_goes_to_standard_output(
    moderator: Moderator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("안녕, 하세요\n이거|저거\n".encode())))
    result = predict_rows(
        moderator, "-", column=None, out=None, rejected=None, json_lines=True, say=lambda message: None
    )
    assert result.rows == 2
    written = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert written == ["안녕, 하세요", "이거|저거"]
    assert names(tmp_path) == set()


def test_standard_output_is_csv_unless_asked_otherwise(predict: Predict, capsys: pytest.CaptureFixture[str]) -> None:
    predict("text,n\n안녕,1\n", out=None)
    assert capsys.readouterr().out.splitlines()[0] == ",".join(["text", "n", *ADDED])


def test_a_terminal_sees_progress_to_the_end(predict: Predict, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert predict("text,n\n" + "안녕,1\n" * 3000).rows == 3000


def test_rows_are_read_as_they_are_scored(
    predict: Predict, moderator: Moderator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[int] = []
    check = moderator.check

    def watched(texts: Any, **options: Any) -> Any:
        seen.append(len(texts))
        return check([""] * len(texts))

    monkeypatch.setattr(moderator, "check", watched)
    assert predict("text,n\n" + "안녕,1\n" * 10_000).rows == 10_000
    assert max(seen) < 5000
    seen.clear()
    assert predict("text,n\n" + f"{'a' * 1_000_000},1\n" * 10).rows == 10
    assert max(seen) < 10


# --- files


def test_an_interrupted_run_leaves_no_half_output(
    predict: Predict, moderator: Moderator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "out.csv").write_text("old", "utf-8")
    check = moderator.check
    calls: list[int] = []

    def interrupted(texts: Any, **options: Any) -> Any:
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return check(texts)

    monkeypatch.setattr(moderator, "check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict("text,n\n라\n" + "안녕,1\n" * 5000)
    assert len(calls) == 2
    assert (tmp_path / "out.csv").read_text("utf-8") == "old"
    assert names(tmp_path) == {"in.csv", "out.csv"}


def test_rows_rejected_go_where_they_are_asked_to(predict: Predict, tmp_path: Path) -> None:
    content = "text,n\n안녕,1\n라\n다,1\n마,1\n바,1\n사,1\n"
    assert predict(content, rejected=tmp_path / "aside.csv").rejected_file == tmp_path / "aside.csv"
    assert len(table(tmp_path / "aside.csv")) == 1
    assert predict(content, rejected=Path(os.devnull)).rejected == 1
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"out": "out.xlsx"}, r"has no known ending; use \.csv, \.tsv or \.jsonl"),
        ({"out": "in.csv"}, "--out .*in.csv is the input file; choose another name"),
        ({"out": "nowhere/out.csv"}, "--out .* cannot be written"),
        ({"out": "folder.csv"}, "--out .* cannot be written"),
        ({"rejected": "in.csv"}, "--rejected .*in.csv is the input file"),
        ({"rejected": "out.csv"}, "--out and --rejected are both"),
        ({"rejected": "nowhere/aside.csv"}, "--rejected .* cannot be written"),
        ({"column": "nothing"}, "there is no column 'nothing'; the columns are: 가, 나"),
        ({}, "the column of the comments is not clear; name it with --text: the columns are 가, 나"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    options: dict[str, Any], sentence: str, predict: Predict, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    content = "가,나\n하나,1\n둘,2\n셋,1\n넷,2\n"
    if "rejected" in options:
        options = {**options, "rejected": tmp_path / options["rejected"]}
    with pytest.raises(UsageError, match=sentence):
        predict(content, header=True, **options)
    assert names(tmp_path) == {"in.csv", "folder.csv"}
    assert (tmp_path / "in.csv").read_text("utf-8") == content


def test_the_column_can_be_named(predict: Predict, tmp_path: Path) -> None:
    predict("text,다른 글\n안녕,꺼져 이 새끼야\n", column="다른 글")
    predict("text\n꺼져 이 새끼야\n", "plain.csv", "plain-out.csv")
    assert table(tmp_path / "out.csv")[0]["score"] == table(tmp_path / "plain-out.csv")[0]["score"]


@pytest.mark.parametrize("column", [None, "Text", " TEXT "])
def test_the_column_is_found_in_every_spelling(column: str | None, predict: Predict, tmp_path: Path) -> None:
    predict("Comment,TEXT\n꺼져,안녕\n" if column else "다른 글,COMMENT \n안녕,꺼져\n", column=column)
    predict("text\n안녕\n" if column else "text\n꺼져\n", "plain.csv", "plain-out.csv")
    assert table(tmp_path / "out.csv")[0]["score"] == table(tmp_path / "plain-out.csv")[0]["score"]


def test_a_header_and_a_delimiter_can_be_given(predict: Predict, tmp_path: Path) -> None:
    predict("안녕:가\n반가워:나\n", column="column1", header=False, delimiter=":")
    assert [row["column1"] for row in table(tmp_path / "out.csv")] == ["안녕", "반가워"]


@pytest.mark.parametrize("existing", [True, False])
def test_a_missing_input_is_unfit_data(existing: bool, moderator: Moderator, tmp_path: Path) -> None:
    if existing:
        (tmp_path / "out.csv").write_text("old", "utf-8")
    with pytest.raises(DataError, match="does not exist"):
        predict_rows(
            moderator, str(tmp_path / "nowhere.csv"), column=None, out=tmp_path / "out.csv", rejected=None,
            json_lines=False, say=lambda message: None,
        )  # fmt: skip


def test_an_empty_input_is_unfit_data_and_a_header_alone_gives_a_header(predict: Predict, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        predict("")
    assert names(tmp_path) == {"in.csv"}
    assert predict("text,n\n").rows == 0
    assert (tmp_path / "out.csv").read_text("utf-8-sig") == ",".join(["text", "n", *ADDED]) + "\n"


def test_exclusive_labels_have_one_verdict_a_row(saved: Callable[[str, str], Path], tmp_path: Path) -> None:
    folder, source, out = saved("ngram_logistic", "exclusive"), tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("comment\n꺼져 이 멍청한 새끼야\n오늘도 좋은 하루 되세요\n", "utf-8")
    given: dict[str, Any] = {
        "column": None,
        "out": out,
        "rejected": None,
        "json_lines": False,
        "say": lambda text: None,
    }
    predict_rows(toxiclf.load(folder), str(source), **given)
    rows = table(out)
    added = ["label", "is_toxic", "toxic_score", "웃음_score", "truncated", "no_known_tokens"]
    assert list(rows[0]) == ["comment", *added]
    assert [(row["label"], row["is_toxic"]) for row in rows] == [("toxic", "1"), ("none", "0")]
    predict_rows(toxiclf.load(folder, thresholds=0.5), str(source), **given)  # a threshold decides for each label
    assert list(table(out)[0])[1:4] == ["toxic_score", "toxic_threshold", "toxic_is_toxic"]


def test_rows_without_a_comment_do_not_count_as_comments(tmp_path: Path) -> None:
    (tmp_path / "live.csv").write_text('id,text\n1,가나\n2,\n3," "\n4,다라\n', "utf-8")
    said: list[str] = []
    assert list(read_texts(str(tmp_path / "live.csv"), "text", say=said.append)) == ["가나", "다라"]
    assert said[-1] == "2 rows without a readable comment were left out"
