"""ToxicClassifier: scikit-learn's own checks, the same promises about texts, and scikit-learn's tools around it."""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning, NotFittedError, SkipTestWarning
from sklearn.metrics import average_precision_score
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted

import toxiclf
import toxiclf.pipeline.estimator
from tests.conftest import SAMPLE, rest_in_check, tiny
from tests.numbers_as_texts import ABOUT_NUMBERS, OverNumbers, names_of_checks, scikit_learns_checks
from toxiclf import ToxicClassifier
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.recipe import Recipe

FAST = {"model": {"jamo": 2, "syllable": 1}, "decision": {"folds": 2}}
ROWS = np.arange(500)  # of the sample: many fits
WORDS = np.array(["정상", "악성"])
KINDS = ("binary", "words", "exclusive", "independent")
NEGATIVE = {"words": "정상", "exclusive": "정상"}  # sorts behind the toxic ones
CALIBRATIONS = ("platt", "isotonic", "none")
METHODS = ("predict", "predict_proba", "decision_function")
NEW = ["오늘도 좋은 하루 되세요", "꺼져 이 멍청한 새끼야", "", "ㅤ", "ㅋ" * 3000, "\ud800", "처음 보는 말 뷁"]

every_kind = pytest.mark.parametrize("kind", KINDS)

# -- scikit-learn's own checks


class NumbersClassifier(OverNumbers, ToxicClassifier):
    """Over numbers, with a dozen comments a row, since ToxicClassifier refuses classes of fewer than ten."""

    copies = 12

    def _place_of_negative(self, classes: list[Any]) -> int:
        """The first: scikit-learn's checks have classes of words, and none of them is toxic."""
        return 0

    def _raw(self, X: Any) -> NDArray[np.float32]:
        return super()._raw(self._written(X))


# .5, as the checks take it for granted that predict is the more probable class; the tuned threshold has a test of its own
CHECKED = NumbersClassifier(
    {"model": {"jamo": 1, "syllable": 1, "min_comments": 1}, "decision": {"folds": 2, "objective": 0.5}}
)


