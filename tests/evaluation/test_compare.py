"""Comparison: equal is equal, paired sees more than apart, and what cannot be compared is refused with the next step."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import tiny
from tests.evaluation.conftest import comments_of, save_run, scores_of
from toxiclf.bundle.manifest import LabelMap
from toxiclf.cli.compare import compare as compare_command
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, ToxiclfError, UsageError
from toxiclf.evaluation.bootstrap import SUMMARY, evaluate
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.compare import compare
from toxiclf.evaluation.comparison import Comparison, Difference
from toxiclf.evaluation.metrics import main_metrics, metric_names
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.sections import ProductionFigures, estimates
from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
from toxiclf.pipeline.save import TrainedModel
from toxiclf.pipeline.train import train

Trained = Callable[[str, str], TrainedModel]


def difference(comparison: Comparison, metric: str, run: str | None = None, label: str = SUMMARY) -> Difference:
    """One difference; of the only later run if none is named."""
    (found,) = [
        row for row in comparison.differences if (row.metric, row.label) == (metric, label) and run in (None, row.run)
    ]
    return found


@pytest.fixture(scope="module")
def runs(saved: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of two models on the same split."""
    folder = tmp_path_factory.mktemp("runs")
    for model in ("ngram_logistic", "logistic"):
        shutil.copytree(saved(model, "one"), folder / model)
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A strong and a weak run on the same comments."""
    comments = comments_of(400)
    strong = save_run(tmp_path / "strong", comments, scores_of(comments, 0.6))
    return strong, save_run(tmp_path / "weak", comments, scores_of(comments, 1.5))


def edited(folder: Path, name: str, old: str, new: str) -> None:
    """Change one place of a run's file by hand."""
    path = folder / name
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


