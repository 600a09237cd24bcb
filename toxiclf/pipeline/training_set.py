"""The training set of a run with its augmented copies, and its row counts after each technique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toxiclf._files import writing_text
from toxiclf.balance.augmentation import Augmented
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError
from toxiclf.features.texts import TokenizedTexts
from toxiclf.rows import RowWriter


@dataclass(frozen=True)
class Stage:
    """Row counts of the training set, as given or after a technique.

    Attributes
    ----------
    name : "as given"; the method of augmentation or resampling; or, for one-class models, "without the label".
    rows : number of rows.
    counts : number of rows with each label, (n_labels,).
    """

    name: str
    rows: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, name: str, targets: NDArray[np.uint8]) -> Stage:
        """Count the rows of ``targets``, (n, n_labels), and the rows with each label."""
        return cls(name, len(targets), tuple(targets.sum(axis=0, dtype=int).tolist()))


def check_stages(stages: Sequence[Stage]) -> None:
    """Raise an error if a technique had no effect.

    Raises
    ------
    DataError : a technique changed neither the number of rows nor the number of rows with any label.
    """
    for before, after in pairwise(stages):
        if (before.rows, before.counts) == (after.rows, after.counts):
            raise DataError(f"{after.name} changed none of the {after.rows:,} rows; leave it out")


@dataclass(frozen=True)
class TrainingSet:
    """Training comments with their augmented copies, tokenized once for all fits.

    A fold contains only copies of its own comments, so a copy and its comment are never in different folds.
    Copies are made and tokenized once, not in each fold, and comments and copies share their n-grams.

    Attributes
    ----------
    rows, targets : the n tokenized comments, and their targets, uint8 (n, n_labels).
    copies : augmented copies; ``copies.sources`` holds the position of each copy's comment in ``rows``. None without
        augmentation.
    copied_rows : the tokenized copies; None without augmentation.
    """

    rows: TokenizedTexts
    targets: NDArray[np.uint8]
    copies: Augmented | None = None
    copied_rows: TokenizedTexts | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: NDArray[np.intp]) -> TrainingSet:
        """Return the comments at the positions ``chosen``, in that order, with their copies."""
        rows, targets, copies = self.rows.take(chosen), self.targets[chosen], self.copies
        if copies is None or self.copied_rows is None:
            return TrainingSet(rows, targets)
        places = np.full(len(self), -1)
        places[chosen] = np.arange(len(chosen))
        inside = np.flatnonzero(places[copies.sources] >= 0)
        some = replace(
            copies,
            texts=[copies.texts[i] for i in inside],
            sources=places[copies.sources[inside]],
            methods=[copies.methods[i] for i in inside],
        )
        return TrainingSet(rows, targets, some, self.copied_rows.take(inside))

    def with_copies(self) -> tuple[TokenizedTexts, NDArray[np.uint8]]:
        """Return the rows to fit to (comments, then copies) and their targets; a copy has its comment's labels."""
        if self.copies is None or self.copied_rows is None:
            return self.rows, self.targets
        targets = np.concatenate([self.targets, self.targets[self.copies.sources]])
        return self.rows.joined(self.copied_rows), targets


def write_copies(path: Path, copies: Augmented, comments: Comments) -> None:
    """Write augmented copies to a CSV file: file and line of the comment, method, labels, comment, and copy.

    Parameters
    ----------
    comments : the comments that the copies were made from.
    """
    columns = ("file", "line", "method", "labels", "comment", "copy")
    with writing_text(path, encoding="utf-8-sig") as stream:
        writer = RowWriter(stream, columns, "csv")
        for text, source, method in zip(copies.texts, copies.sources.tolist(), copies.methods, strict=True):
            held = [label for label, target in zip(comments.labels, comments.targets[source], strict=True) if target]
            line = int(comments.lines[source])
            values = (comments.source, line, method, ", ".join(held), comments.texts[source], text)
            writer.write(dict(zip(columns, values, strict=True)))