@scikit_learns_checks(CHECKED)
@pytest.mark.filterwarnings(
    "ignore:.*comments were rejected"
)  # where rows of numbers are equal and their labels are not
def test_scikit_learns_checks_hold(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_every_exempt_check_exists() -> None:
    assert set(ABOUT_NUMBERS) <= names_of_checks(CHECKED)


def test_scikit_learn_has_no_checks_for_texts_yet() -> None:
    with pytest.warns(SkipTestWarning, match="requires input"):
        assert len(list(estimator_checks_generator(ToxicClassifier()))) == 1


# -- the same promises about texts


@pytest.fixture(scope="module")
def data(sample: Comments, two_labels: Comments, exclusive: Comments) -> dict[str, tuple[list[str], Any]]:
    sample, two_labels, exclusive = (comments.take(ROWS) for comments in (sample, two_labels, exclusive))
    names = np.array(["정상", "toxic", "웃음"])
    classes = names[np.where(exclusive.targets.any(axis=1), exclusive.targets.argmax(axis=1) + 1, 0)]
    return {
        "binary": (sample.texts, sample.targets[:, 0]),
        "words": (sample.texts, WORDS[sample.targets[:, 0]]),
        "exclusive": (exclusive.texts, classes),
        "independent": (two_labels.texts, two_labels.targets),
    }


@pytest.fixture(scope="module")
def fitted(data: dict[str, tuple[list[str], Any]]) -> Callable[..., ToxicClassifier]:
    """A fitted estimator by kind of labels and decision; each is fitted once."""
    made: dict[str, ToxicClassifier] = {}

    def get(kind: str = "binary", **decision: Any) -> ToxicClassifier:
        key = f"{kind} {decision}"
        if key not in made:
            recipe = {**FAST, "decision": {"folds": 2, **decision}}
            made[key] = ToxicClassifier(recipe, negative=NEGATIVE.get(kind)).fit(*data[kind])
        return made[key]

    return get


@pytest.fixture(scope="module")
def texts(sample: Comments) -> list[str]:
    return sample.take(ROWS).texts


@pytest.fixture(scope="module")
def y(sample: Comments) -> NDArray[np.uint8]:
    return sample.take(ROWS).targets[:, 0]


def same_outputs(one: ToxicClassifier, other: ToxicClassifier, texts: list[str]) -> bool:
    return all((getattr(one, method)(texts) == getattr(other, method)(texts)).all() for method in METHODS)


@every_kind
def test_shapes_are_those_of_scikit_learn(kind: str, fitted: Callable[..., ToxicClassifier]) -> None:
    model = fitted(kind)
    n = len(NEW)
    one = ((n,), (n, 2), (n,))
    shapes = {"binary": one, "words": one, "exclusive": ((n,), (n, 3), (n, 3)), "independent": ((n, 2),) * 3}
    assert tuple(getattr(model, method)(NEW).shape for method in METHODS) == shapes[kind]
    words = {"words": ["악성", "정상"], "exclusive": ["toxic", "웃음", "정상"]}
    assert model.classes_.tolist() == words.get(kind, [0, 1])


@every_kind
@pytest.mark.parametrize("calibrate", CALIBRATIONS)
@pytest.mark.parametrize(
    "objective", rest_in_check(["f1", "recall_at_precision=0.9", 0.0, 0.5, 1.0], quick=["f1", 1.0])
)
def test_decision_function_agrees_with_predict(
    kind: str, calibrate: str, objective: str | float, fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted(kind, calibrate=calibrate, objective=objective)
    decision, predicted = model.decision_function(texts + NEW), model.predict(texts + NEW)
    assert np.isfinite(decision).all()
    if kind == "exclusive":
        assert (model.classes_[decision.argmax(axis=1)] == predicted).all()
    else:
        assert ((decision > 0) == (predicted == model.classes_[1])).all()
        if objective == 0.0:
            assert (predicted == ("악성" if kind == "words" else 1)).all()


@pytest.mark.parametrize("calibrate", CALIBRATIONS)
@pytest.mark.parametrize("objective", ["f1", 0.0, 1.0])
def test_decision_function_keeps_the_order_of_the_raw_outputs(
    calibrate: str, objective: str | float, fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted("binary", calibrate=calibrate, objective=objective)
    raw = model._raw(texts)[:, 0]
    decision = model.decision_function(texts)
    assert len(np.unique(decision)) == len(np.unique(raw))
    assert (np.diff(decision[np.argsort(raw, kind="stable")]) >= 0).all()


def test_decision_function_tells_apart_what_probabilities_cannot(fitted: Callable[..., ToxicClassifier]) -> None:
    model = copy.deepcopy(fitted("binary"))
    raw = np.array([[40.0], [60.0], [-900.0], [-1000.0]], np.float32)
    model._raw = lambda X: raw  # type: ignore[method-assign]
    assert model.predict_proba([])[:2, 1].tolist() == [1, 1]
    assert np.argsort(model.decision_function([])).tolist() == [3, 2, 0, 1]


@pytest.mark.parametrize("kind", ["binary", "words"])
@pytest.mark.parametrize("calibrate", CALIBRATIONS)
@pytest.mark.parametrize("objective", ["f1", 0.5])
def test_decision_function_agrees_with_predict_to_the_last_bit(
    kind: str, calibrate: str, objective: str | float, fitted: Callable[..., ToxicClassifier]
) -> None:
    model = copy.deepcopy(fitted(kind, calibrate=calibrate, objective=objective))
    low, high = np.float32(-50), np.float32(50)

    def predicted(raw: NDArray[np.float32]) -> NDArray[np.bool_]:
        model._raw = lambda X: raw[:, None]  # type: ignore[method-assign]
        return np.asarray(model.predict([]) == model.classes_[1])

    first = predicted(np.array([low]))[0]
    while np.nextafter(low, high) < high:  # where the class changes
        middle = np.float32((float(low) + float(high)) / 2)
        low, high = (middle, high) if predicted(np.array([middle]))[0] == first else (low, middle)
    around = [low]
    for _ in range(200):
        around = [np.nextafter(around[0], np.float32(-np.inf)), *around, np.nextafter(around[-1], np.float32(np.inf))]
    raw = np.array(around, dtype=np.float32)
    assert len(set(predicted(raw))) == 2
    assert ((model.decision_function([]) > 0) == predicted(raw)).all()


def test_a_decision_of_zero_is_not_the_second_class(
    monkeypatch: pytest.MonkeyPatch, fitted: Callable[..., ToxicClassifier]
) -> None:
    for kind in ("binary", "words"):
        model = copy.deepcopy(fitted(kind))
        monkeypatch.setattr(
            toxiclf.pipeline.estimator, "margins_of", lambda raw, *_: np.zeros(raw.shape)
        )  # rounding at its worst
        assert ((model.decision_function(NEW) > 0) == (model.predict(NEW) == model.classes_[1])).all()


@every_kind
def test_probabilities_are_the_moderators_scores(
    kind: str, fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted(kind)
    probabilities = model.predict_proba(texts + NEW)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if kind != "independent":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
        probabilities = probabilities[
            :, [c for c in range(probabilities.shape[1]) if model.classes_[c] not in (0, "정상")]
        ]
    np.testing.assert_allclose(probabilities, model.moderator_.score(texts + NEW), atol=1e-6)


def test_predict_is_the_moderators_verdict_and_not_a_half(
    fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted("binary", objective="precision_at_recall=0.9")
    predicted = model.predict(texts)
    assert predicted.tolist() == [int(verdict.is_toxic) for verdict in model.moderator_.check(texts)]
    assert (predicted != (model.predict_proba(texts)[:, 1] > 0.5)).any()


def test_among_several_classes_the_most_probable_is_taken(
    fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted("exclusive")
    assert (model.predict(texts) == model.classes_[model.predict_proba(texts).argmax(axis=1)]).all()
    assert model.moderator_.labels == ("toxic", "웃음")
    assert model.moderator_.manifest.negative == "정상"


def test_containers_of_texts_give_equal_results(
    fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8]
) -> None:
    series = pd.Series(texts, index=range(7, 7 + len(texts)))
    containers: list[Any] = [
        tuple(texts), series, series.astype("string"), series.astype("category"), series.astype(object),
        np.array(texts), np.array(texts, dtype=object), np.array(texts)[:, None], series.to_frame(),
        [np.str_(text) for text in texts],
    ]  # fmt: skip
    expected = fitted("binary").decision_function(texts)
    for container in containers:
        assert (fitted("binary").decision_function(container) == expected).all()
    for container in containers[1:4]:
        assert (ToxicClassifier(FAST).fit(container, pd.Series(y)).decision_function(texts) == expected).all()


@pytest.mark.parametrize(
    "names",
    [[False, True], [-1, 1], [0.0, 1.0], [3, 7], ["깨끗", "욕설"], np.array(["a", "b"], dtype=object)],
    ids=["bool", "minus one", "float", "integer", "string", "object"],
)
def test_classes_of_any_kind_are_given_back(
    names: Any, fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8]
) -> None:
    names = np.asarray(names)
    words = isinstance(names[0], str)
    model = ToxicClassifier(FAST, negative=names[0] if words else None).fit(texts, names[y])
    assert model.classes_.tolist() == names.tolist()
    assert model.classes_.dtype == model.predict(texts).dtype == names.dtype
    assert (model.predict(texts) == names[fitted("binary").predict(texts)]).all()
    assert (model.decision_function(texts) == fitted("binary").decision_function(texts)).all()


def test_labels_as_series_category_list_and_column_are_the_same(
    fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8]
) -> None:
    for labels in (y.tolist(), pd.Series(y), pd.Series(y).astype("category")):
        assert same_outputs(ToxicClassifier(FAST).fit(texts, labels), fitted("binary"), NEW)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert same_outputs(ToxicClassifier(FAST).fit(texts, y[:, None]), fitted("binary"), NEW)


def test_independent_labels_are_named_by_their_columns(two_labels: Comments) -> None:
    frame = pd.DataFrame(two_labels.targets, columns=["욕설", "웃음"])
    model = ToxicClassifier(FAST).fit(two_labels.texts, frame)
    assert model.moderator_.labels == ("욕설", "웃음")
    plain = ToxicClassifier(FAST).fit(two_labels.texts, sp.csr_matrix(two_labels.targets))
    assert plain.moderator_.labels == ("label_0", "label_1")
    assert (plain.predict(NEW) == model.predict(NEW)).all()


def test_the_toxic_label_has_a_name_for_class_weights(texts: list[str], y: NDArray[np.uint8]) -> None:
    weights = {**FAST, "balance": {"class_weight": {"toxic": 3.0}}}
    assert ToxicClassifier(weights).fit(texts, y).moderator_.labels == ("toxic",)
    named = np.array(["깨끗", "욕설"])[y]
    with pytest.raises(ValueError, match="use these names: negative, 욕설"):
        ToxicClassifier(weights, negative="깨끗").fit(texts, named)


@every_kind
def test_a_comment_alone_gets_what_it_gets_among_others(
    kind: str, fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model, some = fitted(kind), texts[:30] + NEW
    for method in ("predict_proba", "decision_function"):
        together = getattr(model, method)(some)
        alone = np.concatenate([getattr(model, method)([text]) for text in some])
        np.testing.assert_allclose(alone, together, atol=1e-5)
        np.testing.assert_allclose(getattr(model, method)(some[::-1])[::-1], together, atol=1e-5)


@every_kind
def test_no_comments_give_no_rows(kind: str, fitted: Callable[..., ToxicClassifier]) -> None:
    model = fitted(kind)
    for method in METHODS:
        assert getattr(model, method)([]).shape == (0, *getattr(model, method)(NEW).shape[1:])


@every_kind
def test_pickle_joblib_and_copy_give_the_same_bits(
    kind: str, fitted: Callable[..., ToxicClassifier], texts: list[str]
) -> None:
    model = fitted(kind)
    file = io.BytesIO()
    joblib.dump(model, file)
    for other in (pickle.loads(pickle.dumps(model)), joblib.load(file), copy.deepcopy(model)):  # noqa: S301  # our own
        assert same_outputs(other, model, texts + NEW)
        assert (other.moderator_.score(NEW) == model.moderator_.score(NEW)).all()


@pytest.mark.parametrize("name", ["svm", "dnn"])
def test_models_over_word_vectors_are_fitted_saved_and_pickled(
    name: str, texts: list[str], y: NDArray[np.uint8], tmp_path: Path
) -> None:
    model = ToxicClassifier({**tiny(name), "vectors": {"size": 8, "epochs": 1}}).fit(texts, y)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301  # our own
    assert same_outputs(model, again, texts)
    assert (toxiclf.load(again.save(tmp_path / "bundle")).score(NEW) == model.moderator_.score(NEW)).all()


def test_an_unfitted_estimator_is_pickled_as_it_is() -> None:
    assert pickle.loads(pickle.dumps(ToxicClassifier("svm"))).recipe == "svm"  # noqa: S301  # our own


def test_the_seed_reproduces_and_another_seed_differs(
    fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8]
) -> None:
    model = fitted("binary")
    again = clone(model).fit(texts, y)
    other = clone(model).set_params(seed=7).fit(texts, y)
    assert same_outputs(again, model, texts)
    assert (other.decision_function(texts) != model.decision_function(texts)).any()


def test_a_second_fit_forgets_the_first(
    fitted: Callable[..., ToxicClassifier], data: dict[str, tuple[list[str], Any]]
) -> None:
    model = ToxicClassifier(FAST, negative="정상").fit(*data["exclusive"])
    assert model.set_params(negative=None).fit(*data["binary"]) is model
    assert same_outputs(model, fitted("binary"), NEW)
    assert model.classes_.tolist() == [0, 1]


def test_fit_changes_no_parameter(fitted: Callable[..., ToxicClassifier], texts: list[str]) -> None:
    recipe = {**FAST}
    model = ToxicClassifier(recipe, negative="나")
    before = json.dumps(model.get_params())
    model.fit(texts, ["가" if "ㅋ" in text else "나" for text in texts])
    assert model.recipe is recipe
    assert json.dumps(model.get_params()) == before


def test_it_fits_as_train_does_without_a_test_part(
    fitted: Callable[..., ToxicClassifier], sample: Comments, texts: list[str]
) -> None:
    trained = toxiclf.train(sample.take(ROWS), {**FAST, "split": {"test": 0}})
    assert (trained.moderator.score(texts) == fitted("binary").moderator_.score(texts)).all()
    assert trained.moderator.thresholds == fitted("binary").moderator_.thresholds


# -- parameters


def test_every_key_of_the_recipe_is_a_parameter() -> None:
    params = ToxicClassifier("svm").get_params()
    assert params["recipe"] == "svm"
    assert params["model__kernel"] == "rbf"
    assert params["seed"] == 0
    assert ToxicClassifier("svm").get_params(deep=False) == {"recipe": "svm", "negative": None}
    again = ToxicClassifier().set_params(**params)
    assert Recipe.load(again.recipe) == Recipe.load("svm")


def test_keys_are_set_with_underscores_or_a_dot() -> None:
    one = ToxicClassifier().set_params(model__C=10, decision__objective="f2")
    other = ToxicClassifier().set_params(**{"model.C": 10, "decision.objective": "f2"})
    assert (
        one.recipe
        == other.recipe
        == {
            "model": {"name": "ngram_logistic", "C": 10.0},
            "decision": {"objective": "f2"},
        }
    )


def test_a_models_name_comes_first_and_brings_its_preset() -> None:
    model = ToxicClassifier({"model": {"C": 7}}).set_params(model__gamma=0.5, model__name="svm")
    assert Recipe.load(model.recipe) == Recipe.load("svm", settings=["model.gamma=0.5"])
    params = model.set_params(model__name="ngram_logistic").get_params()
    assert (params["model__C"], params["model__jamo"]) == (3.0, 6)
    assert ToxicClassifier().set_params(recipe="svm", model__C=2).get_params()["model__kernel"] == "rbf"


def test_numpy_numbers_are_values() -> None:
    params = ToxicClassifier("svm").set_params(model__C=np.float64(2), vectors__size=np.int64(8)).get_params()
    assert (params["model__C"], params["vectors__size"]) == (2.0, 8)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"model__c": 1}, "unknown recipe key 'model.c'; did you mean 'model.C'?"),
        ({"modle__C": 1}, "unknown recipe key 'modle'; did you mean 'model'?"),
        ({"model__name": "smv"}, "unknown model 'smv'; did you mean 'svm'?"),
        ({"model__C": -1}, "recipe key model.C is -1;"),
        ({"vectors__size": 8}, "vectors.size has no effect on the model ngram_logistic; leave it out"),
    ],
)
def test_wrong_parameters_are_a_value_error_and_a_usage_error(params: dict[str, Any], sentence: str) -> None:
    model = ToxicClassifier()
    with pytest.raises(ValueError, match=sentence.split(";")[0]) as caught:
        model.set_params(**params)
    assert isinstance(caught.value, toxiclf.UsageError)
    assert sentence in str(caught.value)
    assert model.recipe is None


