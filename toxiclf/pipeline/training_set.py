"""The training set of a run, with the copies that augmentation wrote."""

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
    """Class counts of the training rows after one step of preparation.

    Attributes
    ----------
    name : what happened to them: "as given", or a method of augmentation or resampling.
    rows : their number.
    counts : how many hold each label, (n_labels,).
    """

    name: str
    rows: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, name: str, targets: NDArray[np.uint8]) -> Stage:
        """Count rows."""
        return cls(name, len(targets), tuple(targets.sum(axis=0, dtype=int).tolist()))


def check_stages(stages: Sequence[Stage]) -> None:
    """Refuse a technique that changed nothing: an option without an effect is an error.

    Raises
    ------
    DataError : there are as many rows of each class after it as before.
    """
    for before, after in pairwise(stages):
        if (before.rows, before.counts) == (after.rows, after.counts):
            raise DataError(f"{after.name} changed none of the {after.rows:,} rows; leave it out")


@dataclass(frozen=True)
class TrainingSet:
    """Training comments with their augmented copies, tokenized once.

    A fold takes its rows and the copies of these rows, so a copy is always on the same side of a fold as its comment. Copies
    are written and tokenized only once.

    Attributes
    ----------
    rows, targets : the comments, (n) and uint8 (n, n_labels).
    copies : what augmentation wrote, each with the place of its comment among the rows; None where nothing was asked for.
    copied_rows : the copies, tokenized; None where there are none.
    """

    rows: TokenizedTexts
    targets: NDArray[np.uint8]
    copies: Augmented | None = None
    copied_rows: TokenizedTexts | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: NDArray[np.intp]) -> TrainingSet:
        """Some of the comments, in the order asked for, with their copies."""
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
        """All that a fit learns from: the comments, then their copies, which have their labels."""
        if self.copies is None or self.copied_rows is None:
            return self.rows, self.targets
        targets = np.concatenate([self.targets, self.targets[self.copies.sources]])
        return self.rows.joined(self.copied_rows), targets


def write_copies(path: Path, copies: Augmented, comments: Comments) -> None:
    """Write copies as CSV for people to read: file and line of the comment, method, labels, the comment, and its copy.

    Parameters
    ----------
    comments : those that were augmented.
    """
    columns = ("file", "line", "method", "labels", "comment", "copy")
    with writing_text(path, encoding="utf-8-sig") as stream:
        writer = RowWriter(stream, columns, "csv")
        for text, source, method in zip(copies.texts, copies.sources.tolist(), copies.methods, strict=True):
            held = [label for label, target in zip(comments.labels, comments.targets[source], strict=True) if target]
            line = int(comments.lines[source])
            values = (comments.source, line, method, ", ".join(held), comments.texts[source], text)
            writer.write(dict(zip(columns, values, strict=True)))
