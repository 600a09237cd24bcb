"""Estimate the share of toxic comments among comments without labels (quantification); needs only the base install."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.prevalence import LEAST, percent
from toxiclf.errors import DataError, UsageError
from toxiclf.moderator import Moderator, load
from toxiclf.text.given import check_list, whole_number

Floats = NDArray[np.float64]

FEWEST = 100
"""Fewest comments that a share is estimated from."""

_RESAMPLES = 1000
_CHUNK = 8192  # comments scored at a time
_SMOOTHING = 0.25  # added to each count, so that no bin excludes a class; least bias of 0.05 to 0.5 in simulations
_BINS = 200  # of scores, for a bundle without counts
_LIKELY = 1.92  # fall of the log-likelihood at the ends of a 95 % interval: half of the 95 % quantile of chi-squared
_RARE, _FAR = 0.01, 0.05  # p value and distance at which scores are not a mixture of the two classes


@dataclass(frozen=True, slots=True)
class PrevalenceEstimate:
    """The estimated share of comments that have a label, with its 95 % interval.

    Attributes
    ----------
    label : str
        Name of the label.
    n_comments : int
        Number of comments that the share is estimated from.
    share, low, high : float
        Share by EM, the maximum likelihood (Saerens, Latinne and Decaestecker 2002), and its 95 % interval.
    pacc, pacc_low, pacc_high : float or None
        Share by the probabilistic adjusted count (Bella et al. 2010), and its interval; None for an old bundle.
    distance : float or None
        Share of comments whose scores no mixture of toxic and other held-out comments explains, beyond chance; None for
        an old bundle.
    reliable : bool
        False if the scores differ from those of the held-out comments in more than the share of toxic ones. The
        estimates may then be far off.
    note : str
        What to know about the estimate, in a sentence; empty if there is nothing.
    """

    label: str
    n_comments: int
    share: float
    low: float
    high: float
    pacc: float | None
    pacc_low: float | None
    pacc_high: float | None
    distance: float | None
    reliable: bool
    note: str

    @property
    def prior(self) -> float:
        """The share to correct scores to, as ``prior``: ``share``, or ``high`` if no share above 0 is likely."""
        return float(f"{max(self.share if self.share >= LEAST else self.high, LEAST):.3g}")

    def as_dict(self) -> dict[str, Any]:
        """Return the estimate as a dictionary of plain JSON types."""
        return asdict(self)


def estimate_prevalence(
    moderator: Moderator | str | os.PathLike[str], texts: Iterable[str], *, seed: int = 0
) -> dict[str, PrevalenceEstimate]:
    """Estimate the share of comments that have each label, from comments without labels.

    Raw outputs are counted in bins. The counts are compared with those of held-out comments with the label and without
    it, which the bundle stores. The share is that at which a mixture of the two is most likely. Intervals are bootstrap
    intervals over the comments and over the held-out comments; that of the share also holds every share that the
    likelihood ratio does not exclude.

    Parameters
    ----------
    moderator : Moderator or path
        A moderator, or the folder of its bundle. A production prevalence that is already set makes no difference.
    texts : iterable of str
        At least 100 comments, drawn at random from those whose share is wanted.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict of str to PrevalenceEstimate
        One estimate for each label.

    Raises
    ------
    TextsError
        ``texts`` is a single string, a table, a mapping or a set, or holds a value that is not a string.
    UsageError
        ``seed`` is not a whole number of at least 0; or labels exclude each other, or the bundle has neither
        counts nor calibrated scores with known prevalence.
    DataError
        There are fewer than 100 comments, or the model cannot tell the label apart on its held-out comments.

    Examples
    --------
    >>> import toxiclf
    >>> comments = toxiclf.read_comments("corpus:sample")
    >>> moderator = toxiclf.train(comments).moderator
    >>> estimate = toxiclf.estimate_prevalence(moderator, comments.texts)["toxic"]
    >>> estimate.low <= estimate.share <= estimate.high
    True
    """
    check_list(texts)
    rng = np.random.default_rng(whole_number(seed, "seed", 0))
    moderator = moderator if isinstance(moderator, Moderator) else load(moderator)
    manifest = moderator.manifest
    _check(manifest)
    comments, parts = iter(texts), []
    while chunk := list(islice(comments, _CHUNK)):
        parts.append(moderator.raw(chunk))
    raw = np.concatenate([np.empty((0, len(manifest.labels)), dtype=np.float32), *parts])
    if len(raw) < FEWEST:
        raise DataError(
            f"a share cannot be estimated from {len(raw)} comments; give at least {FEWEST}, better a thousand, drawn at "
            "random"
        )
    estimates = _by_counts if manifest.score_counts else _by_scores
    return {label: estimates(manifest, j, raw, rng) for j, label in enumerate(manifest.labels)}


def _check(manifest: Manifest) -> None:
    """Raise a UsageError if shares cannot be estimated with this bundle, whatever the comments."""
    if manifest.calibration.exclusive:
        raise UsageError(
            "the labels of this bundle exclude each other, and their shares cannot be estimated yet; train with "
            "--positive, so that the toxic values make one label"
        )
    if not manifest.score_counts and (manifest.calibration.method == "none" or not manifest.rates):
        raise UsageError(
            "this bundle stores neither the scores of held-out comments nor the share of toxic ones at its calibration, "
            "so the share cannot be estimated; train it again"
        )


def _by_counts(manifest: Manifest, j: int, raw: NDArray[np.float32], rng: np.random.Generator) -> PrevalenceEstimate:
    """Estimate the share of label ``j`` from raw outputs (n, n_labels) and the counts in the manifest."""
    label, stored = manifest.labels[j], manifest.score_counts[j]
    toxic, others, live = (
        np.array(counts, dtype=np.float64) for counts in (stored.toxic, stored.others, stored.count(raw[:, j]))
    )
    drawn_toxic, drawn_others, drawn = (_resampled(counts, rng) for counts in (toxic, others, live))
    ratios = _ratios(toxic, others)
    share = float(_most_likely(ratios, live)[0])
    low, high = _likely(ratios, live, _most_likely(_ratios(drawn_toxic, drawn_others), drawn))
    scores = (
        stored.scores(manifest.calibration.at(manifest.rates, manifest.rates), j)
        if manifest.rates
        else (stored.scores(manifest.calibration, j))
    )
    pacc, contrast = _adjusted(scores, toxic, others, live)
    adjusted, contrasts = _adjusted(scores, drawn_toxic, drawn_others, drawn)
    if contrast[0] <= 0 or np.quantile(contrasts, 0.025) <= 0:
        raise DataError(
            f"label '{label}': the model cannot tell the {int(toxic.sum())} held-out comments with the label from the "
            f"{int(others.sum())} others, so no share can be estimated; label more comments, or train another model"
        )
    distance, reliable = _distance(toxic, others, live, share, rng)
    note = (
        ""
        if reliable
        else (
            f"label '{label}': these comments differ from those of training in more than the share of toxic ones: no mixture "
            f"of toxic and other held-out comments explains {percent(round(distance, 3))} of their scores. The estimate may "
            "be far off; label a few hundred of them, and use toxiclf calibrate."
        )
    )
    return PrevalenceEstimate(
        label, len(raw), share, low, high, float(pacc[0]), *_interval(adjusted), distance, reliable, note
    )


def _by_scores(manifest: Manifest, j: int, raw: NDArray[np.float32], rng: np.random.Generator) -> PrevalenceEstimate:
    """Estimate the share of label ``j`` from calibrated scores alone, for a bundle without counts."""
    label, rate = manifest.labels[j], manifest.rates[j]
    scores = np.sort(manifest.calibration.at(manifest.rates, manifest.rates).apply(raw)[:, j].astype(np.float64))
    bins = np.array_split(scores, min(_BINS, len(scores)))
    means, sizes = np.array([part.mean() for part in bins]), np.array([float(len(part)) for part in bins])
    means = np.clip(means, 1e-6, 1 - 1e-6)
    ratios = (means / (1 - means) * (1 - rate) / rate if 0 < rate < 1 else np.ones_like(means))[None]
    share = float(_most_likely(ratios, sizes)[0])
    low, high = _likely(ratios, sizes, _most_likely(ratios, _resampled(sizes, rng)))
    note = (
        f"label '{label}': this bundle stores no scores of held-out comments, so the estimate is by EM alone, its "
        "interval is too narrow, and nothing shows whether the comments differ from those of training; train it again"
    )
    return PrevalenceEstimate(label, len(raw), share, low, high, None, None, None, None, True, note)


def _resampled(counts: Floats, rng: np.random.Generator) -> Floats:
    """Return bootstrap resamples of counts, (resamples, n_bins)."""
    total = counts.sum()
    return rng.multinomial(int(total), counts / max(total, 1.0), size=_RESAMPLES).astype(np.float64)


def _shares(counts: Floats) -> Floats:
    """Return the smoothed share of comments in each bin, (…, n_bins)."""
    smooth = counts + _SMOOTHING
    return np.asarray(smooth / smooth.sum(axis=-1, keepdims=True))


def _ratios(toxic: Floats, others: Floats) -> Floats:
    """Return the likelihood ratio of each bin: share of toxic comments in it / share of other comments."""
    return np.atleast_2d(_shares(toxic) / _shares(others))


def _most_likely(ratios: Floats, live: Floats) -> Floats:
    """Return the share of toxic comments with the highest likelihood in each row of counts, (rows,).

    EM (Saerens, Latinne and Decaestecker 2002) converges to the same share, but slowly. The likelihood has one maximum,
    so bisection of its derivative finds it.
    """
    excess, live = ratios - 1.0, np.atleast_2d(live)
    low, high = np.zeros(len(live)), np.ones(len(live))
    for _ in range(40):
        middle = (low + high) / 2
        rises = (live * excess / (1.0 + middle[:, None] * excess)).sum(axis=1) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.asarray(np.where(high < 1e-9, 0.0, (low + high) / 2))


def _likely(ratios: Floats, live: Floats, drawn: Floats) -> tuple[float, float]:
    """Return the interval of the share: the bootstrap interval, widened to the shares that the likelihood ratio allows.

    Where no comment looks toxic, no resample has one that does, so the bootstrap alone would say 0 for certain.
    """
    shares = np.linspace(0, 1, 10_001)
    likelihood = np.log1p(shares[:, None] * (ratios - 1.0)) @ live
    allowed = shares[likelihood >= likelihood.max() - _LIKELY]
    low, high = _interval(drawn)
    return min(low, float(allowed[0])), max(high, float(allowed[-1]))


def _adjusted(scores: Floats, toxic: Floats, others: Floats, live: Floats) -> tuple[Floats, Floats]:
    """Return the probabilistic adjusted count (Bella et al. 2010) of each row of counts, and its denominator.

    The mean score of the comments is placed between the mean scores of the two classes.
    """
    of_toxic, of_others, of_live = (
        np.atleast_1d(counts @ scores / counts.sum(axis=-1)) for counts in (toxic, others, live)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(np.nan_to_num((of_live - of_others) / (of_toxic - of_others)), 0.0, 1.0), of_toxic - of_others


def _distance(
    toxic: Floats, others: Floats, live: Floats, share: float, rng: np.random.Generator
) -> tuple[float, bool]:
    """Return how far the scores are from a mixture of the two classes, and whether they can be such a mixture.

    The distance is the total variation between the comments and the fitted mixture, less its mean under the parametric
    bootstrap, which draws all counts anew from the fitted mixture.
    """

    def variation(toxic: Floats, others: Floats, live: Floats, share: Floats) -> Floats:
        mixture = share[:, None] * _shares(toxic) + (1 - share[:, None]) * _shares(others)
        return np.asarray(abs(live / live.sum(axis=-1, keepdims=True) - mixture).sum(axis=1) / 2)

    seen = float(variation(toxic, others, live, np.array([share]))[0])
    mixture = share * _shares(toxic) + (1 - share) * _shares(others)
    drawn_toxic, drawn_others, drawn = (
        rng.multinomial(int(total), shares, size=_RESAMPLES).astype(np.float64)
        for total, shares in (
            (toxic.sum(), _shares(toxic)), (others.sum(), _shares(others)), (live.sum(), mixture / mixture.sum()),
        )
    )  # fmt: skip
    by_chance = variation(drawn_toxic, drawn_others, drawn, _most_likely(_ratios(drawn_toxic, drawn_others), drawn))
    distance = max(0.0, seen - float(by_chance.mean()))
    return distance, bool((by_chance >= seen).mean() >= _RARE or distance < _FAR)


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