def test_a_copy_of_a_run_differs_by_exactly_nothing(runs: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(runs / "logistic", tmp_path / "copy")
    comparison = compare([runs / "logistic", copy])
    assert len(comparison.differences) == len(metric_names(of="one")) * 2
    for row in comparison.differences:
        assert (row.value, row.low, row.high, row.better, row.p) == (0, 0, 0, 0, 1)
        primary = (row.metric, row.label) == ("average_precision", SUMMARY)
        assert row.verdict == ("not significant" if primary else "descriptive")
    assert comparison.recipe() == {}


def test_trained_runs_are_compared_with_the_figures_and_intervals_of_their_reports(
    runs: Path, trained: Trained
) -> None:
    comparison = compare([runs / "ngram_logistic", runs / "logistic"])
    for run in comparison.runs:
        report = trained(run.name, "one").report.analysed()
        assert run.rows == report.rows
        # the run on disk may have been trained by another process, in another time
        assert run.report.model_copy(update={"timings": report.timings}) == report
    assert comparison.recipe()["model.jamo"] == {"ngram_logistic": 3, "logistic": None}
    place = comparison.runs[1].baseline()
    assert place is not None
    assert place[0] == trained("logistic", "one").report.to_dict()["baseline"]["summary"]["average_precision"]["value"]


def test_the_order_of_two_runs_mirrors_their_difference(pair: tuple[Path, Path]) -> None:
    one, other = compare(pair), compare(pair[::-1])
    for row, mirrored in zip(one.differences, other.differences, strict=True):
        assert row.value is not None
        assert row.high is not None
        assert row.low is not None
        assert (mirrored.value, mirrored.low, mirrored.high) == pytest.approx((-row.value, -row.high, -row.low))
        assert mirrored.p == row.p
        opposite = {"better": "worse", "worse": "better"}
        assert mirrored.verdict == opposite.get(row.verdict, row.verdict)


def test_more_of_a_score_is_better_and_less_of_a_loss(pair: tuple[Path, Path]) -> None:
    for metric, sign in (("average_precision", -1), ("brier", 1)):
        row = difference(compare(pair, metric=metric), metric)
        assert row.value is not None
        assert np.sign(row.value) == sign
        assert (row.verdict, row.better) == ("worse", 0)


def test_paired_intervals_are_narrower_than_those_of_runs_apart(tmp_path: Path) -> None:
    comments = comments_of(400)
    scores = scores_of(comments, 1.2)
    near = np.clip(scores + 0.02 * np.random.default_rng(1).normal(size=scores.shape), 0, 1).astype(np.float32)
    comparison = compare([save_run(tmp_path / "a", comments, scores), save_run(tmp_path / "b", comments, near)])
    row = difference(comparison, "average_precision")
    a, b = (next(r for r in run.rows if r.metric == "average_precision") for run in comparison.runs)
    assert row.high is not None
    assert row.low is not None
    assert a.low is not None
    assert b.high is not None
    assert row.high - row.low < 0.5 * (b.high - a.low)


def test_rows_in_another_order_are_the_same_comments(tmp_path: Path) -> None:
    comments = comments_of(300)
    good, bad = scores_of(comments, 0.8), scores_of(comments, 1.4)
    order = np.random.default_rng(0).permutation(300)
    a = save_run(tmp_path / "a", comments, good)
    b = save_run(tmp_path / "b", comments.take(order), bad[order])
    same = save_run(tmp_path / "same", comments.take(order), good[order])
    assert difference(compare([a, b]), "f1").value == difference(compare([a, b, same]), "f1", "b").value
    for row in compare([a, same]).differences:
        assert (row.low, row.high) == (0, 0)
    mirrored = difference(compare([b, a]), "f1")
    row = difference(compare([a, b]), "f1")
    assert row.low is not None
    assert mirrored.high == pytest.approx(-row.low)


def test_the_same_comments_from_another_file_are_the_same_comments(tmp_path: Path) -> None:
    comments = comments_of(100)
    moved = Comments(comments.texts, comments.targets, comments.labels, lines=comments.lines + 1, source="/a/copy.csv")
    a = save_run(tmp_path / "a", comments, scores_of(comments, 1))
    b = save_run(tmp_path / "b", moved, scores_of(comments, 1))
    assert compare([a, b]).comments == 100


def test_runs_with_other_seeds_on_one_test_part_are_compared_and_it_is_said(tmp_path: Path) -> None:
    comments = comments_of(100)
    a = save_run(tmp_path / "a", comments, scores_of(comments, 1), seed=1)
    b = save_run(tmp_path / "b", comments, scores_of(comments, 1, seed=2), seed=2)
    notes = compare([a, b]).notes()
    assert "The runs have different seeds, so part of a difference may come from the seed." in notes


def test_several_labels_have_a_mean_and_differences_of_their_own(saved: Callable[[str, str], Path]) -> None:
    comparison = compare([saved("ngram_logistic", "two"), saved("logistic", "two")])
    assert comparison.metric == "average_precision_macro"
    assert comparison.tables()[1][1][0] == "average_precision_macro"
    for metric in ("f1", "brier", "f1_both_classes"):
        of_labels = [difference(comparison, metric, label=label).value for label in ("toxic", "웃음")]
        assert difference(comparison, metric).value == pytest.approx(np.mean([v for v in of_labels if v is not None]))
    *_, by_label = comparison.tables()
    assert [row[1:3] for row in by_label[1:]] == [
        ["toxic", "average_precision"], ["toxic", "f1"], ["웃음", "average_precision"], ["웃음", "f1"],
    ]  # fmt: skip


@pytest.mark.check
def test_evaluations_of_two_bundles_on_the_same_comments_are_compared(
    runs: Path, sample: Comments, tmp_path: Path
) -> None:
    some = sample.take(np.arange(300))
    for model in ("ngram_logistic", "logistic"):
        save_evaluation(evaluate_bundle(runs / model / "bundle", some), tmp_path / model)
    comparison = compare([tmp_path / "ngram_logistic", tmp_path / "logistic"])
    assert comparison.comments == 300
    assert comparison.tables()[0][-2][1:] == ["not measured", "not measured"]
    mixed = compare([runs / "logistic", evaluated_test_part(runs / "ngram_logistic", sample, tmp_path / "test")])
    assert mixed.recipe() == {}


def evaluated_test_part(run: Path, sample: Comments, out: Path) -> Path:
    """The run's bundle on the comments of its test set."""
    lines = [int(row.split(",")[1]) for row in (run / "predictions.csv").read_text("utf-8").splitlines()[1:]]
    save_evaluation(evaluate_bundle(run / "bundle", sample.take(np.searchsorted(sample.lines, lines))), out)
    return out


@pytest.mark.check
def test_the_comments_of_runs_without_a_test_part_are_those_of_the_decision(sample: Comments, tmp_path: Path) -> None:
    whole = {**tiny("ngram_logistic"), "split": {"test": 0}}
    a = train(sample, whole).save(tmp_path / "a")
    b = train(sample, {**whole, "split": {"test": 0, "validation": 0.2}}).save(tmp_path / "b")
    comparison = compare([a, b])  # the same rows, in the order of another split
    assert comparison.comments == len(sample)
    assert "metrics are too optimistic" in comparison.notes()[0]


def test_only_the_primary_metric_has_a_verdict(pair: tuple[Path, Path]) -> None:
    for primary in ("average_precision", "recall"):
        comparison = compare(pair, metric=primary)
        judged = {
            (row.metric, row.label): row.verdict for row in comparison.differences if row.verdict != "descriptive"
        }
        assert judged == {(primary, SUMMARY): "worse"}
        assert comparison.to_dict()["metric"] == primary
        assert any(note.startswith(f"Only {primary} has a verdict") for note in comparison.notes())
    with pytest.raises(UsageError, match="unknown metric 'reccall'; did you mean 'recall'"):
        compare(pair, metric="reccall")


def test_the_verdict_is_corrected_for_the_number_of_runs(tmp_path: Path) -> None:
    comments = comments_of(300)
    folders = [save_run(tmp_path / str(i), comments, scores_of(comments, 1, seed=i)) for i in range(5)]
    comparison = compare(folders)
    assert any("p values are corrected for 4 comparisons (Holm)" in note for note in comparison.notes())
    rows = [row for row in comparison.differences if (row.metric, row.label) == ("average_precision", SUMMARY)]
    smallest = min(rows, key=lambda row: row.p or 0)
    assert smallest.p is not None
    assert smallest.p_holm == min(1, 4 * smallest.p)
    assert all(row.p_holm is not None and row.p is not None and row.p_holm >= row.p for row in rows)
    assert all(row.p_holm == row.p for row in compare(folders[:2]).differences)
    edge = Difference("b", SUMMARY, "f1", 0.02, 0.001, 0.04, 0.98, 0.03, 0.03, "descriptive")
    assert edge.judged() == "better"
    assert replace(edge, p_holm=0.12).judged() == "not significant"
    assert replace(edge, p_holm=0.12).only_uncorrected()
    assert replace(edge, metric="brier").judged() == "worse"


@pytest.mark.check
def test_chance_alone_rarely_makes_a_difference(tmp_path: Path) -> None:
    verdicts = []
    for seed in range(40):
        comments = comments_of(150, seed=seed)
        folders = [
            save_run(tmp_path / f"{seed}-{i}", comments, scores_of(comments, 1, seed=2 * seed + i)) for i in range(2)
        ]
        verdicts.append(difference(compare(folders), "average_precision").verdict)
    assert verdicts.count("not significant") >= 35  # 38 of 40 expected


def test_runs_are_named_by_as_much_of_their_folders_as_tells_them_apart(tmp_path: Path) -> None:
    comments = comments_of(60)
    folders = [save_run(tmp_path / name, comments, scores_of(comments, 1)) for name in ("a/run", "b/run", "other")]
    assert [run.name for run in compare(folders).runs] == ["a/run", "b/run", "other"]


def test_the_bundle_of_a_run_stands_for_the_run(runs: Path) -> None:
    comparison = compare([runs / "logistic" / "bundle", runs / "ngram_logistic"])
    assert comparison.reference == "logistic"


def test_tables_markdown_and_json_say_the_same(runs: Path) -> None:
    comparison = compare([runs / "ngram_logistic", runs / "logistic"])
    content = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    markdown = comparison.to_markdown()
    by_metric = {row["metric"]: row for row in content["differences"] if row["label"] is None}
    assert set(by_metric) == set(metric_names(of="one"))
    _, figures, differences = comparison.tables()
    assert [row[0].split()[0] for row in figures[1:]] == list(main_metrics("one"))
    for run, metric, value, interval, _, verdict in differences[1:]:
        assert value == f"{by_metric[metric]['value']:+.4f}"
        assert verdict == by_metric[metric]["verdict"]
        assert f"| {run} | {metric} | {value} | {interval} |" in markdown
    assert all(note in markdown for note in content["notes"])


def test_the_command_prints_a_table_or_json_and_writes_markdown(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_command(list(pair), out=tmp_path / "new" / "comparison.md")
    printed = capsys.readouterr()
    assert "weak\taverage_precision\t-" in printed.out
    assert "All metrics come from the same 400 comments" in printed.err
    assert (tmp_path / "new" / "comparison.md").read_text("utf-8") == compare(pair).to_markdown()
    compare_command(list(pair), as_json=True)
    assert json.loads(capsys.readouterr().out) == compare(pair).to_dict()
    with pytest.raises(UsageError) as raised:
        compare_command(list(pair), out=pair[0] / "report.json")
    path = pair[0] / "report.json"
    assert str(raised.value) == f"--out {path}: the comparison is written as Markdown; give a name that ends in .md"


def test_a_metric_that_is_not_defined_has_no_difference(tmp_path: Path) -> None:
    comments = Comments(["하나", "둘", "셋"], np.zeros((3, 1), np.uint8), ("toxic",))
    folders = [save_run(tmp_path / name, comments, scores_of(comments, 1)) for name in "ab"]
    comparison = compare(folders)
    row = difference(comparison, "recall")
    assert (row.value, row.p, row.verdict) == (None, None, "not defined")
    assert ["b", "recall", "–", "–", "–", "not defined"] in comparison.tables()[2]


def refusal(runs: list[Path], kind: type[Exception]) -> str:
    """The sentence with which runs are refused."""
    with pytest.raises(kind) as raised:
        compare(runs)
    assert isinstance(raised.value, ToxiclfError)
    return raised.value.message


def test_fewer_than_two_runs_or_one_twice_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert refusal([], UsageError) == "one run cannot be compared; give two or more run folders"
    assert refusal([pair[0]], UsageError) == "one run cannot be compared; give two or more run folders"
    again = pair[0].parent / "." / "weak" / ".." / "strong"
    assert refusal([*pair, again], UsageError) == f"{again} is given twice; give each run once"
    (tmp_path / "link").symlink_to(pair[0])
    assert "is given twice" in refusal([pair[0], tmp_path / "link"], UsageError)


def test_what_is_no_run_is_refused_with_what_to_give(pair: tuple[Path, Path], runs: Path, tmp_path: Path) -> None:
    strong = pair[0]
    missing, empty, stopped = tmp_path / "missing", tmp_path / "empty", tmp_path / "stopped"
    empty.mkdir()
    stopped.mkdir()
    (stopped / "recipe.toml").touch()
    lone = shutil.copytree(runs / "logistic" / "bundle", tmp_path / "lone")
    expected = {
        missing: f"{missing} does not exist; give the folder of a run, as `toxiclf train` wrote it",
        strong / "report.json": f"{strong / 'report.json'} is a file; give the folder of a run, as `toxiclf train` wrote it",
        empty: f"{empty} is not a run, because it has no report.json; give a folder that `toxiclf train` or "
        "`toxiclf evaluate --out` wrote",
        stopped: f"{stopped} has no report.json, because its training was interrupted; train it again",
        lone: f"{lone} is a bundle, which keeps no scores; give the folder of its run, "
        f"or score it: toxiclf evaluate {lone} COMMENTS --out DIR",
    }  # fmt: skip
    for path, sentence in expected.items():
        assert refusal([strong, path], UsageError) == sentence


def test_a_run_without_scores_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    strong, weak = pair
    edited(weak, "report.json", '"evaluated_sha256"', '"something_else"')
    assert refusal([strong, weak], UsageError) == (
        f"{weak} was made by an older version, which did not write predictions.csv, so there are no scores to compare; "
        "train the model again, or score its bundle: toxiclf evaluate BUNDLE COMMENTS --out DIR"
    )
    diverged = tmp_path / "diverged"
    finding = Finding("diverged", "error", "training diverged.", "Lower it.")
    sets = {name: {"rows": 10, "classes": {"toxic": 5}} for name in ("training", "validation")}
    content = {
        "model": "dnn", "evaluated_on": "nothing: training diverged", "labels": {"toxic": {}}, "seed": 0, "findings": [finding],
        "data": {"source": "c.csv", "notes": [], "sets": sets, "class_weights": []},
    }  # fmt: skip
    Report.model_validate(content).write(diverged)
    assert refusal([strong, diverged], UsageError) == (
        f"{diverged} diverged in training, so there are no scores to compare; leave it out"
    )


def test_runs_with_other_labels_are_refused_with_the_options_of_both(tmp_path: Path) -> None:
    folders = []
    for name in ("toxic", "욕설"):
        options = LabelMap(columns=("판정 값",), positive=(name,))
        comments = replace(comments_of(60, (name,)), label_map=options)
        folders.append(save_run(tmp_path / name, comments, scores_of(comments, 1)))
    assert refusal(folders, UsageError) == (
        "욕설 has the labels 욕설 (--label '판정 값' --positive 욕설), toxic has toxic (--label '판정 값' --positive toxic); "
        "train both with the same label options"
    )


OR_SCORE = "or score both on comments that neither was trained on: toxiclf evaluate RUN/bundle COMMENTS --out DIR"


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ({"seed": 1, "split": {"test": 0.2}}, "seed is 0 and 1; train both with the same --seed"),
        ({"seed": 0, "split": {"test": 0.3}}, "split.test is 0.2 and 0.3; train both with the same --set split.test=…"),
        (
            {"seed": 0, "split": {"test": 0.2}, "text": {"repeat_cap": 1}},
            "text.repeat_cap is – and 1; train both with the same --set text.repeat_cap=…",
        ),
        (
            {"seed": 0, "split": {"test": 0.2}},
            "comments.csv was split differently, by toxiclf an unknown version and 0.2.0; train both with the same version",
        ),
    ],
)
def test_runs_on_other_comments_are_refused_with_the_reason(
    recipe: dict[str, object], why: str, tmp_path: Path
) -> None:
    comments = comments_of(100)
    folders = []
    for name, rows, of_run in (("a", np.arange(60), {}), ("b", np.arange(40, 100), {"recipe": recipe})):
        part = comments.take(rows)
        versions = {"toxiclf": "0.2.0"} if of_run else {}
        folders.append(save_run(tmp_path / name, part, scores_of(part, 1), versions=versions, **of_run))
    assert refusal(folders, UsageError) == (
        f"a and b were measured on different comments (20 of 60 and 60 are in both): {why}, {OR_SCORE}"
    )


