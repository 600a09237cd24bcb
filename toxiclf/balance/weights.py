"""Class weights, and the classes that they are computed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import UsageError

_ALIKE = 1.001  # weights count as equal if the largest is less than this multiple of the smallest


@dataclass(frozen=True)
class ClassWeights:
    """Class weights of one classification problem.

    An independent label is a problem with two classes, without and with the label. Exclusive labels together are one
    problem with a class for each value.

    Attributes
    ----------
    names : name of each class; the first class is that of rows without a label.
    counts : number of training rows of each class.
    weights : for each class, the weight that each of its rows gets.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    weights: tuple[float, ...]


def problems(targets: NDArray[np.uint8], *, exclusive: bool) -> list[NDArray[np.intp]]:
    """Return the class of each row, (n,), for each classification problem.

    Each independent label is one problem with the classes 0 (without the label) and 1 (with the label). Exclusive
    labels together are one problem: class 0 means no label, and class j + 1 the label of column j of ``targets``.
    """
    if exclusive:
        return [np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)]
    return [column.astype(np.intp) for column in targets.T]


def rarer_rows(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether each row belongs to a rarer class, bool (n,).

    Parameters
    ----------
    y : class of each row, (n,), or 0/1 matrix of labels, (n, n_labels). All classes are rarer except the most
        frequent one; if several classes tie, the first of them in sorted order counts as the most frequent. With a
        matrix, a row belongs to a rarer class if it has a label that less than half of the rows have.

    >>> rarer_rows(np.array(["a", "b", "b", "c"])).tolist()
    [True, False, False, True]
    """
    if y.ndim == 2:
        rare = 2 * (y != 0).sum(axis=0) < len(y)
        return np.asarray((y[:, rare] != 0).any(axis=1))
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(codes != counts.argmax())


def weights_of(counts: Sequence[int] | NDArray[np.intp], setting: str, beta: float = 0.999) -> NDArray[np.float64]:
    """Return the weight that the rows of each class get, (k,); a class without rows counts as if it had one.

    Parameters
    ----------
    counts : number of rows n_c of each of the k classes; n is their sum.
    setting : "none" gives weights of 1. "balanced" gives n / (k · n_c) (King and Zeng 2001). "effective_number" gives
        (1 - beta) / (1 - beta ** n_c) (Cui et al. 2019), scaled so that the mean weight of the rows is 1.
    beta : parameter of "effective_number". Near 0, all classes get nearly the same weight; near 1, nearly the
        weights of "balanced".

    >>> weights_of([90, 10], "balanced").round(3)
    array([0.556, 5.   ])
    >>> weights_of([90, 10], "effective_number", 0.9).round(3)
    array([0.949, 1.457])
    """
    rows = np.maximum(np.asarray(counts, dtype=np.float64), 1.0)
    total = sum(counts)
    if setting == "none":
        return np.ones(len(rows))
    if setting == "balanced":
        return np.asarray(total / (len(rows) * rows))
    weights = (1 - beta) / -np.expm1(rows * np.log(beta))
    return np.asarray(weights * total / (weights * counts).sum())


def class_weights(
    targets: NDArray[np.uint8],
    labels: Sequence[str],
    negative: str | None,
    setting: str | Mapping[str, float],
    beta: float = 0.999,
) -> list[ClassWeights]:
    """Return the class weights of each problem.

    Parameters
    ----------
    targets : targets of the training rows, uint8 (n, n_labels).
    labels : names of the labels, in the order of the columns of ``targets``.
    negative : value that stands for no label if labels are exclusive; None if they are independent.
    setting : "none", "balanced" or "effective_number" as in :func:`weights_of`, or weights by class name. Classes that
        are not named get 1. With independent labels, "negative" is the name of the class without the label.
    beta : parameter of "effective_number".

    Raises
    ------
    UsageError : ``setting`` names an unknown class, a label has the name of the class without a label, or weights other
        than "none" and "balanced" are the same for all classes.
    """
    exclusive = negative is not None
    absent = negative if negative is not None else "negative"
    if not isinstance(setting, str):
        if absent in labels:
            raise UsageError(
                f"a label is called '{absent}', but balance.class_weight needs this name for comments without a label; "
                "rename the label's column"
            )
        unknown = set(setting) - {absent, *labels}
        if unknown:
            raise UsageError(
                f"balance.class_weight names '{min(unknown)}', which is not a class; use these names: "
                f"{', '.join((absent, *labels))}"
            )
    result = []
    for j, classes in enumerate(problems(targets, exclusive=exclusive)):
        names = (absent, *labels) if exclusive else (absent, labels[j])
        counts = np.bincount(classes, minlength=len(names))
        if isinstance(setting, str):
            weights = weights_of(counts, setting, beta)
        else:
            weights = np.array([setting.get(name, 1.0) for name in names])
        result.append(ClassWeights(names, tuple(counts.tolist()), tuple(weights.tolist())))
    if setting not in ("none", "balanced"):
        _check_unlike(result, setting, beta)
    return result


def _check_unlike(weights: Sequence[ClassWeights], setting: str | Mapping[str, float], beta: float) -> None:
    """Raise a UsageError if all classes of every problem have nearly the same weight."""
    if any(max(entry.weights) >= _ALIKE * min(entry.weights) for entry in weights):
        return
    if not isinstance(setting, str):
        raise UsageError(
            "balance.class_weight gives all classes the same weight, so it has no effect; leave it out, or set "
            "it to 'none'"
        )
    if all(len(set(entry.counts)) == 1 for entry in weights):
        raise UsageError(
            "balance.class_weight = effective_number has no effect, because all classes have the same number of "
            "rows; set it to 'none'"
        )
    fewest = min(min(entry.counts) for entry in weights)
    raise UsageError(
        f"balance.effective_number_beta = {beta:g} gives all classes the same weight, because even the rarest "
        f"class has {fewest:,} rows; raise it toward 1"
    )
