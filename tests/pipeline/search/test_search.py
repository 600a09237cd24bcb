"""Search: every candidate on equal folds inside the training set, kept as it goes, and the same again with the same seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, fbeta_score

import toxiclf.pipeline.search.cross_validation
from tests.conftest import tiny
from toxiclf.bundle.calibration import shares_of
from toxiclf.bundle.verdicts import class_scores
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, folds, split
from toxiclf.errors import DataError, UsageError
from toxiclf.pipeline.decision import choose_threshold, fit_calibration
from toxiclf.pipeline.fit import PipelineFitter
from toxiclf.pipeline.search import search
from toxiclf.pipeline.search.cross_validation import CrossValidator
from toxiclf.pipeline.training_set import TrainingSet
from toxiclf.recipe import Recipe, SearchSection
from toxiclf.text.normalize import Normalizer

NGRAMS = {"jamo": 2, "syllable": 1}


def recipe_of(space: Any, model: str = "ngram_logistic", **search_keys: Any) -> Recipe:
    base = tiny(model) if model != "ngram_logistic" else {"model": {"name": model, **NGRAMS}}
    return Recipe.load({**base, "search": {"method": "grid", "folds": 3, "space": space, **search_keys}})


@pytest.fixture(scope="module")
def parts(sample: Comments) -> Split:
    return split(sample, test=0.2, validation=0.1, seed=0)


def quiet(message: str) -> None:
    """Nobody listens."""


def test_a_trials_value_is_the_mean_of_plain_cross_validation(parts: Split) -> None:
    found = search(parts, recipe_of({"model.C": [0.1, 10]}), quiet)
    recipe = Recipe.load({"model": {"name": "ngram_logistic", **NGRAMS, "C": 10}})
    fitter = PipelineFitter.of(recipe, parts.train.labels, None, quiet)
    training_set, validation = (
        TrainingSet(fitter.tokenized(parts.train), parts.train.targets),
        fitter.tokenized(parts.validation),
    )
    values = []
    for inside, outside in folds(parts.train, 3, 0):
        fitted = fitter.fit(training_set.take(inside), validation, parts.validation.targets)
        raw = fitted.raw(training_set.rows.take(outside))
        values.append(average_precision_score(parts.train.targets[outside], raw))
    assert found.trials[1].folds == pytest.approx(values, abs=1e-9)
    assert found.trials[1].value == pytest.approx(np.mean(values), abs=1e-9)


def test_the_best_recipe_is_the_recipe_with_the_best_settings_and_no_search(parts: Split) -> None:
    recipe = recipe_of({"model.C": [0.001, 3], "model.log_count_ratio": [True, False]})
    found = search(parts, recipe, quiet)
    assert len(found.trials) == 4
    assert found.best.value == max(trial.value or 0 for trial in found.trials)
    assert found.recipe == recipe.changed(found.best.settings).model_copy(update={"search": SearchSection()})


def test_several_spaces_are_several_grids_and_nothing_is_tried_twice(parts: Split) -> None:
    space = [{"model.C": [1, 10]}, {"model.C": [10], "balance.class_weight": ["none", "balanced"]}]
    found = search(parts, recipe_of(space), quiet)
    assert [trial.settings for trial in found.trials] == [
        {"model.C": 1},
        {"model.C": 10},
        {"model.C": 10, "balance.class_weight": "none"},
    ]


def test_features_are_learned_once_a_fold_for_candidates_that_share_them(
    parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = []
    original = PipelineFitter.learn_features
    monkeypatch.setattr(
        PipelineFitter, "learn_features", lambda self, rows: learned.append(len(rows)) or original(self, rows)
    )
    search(parts, recipe_of({"model.C": [1, 10, 100], "model.jamo": [1, 2]}), quiet)
    assert len(learned) == 3 * 2
    assert max(learned) < len(parts.train)


@pytest.mark.parametrize("metric", ["average_precision", "roc_auc", "f1", "f2", "f1_macro", "accuracy"])
@pytest.mark.parametrize("kind", ["sample", "two_labels", "exclusive"])
def test_every_metric_takes_every_kind_of_labels(metric: str, kind: str, request: pytest.FixtureRequest) -> None:
    parts = split(request.getfixturevalue(kind), test=0.2, validation=0.1, seed=0)
    found = search(parts, recipe_of({"model.C": [1]}, metric=metric), quiet)
    assert all(0 < value <= 1 for value in found.trials[0].folds)


METRICS = {
    "f1": lambda toxic, flagged: f1_score(toxic, flagged),
    "f2": lambda toxic, flagged: fbeta_score(toxic, flagged, beta=2),
    "f1_macro": lambda toxic, flagged: (f1_score(toxic, flagged) + f1_score(1 - toxic, ~flagged)) / 2,
    "accuracy": lambda toxic, flagged: float((toxic == flagged).mean()),
}


def of_labels(metric: str, scores: Any, targets: Any, inside: Any, outside: Any) -> float:
    if metric == "f1_macro" and targets.shape[1] > 1:
        metric = "f1"  # of several labels, it is the mean of their F1
    values = []
    for j in range(targets.shape[1]):
        threshold, _ = choose_threshold(scores[inside, j], targets[inside, j], metric)
        values.append(METRICS[metric](targets[outside, j], scores[outside, j] >= np.float32(threshold)))
    return float(np.mean(values))


def of_classes(metric: str, scores: Any, targets: Any, inside: Any, outside: Any) -> float:
    verdict = class_scores(scores[outside]).argmax(axis=1)
    labeled = np.where(targets[outside].any(axis=1), targets[outside].argmax(axis=1) + 1, 0)
    if metric == "accuracy":
        return float((verdict == labeled).mean())
    if metric == "f1_macro":
        return float(f1_score(labeled, verdict, average="macro"))
    return float(np.mean([METRICS[metric](labeled == j, verdict == j) for j in (1, 2)]))


METRIC = {"sample": of_labels, "two_labels": of_labels, "exclusive": of_classes}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("kind", "method"),
    [("sample", "platt"), ("two_labels", "isotonic"), ("exclusive", "platt"), ("exclusive", "isotonic")],
)
def test_a_fold_is_measured_at_thresholds_of_the_other_folds(
    metric: str, kind: str, method: Any, request: pytest.FixtureRequest
) -> None:
    parts = split(request.getfixturevalue(kind), test=0.2, validation=0.1, seed=0)
    asked = recipe_of({"model.C": [1]}, metric=metric).changed({"decision.calibrate": method})
    found = search(parts, asked, quiet)
    recipe = Recipe.load({"model": {"name": "ngram_logistic", **NGRAMS, "C": 1}})
    train = parts.train
    fitter = PipelineFitter.of(recipe, train.labels, train.negative, quiet)
    training_set, validation = TrainingSet(fitter.tokenized(train), train.targets), fitter.tokenized(parts.validation)
    raw = np.empty(train.targets.shape)
    pairs = folds(train, 3, 0)
    for inside, outside in pairs:
        fitted = fitter.fit(training_set.take(inside), validation, parts.validation.targets)
        raw[outside] = fitted.raw(training_set.rows.take(outside))
    expected = []
    for inside, outside in pairs:
        calibration = fit_calibration(raw[inside], train.targets[inside], method=method, exclusive=train.exclusive)
        scores = calibration.apply(raw.astype(np.float32))
        expected.append(METRIC[kind](metric, scores, train.targets, inside, outside))
    assert found.trials[0].folds == pytest.approx(expected, abs=1e-12)


def test_saturated_raw_outputs_still_rank(parts: Split) -> None:
    space = {"model.C": [1e4]}
    recipe = recipe_of(space, model="logistic", folds=2)
    found = search(parts, recipe, quiet)
    fitter = PipelineFitter.of(recipe.changed({"model.C": 1e4}), parts.train.labels, None, quiet)
    training_set, validation = (
        TrainingSet(fitter.tokenized(parts.train), parts.train.targets),
        fitter.tokenized(parts.validation),
    )
    (inside, outside), _ = folds(parts.train, 2, 0)
    fitted = fitter.fit(training_set.take(inside), validation, parts.validation.targets)
    raw = fitted.raw(training_set.rows.take(outside))[:, 0]
    assert found.best.folds[0] == pytest.approx(
        average_precision_score(parts.train.targets[outside, 0], raw), abs=1e-12
    )


def test_exclusive_labels_rank_by_their_odds_against_all_the_rest(exclusive: Comments) -> None:
    parts = split(exclusive, test=0.2, validation=0.1, seed=0)
    recipe = recipe_of({"model.C": [1]})
    found = search(parts, recipe, quiet)
    fitter = PipelineFitter.of(recipe.changed({"model.C": 1}), exclusive.labels, exclusive.negative, quiet)
    training_set, validation = (
        TrainingSet(fitter.tokenized(parts.train), parts.train.targets),
        fitter.tokenized(parts.validation),
    )
    inside, outside = folds(parts.train, 3, 0)[0]
    fitted = fitter.fit(training_set.take(inside), validation, parts.validation.targets)
    shares = shares_of(fitted.raw(training_set.rows.take(outside)), exclusive=True)
    targets = parts.train.targets[outside]
    assert found.best.folds[0] == pytest.approx(
        np.mean([average_precision_score(targets[:, j], shares[:, j]) for j in range(2)]), abs=1e-9
    )


def test_comments_that_the_recipe_makes_equal_share_a_fold(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = toxiclf.pipeline.search.cross_validation.folds
    monkeypatch.setattr(
        toxiclf.pipeline.search.cross_validation,
        "folds",
        lambda *args, **kwargs: seen.append(args[3]) or original(*args, **kwargs),
    )
    search(parts, recipe_of({"model.C": [1]}).changed({"text.repeat_cap": 1}), quiet)
    assert seen == [Normalizer(repeat_cap=1, max_chars=2000, mask_personal=True)]


def test_plain_folds_are_others_than_stratified_ones(parts: Split) -> None:
    stratified, plain = (
        search(parts, recipe_of({"model.C": [1]}, stratified=stratified), quiet).best.folds
        for stratified in (True, False)
    )
    assert stratified != plain


def test_an_interrupted_search_goes_on_and_ends_the_same(parts: Split, tmp_path: Path) -> None:
    recipe = recipe_of({"model.C": [0.1, 1, 10]})
    whole = search(parts, recipe, quiet)
    log = tmp_path / "search.jsonl"
    said: list[str] = []

    def interrupt(message: str) -> None:
        said.append(message)
        if message.startswith("search 2 of 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(parts, recipe, interrupt, log)
    assert said[-1] == f"search: 2 trials are kept in {log}; the same command resumes from there"
    with log.open("a") as file:
        file.write('{"number": 3, "settings": {"mod')  # killed while writing
    said.clear()
    again = search(parts, recipe, said.append, log)
    assert said[0] == f"search: 2 trials are reused from {log}"
    assert sum(message.startswith("search 3 of 3") for message in said) == 1
    assert [(t.settings, t.folds) for t in again.trials] == [(t.settings, t.folds) for t in whole.trials]
    assert again.recipe == whole.recipe
    lines = log.read_text("utf-8").splitlines()
    assert [json.loads(line)["number"] for line in lines if line.endswith("}")] == [1, 2, 3]


def test_a_wider_grid_takes_over_what_is_known(parts: Split, tmp_path: Path) -> None:
    log = tmp_path / "search.jsonl"
    search(parts, recipe_of({"model.C": [1, 10]}), quiet, log)
    said: list[str] = []
    search(parts, recipe_of({"model.C": [1, 10, 100]}), said.append, log)
    assert sum(" of 3: " in message for message in said) == 1


OTHERS = [
    "seed",
    "metric",
    "folds",
    "stratified",
    "min_comments",
    "training rows",
    "validation rows",
    "negative",
    "versions",
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_search_takes_over_its_own_trials_and_no_others(
    other: str, exclusive: Comments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = split(exclusive, test=0.2, validation=0.1, seed=0)
    log = tmp_path / "search.jsonl"
    search(parts, recipe_of({"model.C": [1]}), quiet, log)
    recipe = recipe_of(
        {"model.C": [1]}, **{k: v for k, v in {"metric": "f1", "folds": 4, "stratified": False}.items() if k == other}
    )
    recipe = recipe.changed({"seed": {"seed": 1}, "min_comments": {"model.min_comments": 2}}.get(other, {}))
    train, validation = parts.train, parts.validation
    if other == "training rows":
        train = train.take(np.arange(len(train) - 1))
    if other == "validation rows":
        validation = validation.take(np.arange(len(validation) - 1))
    if other == "negative":
        train, validation = replace(train, negative=None), replace(validation, negative=None)
    if other == "versions":
        monkeypatch.setattr(toxiclf.pipeline.search.cross_validation, "versions", lambda: {"toxiclf": "0.0.0"})
    said: list[str] = []
    search(Split(train, validation, parts.test), recipe, said.append, log)
    assert said[0].startswith("search 1 of 1: ")
    monkeypatch.undo()
    said.clear()
    search(parts, recipe_of({"model.C": [1]}), said.append, log)  # the first one is still there
    assert said == [f"search: 1 trials are reused from {log}"]


@pytest.mark.parametrize("content", ["", "\n", "no JSON\n", "[]\n", "\x00\xff"])
def test_a_damaged_log_is_no_obstacle(parts: Split, tmp_path: Path, content: str) -> None:
    log = tmp_path / "search.jsonl"
    log.write_text(content, "utf-8")
    assert search(parts, recipe_of({"model.C": [1]}), quiet, log).best.number == 1


def test_progress_gives_the_figure_the_best_so_far_and_the_time_left(parts: Split) -> None:
    said: list[str] = []
    found = search(parts, recipe_of({"model.C": [0.001, 3]}), said.append)
    trials = [message for message in said if message.startswith("search ")]
    assert trials[0].startswith(f"search 1 of 2: model.C=0.001: average precision {found.trials[0].value:.4f} ± ")
    assert "; best so far" in trials[1]


def test_a_candidate_that_cannot_be_fitted_is_named_and_the_search_goes_on(parts: Split) -> None:
    recipe = recipe_of({"vectors.min_count": [2, 100_000]}, model="logistic")
    found = search(parts, recipe, quiet)
    assert found.trials[1].value is None
    assert found.trials[1].failure.startswith("no token occurs 100000 times")
    assert found.best.number == 1


def test_what_failed_is_tried_again(parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "search.jsonl"
    recipe = recipe_of({"vectors.min_count": [2, 100_000]}, model="logistic")
    search(parts, recipe, quiet, log)
    said: list[str] = []
    search(parts, recipe, said.append, log)
    assert said[0] == f"search: 1 trials are reused from {log}"
    assert any(message.startswith("search 2 of 2: ") for message in said)


@pytest.mark.parametrize("source", ["nowhere.txt", "corpus:nothing"])
def test_missing_texts_are_found_before_anything_is_fitted(parts: Split, source: str) -> None:
    said: list[str] = []
    with pytest.raises((DataError, UsageError), match=source.removeprefix("corpus:")):
        search(parts, recipe_of({"vectors.unlabeled": [[], source]}, model="logistic"), said.append)
    assert not said


def test_a_search_in_which_nothing_can_be_fitted_says_why(parts: Split) -> None:
    with pytest.raises(
        DataError, match=r"^none of the 1 candidates of the search could be fitted; the first one: no token"
    ):
        search(parts, recipe_of({"vectors.min_count": [100_000]}, model="logistic"), quiet)


def test_candidates_are_refused_before_anything_is_fitted(parts: Split) -> None:
    said: list[str] = []
    with pytest.raises(UsageError, match=r"^unknown recipe key 'model.c'; did you mean 'model.C'"):
        search(parts, recipe_of({"model.C": [1], "model.c": [1]}), said.append)
    with pytest.raises(UsageError, match=r"^recipe key model.C is 'much'"):
        search(parts, recipe_of({"model.C": [1, "much"]}), said.append)
    assert not said


def test_more_folds_than_rare_comments_name_the_right_key(sample: Comments) -> None:
    toxic = np.flatnonzero(sample.targets[:, 0])[:12]
    few = sample.take(np.concatenate([toxic, np.flatnonzero(sample.targets[:, 0] == 0)[:100]]))
    parts = split(few, test=0.2, validation=0.1, seed=0)
    with pytest.raises(
        UsageError, match=r"^search.folds is 20, but there are only \d distinct comments of the rarest class"
    ):
        search(parts, recipe_of({"model.C": [1]}, folds=20), quiet)


def test_a_plain_fold_without_a_class_is_refused(sample: Comments) -> None:
    toxic = np.flatnonzero(sample.targets[:, 0])[:8]
    few = sample.take(np.concatenate([toxic, np.flatnonzero(sample.targets[:, 0] == 0)[:60]]))
    parts = split(few, test=0.2, validation=0.1, seed=0)
    with pytest.raises(DataError, match=r"set search.stratified = true, lower search.folds, or label more"):
        search(parts, recipe_of({"model.C": [1]}, folds=5, stratified=False), quiet)


OPTUNA = {"method": "optuna", "trials": 6}
SPACE = [
    {"model.C": {"low": 0.01, "high": 100, "log": True}, "model.jamo": {"low": 1, "high": 3}},
    {"model.log_count_ratio": [False], "model.C": [1, 10]},
]


def test_optuna_proposes_valid_recipes_and_the_seed_proposes_them_again(parts: Split) -> None:
    first, second = (search(parts, recipe_of(SPACE, **OPTUNA), quiet) for _ in range(2))
    assert [trial.settings for trial in first.trials] == [trial.settings for trial in second.trials]
    assert [trial.folds for trial in first.trials] == [trial.folds for trial in second.trials]
    assert len(first.trials) == 6
    other = search(parts, recipe_of(SPACE, **OPTUNA).changed({"seed": 1}), quiet)
    drawn = {json.dumps(trial.settings) for trial in first.trials if "model.jamo" in trial.settings}
    assert not drawn & {json.dumps(trial.settings) for trial in other.trials}
    for trial in first.trials:
        if "model.jamo" in trial.settings:
            assert trial.settings["model.jamo"] in (1, 2, 3)
            assert 0.01 <= trial.settings["model.C"] <= 100
        else:
            assert trial.settings["model.log_count_ratio"] is False


@pytest.mark.check
def test_an_interrupted_optuna_search_proposes_what_it_would_have(parts: Split, tmp_path: Path) -> None:
    whole = search(parts, recipe_of(SPACE, **OPTUNA), quiet)
    log = tmp_path / "search.jsonl"
    search(parts, recipe_of(SPACE, **OPTUNA | {"trials": 3}), quiet, log)
    again = search(parts, recipe_of(SPACE, **OPTUNA), quiet, log)
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in whole.trials]
    assert again.best.settings == whole.best.settings


def test_optuna_goes_where_the_metric_is_high(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def peak(self: CrossValidator, settings: dict[str, Any]) -> tuple[float, ...]:
        return (-abs(np.log10(settings["model.C"]) - 1.5),) * 2

    monkeypatch.setattr(CrossValidator, "evaluate", peak)
    space = {"model.C": {"low": 1e-3, "high": 1e3, "log": True}}
    found = search(parts, recipe_of(space, method="optuna", trials=60), quiet)
    late = [abs(np.log10(trial.settings["model.C"]) - 1.5) for trial in found.trials[-20:]]
    early = [abs(np.log10(trial.settings["model.C"]) - 1.5) for trial in found.trials[:10]]
    assert np.median(late) < 0.5 * np.median(early)
    assert abs(np.log10(found.best.settings["model.C"]) - 1.5) < 0.2


def test_optuna_keeps_to_the_steps_of_a_range(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CrossValidator, "evaluate", lambda self, settings: (settings["model.C"],) * 2)
    space = {"model.C": {"low": 1000.5, "high": 2000.5, "step": 0.5}, "model.jamo": {"low": 1, "high": 9, "step": 4}}
    found = search(parts, recipe_of(space, method="optuna", trials=20), quiet)
    assert all((trial.settings["model.C"] * 2).is_integer() for trial in found.trials)
    assert {trial.settings["model.jamo"] for trial in found.trials} <= {1, 5, 9}


def test_a_small_space_leaves_no_trial_twice(parts: Split) -> None:
    found = search(parts, recipe_of({"model.C": [1, 10]}, method="optuna", trials=8), quiet)
    assert sorted(trial.settings["model.C"] for trial in found.trials) == [1, 10]


def test_a_proposal_that_is_no_recipe_counts_as_failed(parts: Split) -> None:
    space = {"model.kernel": ["linear", "rbf"], "model.gamma": [1, "scale"]}
    found = search(parts, recipe_of(space, model="svm", method="optuna", trials=8), quiet)
    failed = [trial for trial in found.trials if trial.failure]
    assert failed
    assert all("model.gamma has no effect while model.kernel is 'linear'" in trial.failure for trial in failed)
    assert all(trial.settings == {"model.kernel": "linear", "model.gamma": 1} for trial in failed)
    assert found.best.value is not None


def test_optuna_refuses_a_value_that_fits_no_model_before_the_first_fit(parts: Split) -> None:
    said: list[str] = []
    space = {"model.name": ["svm", "logistic"], "model.trees": [5]}
    with pytest.raises(UsageError, match=r"^unknown recipe key 'model.trees'"):
        search(parts, recipe_of(space, model="svm", method="optuna"), said.append)
    assert not said


def test_a_search_over_models_takes_each_models_preset(parts: Split) -> None:
    recipe = recipe_of(
        [{"model.name": ["logistic"]}, {"model.name": ["random_forest"], "model.trees": [5]}], model="svm"
    )
    found = search(parts, recipe, quiet)
    assert [found.trials[0].value is None, found.trials[1].value is None] == [False, False]
    assert found.recipe.model.name in ("logistic", "random_forest")


@pytest.mark.check
def test_a_network_watches_the_validation_part_in_every_fold(parts: Split) -> None:
    found = search(parts, recipe_of({"model.dropout": [0, 0.5]}, model="dnn", folds=2), quiet)
    assert all(0 < value <= 1 for trial in found.trials for value in trial.folds)


@pytest.mark.check
def test_models_that_watch_and_models_that_do_not_may_share_a_space(parts: Split) -> None:
    space = [{"model.name": ["logistic"]}, {"model.name": ["dnn"], "model.units": [[4]], "model.epochs": [2]}]
    found = search(parts, recipe_of(space, model="svm", folds=2), quiet)
    assert [trial.failure for trial in found.trials] == ["", ""]


@pytest.mark.check
def test_other_unlabelled_texts_are_another_search(parts: Split, tmp_path: Path) -> None:
    texts, log = tmp_path / "texts.txt", tmp_path / "search.jsonl"
    texts.write_text("\n".join(parts.train.texts[:300]), "utf-8")
    recipe = recipe_of({"vectors.unlabeled": [[], str(texts)], "vectors.min_count": [1]}, model="logistic")
    first = search(parts, recipe, quiet, log)
    assert first.trials[0].folds != first.trials[1].folds
    said: list[str] = []
    search(parts, recipe, said.append, log)
    assert said[0] == f"search: 2 trials are reused from {log}"
    texts.write_text("\n".join(parts.train.texts[:310]), "utf-8")
    search(parts, recipe, said.append, log)
    assert sum(" of 2: " in message for message in said) == 2


@pytest.mark.check
def test_a_diverging_candidate_is_a_failed_trial(parts: Split) -> None:
    space = {"model.learning_rate": [1e-3, 1e38], "model.clip_norm": ["none"], "model.normalization": ["none"]}
    found = search(parts, recipe_of(space, model="dnn", folds=2), quiet)
    good, bad = (trial.failure for trial in found.trials)
    assert not good
    assert bad.startswith("training diverged: the loss was NaN or infinite at step ")


def test_a_grid_names_the_combination_that_is_no_recipe(parts: Split) -> None:
    space = {"model.kernel": ["rbf", "linear"], "model.gamma": [0.1]}
    with pytest.raises(UsageError) as caught:
        search(parts, recipe_of(space, model="svm"), quiet)
    assert str(caught.value) == (
        "search.space: model.kernel=linear, model.gamma=0.1: model.gamma has no effect while model.kernel is 'linear'; leave it "
        "out; put values that are not valid together into separate tables"
    )


def test_wrong_class_weights_in_every_candidate_are_an_error_of_use(parts: Split) -> None:
    recipe = recipe_of({"balance.class_weight": [{"toxc": 2.0}]})
    with pytest.raises(
        UsageError, match=r"^none of the 1 candidates of the search could be fitted; the first one: .*toxc"
    ):
        search(parts, recipe, quiet)


def test_optuna_refuses_fractions_where_a_key_wants_whole_numbers(parts: Split) -> None:
    space = {"model.jamo": {"low": 1.0, "high": 3.0}}
    with pytest.raises(UsageError, match=r"^recipe key model.jamo is 1.8"):
        search(parts, recipe_of(space, method="optuna"), quiet)


def test_a_written_recipe_proposes_the_same(parts: Split, tmp_path: Path) -> None:
    space = {"model.C": {"low": 0.1, "high": 10}, "model.min_comments": [1, 2, 3], "model.jamo": {"low": 1, "high": 3}}
    recipe = recipe_of(space, method="optuna", trials=2)
    (tmp_path / "recipe.toml").write_text(recipe.to_toml(), "utf-8")
    found, again = (search(parts, of, quiet) for of in (recipe, Recipe.load(tmp_path / "recipe.toml")))
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in found.trials]


EDITS = [
    {"folds": [5.0, 7.0, 9.0]}, {"folds": [0.9]}, {"folds": []}, {"folds": [0.5, 0.5, 0.5]}, {"seconds": float("nan")},
    {"seconds": -1}, {"value": 0.99}, {"settings": 3}, {"number": float("inf")},
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_an_edited_line_of_the_log_counts_for_nothing(parts: Split, tmp_path: Path, edit: dict[str, Any]) -> None:
    log = tmp_path / "search.jsonl"
    first = search(parts, recipe_of({"model.C": [1]}), quiet, log)
    row = json.loads(log.read_text("utf-8"))
    log.write_text(json.dumps({**row, **edit}) + "\n", "utf-8")
    said: list[str] = []
    again = search(parts, recipe_of({"model.C": [1]}), said.append, log)
    assert said[0].startswith("search 1 of 1: ")
    assert again.best.folds == first.best.folds


def test_the_decision_has_no_part_in_ranks(parts: Split, tmp_path: Path) -> None:
    log = tmp_path / "search.jsonl"
    search(parts, recipe_of({"model.C": [1]}), quiet, log)
    said: list[str] = []
    search(parts, recipe_of({"model.C": [1]}).changed({"decision.objective": "f2"}), said.append, log)
    assert said == [f"search: 1 trials are reused from {log}"]