def test_runs_on_other_files_labels_or_parts_are_refused_with_the_reason(tmp_path: Path) -> None:
    comments = comments_of(60)
    a = save_run(tmp_path / "a", comments, scores_of(comments, 1))
    other = Comments([f"다른 {text}" for text in comments.texts], comments.targets, comments.labels, source="other.csv")
    b = save_run(tmp_path / "b", other, scores_of(other, 1))
    assert refusal([a, b], UsageError) == (
        "a and b were measured on different comments (0 of 60 and 60 are in both): a on comments.csv, b on other.csv; "
        f"train both with the same file, {OR_SCORE}"
    )
    flipped = Comments(comments.texts, 1 - comments.targets, comments.labels, source="comments.csv")
    c = save_run(tmp_path / "c", flipped, scores_of(flipped, 1))
    assert refusal([a, c], UsageError) == (
        "a and c were measured on different comments (0 of 60 and 60 are in both): the texts are the same, but some "
        f"labels differ; train both with the same file, {OR_SCORE}"
    )
    by_hand = replace(flipped, label_map=LabelMap(columns=("label",), negative="0"))
    assert (
        "some labels differ: a (no label options), e (--label label --negative 0); train both with the same label"
        in refusal([a, save_run(tmp_path / "e", by_hand, scores_of(by_hand, 1))], UsageError)
    )
    part = comments.take(np.arange(30))
    changed = [save_run(tmp_path / f"changed {n}", some, scores_of(some, 1), sha256=n * 64)
               for n, some in (("1", comments), ("2", part))]  # fmt: skip
    assert (
        "comments.csv has changed: changed 1 read 60 rows (SHA-256 11111111…), changed 2 read 30 rows (SHA-256 22222222…); "
        "train both with the same file"
    ) in refusal(changed, UsageError)
    d = save_run(tmp_path / "d", part, scores_of(part, 1), evaluated_on="the validation set")
    assert refusal([a, d], UsageError) == (
        "a and d were measured on different comments (30 of 60 and 30 are in both): a on the test set, d on the "
        f"validation set; train both with the same split, {OR_SCORE}"
    )


