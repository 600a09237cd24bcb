"""Row resampling: imbalanced-learn's own checks, the rows asked for, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator as imblearn_checks
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator as sklearn_checks

from toxiclf._registry import components
from toxiclf.balance.resampler import Resampler
from toxiclf.errors import DataError, UsageError

Rows = tuple[NDArray[np.float64], NDArray[np.intp]]
WITHOUT_CHANCE = {"tomek", "nearmiss"}
OVER = {"random_over", "smote", "borderline_smote", "svm_smote", "adasyn"}

# of imbalanced-learn; wgan has a file of its own
ENTRIES = {name: entry for name, entry in components("resampler").items() if name != "wgan"}
METHODS = list(ENTRIES)
WITHOUT_RATIO = {name for name, entry in ENTRIES.items() if "ratio" not in entry["keys"]}
every_method = pytest.mark.parametrize("method", METHODS)
every_method_with_ratio = pytest.mark.parametrize("method", [name for name in METHODS if name not in WITHOUT_RATIO])


@pytest.fixture
def rows() -> Rows:
    """240 rows of which 40 are of class 1, in clouds that overlap."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(200, 4)), rng.normal(loc=0.8, size=(40, 4))])
    return X, np.repeat([0, 1], [200, 40])


def _checks() -> list[Any]:
    return [
        pytest.param(
            estimator,
            check,
            id=f"{method}-{check.func.__name__}",
            marks=() if method in ("random_over", "smote") else pytest.mark.check,
        )
        for method in METHODS
        for estimator, check in chain(
            imblearn_checks(Resampler(method, random_state=0)),
            sklearn_checks(Resampler(method, random_state=0)) if method in ("random_over", "smote_enn") else (),
        )
        if check.func.__name__ != "check_array_api_input"  # skips itself: no array API outside NumPy is asked for
    ]


@pytest.mark.filterwarnings("ignore")  # of the checks' own making
@pytest.mark.parametrize(("estimator", "check"), _checks())
def test_it_passes_the_checks_of_imbalanced_learn_and_scikit_learn(
    estimator: Resampler, check: Callable[[Any], None]
) -> None:
    check(estimator)


@every_method_with_ratio
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_there_are_as_many_rows_as_asked_for(method: str, ratio: float, rows: Rows) -> None:
    sampler = Resampler(method, ratio=ratio, random_state=0)
    _, y = sampler.fit_resample(*rows)
    more, fewer = np.bincount(y)
    assert sampler.steps_ == [(method, {0: 200, 1: 40}, {0: more, 1: fewer})]
    if method in OVER:
        assert more == 200
        assert fewer == pytest.approx(200 * ratio, abs=12 if method == "adasyn" else 0)  # ADASYN rounds for each row
    elif ENTRIES[method]["undersamples"]:
        assert (more, fewer) == (40 / ratio, 40)
    else:  # SMOTE, then rows are removed
        assert more <= 200
        assert 40 < fewer <= 200 * ratio


def test_rows_that_mix_with_the_other_class_are_taken_away(rows: Rows) -> None:
    X, y = Resampler("tomek").fit_resample(*rows)
    assert (np.bincount(y)[0] < 200, np.bincount(y)[1]) == (True, 40)
    assert {tuple(row) for row in X} < {tuple(row) for row in rows[0]}


@every_method
def test_rows_given_stay_as_they_are_and_new_ones_are_numbers_between_them(method: str, rows: Rows) -> None:
    X, y = Resampler(method, random_state=0).fit_resample(*rows)
    given = {(*row, label) for row, label in zip(rows[0], rows[1].tolist(), strict=True)}
    new = np.array([row for row, label in zip(X, y.tolist(), strict=True) if (*row, label) not in given])
    assert np.isfinite(X).all()
    assert (len(new) > 0) == ENTRIES[method]["generates"]
    if len(new):
        rarer = rows[0][rows[1] == 1]
        wide = 0.5 * np.ptp(rarer, axis=0) if method == "svm_smote" else 1e-9  # SVM-SMOTE also goes outwards
        assert (new >= rarer.min(axis=0) - wide).all()
        assert (new <= rarer.max(axis=0) + wide).all()