@pytest.mark.parametrize("recipe", ["smv", "no.toml", {"model": {"C": -1}}, 3.0, {"modle": {}}])
def test_a_wrong_recipe_is_refused_by_fit_and_not_before(recipe: Any, texts: list[str]) -> None:
    model = clone(ToxicClassifier(recipe))
    assert list(model.get_params()) == ["negative", "recipe"]
    assert model._repr_html_()
    with pytest.raises(ValueError, match=r"unknown|does not exist|is -1|expected a preset's name"):
        model.fit(texts, [0] * len(texts))


def test_a_recipe_is_a_name_a_path_a_mapping_or_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(Recipe.load("svm").to_toml(), "utf-8")
    known = [ToxicClassifier(recipe).get_params() for recipe in ("svm", path, {"model": "svm"}, Recipe.load("svm"))]
    assert all({**params, "recipe": None} == {**known[0], "recipe": None} for params in known)


def test_a_recipe_that_searches_is_sent_to_grid_search(texts: list[str], y: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="GridSearchCV, or use toxiclf train"):
        ToxicClassifier({"search": {"method": "grid", "space": {"model.C": [1, 2]}}}).fit(texts, y)


def test_clone_and_repr_tell_the_parameters(fitted: Callable[..., ToxicClassifier]) -> None:
    copied = clone(ToxicClassifier("svm").set_params(model__C=3))
    assert repr(copied) == "ToxicClassifier(recipe={'model': {'C': 3.0, 'name': 'svm'}})"
    assert repr(ToxicClassifier()) == "ToxicClassifier()"
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(fitted("binary")))
    with sklearn.config_context(display="diagram"):
        assert "ToxicClassifier" in fitted("binary")._repr_html_()