CHANGED = "one of the two was cut or changed after it was written: train or evaluate again"


def test_a_report_and_predictions_that_disagree_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    strong, weak = pair
    other_rows = f"{weak}: predictions.csv holds other rows than report.json; {CHANGED}"
    original = (weak / "predictions.csv").read_text("utf-8")
    lines = original.splitlines(keepends=True)
    swapped = [lines[0], *lines[2:], lines[1]]
    retargeted = [
        *lines[:5],
        re.sub(r",([01])(,[^,]+,[01]\n)", lambda m: f",{1 - int(m[1])}{m[2]}", lines[5]),
        *lines[6:],
    ]
    for changed in (lines[:-1], swapped, [*lines, lines[-1]], retargeted):
        (weak / "predictions.csv").write_text("".join(changed), "utf-8")
        assert refusal([strong, weak], DataError) == other_rows
    (weak / "predictions.csv").unlink()
    assert f"{weak / 'predictions.csv'} is missing" in refusal([strong, weak], DataError)


def test_a_score_that_was_changed_is_found(pair: tuple[Path, Path]) -> None:
    strong, weak = pair
    path = weak / "predictions.csv"
    first = path.read_text("utf-8").splitlines()[1]
    score = first.split(",")[4]
    flagged = first.split(",")[5]
    edited(weak, "predictions.csv", f",{score},{flagged}", f",{'0.9999' if flagged == '1' else '0.0001'},{flagged}")
    assert re.fullmatch(
        rf"{re.escape(str(weak))}: \w+ is 0\.\d+ in report.json, but 0\.\d+ by predictions.csv; {CHANGED}",
        refusal([strong, weak], DataError),
    )
    edited(weak, "predictions.csv", "0.9999,1" if flagged == "1" else "0.0001,0", f"{score},{1 - int(flagged)}")
    assert refusal([strong, weak], DataError) == (
        f"{weak}: the verdict in line 1 of predictions.csv contradicts its score and the threshold in report.json; "
        f"{CHANGED}"
    )


