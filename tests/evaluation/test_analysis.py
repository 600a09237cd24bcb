"""What report.json has beyond metrics, and how it is read in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toxiclf
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.evaluation.analysis import calibration_curve, threshold_curve
from toxiclf.evaluation.checks import CheckedRun
from toxiclf.evaluation.checks.outcome import false_positive_gap
from toxiclf.evaluation.explain import telling_tokens
from toxiclf.evaluation.slices import identity_terms, slice_figures, slice_rows
from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
from toxiclf.pipeline.save import TrainedModel
from toxiclf.text.normalize import Normalizer
from toxiclf.text.occlusion import occluded
from toxiclf.text.tokenizers import tokenizer


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60), st.floats(0, 1, width=32)
)
def test_each_threshold_flags_what_reaches_it(rows: list[tuple[float, bool]], threshold: float) -> None:
    scores = np.array([[score] for score, _ in rows], dtype=np.float32)
    targets = np.array([[toxic] for _, toxic in rows], dtype=np.uint8)
    curve = threshold_curve(scores, targets, [threshold], ["toxic"])["toxic"]
    assert curve["toxic"] + curve["others"] == len(rows)
    assert np.float32(threshold) in np.array(curve["threshold"], dtype=np.float32)
    assert curve["threshold"] == sorted(set(curve["threshold"]))
    for cut, tp, fp in zip(curve["threshold"], curve["tp"], curve["fp"], strict=True):
        flagged = scores[:, 0] >= np.float32(cut)
        assert (tp, fp) == ((flagged & (targets[:, 0] == 1)).sum(), (flagged & (targets[:, 0] == 0)).sum())


def test_calibrated_scores_have_no_calibration_error() -> None:
    scores = np.repeat(np.array([0.0, 0.5, 1.0], dtype=np.float32), 100)[:, None]
    targets = np.concatenate([np.zeros(100), np.tile([0, 1], 50), np.ones(100)]).astype(np.uint8)[:, None]
    of = calibration_curve(scores, targets, ["toxic"])["toxic"]
    assert of["ece"] == 0
    assert sum(group["rows"] for group in of["bins"]) == 300
    assert calibration_curve(1 - scores, targets, ["toxic"])["toxic"]["ece"] == pytest.approx(2 / 3)


def test_terms_of_identity_are_whole_morphemes() -> None:
    texts = ["게이라서 뭐 어때", "게이머들 모여라", "우리 할머니가 최고", "일본 여행 다녀왔다"] * 10
    found = {name: rows for by, name, rows in slice_rows(texts) if by == "identity"}
    assert found["sexual orientation"].tolist() == [True, False, False, False] * 10
    assert found["age"].tolist() == [False, False, True, False] * 10
    assert found["nationality and ethnicity"].tolist() == [False, False, False, True] * 10
    assert found["none of these"].tolist() == [False, True, False, False] * 10
    assert all(term == term.strip().lower() for terms in identity_terms().values() for term in terms)


def test_harmless_comments_of_a_kind_that_are_flagged_more_often_are_told() -> None:
    inside = np.arange(400) < 100
    targets = np.zeros((400, 1), dtype=np.uint8)
    targets[::4] = 1
    scores = np.where(targets == 1, 0.9, 0.1).astype(np.float32)
    not_toxic = np.flatnonzero(inside & (targets[:, 0] == 0))
    scores[not_toxic[:40]] = 0.8
    (row,) = slice_figures([("identity", "age", inside)], scores, targets, scores >= 0.5, ["toxic"])
    assert row["false_positive_rate"] == pytest.approx(40 / 75)
    assert row["low"] < 40 / 75 < row["high"]
    assert row["gap"] == pytest.approx(40 / 75)
    assert row["notable"]
    assert row["gap_low"] > 0
    (finding,) = false_positive_gap(CheckedRun(labels=["toxic"], slices=[row]))
    assert finding.code == "false_positive_gap"
    assert "53.3% against 0.0%" in finding.message
    assert not list(false_positive_gap(CheckedRun(labels=["toxic"], slices=[{**row, "by": "length"}])))


def test_newcombe_s_own_example() -> None:
    """Newcombe 1998, table II (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339."""
    inside = np.arange(150) < 70
    scores = np.zeros((150, 1), dtype=np.float32)
    scores[:56] = 1
    scores[70:118] = 1
    (row,) = slice_figures([("a", "b", inside)], scores, np.zeros((150, 1), np.uint8), scores >= 0.5, ["toxic"])
    assert (row["gap"], row["gap_low"], row["gap_high"]) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_token_s_effect_is_what_the_score_loses_without_it() -> None:
    def score(texts: list[str]) -> np.ndarray:
        return np.array([[0.9 if "바보" in text else 0.2] for text in texts], dtype=np.float32)

    spans = tokenizer("mecab").spans
    comments = occluded(["너는 바보야", "오늘 날씨 좋네", ""], Normalizer(), spans, score)
    effects = {
        comments[0].text[a:b]: float(e[0]) for (a, b), e in zip(comments[0].spans, comments[0].effects, strict=True)
    }
    assert effects["바보"] == pytest.approx(0.7)
    assert all(effect == 0 for token, effect in effects.items() if token != "바보")
    assert (comments[1].effects == 0).all()
    assert comments[2].spans == ()
    many = occluded(["너는 바보야", "바보 같네", "정말 바보"], Normalizer(), spans, score)
    (row,) = telling_tokens(many, ["toxic"])
    assert (row["token"], row["comments"]) == ("바보", 3)


@pytest.mark.check
def test_labels_that_were_turned_around_are_in_doubt(sample: Comments) -> None:
    turned = np.random.default_rng(0).choice(len(sample), 20, replace=False)
    targets = sample.targets.copy()
    targets[turned] = 1 - targets[turned]
    model = toxiclf.train(Comments(sample.texts, targets, sample.labels, source="turned"), {"split": {"test": 0}})
    doubt = model.report.analysed().analysis["label_doubt"]["toxic"]
    lines = [row["line"] for row in doubt["rows"]]
    assert doubt["count"] >= len(lines) > 0
    found = len({line - 1 for line in lines} & set(turned.tolist()))
    assert found / len(lines) > 3 * 20 / len(sample)  # far more of them than by chance


@pytest.mark.check
def test_figures_and_tables_for_notebooks(trained: Callable[..., TrainedModel]) -> None:
    report = trained("cnn").report
    frame = report.frame()
    assert list(frame.columns) == ["model", "rows", "label", "metric", "value", "low", "high"]
    of = frame[(frame.model == "cnn") & (frame.label == "toxic") & (frame.metric == "recall")]
    assert of.value.item() == report.summary["recall"]["value"]
    assert {"confusion", "precision_recall", "history", "threshold", "tokens"} <= set(report.figures())
    for name in report.figures():
        assert report.figure(name).data
    html = report._repr_html_()
    assert "<table>" in html
    assert "<script" not in html
    with pytest.raises(UsageError, match="no figure 'metric_learning'; it has: confusion"):
        report.figure("metric_learning")
    with pytest.raises(UsageError, match="unknown figure 'rock'; did you mean 'roc'"):
        report.figure("rock")
    with pytest.raises(UsageError, match="label"):
        report.figure("roc", "spam")


def test_a_saved_report_is_read_back(bundle: Path) -> None:
    report = toxiclf.Report.read(bundle.parent)
    content = json.loads((bundle.parent / "report.json").read_text("utf-8"))
    assert report.to_dict() == content
    assert content["analysis"]["label_doubt"]["toxic"]["count"] >= 0
    assert {"confusion", "calibration", "threshold", "slices", "tokens"} <= set(report.figures())
    with pytest.raises(UsageError, match="no figure 'roc'"):
        report.figure("roc")


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json"])
def test_no_comments_leaves_every_text_out(bundle: Path, sample: Comments, tmp_path: Path, name: str) -> None:
    texts = [f"비밀{i} {text}" for i, text in enumerate(sample.texts[:80])]
    comments = Comments(texts, sample.targets[:80], sample.labels, source="secret.csv")
    evaluated = evaluate_bundle(bundle, comments)
    save_evaluation(evaluated, tmp_path / "with")
    save_evaluation(evaluated, tmp_path / "without", comments=False)
    assert "비밀" in (tmp_path / "with" / "report.html").read_text("utf-8")
    written = (tmp_path / "without" / name).read_text("utf-8")
    assert "비밀" not in written
    assert not any(text.split()[1] in written for text in texts if len(text.split()[1]) > 3)
    assert "tokens" not in json.loads((tmp_path / "without" / "report.json").read_text("utf-8"))["analysis"]


def test_a_column_tells_figures_apart(tmp_path: Path, sample: Comments) -> None:
    lines = ["text,label,from"]
    lines += [
        f'"{t.replace(chr(34), chr(34) * 2)}",{y},{"카페" if i % 3 else "뉴스"}'
        for i, (t, y) in enumerate(zip(sample.texts, sample.targets[:, 0], strict=True))
    ]
    (tmp_path / "c.csv").write_text("\n".join(lines), "utf-8")
    comments = toxiclf.read_comments(tmp_path / "c.csv", by="from")
    assert set(comments.groups) == {"카페", "뉴스"}
    slices = toxiclf.train(comments).report.analysis["slices"]
    assert {row["name"] for row in slices if row["by"] == "column from"} == {"카페", "뉴스"}
    with pytest.raises(UsageError, match="no column 'form'"):
        toxiclf.read_comments(tmp_path / "c.csv", by="form")


@pytest.mark.parametrize("prior", ["none", 0.001])
def test_a_production_prevalence_doubts_no_other_labels(sample: Comments, prior: object) -> None:
    recipe = {"decision": {"folds": 2, "prior": prior}, "model": {"name": "ngram_logistic", "jamo": 3, "syllable": 2}}
    doubt = toxiclf.train(sample, recipe).report.analysed().analysis["label_doubt"]["toxic"]
    assert {row["target"] for row in doubt["rows"]} == {0, 1}


def test_of_several_labels_one_without_is_not_called_harmless(trained: Callable[..., TrainedModel]) -> None:
    report = trained("ngram_logistic", "exclusive").report
    text = report.to_markdown()
    assert "harmless" not in text
    assert "comments without the label" in text


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("thresholds", {"rows": 1}), ("thresholds", "x"), ("calibration", []), ("slices", "x"), ("slices", [{"a": 1}]),
        ("label_doubt", []), ("tokens", 3), ("calibration", {}), ("other", 1),
    ],
)  # fmt: skip
def test_a_damaged_analysis_is_refused_and_costs_no_evaluation(
    bundle: Path, sample: Comments, tmp_path: Path, part: str, value: object
) -> None:
    import shutil

    shutil.copytree(bundle.parent, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    content["analysis"][part] = value
    (tmp_path / "run" / "report.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(DataError, match=r"report\.json is not a report as toxiclf writes it \(analysis"):
        toxiclf.Report.read(tmp_path / "run")
    some = sample.take(np.arange(60))
    save_evaluation(evaluate_bundle(tmp_path / "run" / "bundle", some), tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists()


def test_values_of_a_column_are_text_everywhere(
    tmp_path: Path, sample: Comments, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "\x1b[2J<img src=x>\ud800"
    rows = [
        {"text": text, "label": int(y), "length": odd if y == 0 and i % 2 else "plain"}
        for i, (text, y) in enumerate(zip(sample.texts, sample.targets[:, 0], strict=True))
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    arguments = [
        "--text",
        "text",
        "--label",
        "label",
        "--by",
        "length",
        "--set",
        "decision.folds=2",
        "--out",
        str(tmp_path / "run"),
    ]
    assert run(["train", str(tmp_path / "c.jsonl"), *arguments]) == 0
    slices = toxiclf.Report.read(tmp_path / "run").analysis["slices"]
    assert {row["by"] for row in slices} >= {"length", "column length"}
    assert "\x1b" not in capsys.readouterr().out
    text = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert "\x1b" not in text
    assert "&lt;img" in text
    assert "<img" not in text
    assert "column length" not in (tmp_path / "run" / "bundle" / "README.md").read_text("utf-8")


def test_thresholds_are_explored_on_rows_they_may_be_chosen_on(bundle: Path, sample: Comments, tmp_path: Path) -> None:
    import shutil

    trained = toxiclf.Report.read(bundle.parent).analysis["thresholds"]
    report = evaluate_bundle(bundle, sample)
    assert report.analysis["thresholds"] == trained  # not those of the evaluated comments
    shutil.copytree(bundle, tmp_path / "bundle")
    assert "thresholds" not in evaluate_bundle(tmp_path / "bundle", sample).analysis
    assert "thresholds" not in evaluate_bundle(bundle, sample, prior=0.02).analysis
