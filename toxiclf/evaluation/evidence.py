"""What figures and the page of a report are drawn from, besides the report itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.calibration import shifted
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.doubt import doubtful
from toxiclf.evaluation.figure_data import length_counts, tsne_maps
from toxiclf.evaluation.occlusion import Occluded, Score, Spans, occluded, telling_tokens
from toxiclf.evaluation.predictions import Predictions
from toxiclf.text.normalize import Normalizer

_LISTED = 300  # comments in a list of errors, over all labels
_FEWEST_LISTED = 20  # of a label
_TELLING = 400  # comments in which tokens are left out to see which tell most

KINDS = ("false_positives", "false_negatives", "least_certain")


@dataclass(frozen=True)
class Evidence:
    """Rows, scores and points of a run; what takes long is worked out when it is first asked for.

    Attributes
    ----------
    comments, predictions : the rows that the report speaks of, and what the model says of them.
    normalizer, spans : what the model reads of a comment, and spans of the tokens of a normalized one.
    score : scores of any comments, float32 (n, n_labels); None where the model has no ONNX form.
    decided : rows that the model did not learn from and thresholds were chosen on, with their scores (n, n_labels); None where
        they are not at hand.
    shifts : by how much log-odds of scores were moved to a live rate, one a label.
    points : by name of the figure.
    """

    comments: Comments
    predictions: Predictions
    thresholds: tuple[float, ...]
    seed: int
    normalizer: Normalizer
    spans: Spans
    score: Score | None
    decided: tuple[Comments, NDArray[np.float32]] | None = None
    shifts: tuple[float, ...] = ()
    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def can_explain(self) -> bool:
        """Whether any comment can be scored."""
        return self.score is not None

    @property
    def pointed(self) -> Any:
        """Comments that points are of."""
        return next((_Texts(of["texts"]) for of in self.points.values() if "texts" in of), None)

    @cached_property
    def figure_data(self) -> dict[str, Any]:
        """Points of figures."""
        found: dict[str, Any] = {
            "lengths": length_counts(self.comments.texts, self.predictions.targets, self.comments.labels)
        }
        for name, points in self.points.items():
            points = tsne_maps(points, self.seed) if name == "metric" else points
            points = {
                key: value.tolist() if isinstance(value, np.ndarray) else value
                for key, value in points.items()
                if key != "texts"
            }
            if "classes" in points:
                points["rows"] = list(range(len(points["classes"])))
            found[name] = points
        return found

    @cached_property
    def doubt(self) -> dict[str, dict[str, Any]]:
        """Labels that may be wrong, see :func:`toxiclf.evaluation.doubt.doubtful`; of the rows that thresholds were chosen on."""
        comments, scores = self.decided or (self.comments, self.predictions.scores)
        if any(self.shifts):  # labels are at the rate of the rows, so scores must be, too
            back = -np.array(self.shifts)
            scores = shifted(scores.astype(np.float64), back, exclusive=comments.exclusive).astype(np.float32)
        return doubtful(comments, scores, self.comments.labels)

    @cached_property
    def listed(self) -> dict[str, dict[str, list[int]]]:
        """By label and kind, rows to read: the surest errors first, then those nearest to the threshold."""
        found = {}
        most = max(_FEWEST_LISTED, _LISTED // len(KINDS) // len(self.comments.labels))
        for j, label in enumerate(self.comments.labels):
            scores, toxic = self.predictions.scores[:, j], self.predictions.targets[:, j] == 1
            flagged, threshold = self.predictions.flagged[:, j], np.float32(self.thresholds[j])
            wrong = {KINDS[0]: np.flatnonzero(flagged & ~toxic), KINDS[1]: np.flatnonzero(~flagged & toxic)}
            lists = {
                kind: rows[np.argsort(-abs(scores[rows] - threshold), kind="stable")] for kind, rows in wrong.items()
            }
            lists[KINDS[2]] = np.argsort(abs(scores - threshold), kind="stable")
            found[label] = {kind: rows[:most].tolist() for kind, rows in lists.items()}
        return found

    @cached_property
    def occluded(self) -> dict[int, Occluded]:
        """Listed rows, and some drawn at random, with what each of their tokens does to the score; none without ``score``."""
        if self.score is None:
            return {}
        rows = sorted({row for kinds in self.listed.values() for of in kinds.values() for row in of} | set(self._drawn))
        found = occluded([self.comments.texts[i] for i in rows], self.normalizer, self.spans, self.score)
        return dict(zip(rows, found, strict=True))

    @cached_property
    def tokens(self) -> list[dict[str, Any]]:
        """The most telling tokens of comments drawn at random, see :func:`toxiclf.evaluation.occlusion.telling_tokens`."""
        return telling_tokens([self.occluded[i] for i in self._drawn if i in self.occluded], self.comments.labels)

    @cached_property
    def _drawn(self) -> list[int]:
        count = min(_TELLING, len(self.comments))
        return sorted(np.random.default_rng(self.seed).choice(len(self.comments), count, replace=False).tolist())


@dataclass(frozen=True)
class _Texts:
    texts: Any
