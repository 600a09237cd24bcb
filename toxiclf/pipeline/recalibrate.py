"""Calibrate a bundle anew on other labeled comments; its graph stays the same."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle import store
from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.manifest import CalibratedOn, Manifest
from toxiclf.bundle.prevalence import in_words, production_prevalence
from toxiclf.bundle.score_counts import ScoreCounts
from toxiclf.datasets.comments import Comments, check_classes
from toxiclf.datasets.reading import Source, read_comments
from toxiclf.datasets.splitting import folds
from toxiclf.errors import BundleError, DataError, UsageError
from toxiclf.evaluation import learned_from
from toxiclf.evaluation.bootstrap import Evaluation, MetricRow, evaluate, paired_difference
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.moderator import Moderator, load
from toxiclf.pipeline.decision import choose_threshold, fit_calibration
from toxiclf.recipe import Recipe
from toxiclf.recipe.sections import DecisionSection
from toxiclf.report.markdown import markdown_table
from toxiclf.rows import naming
from toxiclf.text.given import mapping_given, path_given, whole_number

Floats = NDArray[np.float64]

METRICS = ("accuracy", "f1", "precision", "recall", "brier")
"""Metrics that are compared before and after calibration."""

_KEYS = ("objective", "calibrate", "prior", "folds")
_HEADING = "\n## Calibrated again\n"


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """A metric of a label with the old and with the new calibration and thresholds, each with its 95 % interval.

    Attributes
    ----------
    label, metric : str
        Names of the label and of the metric.
    before, after, change : tuple of float
        Value, and lower and upper end of its interval. ``after`` is cross-fitted: calibration and thresholds of each fold
        come from the other folds.
    """

    label: str
    metric: str
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    change: tuple[float, float, float]


@dataclass(frozen=True)
class CalibratedBundle:
    """A bundle with a new calibration and new thresholds, as :func:`toxiclf.calibrate` returns it.

    Attributes
    ----------
    moderator : Moderator
        The bundle, ready to score.
    figures : list of BeforeAndAfter
        Metrics of the comments before and after, by label.
    comments : Comments
        The comments that calibration and thresholds were fitted on.
    notes : tuple of str
        Sentences about the comments and the calibration.
    """

    moderator: Moderator
    figures: list[BeforeAndAfter]
    comments: Comments
    notes: tuple[str, ...]
    _files: Mapping[str, bytes] = field(repr=False)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the bundle to a folder, which may hold an older bundle; return the folder.

        A name that ends in ``.zip`` gives one file, as :func:`toxiclf.pack` writes it.

        Raises
        ------
        DataError
            The folder is not empty, and holds no bundle.
        """
        place = path_given(folder, "folder", "a folder to write to")
        store.save(place, self.moderator.manifest, self._files)
        return place


