"""The input of checks, :class:`CheckedRun`, and their output, :class:`Finding`."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toxiclf.balance.weights import ClassWeights
    from toxiclf.datasets.comments import Comments
    from toxiclf.evaluation.bootstrap import Evaluation

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check: a code, its severity, a message, and what to do next."""

    code: str
    severity: Severity
    message: str
    next_step: str


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedRun:
    """The input of checks: details of a trained model or of an evaluated bundle.

    An unknown detail keeps its default; a check that needs this detail then yields no finding.

    Attributes
    ----------
    labels : names of the labels.
    comments : all labeled comments that were read.
    scores, targets : scores and targets of the evaluated rows, float32 and uint8 (n, n_labels).
    thresholds : decision threshold of each label.
    arg_max : whether the verdict is the class with the highest score, whatever the thresholds.
    evaluation, baseline : metrics of the model and of ngram_logistic on the same rows.
    calibration : calibration method: "platt", "isotonic" or "none".
    weights : weights of the evaluated rows, float64 (n, n_labels); None if scores are not corrected to a production
        prevalence. See :func:`toxiclf.evaluation.prevalence.prevalence_weights`.
    slices : metrics of subgroups, see :func:`toxiclf.evaluation.slices.slice_figures`.
    n_read, n_rejected : number of rows that were read from all files, and number of rejected rows among them.
    n_leaked : number of training rows removed because a test row has the same comment.
    n_truncated : number of evaluated comments that were truncated.
    n_unknown : number of evaluated comments without any token or n-gram seen in training.
    n_learned_from : number of evaluated comments that the model was trained on; None if unknown.
    personal : number of comments with a personal string of each kind, see :mod:`toxiclf.text.personal`.
    masked : whether these strings were masked.
    divergence : why training diverged, and what to change; None if it did not.
    no_graph : why the model cannot be exported to ONNX; empty if it can.
    class_weights : class weights of each label, or of all classes together if labels exclude each other.
    weights_by_hand : whether the recipe lists the class weights.
    loss, resampled : name of the loss, and whether the training rows were resampled.
    copies : number of copies that augmentation made, and the number requested; None without augmentation.
    gan : details of the rows that a GAN generated; empty without a GAN.
    objective, reached : objective of the thresholds, and whether each label reaches it.
    decision_targets : targets of the rows on which scores are calibrated and thresholds chosen, uint8 (n, n_labels).
    decision_source : where the rows of ``decision_targets`` come from: "validation" or "out_of_fold".
    train_targets, test_targets : targets of the training and test set, uint8 (n, n_labels); None without a test set.
    rates : share of each label among the rows that calibration was fitted on; empty if it is unknown.
    saved : whether a saved bundle is evaluated, so that ``--prior`` can correct its scores.
    corrected : labels whose scores are corrected to a prevalence that differs from that of the rows.
    """

    labels: Sequence[str]
    comments: Comments | None = None
    scores: NDArray[np.float32] | None = None
    targets: NDArray[np.uint8] | None = None
    thresholds: Sequence[float] = ()
    arg_max: bool = False
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
    personal: Mapping[str, int] = field(default_factory=dict)
    masked: bool = False
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
    rates: Sequence[float] = ()
    saved: bool = False
    corrected: Container[str] = ()
