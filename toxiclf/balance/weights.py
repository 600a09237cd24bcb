"""Class weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import UsageError

_ALIKE = 1.001  # times the least weight


@dataclass(frozen=True)
class ClassWeights:
    """Weights of the classes of one problem: a label and its absence, or all values of exclusive labels.

    Attributes
    ----------
    names : of the classes; the negative one first.
    counts : number of training rows of each class.
    weights : weight of a row of each class.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    weights: tuple[float, ...]


def problems(targets: NDArray[np.uint8], *, exclusive: bool) -> list[NDArray[np.intp]]:
    """Targets as class numbers: one vector of 0/1 a label, or one vector of 0 (negative), 1, 2, … for exclusive labels."""
    if exclusive:
        return [np.where(targets.any(axis=1), targets.argmax(axis=1) + 1, 0)]
    return [column.astype(np.intp) for column in targets.T]


def rarer_rows(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are of the rarer classes, bool (n,).

    Parameters
    ----------
    y : classes (n,), of which all but the most frequent are rarer (of equal ones, all but the first in order); or 0/1 (n, k),
        where a label is rare that less than half of the rows hold.

    >>> rarer_rows(np.array(["a", "b", "b", "c"])).tolist()
    [True, False, False, True]
    """
    if y.ndim == 2:
        rare = 2 * (y != 0).sum(axis=0) < len(y)
        return np.asarray((y[:, rare] != 0).any(axis=1))
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(codes != counts.argmax())


def weights_of(counts: Sequence[int] | NDArray[np.intp], setting: str, beta: float = 0.999) -> NDArray[np.float64]:
    """Weight of a row of each class, by how many rows the classes have; a class without rows is taken to have one.

    Parameters
    ----------
    counts : rows of each class, (k,), of n in all.
    setting : "none", 1; "balanced", n / (k · n_c) (King and Zeng 2001); "effective_number", (1 - beta) / (1 - beta ** n_c) (Cui et
        al. 2019), scaled so that the mean over rows is 1.
    beta : of "effective_number"; toward 0 all classes weigh the same, toward 1 it becomes "balanced".

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
    """Weights for each problem, by :func:`weights_of` or explicit by name.

    Parameters
    ----------
    targets : of the training rows, uint8 (n, n_labels).
    negative : the negative value of exclusive labels, None for independent ones (then called "negative" in ``setting``).

    Raises
    ------
    UsageError : ``setting`` names what is no class, or is asked for (other than "balanced") and weighs all classes alike.
    """
    exclusive = negative is not None
    absent = negative if negative is not None else "negative"
    if not isinstance(setting, str):
        if absent in labels:
            raise UsageError(
                f"a label is called '{absent}', which balance.class_weight needs for the negative value; rename "
                "its column"
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
    """Refuse weights that say nothing."""
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
        f"balance.effective_number_beta = {beta:g} gives all classes the same weight, because the rarest has "
        f"{fewest:,} rows; raise it toward 1"
    )
