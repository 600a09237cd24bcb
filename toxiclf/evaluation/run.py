"""Measure a bundle on labelled comments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf.bundle.live_rate import Prior
from toxiclf.bundle.manifest import Manifest
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.reading import read_comments
from toxiclf.errors import ToxiclfError
from toxiclf.evaluation import checks, learned
from toxiclf.evaluation.analysis import analysis_of
from toxiclf.evaluation.decision import live_weights
from toxiclf.evaluation.evidence import Evidence
from toxiclf.evaluation.metrics import evaluate
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import Report, remove_report
from toxiclf.evaluation.saved import read_report
from toxiclf.moderator import load
from toxiclf.rows import Rejected, write_rejected

_SEED = 0  # of the bootstrap: the same rows give the same intervals


@dataclass(frozen=True)
class EvaluatedBundle:
    """A bundle's report on some labelled comments, with its predictions and the rows that were set aside."""

    report: Report
    rejected: tuple[tuple[str, Rejected], ...]
    predictions: Predictions

    def save(self, folder: Path, *, comments: bool = True) -> None:
        """Write the report, predictions.csv and rejected.csv, in place of earlier ones; without ``comments`` the report
        leaves out their texts.
        """
        folder.mkdir(parents=True, exist_ok=True)
        remove_report(folder)
        if self.rejected:
            write_rejected(folder / "rejected.csv", self.rejected)
        self.predictions.write(folder)
        self.report.write(folder, comments=comments)


def evaluate_bundle(
    bundle: str | os.PathLike[str],
    comments: str | os.PathLike[str] | Comments,
    *,
    prior: Prior | None = None,
    **columns: Any,
) -> EvaluatedBundle:
    """Score labelled comments with a bundle and compute its report.

    Parameters
    ----------
    bundle : folder of the bundle.
    comments : a file, ``corpus:NAME`` (its test part, if it has one) or comments.
    prior : the share of live comments that are toxic, as in :func:`toxiclf.load`. Figures are of the comments as they are, and of
        the same comments weighted to that share; so they are where the bundle was trained with a prior, too.
    columns : text, label, negative and positive, as in :func:`toxiclf.datasets.reading.read_comments`.

    Raises
    ------
    BundleError, DataError, UsageError : the bundle or the comments do not fit.
    """
    moderator = load(bundle, prior=prior)
    manifest = moderator.manifest
    if not isinstance(comments, Comments):
        comments = read_comments(comments, part="test", like=manifest, **columns)
    verdicts = moderator.check(comments.texts)
    scores = np.array([[entry.score for entry in verdict.entries] for verdict in verdicts], dtype=np.float32)
    evaluation = evaluate(scores, comments.targets, manifest.thresholds, manifest.labels, seed=_SEED)
    live, weights = None, None
    if manifest.prior is not None:
        exclusive = manifest.calibration.exclusive
        weights = live_weights(comments.targets, manifest.prior, exclusive=exclusive)
        live = evaluate(
            scores, comments.targets, manifest.thresholds, manifest.labels,
            seed=_SEED, prior=manifest.prior, exclusive=exclusive,
        )  # fmt: skip
    predictions = Predictions.of(comments, scores, manifest.thresholds)
    rejected = comments.rejected
    truncated = sum(verdict.truncated for verdict in verdicts)
    unknown = sum(verdict.no_known_tokens for verdict in verdicts)
    analysis = analysis_of(comments, scores, manifest.thresholds, moderator.normalizer, None)
    if curves := _curves_of_training(Path(bundle), manifest):
        analysis["thresholds"] = curves
    evidence = Evidence(
        comments, predictions, manifest.thresholds, _SEED, moderator.normalizer, moderator.spans, moderator.score,
        shifts=tuple(label.shift for label in manifest.calibration.labels),
    )  # fmt: skip
    findings = [
        *checks.check_scores(scores, comments.targets, manifest.thresholds, evaluation, manifest.labels),
        *checks.check_calibration(scores, comments.targets, manifest.labels, manifest.calibration.method, weights),
        *checks.check_rows(len(rejected), len(comments) + len(rejected), 0, truncated, unknown, len(comments)),
    ]
    known = learned.overlap(Path(bundle), manifest.data_sha256, comments.texts, moderator.normalizer)
    if known is None and comments.sha256() == manifest.data_sha256:
        known = len(comments)
    findings += checks.check_slices(analysis["slices"], manifest.labels)
    findings[:0] = checks.check_learned(known, len(comments))
    report = Report(
        model=manifest.model,
        evaluated_on=comments.source,
        labels=manifest.labels,
        rows=evaluation.rows,
        confusion=evaluation.confusion,
        baseline_rows=[],
        thresholds=dict(zip(manifest.labels, manifest.thresholds, strict=True)),
        data={
            "source": comments.source,
            "notes": list(comments.notes),
            "rejected": len(rejected),
            "parts": {"evaluated": {"rows": len(comments), "classes": comments.counts()}},
            "class_weights": [],
            "evaluated_sha256": predictions.rows_sha256(),
            "learned_from": known,
        },
        findings=findings,
        recipe={},
        seed=_SEED,
        versions=manifest.versions,
        live_rate=manifest.live_rate or {},
        live_rows=[] if live is None else live.rows,
        analysis=analysis,
        evidence=evidence,
    )
    return EvaluatedBundle(report, rejected, predictions)


def _curves_of_training(bundle: Path, manifest: Manifest) -> dict[str, Any] | None:
    """What each threshold gives on the rows that training chose thresholds on, as the run's report has it.

    None where that is not known: the bundle does not lie in its run's folder, or scores are corrected to another live rate.
    """
    folder = bundle if (bundle / "report.json").is_file() else bundle.resolve().parent
    try:
        report = read_report(folder)
    except ToxiclfError:
        return None
    same = (
        report.data.get("sha256") == manifest.data_sha256
        and report.labels == manifest.labels
        and tuple(report.thresholds.values()) == manifest.thresholds
        and (report.live_rate or None) == manifest.live_rate
    )
    curves: dict[str, Any] | None = report.analysis.get("thresholds") if same else None
    return curves