def test_tags_say_that_it_takes_texts() -> None:
    model = ToxicClassifier()
    tags = sklearn.utils.get_tags(model)
    assert is_classifier(model)
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.required


def test_texts_have_no_columns_to_count(fitted: Callable[..., ToxicClassifier], texts: list[str]) -> None:
    model = ToxicClassifier(FAST).fit(pd.DataFrame({"comment": texts}), ["ㅋ" in text for text in texts])
    assert not hasattr(model, "n_features_in_")
    assert not hasattr(model, "feature_names_in_")


# -- what is refused


@pytest.mark.parametrize("method", ["fit", *METHODS])
@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        ("한 댓글", "X is one string; expected a list of comments: write \\[comment\\] for a single one"),
        (None, "X is None; expected a list of comments"),
        (7, "X is of the type int; expected a list"),
        ({"가": 1}, "X is of the type dict; expected a list"),
        ({"가"}, "X is of the type set; expected a list"),
        (["가", None], "row 1 of X is None; expected a string"),
        (
            ["가", float("nan")],
            r"row 1 of X is nan \(float\); expected a string: leave out rows without a text, or use ''",
        ),
        (pd.Series(["가", None], dtype="string"), "row 1 of X is of the type NAType; expected a string"),
        ([3, "가"], "row 0 of X is of the type int; expected a string"),
        ([["가"], ["나"]], "row 0 of X is of the type list; expected a string"),
        (np.array([["가", "나"]]), r"X has the shape \(1, 2\); expected one column of comments: select it"),
        (pd.DataFrame({"a": ["가"], "b": ["나"]}), r"X has the shape \(1, 2\)"),
        (sp.csr_matrix((5, 1)), "row 0 of X is of the type"),
        (np.zeros((2, 2, 1)), r"X has the shape \(2, 2, 1\)"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_with_its_row(
    X: Any, sentence: str, method: str, fitted: Callable[..., ToxicClassifier]
) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        ToxicClassifier(FAST).fit(X, [0, 1]) if method == "fit" else getattr(fitted("binary"), method)(X)
    assert isinstance(caught.value, toxiclf.UsageError)


def test_an_estimator_that_is_not_fitted_says_so(tmp_path: Path) -> None:
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(ToxicClassifier(), method)(["가"])
    with pytest.raises(NotFittedError):
        ToxicClassifier().save(tmp_path / "bundle")


def test_labels_that_cannot_be_learned_are_refused(texts: list[str], y: NDArray[np.uint8]) -> None:
    n = len(texts)
    refused: list[tuple[Any, str]] = [
        (None, "requires y to be passed, but the target y is None"),
        ([1] * n, "y contains only one class: 1"),
        (y[:-1], "inconsistent numbers of samples"),
        (np.linspace(0, 1, n), "Unknown label type: continuous"),
        (np.array([[1, 2, 3]] * n), "y is multiclass-multioutput; expected one class per comment"),
        (
            [1, *[0] * (n - 1)],
            "the number of distinct comments with label 'toxic' is 1, but training needs at least 10",
        ),
        ([None, *y[1:].tolist()], "row 0 of y is None; expected a class: leave out rows without one"),
        (pd.Series(["욕설", None] * n, dtype="string")[:n], "row 1 of y is of the type NAType; expected a class"),
        ([float("nan"), *y[1:].tolist()], "Input y contains NaN"),
        (np.column_stack([y, np.ones(n)]), "every usable comment of y has label 'label_1'"),
    ]
    for labels, sentence in refused:
        with pytest.raises(ValueError, match=sentence):
            ToxicClassifier(FAST).fit(texts, labels)
    with pytest.raises(toxiclf.DataError, match="X has 0 comments"):
        ToxicClassifier(FAST).fit([], [])
    with pytest.raises(TypeError, match="sample_weight"):
        ToxicClassifier(FAST).fit(texts, y, sample_weight=np.ones(n))  # type: ignore[call-arg]


def test_comments_labelled_in_two_ways_are_rejected_and_named(
    fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8]
) -> None:
    assert len(fitted("binary").rejected_) == 0
    with pytest.warns(UserWarning, match="2 comments were rejected because the same comment has different labels"):
        model = ToxicClassifier(FAST).fit(["갈팡질팡이네", *texts, "갈팡질팡이네"], [0, *y, 1])
    assert model.rejected_.tolist() == [0, len(texts) + 1]
    assert same_outputs(model, fitted("binary"), NEW)


