"""The production prevalence: scores, thresholds and reports where comments are less often toxic than labelled ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.conftest import SAMPLE, rest_in_check, tiny
from toxiclf.bundle.prevalence import check_prior, in_words, production_prevalence
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import UsageError
from toxiclf.pipeline.evaluate import evaluate_bundle
from toxiclf.pipeline.save import TrainedModel

Trained = Callable[[str, str], TrainedModel]
KINDS = ("one", "two", "exclusive")
PRIORS: dict[str, Any] = {"one": 0.01, "two": {"toxic": 0.01}, "exclusive": {"toxic": 0.01, "웃음": 0.05}}
TEXTS = ["오늘도 좋은 하루 되세요", "꺼져 이 멍청한 새끼야", "", "ㅋㅋㅋㅋ 웃겨", "처음 보는 말 뷁"]

every_kind = pytest.mark.parametrize("kind", KINDS)


def recipe(**decision: Any) -> dict[str, Any]:
    """A tiny recipe with another decision."""
    return {**tiny("ngram_logistic"), "decision": {"folds": 3, **decision}}


@pytest.fixture(scope="module")
def at_prior(sample: Comments, two_labels: Comments, exclusive: Comments) -> Callable[[str], TrainedModel]:
    """A tiny model trained for a production prevalence, by kind of labels; each is trained once."""
    data = {"one": sample, "two": two_labels, "exclusive": exclusive}
    made: dict[str, TrainedModel] = {}

    def get(kind: str) -> TrainedModel:
        if kind not in made:
            made[kind] = toxiclf.train(data[kind], recipe(prior=PRIORS[kind]))
        return made[kind]

    return get


# -- what can be asked for


@pytest.mark.parametrize(
    ("prior", "labels", "exclusive", "sentence"),
    [
        (
            0.02,
            ("a", "b"),
            False,
            'there are 2 labels; give it by label, such as --prior a=0.02,b=0.02, or in a recipe {"a" = 0.02, "b" = 0.02}',
        ),
        ({"c": 0.1}, ("a", "b"), False, "the prior names c, but the labels are a, b; name those"),
        ({}, ("a",), False, "the prior names no label; give it by label, such as --prior a=0.02, or"),
        ({"": 0.02}, ("a",), False, "the prior names '', but the labels are a; name those"),
        ({"a": 0.0}, ("a",), False, "the prior of label 'a' is 0.0; expected the share of comments in production"),
        (1.0, ("a",), False, "from 0.000001 to 0.999999, such as 0.02 for 2 %"),
        (1e-300, ("a",), False, "the prior of label 'a' is 1e-300; expected the share of comments in production"),
        (0.9999999999999999, ("a",), False, "the prior of label 'a' is 0.9999999999999999; expected the share"),
        (2, ("a",), False, "the prior of label 'a' is 2"),
        (float("nan"), ("a",), False, "the prior of label 'a' is nan"),
        (True, ("a",), False, "the prior of label 'a' is True"),
        ("0.02", ("a",), False, "the prior of label 'a' is 0.02; expected"),
        (
            {"a": 0.6, "b": 0.4},
            ("a", "b"),
            True,
            "adds up to 100.0 % and leaves less than one comment in a million without a label",
        ),
    ],
)
def test_what_is_no_production_prevalence_is_refused(
    prior: Any, labels: tuple[str, ...], exclusive: bool, sentence: str
) -> None:
    for ask in (check_prior, lambda *given, **kind: production_prevalence(*given, [0.3] * len(labels), **kind)):
        with pytest.raises(UsageError) as error:
            ask(prior, labels, exclusive=exclusive)
        assert sentence in str(error.value)


def test_labels_that_are_not_named_keep_their_rate() -> None:
    assert production_prevalence({"b": 0.02}, "abc", [0.3, 0.2, 0.1], exclusive=True) == (0.3, 0.02, 0.1)
    with pytest.raises(UsageError, match=r"adds up to 100\.0 % and leaves"):
        production_prevalence({"b": 0.7}, "ab", [0.3, 0.2], exclusive=True)  # with the 30 % that a keeps
    assert production_prevalence({"b": 0.7}, "ab", [0.3, 0.2], exclusive=False) == (0.3, 0.7)


def test_the_least_and_the_most_that_is_a_production_prevalence() -> None:
    for prior in (0.000001, 0.999999, 1e-6, 1 - 1e-6):
        assert check_prior(prior, "a", exclusive=True) == {"a": prior}
        assert toxiclf.Recipe.load({"decision": {"prior": prior}}).decision.prior == prior
    for prior in (9.9e-7, 0.9999991, 1e-300, 1 - 2**-53):
        for ask in (lambda p: check_prior(p, "a", exclusive=False), lambda p: toxiclf.Recipe.load(recipe(prior=p))):
            with pytest.raises(UsageError, match=r"from 0\.000001 to 0\.999999"):
                ask(prior)
    assert check_prior({"a": 0.5, "b": 0.499999}, "ab", exclusive=True)


def test_labels_that_are_not_named_keep_the_production_prevalence_that_was_set_before() -> None:
    assert production_prevalence({"b": 0.02}, "abc", [0.3, 0.2, 0.1], (0.01, 0.05, 0.1), exclusive=True) == (
        0.01,
        0.02,
        0.1,
    )
    with pytest.raises(UsageError, match=r"adds up to 100\.0 % and leaves"):
        production_prevalence({"b": 0.2}, "ab", [0.3, 0.2], (0.8, 0.1), exclusive=True)  # with the 80 % that a keeps


def test_a_label_that_calibration_never_saw_has_no_production_prevalence() -> None:
    assert production_prevalence({"a": 0.02}, "ab", [0.3, 0.0], exclusive=False) == (0.02, 0.0)
    with pytest.raises(UsageError, match="no calibration comment has the label 'b'"):
        production_prevalence({"b": 0.02}, "ab", [0.3, 0.0], exclusive=False)
    with pytest.raises(UsageError, match="every calibration comment has a label"):
        production_prevalence({"b": 0.02}, "ab", [0.5, 0.5], exclusive=True)


def test_rates_are_said_with_as_many_digits_as_they_need() -> None:
    words = [in_words({"toxic": rate}) for rate in (0.35, 0.02, 0.00123, 0.5)]
    assert words == [f"production prevalence of {share} %" for share in ("35.0", "2.0", "0.123", "50.0")]


# -- a loaded bundle


@every_kind
def test_a_moderator_at_the_rates_of_training_scores_as_ever(saved: Callable[[str, str], Path], kind: str) -> None:
    folder = saved("ngram_logistic", kind)
    plain = toxiclf.load(folder / "bundle")
    rates = dict(zip(plain.labels, plain.manifest.rates, strict=True))
    same = toxiclf.load(folder / "bundle", prior=rates)
    assert plain.prior is None
    assert same.prior == rates
    assert (plain.score(TEXTS) == same.score(TEXTS)).all()
    assert plain.check(TEXTS) == same.check(TEXTS)


def test_a_lower_rate_lowers_scores_and_keeps_order_and_thresholds(bundle: Path, sample: Comments) -> None:
    plain = toxiclf.load(bundle)
    before = plain.score(sample.texts)[:, 0]
    flagged = before >= plain.thresholds[0]
    for prior in (0.05, 0.01, 0.001):
        moderator = toxiclf.load(bundle, prior=prior)
        after = moderator.score(sample.texts)[:, 0]
        assert (after < before).all()
        assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()
        assert (moderator.thresholds == plain.thresholds).all()
        now = after >= moderator.thresholds[0]
        assert (flagged >= now).all()
        assert now.sum() < flagged.sum()
        assert [v.is_toxic for v in moderator.check(sample.texts)] == now.tolist()
        before, flagged = after, now


def test_mean_scores_of_subsampled_comments_are_the_production_prevalence(sample: Comments, bundle: Path) -> None:
    # out-of-fold scores would be needed for the true mean; those of learned comments lie a little beyond it
    moderator = toxiclf.load(bundle, prior=0.05)
    toxic = sample.targets[:, 0] == 1
    scores = moderator.score(sample.texts)[:, 0]
    assert 0.5 * 0.05 < 0.05 * scores[toxic].mean() + 0.95 * scores[~toxic].mean() < 1.5 * 0.05


@pytest.mark.parametrize("kind", rest_in_check(KINDS, quick=["one"]))
def test_a_trained_prior_gives_way_to_another(
    at_prior: Callable[[str], TrainedModel], tmp_path: Path, kind: str
) -> None:
    saved = at_prior(kind).save(tmp_path) / "bundle"
    bundled = toxiclf.load(saved)
    assert bundled.prior is not None
    assert (bundled.score(TEXTS) == at_prior(kind).moderator.score(TEXTS)).all()
    assert (toxiclf.load(saved, prior=PRIORS[kind]).score(TEXTS) == bundled.score(TEXTS)).all()
    rates = dict(zip(bundled.labels, bundled.manifest.rates, strict=True))
    back = toxiclf.load(saved, prior=rates)
    assert not any(label.shift for label in back.manifest.calibration.labels)
    assert (back.score(TEXTS) != bundled.score(TEXTS)).any()


@pytest.mark.parametrize("kind", rest_in_check(["two", "exclusive"], quick=["exclusive"]))
def test_labels_that_are_not_named_keep_the_prior_of_the_bundle(
    at_prior: Callable[[str], TrainedModel], tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = at_prior(kind).save(tmp_path) / "bundle"
    own = toxiclf.load(saved)
    assert own.prior is not None
    assert own.prior["toxic"] == 0.01
    other = toxiclf.load(saved, prior={"웃음": 0.1})
    assert other.prior == {"toxic": 0.01, "웃음": 0.1}
    if kind == "two":
        assert (other.score(TEXTS)[:, 0] == own.score(TEXTS)[:, 0]).all()
    assert (other.score(TEXTS)[:, 1] != own.score(TEXTS)[:, 1]).any()
    code, _, err = printed(capsys, "predict", "--bundle", str(saved), "--text", TEXTS[1], "--prior", "웃음=0.1")
    assert code == 0
    assert "production prevalences of 1.0 % toxic, 10.0 % 웃음" in err


# -- training


@pytest.mark.parametrize("calibrate", rest_in_check(["platt", "isotonic"], quick=["platt"]))
def test_training_tunes_the_threshold_for_the_production_prevalence(sample: Comments, calibrate: str) -> None:
    for prior in ("none", 0.02):
        model = toxiclf.train(sample, recipe(prior=prior, objective="flag_rate=0.05", calibrate=calibrate))
        of_rows = model.predictions
        assert of_rows is not None
        toxic = of_rows.targets[:, 0] == 1
        recall, alarms = of_rows.flagged[toxic, 0].mean(), of_rows.flagged[~toxic, 0].mean()
        live = 0.02 * recall + 0.98 * alarms
        if prior == "none":
            assert model.report.production_prevalence == {}
            assert model.report.to_dict()["production"] is None
            assert of_rows.flagged.mean() < 0.12
        else:
            found = model.report.to_dict()["production"]["labels"]["toxic"]["flag_rate"]["value"]
            assert found == pytest.approx(live)
            assert live < 0.12
            assert of_rows.flagged.mean() > 0.05  # the test set holds more toxic comments


@every_kind
def test_a_report_has_figures_at_the_production_prevalence(at_prior: Callable[[str], TrainedModel], kind: str) -> None:
    report = at_prior(kind).report
    found = json.loads(report.to_json())["production"]
    assert set(found["prior"]) == set(found["labels"]) == set(report.labels)
    assert found["prior"]["toxic"] == 0.01
    assert set(found["summary"]) >= {"precision", "recall", "f1", "average_precision", "flag_rate", "brier"}
    for figures in (found["summary"], *found["labels"].values()):
        for metric, figure in figures.items():
            if metric == "exact_match":  # each label has weights of its own
                assert figure["value"] is None
                continue
            assert figure["low"] - 1e-9 <= figure["value"] <= figure["high"] + 1e-9, metric
    assert found["labels"]["toxic"]["precision"]["value"] <= report.to_dict()["labels"]["toxic"]["precision"]["value"]
    text = report.to_markdown()
    assert f"## 10,000 comments at the {in_words(found['prior'])}" in text
    moved = "Scores" if kind == "exclusive" else "Scores and thresholds"
    assert f" {moved} are corrected to the production prevalence" in text
    assert "uncalibrated" not in report.codes()
    assert "at the production prevalence" not in report.model_copy(update={"production": None}).to_markdown()


@pytest.mark.check
def test_a_correct_prior_raises_no_finding_of_shares_and_a_wrong_calibration_does(sample: Comments) -> None:
    toxic, clean = (np.flatnonzero(sample.targets[:, 0] == value) for value in (1, 0))
    test = sample.take(np.sort(np.append(clean[::4], toxic[::40])))
    rest = sample.take(np.setdiff1d(np.arange(len(sample)), np.append(clean[::4], toxic[::40])))
    plain, live = (toxiclf.train(rest, recipe(prior=prior), test=test) for prior in ("none", 0.02))
    assert "prevalence_shift" in plain.report.codes()
    assert "prevalence_shift" not in live.report.codes()
    assert "uncalibrated" not in live.report.codes()


def test_a_prior_of_labels_that_are_not_there_is_refused(two_labels: Comments) -> None:
    with pytest.raises(UsageError, match="the prior names hate, but the labels are toxic, 웃음"):
        toxiclf.train(two_labels, recipe(prior={"hate": 0.02}))
    with pytest.raises(UsageError, match="there are 2 labels"):
        toxiclf.train(two_labels, recipe(prior=0.02))


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("악플=0.02, 혐오=0.02", '{"악플" = 0.02, "혐오" = 0.02}'),
        ("{악플=0.02}", '{"악플" = 0.02}'),
        ("=0.02", '{"toxic" = 0.02}'),
        ('{"악플": 0.02}', '{"악플" = 0.02}'),
    ],
)
def test_prevalences_that_are_text_are_told_how_to_be_a_table(text: str, table: str) -> None:
    with pytest.raises(UsageError) as error:
        toxiclf.Recipe.load(None, settings=[f"decision.prior={text}"])
    assert f"'{text}' is text; shares by label are a table, its labels in quotes: {table}" in str(error.value)
    prior = toxiclf.Recipe.load(None, settings=[f"decision.prior={table}"]).decision.prior
    assert isinstance(prior, dict)
    assert set(prior.values()) == {0.02}


def test_a_prior_of_scores_that_are_not_calibrated_is_refused(sample: Comments, tmp_path: Path) -> None:
    saved = toxiclf.train(sample, recipe(calibrate="none")).save(tmp_path) / "bundle"
    with pytest.raises(UsageError, match="not calibrated"):
        toxiclf.load(saved, prior=0.02)


# -- the estimator


@pytest.fixture(scope="module")
def data(sample: Comments, two_labels: Comments, exclusive: Comments) -> dict[str, tuple[list[str], Any]]:
    rows = np.arange(500)
    several = exclusive.take(rows).targets
    return {
        "one": (sample.take(rows).texts, sample.take(rows).targets[:, 0]),
        "two": (two_labels.take(rows).texts, two_labels.take(rows).targets),
        "exclusive": (
            sample.take(rows).texts,
            np.array(["none", "toxic", "웃음"])[np.where(several.any(axis=1), several.argmax(axis=1) + 1, 0)],
        ),
    }


@every_kind
@pytest.mark.parametrize("calibrate", ["platt", "isotonic"])
@pytest.mark.parametrize("objective", ["f1", 0.0, 0.5, 1.0])
def test_what_the_estimator_says_at_a_production_prevalence_agrees(
    kind: str, calibrate: str, objective: str | float, data: dict[str, tuple[list[str], Any]]
) -> None:
    texts, y = data[kind]
    prior = {"label_0": 0.01} if kind == "two" else PRIORS[kind]
    model = toxiclf.ToxicClassifier(
        {"model": {"jamo": 2, "syllable": 1}, "decision": {"folds": 2, "calibrate": calibrate, "objective": objective}},
        negative="none" if kind == "exclusive" else None,
    )
    model.set_params(decision__prior=prior).fit(texts, y)
    texts = texts + TEXTS
    decision, predicted, proba = model.decision_function(texts), model.predict(texts), model.predict_proba(texts)
    assert np.isfinite(decision).all()
    scores = model.moderator_.score(texts)
    if kind == "exclusive":
        assert (model.classes_[decision.argmax(axis=1)] == predicted).all()
        assert (model.classes_[proba.argmax(axis=1)] == predicted).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        np.testing.assert_allclose(proba[:, [1, 2]], scores, atol=1e-6)
        return
    assert ((decision > 0) == (predicted == 1)).all()
    flagged = scores >= model.moderator_.thresholds
    assert (flagged == predicted.reshape(flagged.shape)).all()
    np.testing.assert_allclose(proba if kind == "two" else proba[:, [1]], scores, atol=1e-6)
    raw = model._raw(texts)
    for j, column in enumerate(decision.reshape(flagged.shape).T):
        assert (np.diff(column[np.argsort(raw[:, j], kind="stable")]) >= 0).all()


def test_the_estimator_refuses_a_prior_before_it_fits(data: dict[str, tuple[list[str], Any]]) -> None:
    with pytest.raises(UsageError, match="the prior names hate, but the labels are toxic"):
        toxiclf.ToxicClassifier({"decision": {"prior": {"hate": 0.1}}}).fit(*data["one"])


# -- the command line


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_predict_scores_at_the_production_prevalence(
    bundle: Path, sample: Comments, capsys: pytest.CaptureFixture[str]
) -> None:
    for prior in ("0.01", "toxic=0.01", "toxic = 0.01"):
        code, out, err = printed(
            capsys, "predict", "--bundle", str(bundle), "--text", TEXTS[1], "--prior", prior, "--json"
        )
        assert code == 0
        assert "scores are corrected to the production prevalence of 1.0 %" in err
        (entry,) = json.loads(out)["labels"]
        assert entry["score"] == toxiclf.load(bundle, prior=0.01).check(TEXTS[1]).score
    code, out, _ = printed(capsys, "predict", str(SAMPLE), "--bundle", str(bundle), "--prior", "0.01", "--json")
    lower = np.array([json.loads(line)["score"] for line in out.splitlines()])
    assert code == 0
    assert lower.mean() < toxiclf.load(bundle).score(sample.texts).mean()


def test_two_labels_are_named_on_the_command_line(
    saved: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = saved("ngram_logistic", "two") / "bundle"
    wanted = toxiclf.load(bundle, prior={"toxic": 0.02, "웃음": 0.01}).check(TEXTS[1]).as_dict()["labels"]
    code, out, _ = printed(
        capsys, "predict", "--bundle", str(bundle), "--text", TEXTS[1], "--prior", "toxic=0.02,웃음=0.01", "--json"
    )
    assert code == 0
    assert json.loads(out)["labels"] == wanted


@pytest.mark.parametrize(
    ("prior", "sentence"),
    [
        ("2 %", "--prior 2 %: expected the share of comments in production that are toxic"),
        ("", "--prior : expected the share"),
        ("toxic", "expected the share"),
        ("toxic=", "expected the share"),
        (
            "=0.02",
            "--prior =0.02: there is no label before '=0.02'; give 0.02 alone, or with a label, such as toxic=0.02",
        ),
        (" =0.02", "there is no label before"),
        ("1e-300", "the prior of label 'toxic' is 1e-300"),
        ("0.02,0.01", "name each label once"),
        ("toxic=0.02,toxic=0.03", "name each label once"),
        ("1.5", "the prior of label 'toxic' is 1.5"),
        ("hate=0.1", "the prior names hate, but the labels are toxic"),
    ],
)
def test_a_prior_that_does_not_fit_is_a_usage_error(
    prior: str, sentence: str, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["predict", "--bundle", str(bundle), "--text", "가"], ["evaluate", str(bundle), str(SAMPLE)]):
        code, out, err = printed(capsys, *command, "--prior", prior)
        assert (code, out) == (2, "")
        assert sentence in err


def test_evaluate_measures_at_the_production_prevalence(
    bundle: Path, sample: Comments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = printed(capsys, "evaluate", str(bundle), str(SAMPLE), "--prior", "0.02", "--out", str(tmp_path))
    assert code == 0
    assert "at the production prevalence of 2.0 %" in out
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "corrected to the production prevalence of 2.0 %; thresholds are those that training chose." in text
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))["production"]
    assert found["prior"] == {"toxic": 0.02}
    moderator = toxiclf.load(bundle, prior=0.02)
    flagged = moderator.score(sample.texts)[:, 0] >= moderator.thresholds[0]
    toxic = sample.targets[:, 0] == 1
    share = 0.02 * flagged[toxic].mean() + 0.98 * flagged[~toxic].mean()
    assert found["summary"]["flag_rate"]["value"] == pytest.approx(share)
    assert found["summary"]["precision"]["value"] == pytest.approx(0.02 * flagged[toxic].mean() / share)
    plain = evaluate_bundle(bundle, SAMPLE)
    assert (plain.production_prevalence, plain.production_rows) == ({}, [])


def test_inspect_shows_the_production_prevalence(
    at_prior: Callable[[str], TrainedModel], bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = at_prior("one").save(tmp_path) / "bundle"
    code, out, _ = printed(capsys, "inspect", str(saved))
    assert code == 0
    assert out.splitlines()[1].endswith("\t1.0 %")
    assert printed(capsys, "inspect", str(bundle))[1].splitlines()[1].endswith("\tnot set")


# -- inside a search


@pytest.mark.parametrize("metric", rest_in_check(["average_precision", "f1"], quick=["f1"]))
def test_a_search_judges_at_the_production_prevalence(metric: str, sample: Comments) -> None:
    search = {"method": "grid", "metric": metric, "folds": 3, "space": {"model.C": [1.0, 30.0]}}
    plain, rare = (
        toxiclf.train(sample, {**recipe(**decision), "search": search}).report.search["trials"]
        for decision in ({}, {"prior": 0.01})
    )
    assert [trial["settings"] for trial in plain] == [trial["settings"] for trial in rare]
    assert all(a["value"] > b["value"] for a, b in zip(plain, rare, strict=True))  # precision falls with the rate