def calibrate(
    bundle: str | os.PathLike[str],
    comments: Source | Comments,
    *,
    decision: Mapping[str, Any] | None = None,
    seed: int = 0,
    **columns: Any,
) -> CalibratedBundle:
    """Calibrate a bundle on your own labeled comments, and choose its thresholds on them; the graph stays the same.

    A few hundred comments are enough. They should be a random sample of those that the bundle is to score. If
    they are not, set ``prior`` in ``decision`` to the share of toxic comments in production.

    Parameters
    ----------
    bundle : str or path
        Folder of the bundle, or of its run.
    comments : str, path, DataFrame or Comments
        Labeled comments with the labels of the bundle, at least ten with and ten without each label. Comments that the
        model was trained on are left out, if the bundle lies in the folder of its run, which names them.
    decision : mapping, optional
        Recipe keys of ``[decision]``: ``objective`` (default: that of the bundle, or f1; if it is named,
        exclusive labels get their verdicts by thresholds), ``calibrate`` (default: platt,
        since isotonic calibration needs a thousand comments), ``prior`` and ``folds``.
    seed : int
        Seed of the folds and of the bootstrap.
    **columns
        Columns of the file: ``text``, ``label``, ``negative`` and others of :func:`toxiclf.read_comments`.

    Returns
    -------
    CalibratedBundle
        The new bundle, and metrics of the comments before and after.

    Raises
    ------
    BundleError
        The bundle is missing or damaged.
    DataError
        The comments have other labels, or too few of them have a label.
    UsageError
        A key of ``decision`` has no effect here, or its value is wrong.

    Examples
    --------
    >>> import tempfile, toxiclf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = toxiclf.train("corpus:sample").save(folder)
    ...     own = toxiclf.Comments.of([f"꺼져 {i}" for i in range(20)] + [f"안녕 {i}" for i in range(20)], [1] * 20 + [0] * 20)
    ...     calibrated = toxiclf.calibrate(run, own)
    >>> calibrated.moderator.manifest.calibrated_on.rows
    40
    """
    folder = path_given(bundle, "bundle", "the path of a bundle, because calibrating copies its files")
    moderator = load(folder)
    manifest, files = store.read(folder)
    section = _decision(manifest, mapping_given(decision, "decision"), whole_number(seed, "seed", 0))
    if not isinstance(comments, Comments):
        comments = read_comments(comments, like=manifest, **columns)
    with naming(comments.guesses):
        _check_labels(comments, manifest)
    notes = list(comments.notes)
    known = learned_from.learned(Path(bundle), manifest.data_sha256, comments, moderator.normalizer)
    if known is not None and known.any():
        if known.all():
            raise DataError(
                f"the model was trained on all of these {len(comments):,} comments, so they cannot show how it scores "
                "new ones; label other comments"
            )
        notes.append(f"{known.sum():,} of these comments were left out, because the model was trained on them")
        comments = replace(comments.take(np.flatnonzero(~known)), rejected=comments.rejected)
    elif known is None:
        notes.append(
            "it is not known whether the model was trained on some of these comments, because the bundle is not in its "
            "run's folder"
        )
    if manifest.calibrated_on is not None and manifest.calibrated_on.data_sha256 == comments.sha256():
        notes.append(
            "the bundle was calibrated on these very comments, so its metrics before are too optimistic; compare with the older "
            "bundle"
        )
    with naming(comments.guesses):
        check_classes(comments, purpose="calibration")
    if manifest.prior is not None and section.prior == "none":
        notes.append(
            f"the bundle's {in_words(manifest.production_prevalence or {})} no longer applies: scores fit the share of "
            "toxic ones among these comments; set decision.prior to correct them"
        )
    raw = moderator.raw(comments.texts)
    fit = _Fit(comments, raw.astype(np.float64), section)
    arg_max = manifest.arg_max and "objective" not in (decision or {})
    calibration, thresholds, reached = fit.on(np.arange(len(comments)))
    crossed, bounds = np.empty(raw.shape, dtype=np.float32), np.empty(raw.shape, dtype=np.float32)
    for inside, outside in folds(comments, section.folds, seed, moderator.normalizer):
        of_fold, bounds[outside], _ = fit.on(inside)
        crossed[outside] = of_fold.apply(raw[outside])
    measured = partial(
        evaluate,
        targets=comments.targets,
        labels=comments.labels,
        seed=seed,
        prior=fit.prior,
        exclusive=comments.exclusive,
    )
    before = measured(manifest.calibration.apply(raw), thresholds=manifest.thresholds, arg_max=manifest.arg_max)
    figures = _figures(before, measured(crossed, thresholds=bounds, arg_max=arg_max), comments.labels)
    notes += [
        f"label '{label}': no threshold reaches {section.objective} on these comments; the nearest one was chosen"
        for label, fits in zip(manifest.labels, reached, strict=True)
        if not fits
    ]
    card = files["README.md"].decode("utf-8", "replace").partition(_HEADING)[0]
    card += _HEADING + _card(comments, figures)
    files = {**files, "README.md": card.encode()}
    rates = tuple(comments.targets.mean(axis=0).tolist())
    changed = manifest.model_copy(
        update={
            "calibration": calibration,
            "thresholds": thresholds,
            "exclusive_verdict": "arg_max" if arg_max else "thresholds",
            "rates": () if section.calibrate == "none" else rates,
            "prior": fit.prior,
            "score_counts": ()
            if comments.exclusive
            else tuple(ScoreCounts.of(raw[:, j], comments.targets[:, j] == 1) for j in range(len(comments.labels))),
            "objective": section.objective,
            "calibrated_on": CalibratedOn(
                rows=len(comments),
                counts=tuple(comments.counts().values()),
                data_sha256=comments.sha256(),
                bundle_seal=manifest.seal,
            ),
            "files": store.entries(files),
        }
    )
    return CalibratedBundle(moderator.with_manifest(changed), figures, comments, tuple(notes), files)


