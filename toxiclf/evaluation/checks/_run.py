"""The input and the result of checks."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toxiclf.balance.weights import ClassWeights
    from toxiclf.evaluation.bootstrap import Evaluation

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: its code, a sentence, and the next step."""

    code: str
    severity: Severity
    message: str
    next_step: str


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedRun:
    """Details of a run or of an evaluated bundle, for checks. A fact that is not known has its default, which gives no finding.

    Attributes
    ----------
    labels : one name a label.
    scores, targets : of the evaluated rows, float32 and uint8 (n, n_labels).
    thresholds : one a label.
    evaluation, baseline : figures of the model and of ngram_logistic on the same rows.
    calibration : "platt", "isotonic" or "none".
    weights : float64 (n, n_labels), of evaluated rows where scores are for another prevalence; see
        :func:`toxiclf.evaluation.prevalence.prevalence_weights`.
    slices : see :func:`toxiclf.evaluation.slices.slice_figures`.
    n_read, n_rejected : rows of all sets, and how many of them were rejected.
    n_leaked : training rows that hold the same comment as a test row.
    n_truncated, n_unknown : evaluated comments that were cut, and those that hold nothing known from training.
    n_learned_from : evaluated comments that the model has learned from.
    divergence : what broke training down, and what helps.
    no_graph : why the model has no ONNX form.
    class_weights, weights_by_hand : class weights of each problem; whether the recipe gives them by class.
    loss, resampled : the loss, and whether rows were resampled.
    copies : how many copies augmentation made, and how many were asked for.
    gan : details of generated rows.
    objective, reached : the objective of thresholds, and whether each label reaches it.
    decision_targets, decision_source : targets of the rows that calibration and thresholds were fitted to, uint8 (n, n_labels);
        which rows these are.
    train_targets, test_targets : uint8 (n, n_labels), of a split with a test set.
    corrected : labels whose scores are for another prevalence than that of the rows.
    """

    labels: Sequence[str]
    scores: NDArray[np.float32] | None = None
    targets: NDArray[np.uint8] | None = None
    thresholds: Sequence[float] = ()
    evaluation: Evaluation | None = None
    baseline: Evaluation | None = None
    calibration: str = ""
    weights: NDArray[np.float64] | None = None
    slices: Sequence[Mapping[str, Any]] = ()
    n_read: int = 0
    n_rejected: int = 0
    n_leaked: int = 0
    n_truncated: int = 0
    n_unknown: int = 0
    n_learned_from: int | None = None
    divergence: tuple[str, str] | None = None
    no_graph: str = ""
    class_weights: Sequence[ClassWeights] = ()
    weights_by_hand: bool = False
    loss: str = "crossentropy"
    resampled: bool = False
    copies: tuple[int, int] | None = None
    gan: Mapping[str, Any] = field(default_factory=dict)
    objective: str | float = ""
    reached: Sequence[bool] = ()
    decision_targets: NDArray[np.uint8] | None = None
    decision_source: str = ""
    train_targets: NDArray[np.uint8] | None = None
    test_targets: NDArray[np.uint8] | None = None
    corrected: Container[str] = ()