def test_a_figure_that_was_changed_is_found(pair: tuple[Path, Path]) -> None:
    strong, weak = pair
    value = json.loads((weak / "report.json").read_text("utf-8"))["summary"]["accuracy"]["value"]
    edited(weak, "report.json", str(value), "0.987654321")
    assert refusal([strong, weak], DataError) == (
        f"{weak}: accuracy is 0.987654 in report.json, but {value:.6f} by predictions.csv; {CHANGED}"
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"seed": 0,\n "versions"', '"seed": "zero",\n "versions"', "seed: Input should be a valid integer, "),
        ('"threshold": 0.5', '"threshold": null', "a threshold is missing"),
        ('"threshold": 0.5', '"threshold": "half"', "labels.toxic.threshold: Input should be a valid number"),
        ("}", "", "Invalid JSON: "),
    ],
)
def test_a_report_that_was_damaged_is_refused(old: str, new: str, reason: str, pair: tuple[Path, Path]) -> None:
    edited(pair[1], "report.json", old, new)
    sentence = refusal(list(pair), DataError)
    assert sentence.startswith(f"{pair[1] / 'report.json'} is not a report as toxiclf writes it ({reason}")
    assert sentence.endswith("); train or evaluate again")


def test_a_path_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a list of two or more run folders"):
        compare("runs/one")