def _decision(manifest: Manifest, named: Mapping[str, Any], seed: int) -> DecisionSection:
    """Return the decision section of the calibration, in which keys that are not named are those of the bundle."""
    if unknown := [key for key in named if key not in _KEYS]:
        raise UsageError(
            f"decision.{unknown[0]} has no effect on calibrate; these keys have: "
            f"{', '.join(f'decision.{key}' for key in _KEYS)}"
        )
    try:
        stored = Recipe.load({"decision": {"objective": manifest.objective or "f1"}}).decision.objective
    except UsageError as error:
        raise BundleError(f"the objective in manifest.json is unknown: {error}") from error
    return Recipe.load({"decision": {"objective": stored, **named}}, seed=seed).decision


def _check_labels(comments: Comments, manifest: Manifest) -> None:
    if comments.labels != manifest.labels or comments.negative != manifest.negative:
        raise DataError(
            f"these comments have the labels {', '.join(comments.labels)}, but those of the bundle are "
            f"{', '.join(manifest.labels)}; label comments as in training, or train on them"
        )


@dataclass(frozen=True)
class _Fit:
    """Comments with their raw outputs, float64 (n, n_labels), and the decision section that they are fitted for."""

    comments: Comments
    raw: Floats
    section: DecisionSection

    @property
    def prior(self) -> tuple[float, ...] | None:
        """Production prevalence of each label; None if none is set."""
        if self.section.prior == "none":
            return None
        rates = self.comments.targets.mean(axis=0).tolist()
        return production_prevalence(self.section.prior, self.comments.labels, rates, exclusive=self.comments.exclusive)

    def on(self, rows: NDArray[np.intp]) -> tuple[Calibration, tuple[float, ...], tuple[bool, ...]]:
        """Fit to these rows: return calibration, thresholds, and whether each label's threshold reaches the objective."""
        raw, targets, exclusive = self.raw[rows], self.comments.targets[rows], self.comments.exclusive
        calibration = fit_calibration(raw, targets, method=self.section.calibrate, exclusive=exclusive)
        if self.prior is not None:
            calibration = calibration.at(targets.mean(axis=0).tolist(), self.prior)
        scores = calibration.apply(raw.astype(np.float32))
        weights = None if self.prior is None else prevalence_weights(targets, self.prior, exclusive=exclusive)
        chosen = [
            choose_threshold(
                scores[:, j], targets[:, j], self.section.objective, None if weights is None else weights[:, j]
            )
            for j in range(raw.shape[1])
        ]
        return calibration, tuple(t for t, _ in chosen), tuple(r for _, r in chosen)


def _figures(before: Evaluation, after: Evaluation, labels: Sequence[str]) -> list[BeforeAndAfter]:
    figures = []
    for label in labels:
        for metric in METRICS:
            old, new = (_interval(evaluation.row(metric, label)) for evaluation in (before, after))
            low, high = paired_difference(after, before, metric, label) or (np.nan, np.nan)
            figures.append(BeforeAndAfter(label, metric, old, new, (new[0] - old[0], low, high)))
    return figures


def _interval(row: MetricRow) -> tuple[float, float, float]:
    """Return value, low and high, which are defined because the comments have both classes."""
    value, low, high = (np.nan if number is None else number for number in (row.value, row.low, row.high))
    return value, low, high


def figures_table(figures: Sequence[BeforeAndAfter]) -> list[list[str]]:
    """Return the metrics before and after as rows of text, heading first; they name labels if there are several."""
    several = len({entry.label for entry in figures}) > 1

    def cell(value: float, low: float, high: float, sign: str = "") -> str:
        return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"

    lines = [
        [
            f"{entry.label}: {entry.metric}" if several else entry.metric,
            cell(*entry.before), cell(*entry.after), cell(*entry.change, "+"),
        ]
        for entry in figures
    ]  # fmt: skip
    return [["", "before", "after", "change"], *lines]


def _card(comments: Comments, figures: Sequence[BeforeAndAfter]) -> str:
    """Return the last section of the model card."""
    counts = ", ".join(f"{count:,} {label}" for label, count in comments.counts().items())
    return (
        f"\nCalibration and thresholds come from {len(comments):,} other labeled comments ({counts}), on which the metrics "
        "below were computed: with the calibration and thresholds of training, and cross-fitted.\n\n"
        + "\n".join(markdown_table(figures_table(figures))) + "\n"
    )  # fmt: skip
