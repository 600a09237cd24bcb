"""The evaluated rows with their scores; each analysis of them is computed at its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.calibration import shifted
from toxiclf.bundle.verdicts import margins
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.bootstrap import Evaluation, evaluate
from toxiclf.evaluation.explain import doubtful, telling_tokens
from toxiclf.evaluation.figure_data import figure_points, length_counts
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.sections import Doubt, FigureData, Token
from toxiclf.text.normalize import Normalizer
from toxiclf.text.occlusion import Occluded, Score, Spans, occluded

_LISTED = 300  # comments in all lists together; lists of all labels have equal size
_FEWEST_LISTED = 20  # comments in each list at least, even if there are many labels
_TELLING = 400  # comments in the sample that the most influential tokens come from

KINDS = ("false_positives", "false_negatives", "least_certain")
"""Names of the lists of comments worth reading."""


@dataclass(frozen=True)
class Explainer:
    """The parts of a model that explain its scores: its normalizer, tokenizer and scoring function.

    Attributes
    ----------
    normalizer : the model's normalizer.
    spans : function that returns the token spans of a normalized text.
    score : function that returns scores of normalized texts, float32 (n, n_labels); None without an ONNX graph.
    """

    normalizer: Normalizer
    spans: Spans
    score: Score | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredRows:
    """The evaluated rows with their scores, and all analyses of them.

    Attributes
    ----------
    name : description of the rows, such as "the test set".
    predictions : line, targets, scores and verdicts of each row.
    comments : the same rows with their texts; None if texts are not loaded.
    thresholds : decision threshold of each label.
    seed : seed of the bootstrap, and of random samples.
    exclusive : whether labels exclude each other.
    arg_max : whether the verdict is the class with the highest score.
    prior : production prevalence of each label, to which scores are corrected; None if scores are not corrected.
    n_truncated : number of comments that were truncated.
    n_unknown : number of comments without any token or n-gram seen in training.
    explainer : the parts of the model that explain scores; None if the model is not loaded.
    decided : the rows on which thresholds were chosen, and their scores (n, n_labels) by a model that did not learn
        from them (for out-of-fold scores, one model per fold); None if they are not loaded.
    shifts : for each label, what was added to the log-odds of scores to correct them to the production prevalence;
        empty if unknown.
    outputs : outputs of training for figures, see :func:`toxiclf.evaluation.figure_data.figure_points`.
    pointed : comments that the row numbers in ``figure_data`` refer to; None if texts are not loaded.
    """

    name: str
    predictions: Predictions
    thresholds: tuple[float, ...]
    seed: int
    comments: Comments | None = None
    exclusive: bool = False
    arg_max: bool = False
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
        """Names of the labels."""
        return self.predictions.labels

    @property
    def scores(self) -> NDArray[np.float32]:
        """Scores of the rows, (n, n_labels)."""
        return self.predictions.scores

    @property
    def targets(self) -> NDArray[np.uint8]:
        """0/1 targets of the rows, (n, n_labels)."""
        return self.predictions.targets

    def as_read(self, comments: Comments, rows: Sequence[int] | NDArray[np.intp]) -> list[str]:
        """Return the texts of the comments with these row numbers, normalized if the model is loaded."""
        some = comments.take(np.asarray(rows, dtype=np.intp))
        return some.texts if self.explainer is None else some.keys(self.explainer.normalizer)

    @property
    def can_explain(self) -> bool:
        """Whether the effect of tokens can be measured: texts are loaded, and the model can score changed texts."""
        return self.comments is not None and self.explainer is not None and self.explainer.score is not None

    @cached_property
    def evaluation(self) -> Evaluation:
        """Metrics of the unweighted rows."""
        return evaluate(self.scores, self.targets, self.thresholds, self.labels, seed=self.seed, arg_max=self.arg_max)

    @cached_property
    def in_production(self) -> Evaluation | None:
        """Metrics of the rows weighted to the production prevalence; None if no prevalence is set."""
        if self.prior is None:
            return None
        return evaluate(
            self.scores, self.targets, self.thresholds, self.labels,
            seed=self.seed, prior=self.prior, exclusive=self.exclusive, arg_max=self.arg_max,
        )  # fmt: skip

    @cached_property
    def figure_data(self) -> FigureData:
        """Points of figures; t-SNE maps take a few seconds to compute."""
        points = figure_points(self.outputs, self.seed)
        if self.comments is not None:
            points["lengths"] = length_counts(self.comments.texts, self.targets, self.labels)
        return points

    @cached_property
    def doubt(self) -> dict[str, Doubt]:
        """Labels that may be wrong in ``decided`` (if None, in ``comments``), as ``explain.doubtful`` finds them."""
        assert self.comments is not None  # the result has their lines
        comments, scores = self.decided or (self.comments, self.scores)
        if any(self.shifts):  # undo the correction: labels have the prevalence of the rows
            back = -np.array(self.shifts)
            scores = shifted(scores.astype(np.float64), back, exclusive=comments.exclusive).astype(np.float32)
        return doubtful(comments, scores, self.labels)

    @cached_property
    def listed(self) -> dict[str, dict[str, list[int]]]:
        """Row numbers of comments worth reading: label → name of the list, one of ``KINDS`` → row numbers.

        Two lists have the false positives and false negatives whose scores are farthest from the threshold, or from the
        highest score of the other classes if that decides; the third has the rows whose scores are nearest to it.
        """
        lists_of = {}
        most = max(_FEWEST_LISTED, _LISTED // len(KINDS) // len(self.labels))
        distances = abs(margins(self.scores, self.thresholds, arg_max=self.arg_max))
        for j, label in enumerate(self.labels):
            distance, toxic = distances[:, j], self.targets[:, j] == 1
            flagged = self.predictions.flagged[:, j]
            wrong = {KINDS[0]: np.flatnonzero(flagged & ~toxic), KINDS[1]: np.flatnonzero(~flagged & toxic)}
            lists = {kind: rows[np.argsort(-distance[rows], kind="stable")] for kind, rows in wrong.items()}
            lists[KINDS[2]] = np.argsort(distance, kind="stable")
            lists_of[label] = {kind: rows[:most].tolist() for kind, rows in lists.items()}
        return lists_of

    @cached_property
    def occluded(self) -> dict[int, Occluded]:
        """Row number → effects of tokens on the scores, for the rows in :attr:`listed` and a random sample of rows.

        Empty if texts or the model are not loaded, or if the model has no ONNX graph.
        """
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
        """The most influential tokens in a random sample of comments, as ``explain.telling_tokens`` finds them."""
        return telling_tokens([self.occluded[i] for i in self._drawn if i in self.occluded], self.labels)

    @cached_property
    def _drawn(self) -> list[int]:
        count = min(_TELLING, len(self))
        return sorted(np.random.default_rng(self.seed).choice(len(self), count, replace=False).tolist())