def test_diverged_training_is_an_error(texts: list[str], y: NDArray[np.uint8]) -> None:
    model = {"name": "dnn", "units": [4], "epochs": 2, "learning_rate": 1e38, "clip_norm": "none"}
    with pytest.raises(toxiclf.TrainingError, match=r"training diverged.*lower model.learning_rate"):
        ToxicClassifier({"vectors": {"size": 4, "epochs": 1}, "model": model}).fit(texts, y)


# -- the bundle


@every_kind
def test_a_saved_bundle_scores_as_the_estimator(
    kind: str, fitted: Callable[..., ToxicClassifier], texts: list[str], tmp_path: Path
) -> None:
    folder = fitted(kind).save(tmp_path / "bundle")
    assert (toxiclf.load(folder).score(texts) == fitted(kind).moderator_.score(texts)).all()


@pytest.mark.check
def test_the_command_line_reads_a_saved_bundle(
    fitted: Callable[..., ToxicClassifier], texts: list[str], y: NDArray[np.uint8], tmp_path: Path
) -> None:
    words = ToxicClassifier(FAST).fit(texts, np.array(["0", "1"])[y])
    for number, model in enumerate((fitted("binary"), words)):
        folder = model.save(tmp_path / f"bundle{number}")
        assert run(["predict", "--bundle", str(folder), str(SAMPLE), "--out", str(tmp_path / "scored.csv")]) == 0
        assert run(["evaluate", str(folder), str(SAMPLE), "--out", str(tmp_path / "run")]) == 0
        summary = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["summary"]
        assert summary["average_precision"]["value"] > 0.8