# -- at the production prevalence


def at_rates(folder: Path, comments: Comments, rates: list[float], seed: int = 0) -> Path:
    """A run whose scores are for production prevalences."""
    scores = scores_of(comments, 1, seed=seed)
    prior = dict(zip(comments.labels, rates, strict=True))
    evaluation = evaluate(scores, comments.targets, [0.5] * len(rates), comments.labels, seed=0, prior=rates)
    figures = {label: estimates(evaluation, label) for label in comments.labels}
    weighted = ProductionFigures(prior=prior, summary=estimates(evaluation, SUMMARY), labels=figures)
    return save_run(folder, comments, scores, production=weighted)


def test_that_scores_are_for_different_prevalences_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comments = comments_of(100)
    plain = save_run(tmp_path / "plain", comments, scores_of(comments, 1))
    rare, rarer = (at_rates(tmp_path / f"at {rate}", comments, [rate]) for rate in (0.02, 0.005))
    comparison = compare([plain, rare, rarer])
    (note,) = [note for note in comparison.notes() if "production prevalence" in note]
    assert note == (
        "Scores are corrected to different production prevalences (plain: no production prevalence set; at 0.02: production "
        "prevalence of 2.0 %; at 0.005: production prevalence of 0.5 %), but metrics use unweighted rows. Ranking "
        "metrics (average precision, ROC AUC) can be compared; do not compare Brier scores and metrics at a threshold."
    )
    assert note in comparison.to_markdown()
    assert [run["production_prevalence"] for run in comparison.to_dict()["runs"]] == [
        None,
        {"toxic": 0.02},
        {"toxic": 0.005},
    ]
    compare_command([plain, rare])
    assert "Scores are corrected to different production prevalences" in " ".join("".join(capsys.readouterr()).split())


