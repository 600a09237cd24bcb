"""Scored rows and their analyses, each computed at its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.calibration import shifted
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.bootstrap import Evaluation, evaluate
from toxiclf.evaluation.explain import Occluded, Score, Spans, doubtful, occluded, telling_tokens
from toxiclf.evaluation.figure_data import figure_points, length_counts
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.sections import Doubt, FigureData, Token
from toxiclf.text.normalize import Normalizer

_LISTED = 300  # comments in a list of errors, over all labels
_FEWEST_LISTED = 20  # of a label
_TELLING = 400  # comments in which tokens are left out to see which tell most

KINDS = ("false_positives", "false_negatives", "least_certain")
"""Lists of comments to read."""


@dataclass(frozen=True)
class Explainer:
    """The parts of a model that explanations need: normalizer, tokens and scores.

    Attributes
    ----------
    spans : of the tokens of a normalized text.
    score : scores of normalized texts, float32 (n, n_labels); None where the model has no ONNX form.
    """

    normalizer: Normalizer
    spans: Spans
    score: Score | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredRows:
    """The evaluated rows with their scores.

    Attributes
    ----------
    name : which rows they are, in words.
    predictions : place, targets and scores of each.
    comments : the same rows with their texts; None where they are not at hand.
    thresholds : one a label.
    seed : of the bootstrap, and of what is drawn at random.
    exclusive : whether labels exclude each other.
    prior : the prevalence of each label that scores are for; None where it is that of the rows.
    n_truncated, n_unknown : comments that were cut, and those that hold nothing known from training.
    explainer : None where the model is not at hand.
    decided : rows that the model did not learn from and thresholds were chosen on, with their scores (n, n_labels); None where
        they are not at hand.
    shifts : by how much log-odds of scores were moved to another prevalence, one a label.
    outputs : what training collected for figures, see :func:`toxiclf.evaluation.figure_data.figure_points`.
    pointed : the comments behind the points of figures.
    """

    name: str
    predictions: Predictions
    thresholds: tuple[float, ...]
    seed: int
    comments: Comments | None = None
    exclusive: bool = False
    prior: Sequence[float] | None = None
    n_truncated: int = 0
    n_unknown: int = 0
    explainer: Explainer | None = None
    decided: tuple[Comments, NDArray[np.float32]] | None = None
    shifts: tuple[float, ...] = ()
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pointed: Comments | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a label."""
        return self.predictions.labels

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n, n_labels)."""
        return self.predictions.scores

    @property
    def targets(self) -> NDArray[np.uint8]:
        """(n, n_labels)."""
        return self.predictions.targets

    def as_read(self, comments: Comments, rows: Sequence[int] | NDArray[np.intp]) -> list[str]:
        """Normalized texts of some comments; as they were written, if the model is not at hand."""
        some = comments.take(np.asarray(rows, dtype=np.intp))
        return some.texts if self.explainer is None else some.keys(self.explainer.normalizer)

    @property
    def can_explain(self) -> bool:
        """Whether changed comments can be scored, which shows what a token does."""
        return self.comments is not None and self.explainer is not None and self.explainer.score is not None

    @cached_property
    def evaluation(self) -> Evaluation:
        """Figures of the rows as they are."""
        return evaluate(self.scores, self.targets, self.thresholds, self.labels, seed=self.seed)

    @cached_property
    def in_production(self) -> Evaluation | None:
        """Figures of the rows weighted to the prevalence that scores are for; None where it is that of the rows."""
        if self.prior is None:
            return None
        return evaluate(
            self.scores, self.targets, self.thresholds, self.labels,
            seed=self.seed, prior=self.prior, exclusive=self.exclusive,
        )  # fmt: skip

    @cached_property
    def figure_data(self) -> FigureData:
        """Points of figures; maps take a few seconds."""
        points = figure_points(self.outputs, self.seed)
        if self.comments is not None:
            points["lengths"] = length_counts(self.comments.texts, self.targets, self.labels)
        return points

    @cached_property
    def doubt(self) -> dict[str, Doubt]:
        """Labels that may be wrong, of the rows that thresholds were chosen on; see :func:`toxiclf.evaluation.explain.doubtful`."""
        assert self.comments is not None  # their lines are named
        comments, scores = self.decided or (self.comments, self.scores)
        if any(self.shifts):  # labels are at the rate of the rows, so scores must be, too
            back = -np.array(self.shifts)
            scores = shifted(scores.astype(np.float64), back, exclusive=comments.exclusive).astype(np.float32)
        return doubtful(comments, scores, self.labels)

    @cached_property
    def listed(self) -> dict[str, dict[str, list[int]]]:
        """Rows to read, by label and list: the most confident errors, and the rows nearest to the threshold."""
        lists_of = {}
        most = max(_FEWEST_LISTED, _LISTED // len(KINDS) // len(self.labels))
        for j, label in enumerate(self.labels):
            scores, toxic = self.scores[:, j], self.targets[:, j] == 1
            flagged, threshold = self.predictions.flagged[:, j], np.float32(self.thresholds[j])
            wrong = {KINDS[0]: np.flatnonzero(flagged & ~toxic), KINDS[1]: np.flatnonzero(~flagged & toxic)}
            lists = {
                kind: rows[np.argsort(-abs(scores[rows] - threshold), kind="stable")] for kind, rows in wrong.items()
            }
            lists[KINDS[2]] = np.argsort(abs(scores - threshold), kind="stable")
            lists_of[label] = {kind: rows[:most].tolist() for kind, rows in lists.items()}
        return lists_of

    @cached_property
    def occluded(self) -> dict[int, Occluded]:
        """The effect of each token on the score, for listed rows and a random sample; empty without a model."""
        if self.comments is None or self.explainer is None or self.explainer.score is None:
            return {}
        rows = sorted(
            {row for kinds in self.listed.values() for numbers in kinds.values() for row in numbers} | set(self._drawn)
        )
        effects = occluded(
            self.as_read(self.comments, rows), self.explainer.normalizer, self.explainer.spans, self.explainer.score
        )
        return dict(zip(rows, effects, strict=True))

    @cached_property
    def tokens(self) -> list[Token]:
        """The most influential tokens in a random sample of comments; see :func:`toxiclf.evaluation.explain.telling_tokens`."""
        return telling_tokens([self.occluded[i] for i in self._drawn if i in self.occluded], self.labels)

    @cached_property
    def _drawn(self) -> list[int]:
        count = min(_TELLING, len(self))
        return sorted(np.random.default_rng(self.seed).choice(len(self), count, replace=False).tolist())