@every_method
def test_the_seed_reproduces_and_another_seed_differs(method: str, rows: Rows) -> None:
    ratio = {} if method in WITHOUT_RATIO else {"ratio": 0.5}
    first, again, other = (Resampler(method, **ratio, random_state=seed).fit_resample(*rows) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    same = first[0].shape == other[0].shape and (first[0] == other[0]).all()
    assert same == (method in WITHOUT_CHANCE)


def test_several_are_applied_in_order_each_with_its_ratio(rows: Rows) -> None:
    sampler = Resampler(["smote", "tomek", "random_under"], ratio=[0.3, 0.6], random_state=0)
    _, y = sampler.fit_resample(*rows)
    (_, _, smote), (_, before, tomek), (_, _, under) = sampler.steps_
    assert smote == before == {0: 200, 1: 60}
    assert tomek[0] < 200
    assert under == {0: int(60 / 0.6), 1: 60} == dict(enumerate(np.bincount(y)))


@every_method
@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((np.random.default_rng(0).normal(size=(40, 2)), np.zeros(40, dtype=int)), "rows of at least two classes"),
        ((np.random.default_rng(0).normal(size=(40, 2)), np.repeat([0, 1], [35, 5])), "'1' has 5; label more"),
        ((np.ones((40, 2)), np.repeat([0, 1], [30, 10])), "all 10 rows of the rarer class are the same"),
    ],
    ids=["one-class", "five-rows", "all-equal"],
)
def test_rows_that_cannot_be_resampled_are_refused_with_a_sentence(method: str, rows: Rows, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Resampler(method, random_state=0).fit_resample(*rows)


def test_more_neighbours_need_more_rows(rows: Rows) -> None:
    with pytest.raises(
        DataError, match=r"needs 61 rows of each class, .* only 40 of the rarer class; lower neighbours"
    ):
        Resampler("smote", neighbours=60).fit_resample(*rows)


@pytest.mark.parametrize(("method", "ratio"), [("smote", 0.1), ("smote", 0.1999), ("random_under", 0.1)])
def test_a_ratio_that_is_passed_already_is_refused(method: str, ratio: float, rows: Rows) -> None:
    with pytest.raises(DataError, match=r"already 0\.2; raise the ratio, or leave .* out"):
        Resampler(method, ratio=ratio).fit_resample(*rows)


def test_what_imbalanced_learn_cannot_do_is_said_with_what_to_do() -> None:
    X = np.vstack([np.zeros((40, 2)) + np.arange(40)[:, None], 1e6 + np.arange(20).reshape(10, 2)])
    with pytest.raises(DataError, match=r"adasyn cannot resample these rows \(.*\); try another method"):
        Resampler("adasyn").fit_resample(X, np.repeat([0, 1], [40, 10]))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "smoter"}, "smote"),
        ({"method": []}, "give one of random_over"),
        ({"method": None}, "give one of random_over"),
        ({"ratio": "auto"}, "ratio is 'auto'; give a number"),
        ({"ratio": {1: 20}}, "ratio is {1: 20}; give a number"),
        ({"ratio": np.nan}, "one number above 0, at most 1"),
        ({"neighbours": 0}, "neighbours is 0; expected a whole number of at least 1"),
        ({"method": "random_over", "neighbours": 3}, "neighbours has no effect on random_over"),
        ({"method": "tomek", "ratio": 0.5}, "ratio has no effect on tomek"),
        ({"ratio": 0}, "one number above 0, at most 1"),
        ({"method": ["smote", "tomek"], "ratio": [0.5, 0.6]}, "one for each of smote$"),
    ],
)
def test_a_wrong_request_is_refused(arguments: dict[str, Any], sentence: str, rows: Rows) -> None:
    with pytest.raises(UsageError, match=sentence):
        Resampler(**arguments).fit_resample(*rows)


def test_it_works_alone_in_a_pipeline_and_sees_what_is_fitted_to_only(rows: Rows) -> None:
    pipeline = make_pipeline(
        Resampler(["smote", "random_under"], ratio=[0.5, 0.8], random_state=0), LogisticRegression()
    )
    scores = cross_val_score(clone(pipeline), *rows, scoring="average_precision", cv=4)
    assert (scores > 0.2).all()
    fitted = pipeline.fit(*rows)
    assert fitted[0].steps_[0][1] == {0: 200, 1: 40}
    assert len(fitted.predict(rows[0])) == 240  # nothing is resampled while predicting
