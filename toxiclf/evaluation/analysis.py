"""Compute the analyses that ``report.json`` has besides metrics: threshold curves, calibration and subgroups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.sections import Analysis, Bin, Calibrated, Curve
from toxiclf.evaluation.slices import slice_figures, slice_rows
from toxiclf.text.normalize import Normalizer

_Scores = NDArray[np.float32]

_EVEN = 100  # steps of evenly spaced thresholds
_OF_TOXIC = 150  # thresholds at quantiles of the scores of toxic rows, where recall changes
_OF_OTHERS = 50  # thresholds at quantiles of the scores of the other rows
_BINS = 10


def analysis_of(
    comments: Comments,
    scores: _Scores,
    flagged: NDArray[np.bool_],
    thresholds: Sequence[float],
    normalizer: Normalizer,
    decided: tuple[str, _Scores, NDArray[np.uint8]] | None,
) -> Analysis:
    """Compute the analyses of a report that take little time: calibration, subgroups and threshold curves.

    :meth:`toxiclf.evaluation.report.Report.analysed` adds the slow analyses.

    Parameters
    ----------
    comments, scores, flagged : the evaluated rows, their scores, and whether they are flagged, (n, n_labels).
    thresholds : decision threshold of each label.
    normalizer : normalizes the texts, from which subgroups are made.
    decided : description, scores and targets of the rows on which thresholds may be chosen; None if unknown, or if no
        threshold decides.

    Returns
    -------
    A dict with ``calibration``, the result of :func:`calibration_curve`, and ``slices``, the metrics of subgroups. If
    ``decided`` is given, it also has ``thresholds``, a dict with two keys: ``rows``, the description of the rows, and
    ``labels``, the result of :func:`threshold_curve`.
    """
    subgroups = list(slice_rows(comments.keys(normalizer), comments.group_column, comments.groups))
    analysis: Analysis = {
        "calibration": calibration_curve(scores, comments.targets, comments.labels),
        "slices": slice_figures(subgroups, scores, comments.targets, flagged, comments.labels),
    }
    if decided is not None:
        rows, decision_scores, targets = decided
        curves = threshold_curve(decision_scores, targets, thresholds, comments.labels)
        analysis["thresholds"] = {"rows": rows, "labels": curves}
    return analysis


def threshold_curve(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], thresholds: Sequence[float], labels: Sequence[str]
) -> dict[str, Curve]:
    """Count true and false positives of each label at about 300 thresholds, including its decision threshold.

    Parameters
    ----------
    scores, targets : scores and targets of the rows on which thresholds may be chosen, (n, n_labels).
    thresholds : decision threshold of each label.

    Returns
    -------
    For each label: ``toxic`` and ``others``, the number of rows with the label and without it; ``threshold``, a list in
    ascending order; ``tp`` and ``fp``, for each threshold the number of rows with a score >= threshold, separately for
    rows with the label (``tp``) and without it (``fp``). Negatives follow from these: fn = toxic - tp,
    tn = others - fp.
    """
    curves: dict[str, Curve] = {}
    for j, label in enumerate(labels):
        toxic = targets[:, j] == 1
        cuts = _cuts(scores[:, j], toxic, thresholds[j])
        ranked = {value: np.sort(scores[toxic == value, j]) for value in (True, False)}
        flagged = {value: len(column) - np.searchsorted(column, cuts, side="left") for value, column in ranked.items()}
        curves[label] = {
            "toxic": len(ranked[True]), "others": len(ranked[False]), "threshold": cuts.astype(np.float64).tolist(),
            "tp": flagged[True].tolist(), "fp": flagged[False].tolist(),
        }  # fmt: skip
    return curves


def _cuts(scores: NDArray[np.float32], toxic: NDArray[np.bool_], threshold: float) -> NDArray[np.float32]:
    """Return the thresholds of a label's curve, in ascending order.

    They are evenly spaced values from 0 to 1, quantiles of the scores of rows with the label (``toxic``) and without
    it, and the decision threshold (``threshold``).
    """
    parts = [np.linspace(0, 1, _EVEN + 1), np.array([threshold])]
    for column, count in ((scores[toxic], _OF_TOXIC), (scores[~toxic], _OF_OTHERS)):
        if len(column):
            parts.append(np.quantile(column, np.linspace(0, 1, count), method="higher"))
    return np.unique(np.concatenate(parts).astype(np.float32))


def calibration_curve(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], labels: Sequence[str]
) -> dict[str, Calibrated]:
    """Compute the reliability curve and the expected calibration error of each label.

    Returns
    -------
    For each label ``bins`` and ``ece``. ``bins`` are ten groups of rows with similar scores, of equal size (fewer
    groups if many scores are equal). Each has the mean ``score``, the ``share`` of rows that have the label, and the
    number of ``rows``. ``ece`` is the expected calibration error: the mean of |score - share| over groups, weighted by
    their number of rows (Naeini, Cooper and Hauskrecht 2015).
    """
    calibrated: dict[str, Calibrated] = {}
    for j, label in enumerate(labels):
        column, toxic = scores[:, j].astype(np.float64), targets[:, j] == 1
        edges = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1], method="higher"))
        group_of = np.searchsorted(edges, column, side="right")
        bins: list[Bin] = []
        for group in np.unique(group_of):
            rows = group_of == group
            bins.append(
                {"score": float(column[rows].mean()), "share": float(toxic[rows].mean()), "rows": int(rows.sum())}
            )
        ece = sum(entry["rows"] * abs(entry["score"] - entry["share"]) for entry in bins) / len(column)
        calibrated[label] = {"bins": bins, "ece": ece}
    return calibrated
