"""Write and read ``predictions.csv``: the scores of labeled comments, without their texts."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toxiclf._files import writing_text
from toxiclf.bundle.verdicts import flags
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError
from toxiclf.rows import RowWriter
from toxiclf.rows.writer import NUMBER

FILE = "predictions.csv"
"""Name of the file in a run's folder."""

_PLACE = ("file", "line", "text_sha256")
_OF_LABEL = ("target", "score", "flagged")
_LINE = re.compile("[0-9]{1,18}")
_HASH = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Predictions:
    """Scores and verdicts of a model for labeled comments.

    Attributes
    ----------
    source : name of the corpus, or of the file without its folders.
    lines : line of each comment in that file, counted from 1, intp (n,).
    hashes : first 16 hexadecimal digits of the SHA-256 of each comment's text, not normalized, in UTF-8.
    labels : names of the labels.
    targets : whether people gave the comment the label, uint8 (n, n_labels).
    scores : scores of the model, float32 (n, n_labels).
    flagged : whether the verdict of the model has the label, see :func:`toxiclf.bundle.verdicts.flags`, bool
        (n, n_labels).

    >>> comments = Comments.of(["고맙습니다", "꺼져"], [0, 1])
    >>> of = Predictions.of(comments, np.array([[0.1], [0.8]], np.float32), [0.5])
    >>> of.hashes[0], of.flagged[:, 0].tolist()
    ('df3145eb9e053a1e', [False, True])
    """

    source: str
    lines: NDArray[np.intp]
    hashes: tuple[str, ...]
    labels: tuple[str, ...]
    targets: NDArray[np.uint8]
    scores: NDArray[np.float32]
    flagged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def of(
        cls, comments: Comments, scores: NDArray[np.float32], thresholds: Sequence[float], *, arg_max: bool = False
    ) -> Predictions:
        """Make predictions from comments, their scores (n, n_labels) and the threshold of each label.

        ``arg_max`` is whether the class with the highest score is the verdict instead.
        """
        hashes = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] for text in comments.texts)
        flagged = flags(scores, thresholds, arg_max=arg_max)
        return cls(comments.source, comments.lines, tuple(hashes), comments.labels, comments.targets, scores, flagged)

    def rows_sha256(self) -> str:
        """Return the SHA-256 of label names, text hashes and targets in row order; file and lines do not matter."""
        digest = hashlib.sha256("\0".join(self.labels).encode())
        digest.update("".join(self.hashes).encode())
        digest.update(self.targets.tobytes())
        return digest.hexdigest()

    def write(self, folder: Path) -> None:
        """Write ``predictions.csv``; an interrupted write leaves no partial file.

        Scores have nine significant digits, so that reading them gives the same float32 (IEEE 754).
        """
        with writing_text(folder / FILE, encoding="utf-8-sig") as stream:
            writer = RowWriter(stream, _columns(self.labels), "csv")
            for row in self._rows():
                writer.write(dict(zip(_columns(self.labels), row, strict=True)))

    def _rows(self) -> Iterator[list[object]]:
        columns = zip(
            self.lines.tolist(), self.hashes, self.targets.tolist(), self.scores.tolist(), self.flagged.tolist(),
            strict=True,
        )  # fmt: skip
        for line, text, targets, scores, flagged in columns:
            of_labels = zip(targets, (f"{score:.9g}" for score in scores), flagged, strict=True)
            yield [self.source, line, text, *(cell for label in of_labels for cell in label)]


def read(folder: Path, labels: Sequence[str]) -> Predictions:
    """Read ``predictions.csv`` of a run.

    Parameters
    ----------
    folder : folder of the run.
    labels : labels of the run, in the order of its report.

    Raises
    ------
    DataError : the file is missing, or :meth:`Predictions.write` cannot have written its content.
    """
    path = folder / FILE
    lines: list[int] = []
    sources: list[str] = []
    hashes: list[str] = []
    cells: list[list[list[str]]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            if next(rows, []) != _heading(labels):
                raise _damaged(path, 1, f"the columns are not those of the labels {', '.join(labels)}")
            for row in rows:
                if reason := _fault(row, len(labels)):
                    raise _damaged(path, rows.line_num, reason)
                sources.append(row[0])
                lines.append(int(row[1]))
                hashes.append(row[2])
                cells.append([row[3::3], row[4::3], row[5::3]])
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore the file, or train or evaluate again") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise _damaged(path, rows.line_num or 1, str(error)) from error
    if not sources:
        raise _damaged(path, 1, "it holds no row")
    if len(set(sources)) != 1:
        raise _damaged(path, 1, f"the rows come from {len(set(sources))} files instead of 1")
    targets, scores, flagged = np.array(cells).transpose(1, 0, 2)
    return Predictions(
        sources[0], np.array(lines, dtype=np.intp), tuple(hashes), tuple(labels), targets.astype(np.uint8),
        scores.astype(np.float64).astype(np.float32), flagged == "1",
    )  # fmt: skip


def _columns(labels: Sequence[str]) -> list[str]:
    return [*_PLACE, *(f"{label}.{what}" for label in labels for what in _OF_LABEL)]


def _heading(labels: Sequence[str]) -> list[str]:
    """Return the header row as it is written: names that a spreadsheet would run as formulas get an apostrophe."""
    stream = io.StringIO()
    RowWriter(stream, _columns(labels), "csv")
    return next(csv.reader(io.StringIO(stream.getvalue(), newline="")))


def _fault(row: Sequence[str], labels: int) -> str | None:
    """Return why a row of ``predictions.csv`` is not valid, or None if it is; ``labels`` is the number of labels."""
    width = len(_PLACE) + len(_OF_LABEL) * labels
    if len(row) != width:
        return f"{len(row)} fields instead of {width}"
    if not _LINE.fullmatch(row[1]):
        return f"the line is {row[1]!r}"
    if not _HASH.fullmatch(row[2]):
        return f"text_sha256 is {row[2]!r}, not 16 hexadecimal digits"
    for target, score, flagged in zip(row[3::3], row[4::3], row[5::3], strict=True):
        if target not in ("0", "1"):
            return f"a target is {target!r}, neither 0 nor 1"
        if not NUMBER.fullmatch(score) or not 0 <= float(score) <= 1:
            return f"a score is {score!r}, not a number in [0, 1]"
        if flagged not in ("0", "1"):
            return f"flagged is {flagged!r}, neither 0 nor 1"
    return None


def _damaged(path: Path, line: int, reason: str) -> DataError:
    return DataError(
        f"{path}, line {line}: {reason}; it was cut or changed after it was written: train or evaluate again"
    )
