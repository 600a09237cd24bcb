"""Choose a calibration and thresholds from raw outputs of held-out rows, and compute distances from a threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from toxiclf.bundle.calibration import Calibration, LabelCalibration, shares_of, shifted
from toxiclf.evaluation.prevalence import f_beta

Floats = NDArray[np.float64]
Method = Literal["platt", "isotonic", "none"]

_ROUNDING = 1e-12  # tolerance for rounding errors of weights, and of shares of their sums


def fit_calibration(raw: Floats, targets: NDArray[np.uint8], *, method: Method, exclusive: bool) -> Calibration:
    """Fit a calibration, the map from raw outputs to scores in [0, 1].

    Parameters
    ----------
    raw : raw outputs of held-out rows, (n, n_labels).
    targets : 0/1 labels of the same rows, (n, n_labels).
    method : "platt" (Platt 1999, with his smoothed targets; for exclusive labels, its softmax form, vector scaling),
        "isotonic" (Zadrozny and Elkan 2002), or "none".
    """
    columns = raw.shape[1]
    if method == "none":
        labels = [LabelCalibration()] * columns
    elif method == "isotonic":
        labels = _isotonic(shares_of(raw, exclusive=True) if exclusive else raw, targets)
    elif exclusive:
        labels = _lines(raw, targets, exclusive=True)
    else:
        labels = [_lines(raw[:, [j]], targets[:, [j]], exclusive=False)[0] for j in range(columns)]
    return Calibration(method=method, exclusive=exclusive, labels=tuple(labels))


def _lines(raw: Floats, targets: NDArray[np.uint8], *, exclusive: bool) -> list[LabelCalibration]:
    """Find the slopes (above 0) and intercepts that map raw outputs to log-odds with the lowest cross-entropy."""
    columns = raw.shape[1]
    spread = np.maximum(raw.std(axis=0), 1e-12)
    centre = raw.mean(axis=0)
    scaled = (raw - centre) / spread
    counts = np.append(targets.sum(axis=0), len(targets) - (targets.any(axis=1)).sum())
    # Platt's smoothed targets: (k + 1) / (k + 2) for the k rows of a class, 1 / (m + 2) for the m others, never 0 or 1
    wanted = np.column_stack([targets, ~targets.any(axis=1)]).astype(np.float64)
    wanted = np.where(wanted > 0, (counts + 1) / (counts + 2), 1 / (len(targets) - counts + 2))
    wanted /= wanted.sum(axis=1, keepdims=True)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slopes, intercepts = parameters[:columns], parameters[columns:]
        shares = shares_of(scaled * slopes + intercepts, exclusive=exclusive)
        rest = 1 - shares.sum(axis=1)
        value = -(wanted[:, :-1] * np.log(shares + 1e-300)).sum() - (wanted[:, -1] * np.log(rest + 1e-300)).sum()
        error = shares - wanted[:, :-1]
        return value / len(raw), np.concatenate([(error * scaled).mean(axis=0), error.mean(axis=0)])

    start = np.concatenate([np.ones(columns), np.zeros(columns)])
    bounds = [(1e-6, None)] * columns + [(None, None)] * columns
    fitted = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000, "ftol": 1e-12}
    ).x
    slopes, intercepts = fitted[:columns] / spread, fitted[columns:]
    intercepts = intercepts - slopes * centre
    return [LabelCalibration(slope=a, intercept=b) for a, b in zip(slopes.tolist(), intercepts.tolist(), strict=True)]


def _isotonic(values: Floats, targets: NDArray[np.uint8]) -> list[LabelCalibration]:
    labels = []
    for j in range(values.shape[1]):
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(values[:, j], targets[:, j])
        labels.append(
            LabelCalibration(
                knots_raw=tuple(curve.X_thresholds_.tolist()), knots_score=tuple(curve.y_thresholds_.tolist())
            )
        )
    return labels


def choose_threshold(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], objective: str | float, weights: Floats | None = None
) -> tuple[float, bool]:
    """Choose the threshold of one label that meets the objective best.

    Parameters
    ----------
    scores, targets : scores and 0/1 labels of held-out rows, (n,).
    objective : see :class:`toxiclf.recipe.DecisionSection`; a number is itself the threshold.
    weights : weight of each row, (n,), above 0; None weighs all rows equally. With the weights of
        :func:`toxiclf.evaluation.prevalence.prevalence_weights`, precision and share of flags are those in production.
        A required precision, recall or share of flags may then be missed by up to 1e-12, because sums of weights are
        rounded.

    Returns
    -------
    threshold : the middle between two neighboring scores, between 0 and the lowest score, or between the highest score
        and 1; a comment is flagged if its score is at least the threshold.
    reached : False if no threshold has the precision, recall or share of flags that the objective requires; the
        threshold is then the one that comes closest.
    """
    if isinstance(objective, float):
        return objective, True
    if weights is not None and np.all(
        np.abs(weights - 1) <= _ROUNDING
    ):  # production prevalence and prevalence of the rows are equal
        weights = None
    order = np.argsort(-scores, kind="stable")
    counts = np.ones(len(scores)) if weights is None else weights[order]
    ranked, toxic = scores[order], targets[order] == 1
    last = np.append(ranked[1:] != ranked[:-1], True)  # no threshold lies between equal scores
    flagged = np.append(0, np.flatnonzero(last) + 1)
    if len(ranked) and ranked[0] >= 1.0:  # every threshold in [0, 1] flags a score of 1
        flagged = flagged[1:]
    tp = np.append(0.0, np.cumsum(counts * toxic))
    fp = np.append(0.0, np.cumsum(counts * ~toxic))
    positives, total = tp[-1], tp[-1] + fp[-1]
    tp, fp = tp[flagged], fp[flagged]
    fn, tn = positives - tp, total - positives - fp
    name, _, rate = objective.partition("=")
    reached, slack = True, _ROUNDING if rate and weights is not None else 0.0
    if rate:
        precision = np.divide(tp, tp + fp, out=np.ones_like(tp), where=flagged > 0)
        recall = tp / (positives or 1.0)
        bound, value = (recall, precision) if name == "precision_at_recall" else (precision, recall)
        least = float(rate)
        if name == "flag_rate":
            bound, least = -(tp + fp) / total, -least
        bound = np.where(flagged > 0, bound, -2.0)  # a threshold that flags nothing never reaches the rate
        fits = bound >= least - slack
        reached = bool(fits.any())
        value = np.where(fits, value, -1.0) if reached else bound
    else:
        value = _VALUES[name](tp, fp, fn, tn)
    ties = np.flatnonzero(value >= value.max() - slack)
    # among equal values: the most flags for precision_at_recall or if no threshold reaches the rate, else the fewest
    best = int(ties[-1 if rate and (name == "precision_at_recall" or not reached) else 0])
    upper = float(ranked[flagged[best] - 1]) if flagged[best] else 1.0
    lower = float(ranked[flagged[best]]) if flagged[best] < len(ranked) else 0.0
    middle = float(np.float32((upper + lower) / 2))
    return (middle if middle > lower else upper), reached


_VALUES: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "f1": lambda tp, fp, fn, tn: f_beta(tp, fp, fn, 1),
    "f2": lambda tp, fp, fn, tn: f_beta(tp, fp, fn, 2),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    "f1_macro": lambda tp, fp, fn, tn: (f_beta(tp, fp, fn, 1) + f_beta(tn, fn, fp, 1)) / 2,
}


def margins_of(raw: NDArray[np.float32], calibration: Calibration, thresholds: NDArray[np.float32]) -> Floats:
    """Compute signed distances of outputs from their thresholds, (n, n_labels), above 0 if a label is flagged.

    A distance is the log-odds of the score minus the log-odds of the threshold. With isotonic calibration, it is the
    raw output minus the lowest raw output that is flagged. If all outputs of a label are flagged, or none is, all
    distances have the same sign and keep the order of the outputs.
    """
    below = np.nextafter(thresholds, np.float32(-np.inf)).astype(np.float64)
    edges = (below + thresholds) / 2  # a score above the middle of the two is rounded up to the float32 threshold
    margins = np.empty(raw.shape)
    for j, (label, edge) in enumerate(zip(calibration.labels, edges, strict=True)):
        values = raw[:, j].astype(np.float64)
        if calibration.method == "isotonic":
            cut = _first_raw(label, _before_shift(float(edge), label.shift))
        else:
            values = values * label.slope + label.intercept + label.shift
            cut = _log_odds(edge) if edge > 0 else -np.inf
        if np.isfinite(cut):
            margins[:, j] = values - cut
        else:  # all are flagged, or none: the sign is the same for all, and the order is kept
            margins[:, j] = -np.sign(cut) * np.logaddexp(0, -np.sign(cut) * values)
    return margins


def raw_threshold(threshold: float, calibration: Calibration, j: int = 0) -> float | None:
    """Return the lowest raw output that is flagged for label ``j``; None if all or no raw outputs are flagged.

    Labels must be independent.
    """
    label = calibration.labels[j]
    if calibration.method == "isotonic":
        edge = _first_raw(label, _before_shift(threshold, label.shift))
    else:
        edge = (_log_odds(threshold) - label.intercept - label.shift) / label.slope if 0 < threshold < 1 else np.inf
    return edge if np.isfinite(edge) else None


def _before_shift(score: float, shift: float) -> float:
    """Return the score before ``shift`` was added to its log-odds."""
    return float(shifted(np.array([[score]]), np.array([-shift]), exclusive=False)[0, 0]) if shift else score


def _first_raw(label: LabelCalibration, score: float) -> float:
    """Return the lowest raw output that is calibrated to at least ``score``; -inf if all are, inf if none is."""
    raws, scores = np.array(label.knots_raw), np.array(label.knots_score)
    i = int(np.searchsorted(scores, score))
    if i in (0, len(scores)):
        return -np.inf if i == 0 else np.inf
    return float(np.interp(score, scores[i - 1 : i + 1], raws[i - 1 : i + 1]))


def class_log_odds(raw: NDArray[np.floating[Any]], calibration: Calibration) -> Floats:
    """Compute, for exclusive labels, the log-odds of each class against all others, (n, n_classes).

    The first class is the one that is not toxic.
    """
    if calibration.method == "isotonic":
        scores = calibration.apply(raw).astype(np.float64)
        least = np.finfo(float).eps
        result: Floats = _log_odds(np.clip(np.column_stack([1.0 - scores.sum(axis=1), scores]), least, 1 - least))
        return result
    slopes, intercepts, shift = np.array([(c.slope, c.intercept, c.shift) for c in calibration.labels]).T
    log_odds = np.column_stack([np.zeros(len(raw)), raw * slopes + intercepts + shift])
    others = [np.logaddexp.reduce(np.delete(log_odds, c, axis=1), axis=1) for c in range(log_odds.shape[1])]
    return np.asarray(log_odds - np.column_stack(others))


def _log_odds(probability: Any) -> Any:
    return np.log(probability) - np.log1p(-probability)