def test_the_model_card_has_front_matter_and_the_recipe(fitted: Callable[..., ToxicClassifier], tmp_path: Path) -> None:
    card = (fitted("binary").save(tmp_path / "bundle") / "README.md").read_text("utf-8")
    _, front, text = card.split("---\n", 2)
    assert [line.split(":")[0] for line in front.splitlines()] == ["language", "library_name", "pipeline_tag", "tags"]
    assert "toxiclf.ToxicClassifier" in text
    assert Recipe.load(_toml(text)) == Recipe.load(FAST)
    assert 'toxiclf.load("bundle")' in text


def _toml(card: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(card.split("```toml\n")[1].split("```")[0])


# -- scikit-learn's tools around it


def test_cross_validation_scores_it_by_decisions_and_by_ranks(texts: list[str], y: NDArray[np.uint8]) -> None:
    model = ToxicClassifier(FAST)
    for scoring in ("average_precision", "f1", "roc_auc", "neg_log_loss"):
        assert np.isfinite(cross_val_score(model, texts, y, cv=2, scoring=scoring)).all()
    for method in METHODS:
        out = cross_val_predict(model, texts, y, cv=2, method=method)
        assert len(out) == len(texts)
    assert average_precision_score(y, cross_val_predict(model, texts, y, cv=2, method="decision_function")) > 0.5


@pytest.mark.check
def test_two_processes_give_what_one_gives(texts: list[str], y: NDArray[np.uint8]) -> None:
    model = ToxicClassifier(FAST)
    one, two = (
        cross_validate(model, texts, y, cv=2, scoring="average_precision", return_estimator=True, n_jobs=jobs)
        for jobs in (1, 2)
    )
    assert (one["test_score"] == two["test_score"]).all()
    assert same_outputs(one["estimator"][0], two["estimator"][0], NEW)


@pytest.mark.check
def test_grid_search_tries_keys_and_models(texts: list[str], y: NDArray[np.uint8]) -> None:
    search = GridSearchCV(ToxicClassifier(FAST), {"model__C": [0.1, 3.0]}, cv=2, scoring="average_precision")
    search.fit(texts, y)
    assert search.best_estimator_.get_params()["model__C"] == search.best_params_["model__C"]
    assert search.predict(NEW).shape == (len(NEW),)
    vectors = {"vectors__size": [4], "vectors__epochs": [1]}
    grid = [{"model__name": ["ngram_logistic"]}, {"model__name": ["svm"], **vectors}, {"recipe": [FAST]}]
    names = GridSearchCV(ToxicClassifier({"decision": {"folds": 2}}), grid, cv=2, scoring="average_precision")
    assert names.fit(texts, y).best_estimator_.moderator_.manifest.model == "ngram_logistic"
    assert np.isfinite(names.cv_results_["mean_test_score"]).all()


def test_grid_search_tries_model_names(texts: list[str], y: NDArray[np.uint8]) -> None:
    names = {"model__name": ["ngram_logistic", "svm"]}
    search = GridSearchCV(ToxicClassifier({"decision": {"folds": 2}}), names, cv=2, scoring="f1", refit=False)
    assert np.isfinite(search.fit(texts, y).cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("kind", ["binary", "words", "exclusive"])
def test_it_can_be_calibrated_again(
    ensemble: bool, kind: str, data: dict[str, tuple[list[str], Any]], fitted: Callable[..., ToxicClassifier]
) -> None:
    plain = ToxicClassifier(FAST, negative=NEGATIVE.get(kind))
    numbered = (
        pytest.warns(UserWarning, match="instead of names") if kind in NEGATIVE and not ensemble else nullcontext()
    )
    with numbered:
        model = CalibratedClassifierCV(plain, cv=3, ensemble=ensemble).fit(*data[kind])
    probabilities = model.predict_proba(NEW)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert model.classes_.tolist() == fitted(kind).classes_.tolist()


def test_its_threshold_can_be_tuned_again(texts: list[str], y: NDArray[np.uint8]) -> None:
    model = TunedThresholdClassifierCV(ToxicClassifier(FAST), scoring="f1", cv=2).fit(texts, y)
    assert set(model.predict(texts)) == {0, 1}


def test_it_stands_in_a_pipeline(texts: list[str], y: NDArray[np.uint8]) -> None:
    lower = FunctionTransformer(lambda comments: [text.lower() for text in comments])
    pipeline = Pipeline([("lower", lower), ("toxic", ToxicClassifier(FAST))])
    pipeline.set_params(toxic__model__C=2.0)
    assert pipeline.fit(texts, y).named_steps["toxic"].get_params()["model__C"] == 2.0
    assert pipeline.predict(NEW).tolist() == pipeline[1:].predict(NEW).tolist()


def test_it_has_a_learning_curve(texts: list[str], y: NDArray[np.uint8]) -> None:
    sizes, _, scores = learning_curve(
        ToxicClassifier(FAST), texts, y, train_sizes=[0.5, 1.0], cv=2, scoring="average_precision"
    )
    assert len(sizes) == len(scores) == 2
    assert np.isfinite(scores).all()


def test_the_negative_class_may_be_named_and_only_turns_things_round(texts: list[str], y: NDArray[np.uint8]) -> None:
    plain = ToxicClassifier(tiny("ngram_logistic")).fit(texts, y)
    named = ToxicClassifier(tiny("ngram_logistic"), negative="정상").fit(texts, WORDS[y])
    assert named.classes_.tolist() == ["악성", "정상"]
    assert named.moderator_.labels == ("악성",)
    np.testing.assert_array_equal(named.predict(texts), WORDS[plain.predict(texts)])
    np.testing.assert_array_equal(named.predict_proba(texts), plain.predict_proba(texts)[:, ::-1])
    decisions = named.decision_function(texts)
    np.testing.assert_allclose(decisions, -plain.decision_function(texts))
    np.testing.assert_array_equal(decisions > 0, named.predict(texts) == "정상")


def test_classes_of_words_want_the_negative_one_named(texts: list[str], y: NDArray[np.uint8]) -> None:
    sentence = r"^y holds '악성', '정상'; name the class that is not toxic: ToxicClassifier\(negative=…\)$"
    with pytest.raises(ValueError, match=sentence):
        ToxicClassifier(FAST).fit(texts, WORDS[y])
    for words in (["0", "1"], ["false", "true"], ["no", "yes"]):
        assert ToxicClassifier(FAST).fit(texts, np.array(words)[y]).moderator_.labels == (words[1],)


def test_the_negative_class_of_several_may_be_named(texts: list[str], y: NDArray[np.uint8]) -> None:
    classes = np.where(y == 1, "악성", np.where(["ㅋ" in text for text in texts], "웃음", "정상"))
    model = ToxicClassifier(tiny("ngram_logistic"), negative="정상").fit(texts, classes)
    assert model.classes_.tolist() == ["악성", "웃음", "정상"]
    assert (model.moderator_.labels, model.moderator_.manifest.negative) == (("악성", "웃음"), "정상")
    probabilities = model.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(probabilities[:, :2], model.moderator_.score(texts), atol=1e-6)
    assert (model.predict(texts) == model.classes_[probabilities.argmax(axis=1)]).all()
    assert (model.decision_function(texts).argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert (model.predict(texts) == classes).mean() > 0.9


def test_a_saved_model_reads_a_file_as_it_was_fitted(tmp_path: Path, texts: list[str], y: NDArray[np.uint8]) -> None:
    bundle = ToxicClassifier(tiny("ngram_logistic"), negative="정상").fit(texts, WORDS[y]).save(tmp_path / "bundle")
    assert toxiclf.load(bundle).manifest.label_map.positive == ("악성",)


@pytest.mark.parametrize(
    ("negative", "matrix", "sentence"),
    [
        ("보통", False, "negative is '보통', which is not in y; give one of '악성', '정상'"),
        ("정상", True, "negative names a class, but y is a 0/1 matrix of independent labels; leave negative out"),
    ],
)
def test_a_negative_class_that_is_none_is_refused(
    negative: str, matrix: bool, sentence: str, texts: list[str], y: NDArray[np.uint8]
) -> None:
    target = np.column_stack([y, 1 - y]) if matrix else WORDS[y]
    with pytest.raises(ValueError, match="^" + sentence + "$"):
        ToxicClassifier(tiny("ngram_logistic"), negative=negative).fit(texts, target)


def test_class_weights_go_by_the_names_of_classes(texts: list[str], y: NDArray[np.uint8]) -> None:
    def fit(weights: Any, target: Any, **parameters: Any) -> NDArray[np.float64]:
        return (
            ToxicClassifier({**FAST, "balance": {"class_weight": weights}}, **parameters)
            .fit(texts, target)
            .predict_proba(NEW)
        )

    plain = fit({"negative": 1.0, "toxic": 3.0}, y)
    np.testing.assert_array_equal(fit({0: 1.0, 1: 3.0}, y), plain)
    np.testing.assert_array_equal(fit({"정상": 1.0, "악성": 3.0}, WORDS[y], negative="정상")[:, ::-1], plain)
    with pytest.raises(ValueError, match="엉뚱"):
        fit({"엉뚱": 1.0}, y)


def test_prevalences_go_by_the_names_of_classes(texts: list[str], y: NDArray[np.uint8]) -> None:
    def fit(prior: Any, target: Any, **parameters: Any) -> NDArray[np.float64]:
        model = ToxicClassifier(FAST, **parameters).set_params(decision__prior=prior).fit(texts, target)
        assert model.moderator_.prior == {model.moderator_.labels[0]: 0.02}
        return model.predict_proba(NEW)

    plain = fit(0.02, y)
    for prior in ({"toxic": 0.02}, {1: 0.02}, {"1": 0.02}, {np.uint8(1): 0.02}):
        np.testing.assert_array_equal(fit(prior, y), plain)
    np.testing.assert_array_equal(fit({True: 0.02}, y == 1), plain)
    np.testing.assert_array_equal(fit({"악성": 0.02}, WORDS[y], negative="정상")[:, ::-1], plain)
    for prior, name in (({0: 0.98}, "0"), ({"엉뚱": 0.02}, "엉뚱")):
        with pytest.raises(ValueError, match=f"the prior names {name}, but the labels are toxic; name those"):
            fit(prior, y)
    with pytest.raises(ValueError, match="the prior names 1, but the labels are toxic; name those"):
        toxiclf.train("corpus:sample", {"decision": {"prior": {1: 0.02}}})


def test_wrong_parameters_change_nothing() -> None:
    model = ToxicClassifier("svm")
    with pytest.raises(ValueError, match=r"model\.Cc"):
        model.set_params(negative="정상", model__Cc=3)
    assert model.get_params(deep=False) == {"recipe": "svm", "negative": None}
