"""Every technique of `[balance]` through every promise that training makes: what it sees, what it changes, what it leaves alone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import toxiclf
from tests.conftest import rest_in_check, small_vectors, tiny
from toxiclf._registry import components
from toxiclf.balance.augmentation import Augmented
from toxiclf.balance.resampler import Resampler
from toxiclf.balance.weights import ClassWeights
from toxiclf.datasets.comments import PLAIN, Comments
from toxiclf.datasets.splitting import Split, split
from toxiclf.errors import DataError, UsageError
from toxiclf.models._plan import Plan
from toxiclf.models._training_loop import TrainingLoop
from toxiclf.pipeline.calibrate import learn, learned_rows
from toxiclf.pipeline.fit import PipelineFitter, TrainingMatrix
from toxiclf.pipeline.save import TrainedModel
from toxiclf.pipeline.training_set import Stage
from toxiclf.recipe import Recipe

AUGMENT = {method: {"augment": [{"method": method, "copies": 2}]} for method in components("augmenter")}
RESAMPLE: dict[str, dict[str, Any]] = {
    method: {"resample": method, "class_weight": "none"} for method in components("resampler") if method != "tomek"
}
RESAMPLE["wgan"] |= {"gan_steps": 20, "gan_units": [8]}
RESAMPLE["random_under + tomek"] = {"resample": ["random_under", "tomek"], "class_weight": "none", "ratio": 0.5}
WEIGHTS: dict[str, dict[str, Any]] = {
    "balanced": {"class_weight": "balanced"},
    "effective_number": {"class_weight": "effective_number", "effective_number_beta": 0.99},
    "explicit": {"class_weight": {"negative": 1.0, "toxic": 7.0}},
}
LOSSES = {"focal": {"loss": "focal"}, "logit_adjusted": {"loss": "logit_adjusted", "logit_tau": 2.0}}
TECHNIQUES = {**WEIGHTS, **LOSSES, **RESAMPLE, **AUGMENT}

MODELS = {"weights": ["ngram_logistic", "logistic", "svm", "random_forest", "dnn", "cnn"], "losses": ["dnn", "cnn"]}


def recipe_of(name: str, model: str | None = None, **more: Any) -> Recipe:
    """A tiny recipe with one technique and no class weights but where they are it."""
    model = model or ("cnn" if name in LOSSES else "logistic")
    balance = {"class_weight": "none", **TECHNIQUES.get(name, {})}
    content = {**tiny(model), "balance": balance, **more}
    if model != "ngram_logistic":
        content["vectors"] = {"pretrained": small_vectors()}
    return Recipe.load(content)


@pytest.fixture(scope="module")
def parts(sample: Comments) -> Split:
    """The sample corpus, split."""
    return split(sample, test=0.2, validation=0.1, seed=0)


@dataclass(frozen=True)
class Made:
    """What is known of a model with a technique: its weights, stages and history, its copies, and raw outputs for the test set."""

    weights: list[ClassWeights]
    stages: tuple[Stage, ...]
    history: Sequence[Mapping[str, float]]
    targets: NDArray[np.uint8]
    copies: Augmented | None
    raw: NDArray[np.float64]


def fit(recipe: Recipe, parts: Split) -> Made:
    """One fit as training does it, without calibration and threshold."""
    assert parts.test is not None
    fitter = PipelineFitter.of(recipe, parts.train.labels, parts.train.negative, lambda message: None)
    training_set = fitter.training_set(learned_rows(parts, recipe), parts, lambda message: None)
    fitted = fitter.fit(training_set, fitter.tokenized(parts.validation), parts.validation.targets)
    copies = training_set.copies
    raw = fitted.raw(fitter.tokenized(parts.test))
    return Made(fitted.weights, fitted.stages, fitted.model.history_, training_set.targets, copies, raw)


@pytest.fixture(scope="module")
def made(parts: Split) -> Callable[..., Made]:
    """Makes each fit once."""
    return cache(lambda name, model=None: fit(recipe_of(name, model), parts))


def test_every_method_of_the_recipe_is_a_technique_here() -> None:
    assert set(components("augmenter")) | set(components("resampler")) <= {
        word for name in TECHNIQUES for word in name.split(" + ")
    }


@pytest.mark.parametrize(
    ("name", "model"),
    rest_in_check(
        [
            (name, model)
            for name in WEIGHTS
            for model in MODELS["weights"]
            if name == "balanced" or model in ("logistic", "cnn")
        ],
        quick=[("balanced", model) for model in ("ngram_logistic", "svm", "random_forest", "dnn")],
    ),
)
def test_class_weights_change_the_weights_and_the_model(name: str, model: str, made: Callable[..., Made]) -> None:
    learned, plain = made(name, model), made("none", model)
    (weights,) = learned.weights
    assert plain.weights[0].weights == (1.0, 1.0)
    assert weights.weights[1] > weights.weights[0]
    assert weights.counts == plain.weights[0].counts
    if name != "explicit":  # a mean of one a row, so that options such as C keep their meaning
        assert np.dot(weights.weights, weights.counts) == pytest.approx(sum(weights.counts))
    assert learned.raw != pytest.approx(plain.raw, abs=1e-6)


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        (
            {"class_weight": "effective_number", "effective_number_beta": 0.5},
            "gives all classes the same weight, .*; raise it",
        ),
        ({"class_weight": {"negative": 2, "toxic": 2}}, "gives all classes the same weight, so it has no effect"),
        (
            {"class_weight": "effective_number", "resample": "random_over"},
            "because all classes have the same number of rows",
        ),
    ],
)
def test_weights_that_say_nothing_are_an_error(balance: dict[str, Any], sentence: str, parts: Split) -> None:
    with pytest.raises(UsageError, match=sentence):
        fit(Recipe.load({**tiny("logistic"), "vectors": {"pretrained": small_vectors()}, "balance": balance}), parts)


def test_adjusting_for_equal_shares_is_an_error(parts: Split) -> None:
    balance = {"class_weight": "none", "resample": "random_over", "loss": "logit_adjusted"}
    with pytest.raises(
        UsageError, match="logit_adjusted has no effect, because all classes have the same number of rows"
    ):
        fit(Recipe.load({**tiny("dnn"), "vectors": {"pretrained": small_vectors()}, "balance": balance}), parts)


@pytest.mark.parametrize(
    ("name", "model"),
    rest_in_check([(name, model) for name in LOSSES for model in MODELS["losses"]], quick=[("focal", "dnn")]),
)
def test_losses_change_the_loss_and_the_model(name: str, model: str, made: Callable[..., Made]) -> None:
    learned, plain = made(name, model), made("none", model)
    assert learned.weights == plain.weights
    assert learned.stages == plain.stages
    assert learned.raw != pytest.approx(plain.raw, abs=1e-3)
    if name == "focal":
        assert learned.history[0]["loss"] < plain.history[0]["loss"]


@pytest.mark.parametrize("name", rest_in_check([*RESAMPLE, *AUGMENT], quick={*RESAMPLE, *AUGMENT} - {"wgan"}))
def test_techniques_of_rows_change_the_rows_and_the_model(name: str, made: Callable[..., Made]) -> None:
    learned, plain = made(name), made("none")
    first, *later = learned.stages
    assert (first,) == plain.stages
    assert (later[-1].rows, later[-1].counts) != (first.rows, first.counts)
    assert sum(learned.weights[0].counts) == later[-1].rows
    assert learned.raw != pytest.approx(plain.raw, abs=1e-6)


@pytest.mark.parametrize("name", ["random_under + tomek", "smote_enn", "keyboard"])
def test_calibration_and_threshold_come_from_rows_as_they_were(name: str, parts: Split) -> None:
    learned = learn(parts, recipe_of(name), lambda message: None)
    rows = parts.train.joined(parts.validation)
    assert (learned.decision_targets == rows.targets).all()
    assert (
        abs(learned.decision_scores.mean() - rows.targets.mean()) < 0.02
    )  # Platt's scores have the share of their rows


@pytest.mark.parametrize(
    "name",
    rest_in_check(["smote", "random_under + tomek", "smote_enn", "eda", "keyboard"], quick=["smote", "keyboard"]),
)
def test_the_seed_of_the_recipe_reproduces_and_another_differs(name: str, parts: Split) -> None:
    """The rows that a model is fitted to. Each method has seed tests of its own."""
    first, again, other = (_features(recipe_of(name, seed=seed), parts) for seed in (0, 0, 1))
    assert (first.matrix == again.matrix).all()
    assert first.matrix.shape != other.matrix.shape or (first.matrix != other.matrix).any()


@pytest.mark.parametrize("name", ["smote", pytest.param("wgan", marks=pytest.mark.check), "random_under + tomek"])
def test_resamplers_see_the_rows_of_a_fit_and_no_others(
    name: str, parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[NDArray[np.float32]] = []
    original = Resampler.fit_resample

    def spied(self: Resampler, X: Any, y: Any) -> Any:
        seen.append(X)
        return original(self, X, y)

    monkeypatch.setattr(Resampler, "fit_resample", spied)
    learn(parts, recipe_of(name), lambda message: None)
    rows = parts.train.joined(parts.validation)
    fitter = PipelineFitter.of(recipe_of(name), rows.labels, None, lambda message: None)
    prepared = fitter.tokenized(rows)
    vectors = {row.tobytes() for row in fitter.learn_features(prepared).matrix(prepared)}
    assert len(seen[0]) == len(rows)
    assert sum(len(rows) - len(fold) for fold in seen[1:]) == len(rows)  # each row is held out of one fold
    assert all(row.tobytes() in vectors for fold in seen for row in fold)


@pytest.mark.parametrize("method", AUGMENT)
def test_copies_are_of_training_rows_of_the_rarer_class_and_equal_no_comment_of_any_part(
    method: str, made: Callable[..., Made], parts: Split
) -> None:
    copies, rows = made(method).copies, parts.train.joined(parts.validation)
    assert copies is not None
    toxic = int(rows.targets.sum())
    assert len(copies.texts) == copies.asked == 2 * toxic
    assert (rows.targets[copies.sources] == 1).all()
    assert parts.test is not None
    known = {key for part in (parts.train, parts.validation, parts.test) for key in part.keys(PLAIN)}
    keys = PLAIN.batch(copies.texts)[0]
    assert not known & set(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("method", AUGMENT)
def test_a_copy_stands_on_its_comments_side_of_every_fold(method: str, parts: Split) -> None:
    fitter = PipelineFitter.of(recipe_of(method), parts.train.labels, None, lambda message: None)
    training_set = fitter.training_set(parts.train, parts, lambda message: None)
    assert training_set.copies is not None
    inside = np.flatnonzero(np.arange(len(training_set)) % 3 != 0)
    part = training_set.take(inside)
    assert part.copies is not None
    expected = [
        (text, int(source))
        for text, source in zip(training_set.copies.texts, training_set.copies.sources, strict=True)
        if source % 3
    ]
    found = list(zip(part.copies.texts, inside[part.copies.sources].tolist(), strict=True))
    assert found == expected
    rows, targets = part.with_copies()
    assert len(rows) == len(targets) == len(inside) + len(expected)
    assert (targets[len(inside) :] == 1).all()
    assert rows.texts[len(inside) :] == fitter.preprocessor.batch([text for text, _ in expected])[0]


@pytest.mark.check
def test_a_network_that_sees_copies_watches_the_validation_part_as_it_is(
    parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    original = TrainingLoop.run

    def spied(self: TrainingLoop, rows: Any, wanted: Any, weights: Any, held_out: Any, around: Any) -> TrainingLoop:
        seen.append((len(rows), len(held_out)))
        return original(self, rows, wanted, weights, held_out, around)

    monkeypatch.setattr(TrainingLoop, "run", spied)
    fit(recipe_of("jamo", "cnn"), parts)
    toxic = int(parts.train.targets.sum())
    assert seen == [(len(parts.train) + 2 * toxic, len(parts.validation))]


def test_logit_adjustment_is_the_log_odds_of_the_share_times_tau(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []
    original = TrainingLoop.__init__

    def spied(self: TrainingLoop, network: Any, plan: Plan, *others: Any) -> None:
        plans.append(plan)
        original(self, network, plan, *others)

    monkeypatch.setattr(TrainingLoop, "__init__", spied)
    fit(recipe_of("logit_adjusted", "dnn"), parts)
    share = parts.train.targets.mean()
    assert plans[0].adjustment == pytest.approx((2.0 * np.log(share / (1 - share)),))


@pytest.mark.check
def test_several_labels_take_weights_losses_and_copies(two_labels: Comments, exclusive: Comments) -> None:
    for comments in (two_labels, exclusive):
        parts = split(comments, test=0.2, validation=0.1, seed=0)
        for name, model in (("effective_number", "logistic"), ("logit_adjusted", "dnn")):
            assert np.isfinite(fit(recipe_of(name, model), parts).raw).all()
        made = fit(recipe_of("aeda", "ngram_logistic"), parts)
        assert made.copies is not None
        sources = made.targets[made.copies.sources]
        assert sources.any(axis=1).all()
        assert made.stages[-1].counts == tuple((made.targets.sum(axis=0) + sources.sum(axis=0)).tolist())


def test_copies_of_all_comments_leave_the_shares_as_they_are(parts: Split) -> None:
    recipe = recipe_of("none", "ngram_logistic").changed({"balance.augment": [{"method": "keyboard", "of": "all"}]})
    before, after = fit(recipe, parts).stages
    assert (after.rows, after.counts) == (2 * before.rows, (2 * before.counts[0],))


def test_resampling_several_labels_is_refused_with_what_to_use_instead(two_labels: Comments) -> None:
    with pytest.raises(
        UsageError, match=r"takes one label, but there are 2 \(toxic, 웃음\); use balance\.class_weight"
    ):
        toxiclf.train(two_labels, recipe_of("smote"))


@pytest.mark.parametrize("model", ["cnn", "lstm", "dnn_sequence", "ngram_logistic"])
def test_resampling_what_is_no_vector_is_refused_with_what_to_use_instead(model: str) -> None:
    with pytest.raises(UsageError, match=rf"{model} takes .*; use balance\.augment"):
        Recipe.load({"model": model, "balance": {"resample": "smote"}})


@pytest.mark.parametrize("balance", [{"resample": ["smote", "random_under"]}, {"resample": ["random_over", "tomek"]}])
def test_a_resampler_that_changes_nothing_is_an_error(balance: dict[str, Any], parts: Split) -> None:
    recipe = Recipe.load({**tiny("logistic"), "vectors": {"pretrained": small_vectors()}, "balance": balance})
    with pytest.raises(DataError, match=r"(random_under|tomek) changed none of .* leave it out"):
        learn(parts, recipe, lambda message: None)


def test_a_ratio_that_the_rows_have_passed_is_an_error_before_anything_is_fitted(parts: Split) -> None:
    recipe = Recipe.load(
        {
            **tiny("logistic"),
            "vectors": {"pretrained": small_vectors()},
            "balance": {"resample": "smote", "ratio": 0.01},
        }
    )
    with pytest.raises(DataError, match="raise the ratio, or leave smote out"):
        learn(parts, recipe, lambda message: None)


@pytest.mark.check
def test_a_search_tries_techniques_inside_the_folds(sample: Comments) -> None:
    space = {"balance.resample": ["none", "random_under"], "balance.augment": ["jamo", "spacing"]}
    recipe = {
        **tiny("logistic"),
        "vectors": {"pretrained": small_vectors()},
        "search": {"method": "grid", "folds": 2, "space": space},
    }
    model = toxiclf.train(sample, recipe)
    trials = model.report.search["trials"]
    assert len(trials) == 4
    assert len({trial["value"] for trial in trials}) == 4


def test_keys_that_need_each_other_are_searched_together(sample: Comments) -> None:
    space = {"balance.resample": ["random_over", "random_under"], "balance.ratio": [0.5, 1.0]}
    recipe = {
        **tiny("logistic"),
        "vectors": {"pretrained": small_vectors()},
        "search": {"method": "grid", "folds": 2, "space": space},
    }
    assert len(toxiclf.train(sample, recipe).report.search["trials"]) == 4
    with pytest.raises(UsageError, match=r"balance\.ratio has no effect without balance\.resample"):
        toxiclf.train(sample, {**recipe, "search": {"method": "grid", "space": {"balance.ratio": [0.5]}}})


def test_a_resampler_that_changes_nothing_fails_as_a_trial_and_not_as_the_search(sample: Comments) -> None:
    space = {"balance.resample": [["random_over", "random_under"], ["random_over"]]}
    recipe = {
        **tiny("logistic"),
        "vectors": {"pretrained": small_vectors()},
        "search": {"method": "grid", "folds": 2, "space": space},
    }
    first, second = toxiclf.train(sample, recipe).report.search["trials"]
    assert (first["value"], second["failure"]) == (None, "")
    assert "random_under changed none of" in first["failure"]


@pytest.mark.check
def test_a_search_does_not_go_on_with_trials_of_other_synonyms(sample: Comments, tmp_path: Path) -> None:
    vectors, log = tmp_path / "words.txt", tmp_path / "search.jsonl"
    space = {"balance.augment": [[{"method": "eda", "vectors": str(vectors)}]]}
    recipe = {**tiny("ngram_logistic"), "search": {"method": "grid", "folds": 2, "space": space}}
    with pytest.raises(DataError, match="words"):
        toxiclf.train(sample, recipe, search_log=log)
    said: list[str] = []
    for numbers in ("1 0", "0 1"):
        words = "".join(f"{word} {numbers}\n" for word in ("사람", "영화", "배우", "음식", "친구", "회사"))
        vectors.write_text(f"6 2\n{words}", "utf-8")
        toxiclf.train(sample, recipe, search_log=log, say=said.append)
    assert not any("are in" in line for line in said)


@pytest.fixture(scope="module")
def balanced_run(sample: Comments) -> TrainedModel:
    """A run with copies, then resampling."""
    balance = {"augment": ["jamo"], "resample": ["random_over", "random_under"], "ratio": [0.5, 0.8]}
    return toxiclf.train(sample, {**tiny("logistic"), "vectors": {"pretrained": small_vectors()}, "balance": balance})


def test_class_counts_before_and_after_stand_in_report_and_figure(balanced_run: TrainedModel, tmp_path: Path) -> None:
    data = balanced_run.report.data
    counts = [(stage["name"], stage["rows"], stage["classes"]["toxic"]) for stage in data["stages"]]
    given = data["sets"]["training"]["rows"] + data["sets"]["validation"]["rows"]
    toxic = sum(data["sets"][part]["classes"]["toxic"] for part in ("training", "validation"))
    others = given - toxic
    assert counts[:2] == [("as given", given, toxic), ("jamo", given + toxic, 2 * toxic)]
    assert counts[2] == ("random_over", others + others // 2, others // 2)
    assert counts[3][2] == others // 2
    assert data["augmented"] == {"asked": toxic, "made": toxic}
    markdown = (balanced_run.save(tmp_path) / "report.md").read_text("utf-8")
    for name, rows, classes in counts:
        assert f"| {name} | {rows:,} | {classes:,} |" in markdown
    bars = balanced_run.report.figure("class_balance").data[1]
    assert (list(bars.x), list(bars.y)) == ([name for name, _, _ in counts], [classes for _, _, classes in counts])
    assert balanced_run.report.baseline_rows  # plain, so that it is seen whether the techniques help


def test_a_plain_run_has_nothing_augmented_to_keep(sample: Comments, tmp_path: Path) -> None:
    model = toxiclf.train(sample, tiny("ngram_logistic"))
    model.save(tmp_path)
    with pytest.raises(UsageError, match="no augmented comments to keep"):
        model.save(tmp_path, keep_augmented=True)


def test_augmented_comments_are_kept_for_reading(balanced_run: TrainedModel, sample: Comments, tmp_path: Path) -> None:
    balanced_run.save(tmp_path, keep_augmented=True)
    with (tmp_path / "augmented.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = dict(zip(sample.lines.tolist(), sample.texts, strict=True))
    assert len(rows) == balanced_run.report.data["augmented"]["made"]
    for row in rows:
        assert texts[int(row["line"])] == row["comment"] != row["copy"]
        assert (row["method"], row["labels"]) == ("jamo", "toxic")
    balanced_run.save(tmp_path)
    assert not (tmp_path / "augmented.csv").exists()  # of the run before


def test_odd_comments_are_kept_for_reading_too(tmp_path: Path) -> None:
    texts = [f"{n}번 \ud800 놈아 꺼져" for n in range(40)] + [f"=오늘 {n}시에 만나요" for n in range(60)]
    comments = Comments.of(texts, [1] * 40 + [0] * 60)
    model = toxiclf.train(comments, {**tiny("ngram_logistic"), "balance": {"augment": "aeda"}})
    model.save(tmp_path)
    model.save(tmp_path, keep_augmented=True)
    assert (tmp_path / "report.json").exists()
    assert "\ufffd" in (tmp_path / "augmented.csv").read_text("utf-8-sig")


def test_techniques_work_inside_scikit_learn(sample: Comments) -> None:
    y = sample.targets[:, 0]
    plain = toxiclf.ToxicClassifier(tiny("ngram_logistic")).fit(sample.texts, y)
    helped = toxiclf.ToxicClassifier(tiny("ngram_logistic")).set_params(
        balance__augment="obfuscate", balance__class_weight="effective_number", decision__prior=0.02
    )
    helped.fit(sample.texts, y)
    assert (helped.predict_proba(sample.texts) != plain.predict_proba(sample.texts)).any()


def _features(recipe: Recipe, parts: Split) -> TrainingMatrix:
    fitter = PipelineFitter.of(recipe, parts.train.labels, None, lambda message: None)
    training_set = fitter.training_set(parts.train, parts, lambda message: None)
    return fitter.matrix(training_set, fitter.tokenized(parts.validation), parts.validation.targets)
