"""``Resampler``: adds or removes rows of a feature matrix with one label, by imbalanced-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from imblearn.base import BaseSampler
from imblearn.utils._validation import ArraysTransformer
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.sparsefuncs import min_max_axis

from toxiclf._registry import Component, components
from toxiclf.balance._fitness import FEWEST, check_differ, check_rows, checked_random_state
from toxiclf.balance.resampling import Settings
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import ResampleStep, resample_steps
from toxiclf.text.given import mapping_given, whole_number

Counts = dict[Any, int]
_NEIGHBOURS = 5


class Resampler(BaseSampler):  # type: ignore[misc]  # imbalanced-learn has no types
    """An imbalanced-learn sampler that applies one or several resamplers in order.

    Unlike imbalanced-learn's samplers, it finds resamplers by name, chains them, and raises errors that say what to do.
    In an imbalanced-learn pipeline it resamples only the rows that the pipeline is fitted to.

    Parameters
    ----------
    method : str, mapping, or sequence of these
        Names of resamplers, as ``toxiclf list resamplers`` shows them. Several are applied in order. A resampler that
        has options may be a mapping: ``{"method": "mine", "width": 3}``.
    ratio : float or sequence of float
        Number of rows of the rarer class for each row of the other class after resampling, in (0, 1]. Give one ratio
        for all resamplers, or one for each resampler that takes a ratio. With more than two classes it must be 1: all
        classes get the same number of rows.
    neighbours : int
        Number of nearest neighbors for SMOTE and its variants, ADASYN and NearMiss.
    gan : mapping or None
        Parameters of the resampler "wgan" by name, such as ``{"steps": 500}``; None for the defaults.
    random_state : int, RandomState or None
        Random seed. Tomek links and NearMiss do not use it.

    Attributes
    ----------
    steps_ : list of (str, dict, dict)
        For each resampler its name, and the number of rows of each class before and after it.
    gans_ : list
        The fitted samplers that generate rows and compare them with real rows; "wgan" is one. Each has ``facts_``, the
        results of the comparison, and ``picture_``, points for a scatter plot.

    See Also
    --------
    toxiclf.TextAugmenter : adds changed copies of comments instead of rows of a feature matrix.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(60, 2)), np.repeat([0, 1], [50, 10])
    >>> np.bincount(Resampler("smote", ratio=0.5, random_state=0).fit_resample(X, y)[1])
    array([50, 25])
    """

    sampling_strategy = "auto"  # BaseSampler reads it; here `ratio` takes its place

    def __init__(
        self, method: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any] | ResampleStep] = "smote", *,
        ratio: float | Sequence[float] = 1.0, neighbours: int = _NEIGHBOURS, gan: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:  # fmt: skip
        self.method = method
        self.ratio = ratio
        self.neighbours = neighbours
        self.gan = gan
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Resampler:
        """Check the rows and count their classes, without resampling. Not needed before :meth:`fit_resample`."""
        X, y, _ = self._check_X_y(X, y)
        self.sampling_strategy_ = _counts(y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the rows and their classes after resampling.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame, shape (n, n_features)
            The feature matrix.
        y : array-like, shape (n,)
            The class of each row. More than two classes need a ratio of 1.

        Returns
        -------
        X : array, sparse matrix or DataFrame, shape (m, n_features)
            Rows after resampling, of the same type as the given ``X``.
        y : array or Series, shape (m,)
            Their classes, of the same type as the given ``y``.

        Raises
        ------
        UsageError
            A parameter is not valid, or none of the resamplers uses it.
        DataError
            The rows cannot be resampled: there is only one class, a class has fewer than six rows or too few for
            ``neighbours``, all rows of the rarest class are equal, or the ratio is already reached.
        """
        check_classification_targets(y)
        kinds = ArraysTransformer(X, y)
        X, y, one_against_all = self._check_X_y(X, y)
        self.sampling_strategy_ = _counts(y)
        X, y = self._resampled(X, y)
        if one_against_all:
            y = np.eye(len(self.sampling_strategy_), dtype=np.intp)[np.searchsorted(sorted(self.sampling_strategy_), y)]
        return kinds.transform(X, y)  # type: ignore[no-any-return]

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        return self._resampled(X, y)

    def _resampled(self, X: Any, y: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
        plan = self._plan()
        checked_random_state(self.random_state)
        looks = any("neighbours" in step.component["keys"] for step, _ in plan)
        _check(X, y, self.neighbours if looks else 0)
        self.steps_: list[tuple[str, Counts, Counts]] = []
        self.gans_: list[Any] = []
        for step, ratio in plan:
            before = _counts(y)
            _check_ratio(step.component, ratio, before)
            sampler = step.component.target(
                Settings(
                    ratio, len(before), self.neighbours, self.random_state, mapping_given(self.gan, "gan"), step.options
                )
            )
            try:
                X, y = sampler.fit_resample(X, y)
            except (ValueError, RuntimeError) as error:
                raise DataError(f"{step.method} cannot resample these rows ({error}); try another method") from error
            self.steps_.append((step.method, before, _counts(y)))
            if hasattr(sampler, "facts_"):
                self.gans_.append(sampler)
        return X, y

    def _plan(self) -> list[tuple[ResampleStep, float]]:
        """Return each step with its ratio (1.0 if it takes none); raise a UsageError if a parameter is invalid."""
        steps = resample_steps(_checked_list("method", self.method, str | Mapping | ResampleStep))
        names, keys = (
            ", ".join(step.method for step in steps),
            {key for step in steps for key in step.component["keys"]},
        )
        takers = [step.method for step in steps if "ratio" in step.component["keys"]]
        ratios = [float(ratio) for ratio in _checked_list("ratio", self.ratio, Real)]
        if len(ratios) not in (1, len(takers)) or not all(0 < ratio <= 1 for ratio in ratios):
            each = f", or one for each of {', '.join(takers)}" if takers else ""
            raise UsageError(f"ratio is {self.ratio}; give one number above 0, at most 1{each}")
        if not takers and ratios != [1.0]:
            raise UsageError(f"ratio has no effect on {names}; leave it out")
        if whole_number(self.neighbours, "neighbours", 1) != _NEIGHBOURS and "neighbours" not in keys:
            raise UsageError(f"neighbours has no effect on {names}; leave it out")
        if self.gan is not None and not any(key.startswith("gan_") for key in keys):
            raise UsageError(f"gan has no effect on {names}; leave it out")
        left = iter(ratios if len(ratios) > 1 else ratios * len(takers))
        return [(step, next(left) if "ratio" in step.component["keys"] else 1.0) for step in steps]


def _checked_list(name: str, value: Any, kind: Any) -> Sequence[Any]:
    """Return ``value``, one item or several, as a sequence; raise a UsageError if an item is not a ``kind``."""
    values: Sequence[Any] = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not values or not all(isinstance(one, kind) and not isinstance(one, bool) for one in values):
        what = "a number above 0, at most 1" if kind is Real else f"one of {', '.join(components('resampler'))}"
        raise UsageError(f"{name} is {value!r}; give {what}, or a list of them")
    return values


def _counts(y: NDArray[Any]) -> Counts:
    return dict(Counter(y.tolist()))


def _check(X: Any, y: NDArray[Any], neighbours: int) -> None:
    counts = {f"{value}": count for value, count in _counts(y).items()}
    check_rows(counts, "resampling", FEWEST)
    if min(counts.values()) <= neighbours:
        raise DataError(
            f"resampling with {neighbours} neighbors needs {neighbours + 1} rows of each class, but a fit has "
            f"only {min(counts.values())} of the rarer class; lower neighbours, or label more comments"
        )
    values, numbers = np.unique(y, return_counts=True)
    rows: Any = X[y == values[numbers.argmin()]]
    least, most = min_max_axis(rows, 0) if sp.issparse(rows) else (rows.min(axis=0), rows.max(axis=0))
    check_differ(2 if (least != most).any() else 1, int(numbers.min()), "resampling")


def _check_ratio(method: Component, ratio: float, counts: Counts) -> None:
    """Raise an error if the classes already reach the ratio, or if the ratio is not 1 for three or more classes."""
    if "ratio" not in method["keys"]:
        return
    fewer, more = min(counts.values()), max(counts.values())
    if len(counts) > 2 and ratio != 1.0:
        raise UsageError(f"ratio {ratio:g} needs two classes, but there are {len(counts)}; leave it out")
    wanted = int(fewer / ratio) <= more if method["undersamples"] else fewer <= int(more * ratio)
    if not wanted:
        raise DataError(
            f"{method.name} should reach {ratio:g} rows of the rarer class for each row of the other class, but "
            f"there are already {fewer / more:.4g}; raise the ratio, or leave {method.name} out"
        )
