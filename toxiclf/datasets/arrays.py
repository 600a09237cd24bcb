"""Convert ``X`` and ``y`` of a scikit-learn estimator to comments and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, column_or_1d

from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import Recipe
from toxiclf.text.given import described, given_texts


def checked_texts(X: Any) -> list[str]:
    """Return the comments in ``X`` as a list of strings.

    Parameters
    ----------
    X : n strings in a list, tuple, Series or array, or in the only column of an array or DataFrame.

    Raises
    ------
    TextsError : ``X`` is a single string, has several columns, or holds a value that is not a string.

    >>> checked_texts(np.array([["안녕하세요"], ["반가워요"]]))
    ['안녕하세요', '반가워요']
    """
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        X = np.asarray(X, dtype=object).ravel()
    return given_texts(X, "X")


@dataclass(frozen=True)
class Labels:
    """Labels and targets made from ``y``.

    Attributes
    ----------
    classes : ``classes_`` of the estimator: the sorted classes, or the column numbers of a matrix of labels.
    order : positions in ``classes``, in a new order: first the class that is not toxic, then the others. For a matrix
        of labels, the positions of all columns.
    targets, names, negative, label_map : as in :class:`toxiclf.Comments`, where ``names`` is called ``labels``.
    """

    classes: NDArray[Any]
    order: NDArray[np.intp]
    targets: NDArray[np.uint8]
    names: tuple[str, ...]
    negative: str | None = None
    label_map: LabelMap = field(default_factory=LabelMap)

    def with_names(self, recipe: Recipe) -> Recipe:
        """Return the recipe with class weights and production prevalences keyed by label name instead of class."""
        weights, prior = recipe.balance.class_weight, recipe.decision.prior
        if len(self.names) == len(self.classes):
            return recipe
        none, *classes = (str(self.classes[c]) for c in self.order)
        known = dict(zip(classes, self.names, strict=True))
        changed = {}
        if not isinstance(weights, str):
            by_class = {**known, none: self.negative or "negative"}
            changed["balance.class_weight"] = {by_class.get(name, name): weight for name, weight in weights.items()}
        if isinstance(prior, Mapping):  # of labels only
            changed["decision.prior"] = {known.get(name, name): rate for name, rate in prior.items()}
        return recipe.changed(changed) if changed else recipe

    def comments(self, texts: list[str]) -> Comments:
        rows = np.arange(len(texts))
        return Comments(texts, self.targets, self.names, self.negative, rows, "y", label_map=self.label_map)


def labels_of(y: Any, texts: list[str], place_of_negative: Callable[[list[Any]], int]) -> Labels:
    """Convert ``y`` (classes, or a 0/1 matrix of independent labels) to labels and targets.

    Parameters
    ----------
    place_of_negative : function that takes the sorted classes and returns the position of the one that is not toxic.

    Raises
    ------
    UsageError : ``y`` is None, holds values that are not classes (such as None), or has several columns of classes.
    DataError : ``y`` holds only one class.
    ValueError : ``y`` has another number of rows than ``texts``, or scikit-learn rejects its values.
    """
    if y is None:
        raise UsageError(
            "ToxicClassifier requires y to be passed, but the target y is None; give one class per comment"
        )
    check_consistent_length(texts, y)
    values = y if hasattr(y, "toarray") else np.asarray(y)  # a matrix of labels may be sparse
    if values.dtype == object:
        for row, value in enumerate(values.ravel()):
            if not isinstance(value, str | Number | np.generic) or value != value:
                raise UsageError(f"row {row} of y is {described(value)}; expected a class: leave out rows without one")
    assert_all_finite(values, input_name="y")
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind == "multilabel-indicator":
        targets = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        names = getattr(y, "columns", [f"label_{j}" for j in range(targets.shape[1])])
        columns = np.arange(targets.shape[1])
        return Labels(columns, columns, targets.astype(np.uint8), tuple(map(str, names)))
    if kind not in ("binary", "multiclass"):
        raise UsageError(f"y is {kind}; expected one class per comment, or a 0/1 matrix of independent labels")
    classes, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"ToxicClassifier needs comments of at least 2 classes, but y contains only one class: {classes.tolist()[0]!r}"
        )
    first = place_of_negative(classes.tolist())
    order = np.array([first, *(c for c in range(len(classes)) if c != first)])
    targets = (codes[:, None] == order[1:]).astype(np.uint8)
    none, *names = (str(classes[c]) for c in order)
    if len(classes) > 2:
        return Labels(classes, order, targets, tuple(names), none, LabelMap(negative=(none,)))
    if first == 0 and np.isin(classes, (0, 1)).all():  # False and True, too
        return Labels(classes, order, targets, ("toxic",))
    name = names[0] if isinstance(classes[0], str) else "toxic"
    return Labels(classes, order, targets, (name,), label_map=LabelMap(positive=(names[0],)))