def test_one_prevalence_needs_no_note(tmp_path: Path) -> None:
    comments = comments_of(100)
    a, b = (at_rates(tmp_path / str(seed), comments, [0.02], seed) for seed in (0, 1))
    plain = [save_run(tmp_path / name, comments, scores_of(comments, 1)) for name in ("c", "d")]
    for runs in ([a, b], plain):
        assert not any("production prevalence" in note for note in compare(runs).notes())


def test_prevalences_of_several_labels_are_named_one_by_one(tmp_path: Path) -> None:
    comments = comments_of(100, ("악플", "혐오"))
    a, b = (at_rates(tmp_path / name, comments, rates) for name, rates in (("a", [0.02, 0.3]), ("b", [0.02, 0.1])))
    note = compare([a, b]).notes()[-1]
    assert (
        "a: production prevalences of 2.0 % 악플, 30.0 % 혐오; b: production prevalences of 2.0 % 악플, 10.0 % 혐오"
        in note
    )
    assert "if labels exclude each other, a production prevalence changes ranks slightly, too" in note


@pytest.mark.parametrize(
    "content", ["1", "{}", '{"prior": {}}', '{"prior": {"toxic": "x"}}', '{"prior": {"toxic": NaN}}']
)
def test_a_prevalence_that_was_changed_by_hand_is_refused(
    tmp_path: Path, pair: tuple[Path, Path], content: str
) -> None:
    edited(pair[1], "report.json", '"production": null', f'"production": {content}')
    with pytest.raises(DataError, match=r"not a report as toxiclf writes it \((production|Invalid JSON: NaN)"):
        compare(pair)


# -- exclusive labels


def exclusive_runs(folder: Path, scores: np.ndarray) -> tuple[Path, Path]:
    """The same scores of three exclusive classes, with the highest score as the verdict, and with thresholds."""
    classes = np.arange(len(scores)) % 3
    targets = np.column_stack([classes == 1, classes == 2]).astype(np.uint8)
    texts = [f"댓글 {i}" for i in range(len(scores))]
    comments = Comments(texts, targets, ("a", "b"), "none", source="comments.csv")
    return (
        save_run(folder / "arg_max", comments, scores, threshold=0.2, arg_max=True),
        save_run(folder / "thresholds", comments, scores, threshold=0.2),
    )


def test_accuracy_over_classes_is_never_compared_with_that_of_labels(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).dirichlet([1, 1, 1], 60).astype(np.float32)[:, 1:]
    by_class, by_label = exclusive_runs(tmp_path, scores)
    alone = compare([by_class, Path(shutil.copytree(by_class, tmp_path / "copy"))], metric="accuracy")
    own = Report.read(by_class)
    assert own.class_confusion is not None
    assert alone.runs[0].value("accuracy") == own.summary["accuracy"]["value"]
    assert [row[0] for row in alone.tables()[1][1:3]] == ["accuracy", "f1_macro"]
    mixed = compare([by_class, by_label])
    assert mixed.kind == "labels"
    of_labels = [own.by_label[label].figures["accuracy"]["value"] for label in "ab"]
    assert mixed.runs[0].value("accuracy") == pytest.approx(np.mean(of_labels))
    assert mixed.runs[0].value("exact_match") == own.summary["accuracy"]["value"]
    assert any("Some runs take the class with the highest score" in note for note in mixed.notes())
