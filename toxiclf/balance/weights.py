"""Class weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import UsageError


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


def class_weights(
    targets: NDArray[np.uint8], labels: Sequence[str], negative: str | None, setting: str | Mapping[str, float]
) -> list[ClassWeights]:
    """Weights for each problem: "balanced" n / (k · n_c) (King and Zeng 2001), "none" 1, or explicit by name.

    Parameters
    ----------
    targets : of the training rows, uint8 (n, n_labels).
    negative : the negative value of exclusive labels, None for independent ones (then called "negative" in ``setting``).

    Raises
    ------
    UsageError : ``setting`` names what is no class.
    """
    exclusive = negative is not None
    absent = negative if negative is not None else "negative"
    if not isinstance(setting, str):
        if absent in labels:
            raise UsageError(
                f"a label is called '{absent}', so balance.class_weight cannot tell it apart; rename its column"
            )
        unknown = set(setting) - {absent, *labels}
        if unknown:
            raise UsageError(
                f"balance.class_weight names '{min(unknown)}'; the classes are: {', '.join((absent, *labels))}"
            )
    result = []
    for j, classes in enumerate(problems(targets, exclusive=exclusive)):
        names = (absent, *labels) if exclusive else (absent, labels[j])
        counts = np.bincount(classes, minlength=len(names))
        if setting == "balanced":
            weights = len(classes) / (len(names) * np.maximum(counts, 1))
        else:
            table = {} if isinstance(setting, str) else setting
            weights = np.array([table.get(name, 1.0) for name in names])
        result.append(ClassWeights(names, tuple(counts.tolist()), tuple(weights.tolist())))
    return result
