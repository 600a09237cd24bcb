"""Numbers written as texts, so that scikit-learn's own checks, which feed matrices of numbers, run on what takes texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

_SYLLABLES, _FIRST, _COLUMN = 40, ord("가"), 64

ABOUT_NUMBERS = {
    "check_n_features_in_after_fitting": "texts have no columns to count: n_features_in_ is not set, as in CountVectorizer",
    "check_n_features_in": "texts have no columns to count: n_features_in_ is not set, as in CountVectorizer",
    "check_estimators_empty_data_messages": "asks for a matrix without columns to be refused; lists without comments are",
    "check_estimators_nan_inf": "asks for infinity among numbers to be refused; None, NaN and numbers among texts are",
    "check_estimator_sparse_tag": "asks for SciPy matrices of numbers to be refused as such; they are refused as no texts",
    "check_estimator_sparse_array": "asks for SciPy matrices of numbers to be refused as such; they are refused as no texts",
    "check_estimator_sparse_matrix": "asks for SciPy matrices of numbers to be refused as such; they are refused as no texts",
    "check_complex_data": "asks for complex numbers to be refused; everything but strings is",
    "check_fit2d_predict1d": "asks for a vector of numbers to be reshaped; a lone string is refused",
}
"""Checks that cannot apply to texts, each with its reason; tests of the same promises about texts stand beside their use."""


class OverNumbers:
    """Mixed into an estimator over texts: each number becomes a run of syllables, the longer the higher it is in its column."""

    copies = 1
    """Texts that a row becomes in ``fit``, told apart by a number at the end; for estimators that refuse a handful."""

    def fit(self, X: Any, y: Any = None) -> Any:
        numbers = _numbers(X)
        if numbers.ndim == 2 and len(numbers):
            self._low, self._high = numbers.min(axis=0), numbers.max(axis=0)
        texts = self._written(numbers)
        if self.copies == 1 or y is None or numbers.ndim != 2 or len(np.asarray(y)) != len(texts):
            return super().fit(texts, y)  # type: ignore[misc]
        numbered = [f"{text} {number}" for number in range(self.copies) for text in texts]
        return super().fit(numbered, np.concatenate([np.asarray(y)] * self.copies))  # type: ignore[misc]

    def _written(self, X: Any) -> Any:
        numbers = _numbers(X)
        if numbers.ndim != 2:
            return numbers
        if not hasattr(self, "_low"):
            return [""] * len(numbers)  # not fitted yet
        if numbers.shape[1] != len(self._low):
            raise ValueError(f"{numbers.shape[1]} columns; expected {len(self._low)}, as in fit")
        width = np.where(self._high > self._low, self._high - self._low, 1.0)
        tops = np.clip(_SYLLABLES * (numbers - self._low) / width, 0, _SYLLABLES).astype(int)
        return [
            "".join(chr(_FIRST + _COLUMN * j + level) for j, top in enumerate(row) for level in range(top + 1))
            for row in tops
        ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = True
        tags.input_tags.string = tags.input_tags.one_d_array = False
        return tags


def _numbers(X: Any) -> Any:
    array = np.asarray(X)
    return np.array([float(value) for value in array.ravel().tolist()]).reshape(array.shape)  # float: complex ones fail


SLOWEST = "check_classifiers_train"


def scikit_learns_checks(*estimators: Any) -> pytest.MarkDecorator:
    """Each of scikit-learn's checks of each estimator as a test; one that is exempt must fail. `make test` has the first estimator,
    without its slowest check.

    As ``parametrize_with_checks``, whose strict exemptions came with scikit-learn 1.8.
    """
    cases = []
    for number, checked in enumerate(estimators):
        for estimator, check in estimator_checks_generator(checked):
            name = _name(check)
            marks = [pytest.mark.xfail(reason=ABOUT_NUMBERS[name], strict=True)] if name in ABOUT_NUMBERS else []
            if number or name == SLOWEST:
                marks.append(pytest.mark.check)
            cases.append(pytest.param(estimator, check, marks=marks, id=f"{type(checked).__name__}-{number}-{name}"))
    return pytest.mark.parametrize(("estimator", "check"), cases)


def names_of_checks(estimator: Any) -> set[str]:
    """Names of scikit-learn's checks of an estimator."""
    return {_name(check) for _, check in estimator_checks_generator(estimator)}


def _name(check: Any) -> str:
    while hasattr(check, "func"):  # a partial
        check = check.func
    name: str = check.__name__
    return name
