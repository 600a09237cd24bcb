"""The command line, as a user types it: exit codes, streams, files."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from toxiclf.cli import app, run
from toxiclf.cli._help import EXAMPLES

SMALL = ["--set", "model.jamo=3", "--set", "model.syllable=2", "--set", "decision.folds=3"]


@pytest.fixture(scope="module")
def trained_run(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert run(["train", str(sample_path), "--out", str(folder), *SMALL]) == 0
    return folder


def test_train_leaves_report_bundle_and_recipe(trained_run: Path) -> None:
    names = {path.name for path in trained_run.iterdir()}
    assert names == {
        "bundle",
        "learned.csv",
        "predictions.csv",
        "recipe.toml",
        "report.html",
        "report.json",
        "report.md",
    }
    report = json.loads((trained_run / "report.json").read_text("utf-8"))
    assert set(report["summary"]["f1"]) == {"value", "low", "high"}
    assert {"summary", "labels", "confusion", "data", "baseline", "findings", "recipe", "seed", "versions"} <= set(
        report
    )
    assert "[report.html](report.html)" in (trained_run / "report.md").read_text("utf-8")


def test_train_says_what_it_detected_on_stderr_and_prints_results_on_stdout(
    sample_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(sample_path), "--out", str(tmp_path / "run"), *SMALL]) == 0
    captured = capsys.readouterr()
    assert "text from 'comment', label from 'label'" in captured.err
    assert "average_precision" in captured.out
    assert f"bundle: {tmp_path / 'run' / 'bundle'}" in captured.out


def test_train_json_is_the_report(sample_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "corpus:sample", "--out", str(tmp_path / "run"), "--json", *SMALL]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert printed.pop("out") == str(tmp_path / "run")
    assert printed == written


def test_a_recipe_that_was_written_trains_the_same_model(trained_run: Path, sample_path: Path, tmp_path: Path) -> None:
    recipe = str(trained_run / "recipe.toml")
    assert run(["train", str(sample_path), "--recipe", recipe, "--out", str(tmp_path / "again")]) == 0
    for name in ("model.onnx", "vocabulary.json", "manifest.json"):
        assert (tmp_path / "again" / "bundle" / name).read_bytes() == (trained_run / "bundle" / name).read_bytes()


def test_strict_ends_with_5_when_rows_were_rejected(sample_path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(sample_path.read_text("utf-8") + "한 칸이 모자람,0\n,1,news\n", "utf-8")
    assert run(["train", str(broken), "--out", str(tmp_path / "run"), *SMALL]) == 0
    assert run(["train", str(broken), "--out", str(tmp_path / "run"), "--strict", *SMALL]) == 5
    with (tmp_path / "run" / "rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["reason"]) for row in rows] == [("857", "2 fields instead of 3"), ("858", "no text")]
    findings = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["findings"]
    messages = {finding["code"]: finding["message"] for finding in findings}
    assert messages["rejected_rows"] == "2 of 857 rows were rejected."


def test_too_many_rejected_rows_stop_train_and_evaluate_but_not_predict(
    trained_run: Path, sample_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, out = tmp_path / "broken.csv", tmp_path / "runs" / "new"
    broken.write_text(sample_path.read_text("utf-8") + "한 칸이 모자람,0\n" * 300, "utf-8")
    assert run(["train", str(broken), "--out", str(out)]) == 3
    said = capsys.readouterr().err
    assert "300 × wrong number of cells (lines 857, 858, " in said
    assert "use --max-rejected 0.26" in said
    assert "in Python" not in said
    assert f"all rejected rows are in {out}.rejected.csv" in said
    assert [path.name for path in out.parent.iterdir()] == ["new.rejected.csv"]
    assert len((tmp_path / "runs" / "new.rejected.csv").read_text("utf-8").splitlines()) == 301
    bundle = str(trained_run / "bundle")
    assert run(["evaluate", bundle, str(broken)]) == 3
    assert "rejected.csv" not in capsys.readouterr().err
    assert run(["evaluate", bundle, str(broken), "--max-rejected", "0.26"]) == 0
    assert run(["predict", str(broken), "--bundle", bundle, "--out", str(tmp_path / "out.csv")]) == 0


def test_rows_of_an_earlier_run_do_not_stay_behind(sample_path: Path, tmp_path: Path) -> None:
    (tmp_path / "rejected.csv").write_text("old")
    assert run(["train", str(sample_path), "--out", str(tmp_path), *SMALL]) == 0
    assert not (tmp_path / "rejected.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["train", "nowhere.csv"], 3, "does not exist"),
        (["train", "corpus:cruse"], 2, "did you mean 'curse'?"),
        (["train", "corpus:sample", "--model", "smv"], 2, "did you mean 'svm'?"),
        (["train", "corpus:sample", "--set", "decision.objectve=f2"], 2, "did you mean 'decision.objective'?"),
        (["train", "corpus:sample", "--set", "model.C=-1"], 2, "recipe key model.C is -1"),
        (["train", "corpus:sample", "--set", "decision.objective=recall_at_precision=2"], 2, "needs a rate in (0, 1]"),
        (["train", "corpus:sample", "--label", "tocix"], 2, "there is no column 'tocix'"),
        (["train", "corpus:sample", "--recipe", "nothing.toml"], 2, "the recipe nothing.toml does not exist"),
        (["train", "corpus:sample", "--out", "/dev/null/run"], 2, "choose another folder"),
        (["train", "corpus:sample", "--out", "x.zip"], 2, "so x.zip cannot end in .zip"),
        (["evaluate", "nowhere", "corpus:sample", "--out", "x.zip"], 2, "write the bundle as one file with toxiclf pack"),
        (["train", "corpus:sample", "--delimiter", "ab"], 2, "expected one character, or the word tab"),
        (["evaluate", "nowhere", "corpus:sample"], 4, "is not a folder"),
        (["predict", "안녕"], 2, "--bundle is missing"),
        (["predict", "안녕", "--bundle", "nowhere"], 4, "is not a folder"),
        (["predict", "--bundle", "x"], 2, 'give a comment, such as toxiclf predict "오늘도 좋은 하루", a file, or -'),
        (["predict", " ", "--bundle", "x"], 2, "the comment is empty; give a comment, a file, or -"),
        (["predict", "--bundle", "x", "--text", "안녕", "--out", "o.csv"], 2, "--out needs a file; give it as the argument"),
        (["predict", "corpus:curse", "--bundle", "x"], 2, "predict cannot read corpus:curse; give a file"),
        (["predict", "s3://a/b.csv", "--bundle", "x"], 2, 'if it is a comment, --text "s3://a/b.csv"'),
        (["predict", f"{Path(__file__).parent}/*.py", "--bundle", "x"], 2, "predict reads one file: call it for each"),
        (["predict", "안녕", "--bundle", "x", "--text", "a", "--text", "b"], 2, "--text names the column of the comments"),
        (["predict", "안녕", "--bundle", "x", "--text", "a", "--column", "b"], 2, "give it once"),
        (["inspect"], 2, ""),
        (["no-such-command"], 2, ""),
    ],
)  # fmt: skip
def test_errors_are_sentences_with_their_exit_code(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("rows", "code", "sentence"),
    [
        (["하나,1"] * 1, 3, "training needs both classes"),
        ([f"댓글 {i},0" for i in range(50)], 3, "training needs both classes"),
        ([f"댓글 {i},{int(i < 3)}" for i in range(50)], 3, "training needs at least 10"),
        ([f"댓글 {i},{'나쁨' if i % 2 else '좋음'}" for i in range(50)], 2, "--negative VALUE"),
        ([f",{i % 2}" for i in range(50)], 3, "no usable row"),
    ],
)
def test_unfit_data_are_refused_with_a_sentence(
    rows: list[str], code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "comments.csv"
    path.write_text("\n".join(["comment,label", *rows]) + "\n", "utf-8")
    assert run(["train", str(path), "--out", str(tmp_path / "run")]) == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        (["--label", "kind", "--negative", "none", "--negative", "clean"], "(one of hate, racism, or none or clean)"),
        (["--label", "kind=악성", "--negative", "none", "--negative", "CLEAN"], "(toxic unless it is none or clean)"),
        (["--label", "a,b", "--label", '"c,d=x"'], "label from 'a', 'b', 'c,d' (0 and 1 in each)"),
        (
            ["--label", "marks", "--negative", "0", "--label-separator", ";"],
            "(labels 1, 2, none of them where it is 0)",
        ),
        (["--label", "share", "--positive-from", "0.6"], "(toxic where it is at least 0.6)"),
    ],
)
def test_flags_about_labels_may_be_repeated_and_are_said(
    flags: list[str], note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "few.csv"
    path.write_text(
        'text,kind,a,b,"c,d",marks,share\n가,hate,1,0,0,0,.7\n나,none,0,1,0,1;2,.1\n다,clean,0,0,1,1,.2\n라,racism,0,0,0,2,.9\n',
        "utf-8",
    )
    assert run(["train", str(path), "--text", "text", *flags, "--out", str(tmp_path / "run")]) == 3  # too few rows
    assert note in capsys.readouterr().err


def test_a_diverged_network_ends_with_6_a_report_and_no_bundle(
    sample_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [
        "--set",
        "vectors.size=8",
        "--set",
        "vectors.epochs=1",
        "--set",
        "model.units=4",
        "--set",
        "model.epochs=3",
    ]
    wild = ["--set", "model.learning_rate=1e38", "--set", "model.clip_norm=none"]
    code = run(["train", str(sample_path), "--model", "dnn", "--out", str(tmp_path), *small, *wild])
    assert code == 6
    assert "diverged" in capsys.readouterr().out
    assert [f["code"] for f in json.loads((tmp_path / "report.json").read_text("utf-8"))["findings"]] == ["diverged"]
    assert (tmp_path / "history.json").exists()
    assert not (tmp_path / "bundle").exists()


def test_evaluate_measures_on_labelled_comments(
    trained_run: Path, sample_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = tmp_path / "held.csv"
    rows = sample_path.read_text("utf-8").splitlines(keepends=True)
    held.write_text("".join(rows[:300]), "utf-8")
    arguments = ["evaluate", str(trained_run / "bundle"), str(held), "--out", str(tmp_path / "e"), "--json"]
    assert run(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["evaluated_on"] == held.name
    assert (tmp_path / "e" / "report.md").exists()


def test_evaluating_on_the_training_rows_is_said(
    trained_run: Path, sample_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(trained_run / "bundle"), str(sample_path)]) == 0
    assert "duplicate_leak" in capsys.readouterr().out


def test_predict_of_a_text_is_a_table_or_json(trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "--bundle", str(trained_run / "bundle"), "--text", "꺼져라", "--text", "고마워요"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 3
    assert (
        printed.err
        == '--text names a column of a file; write a comment as the argument: toxiclf predict "…" --bundle DIR\n'
    )
    assert run(["predict", "꺼져라 ㅋㅋ", "--bundle", str(trained_run), "--explain"]) == 0
    assert "꺼져라 ㅋㅋ\ttoxic\t꺼져라\t0–3\t+" in capsys.readouterr().out
    assert run(["predict", "꺼져라\n\t정말", "--bundle", str(trained_run)]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["comment", "꺼져라 정말"]
    assert run(["predict", "꺼져라", "--bundle", str(trained_run), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"text", "is_toxic", "label", "labels", "truncated", "no_known_tokens"}


@pytest.mark.parametrize(
    "comment",
    ["이 댓글", "댓글.csv 봐라", "뭐야?", "***", "[속보]", "http 링크", "s/t?", "가" * 300, "a\0b", "--", "3:1"],
)
def test_what_is_no_file_is_a_comment(comment: str, trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "--bundle", str(trained_run), "--json", "--", comment]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == comment


@pytest.mark.parametrize("given", ["new", "ne*.csv", "./n?w", "-"])
@pytest.mark.parametrize("flag", ["--text", "--column"])
def test_a_file_is_read_and_text_names_its_column(
    given: str, flag: str, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    content = "comment,id\n꺼져라,1\n고마워요,2\n"
    Path("new" if "*" not in given else "new.csv").write_text(content, "utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert run(["predict", given, "--bundle", str(trained_run), flag, "id", "--threshold", "0"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count(",0.0,1,") == 2
    assert "comments from 'id'" in printed.err


@pytest.mark.parametrize("given", ["no.csv", "no.JSONL", "no*.csv", "no.csv.gz", "no --text a", "no --out o.csv"])
def test_a_missing_file_is_no_comment(given: str, trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, *flags = given.split()
    assert run(["predict", name, *flags, "--bundle", str(trained_run)]) == 3
    assert f"{name} does not exist; give a file of comments" in capsys.readouterr().err


def test_inspect_shows_and_verifies(trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(trained_run / "bundle")]) == 0
    assert "verified" in capsys.readouterr().out
    assert run(["inspect", str(trained_run / "bundle"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "ngram_logistic"


def test_a_bundle_with_one_byte_changed_ends_with_4(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained_run / "bundle", tmp_path / "bundle")
    model = tmp_path / "bundle" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    assert run(["predict", "--bundle", str(tmp_path / "bundle"), "--text", "안녕"]) == 4
    assert "SHA-256 differs" in capsys.readouterr().err


def test_a_reader_that_goes_away_costs_no_traceback(trained_run: Path, tmp_path: Path) -> None:
    comments = tmp_path / "comments.txt"
    comments.write_text("안녕하세요\n" * 20_000, "utf-8")
    command = f"{sys.executable} -m toxiclf predict {comments} --bundle {trained_run / 'bundle'} | head -n 2"
    process = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert process.stdout.count("\n") == 2
    assert "Traceback" not in process.stderr


def test_an_old_name_of_a_recipe_key_is_taken_with_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "few.csv"
    path.write_text("comment,label\n" + "".join(f"댓글 {i},{i % 2}\n" for i in range(12)), "utf-8")
    assert (
        run(["train", str(path), "--model", "svm", "--set", "features.metric=triplet", "--out", str(tmp_path / "run")])
        == 3
    )
    assert "the recipe key features.metric is now called features.metric_learning" in capsys.readouterr().err


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_fits_one_screen_and_ends_with_an_example_that_is_read(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run([*command.split(), "-h"]) == 0
    help_text = capsys.readouterr().out
    assert len(help_text.splitlines()) <= 50
    _, examples = help_text.split("\nExamples:\n")
    lines = [line for line in map(str.strip, examples.splitlines()) if line.startswith(f"toxiclf {command} ")]
    if "list" not in command:
        assert lines
    for line in lines:
        parsed(shlex.split(line)[1:])


def parsed(arguments: list[str]) -> None:
    """Read a command line without running it; a flag that is unknown is an error."""
    command = typer.main.get_command(app)
    while isinstance(command, typer.core.TyperGroup):
        context = command.make_context("toxiclf", arguments, resilient_parsing=True)
        _, command, arguments = command.resolve_command(context, arguments)
        assert command is not None
    command.make_context(command.name, arguments)


def test_predict_shows_every_class_where_the_highest_score_decides(
    saved: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(saved("ngram_logistic", "exclusive"))
    assert run(["predict", "오늘도 좋은 하루 되세요", "--bundle", bundle]) == 0
    heading, *lines = (line.split("\t") for line in capsys.readouterr().out.splitlines() if line)
    assert heading == ["comment", "label", "score", "verdict"]
    assert [line[1] for line in lines] == ["none", "toxic", "웃음"]
    assert [line[3] for line in lines] == ["ok", "", ""]
    assert float(lines[0][2]) == max(float(line[2]) for line in lines)
    assert sum(float(line[2]) for line in lines) == pytest.approx(1, abs=2e-4)
