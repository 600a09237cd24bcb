"""Evaluate a saved bundle on labeled comments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf.bundle.folder import newest
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.prevalence import Prior
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.reading import read_comments
from toxiclf.errors import ToxiclfError
from toxiclf.evaluation import learned_from
from toxiclf.evaluation.analysis import analysis_of
from toxiclf.evaluation.checks import CheckedRun, run_checks
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.scored import Explainer, ScoredRows
from toxiclf.moderator import load
from toxiclf.pipeline.own_share import own_shares
from toxiclf.pipeline.reporting import figures_of
from toxiclf.pipeline.save import save_run, today
from toxiclf.rows import write_rejected

_SEED = 0  # of the bootstrap; fixed, so that the same rows give the same confidence intervals


def evaluate_bundle(
    bundle: str | os.PathLike[str],
    comments: str | os.PathLike[str] | Comments,
    *,
    prior: Prior | None = None,
    **columns: Any,
) -> Report:
    """Score labeled comments with a bundle and return the report; ``scored_rows`` of the report holds the comments.

    Parameters
    ----------
    bundle : folder of the bundle.
    comments : path of a file, ``corpus:NAME`` (the test set of the corpus, if it has one), or comments.
    prior : production prevalence, the share of comments in production that are toxic, as in :func:`toxiclf.load`. None
        takes the prior that the bundle was trained with, if any. With a prior, the report has metrics of the comments
        as they are, and metrics of the same comments weighted to the prior.
    columns : ``text``, ``label`` and other arguments about columns of :func:`toxiclf.datasets.reading.read_comments`.

    Raises
    ------
    BundleError, DataError, UsageError : the bundle, the comments or the prior are not valid.
    """
    moderator = load(bundle, prior=prior)
    manifest = moderator.manifest
    if not isinstance(comments, Comments):
        comments = read_comments(comments, part="test", like=manifest, **columns)
    verdicts = moderator.check(comments.texts)
    scores = np.array([[entry.score for entry in verdict.entries] for verdict in verdicts], dtype=np.float32)
    rows = ScoredRows(
        name=comments.source,
        predictions=Predictions.of(comments, scores, manifest.thresholds, arg_max=manifest.arg_max),
        thresholds=manifest.thresholds,
        seed=_SEED,
        comments=comments,
        exclusive=manifest.calibration.exclusive,
        arg_max=manifest.arg_max,
        prior=manifest.prior,
        n_truncated=sum(verdict.truncated for verdict in verdicts),
        n_unknown=sum(verdict.no_known_tokens for verdict in verdicts),
        explainer=Explainer(moderator.normalizer, moderator.spans, moderator.score),
        shifts=tuple(label.shift for label in manifest.calibration.labels),
    )
    analysis = analysis_of(comments, scores, rows.predictions.flagged, manifest.thresholds, moderator.normalizer, None)
    if curves := _curves_of_training(Path(bundle), manifest):
        analysis["thresholds"] = curves
    n_learned_from = learned_from.overlap(Path(bundle), manifest.data_sha256, comments, moderator.normalizer)
    origin = manifest.calibrated_on
    if n_learned_from is None and comments.sha256() in (manifest.data_sha256, origin and origin.data_sha256):
        n_learned_from = len(comments)
    findings = run_checks(
        CheckedRun(
            labels=manifest.labels,
            comments=comments,
            scores=scores,
            targets=comments.targets,
            thresholds=manifest.thresholds,
            arg_max=manifest.arg_max,
            evaluation=rows.evaluation,
            calibration=manifest.calibration.method,
            weights=None
            if manifest.prior is None
            else prevalence_weights(comments.targets, manifest.prior, exclusive=rows.exclusive),
            slices=analysis["slices"],
            n_read=len(comments) + len(comments.rejected),
            n_rejected=len(comments.rejected),
            n_truncated=rows.n_truncated,
            n_unknown=rows.n_unknown,
            n_learned_from=n_learned_from,
            test_targets=comments.targets,
            rates=manifest.rates,
            saved=True,
            corrected=manifest.labels if manifest.prior is not None else (),
        )
    )
    if manifest.prior is None:
        known = analysis.get("thresholds")
        own = own_shares(manifest, scores, comments.targets, None if known is None else known["labels"])
        if own:
            analysis["own_share"] = own
    findings.sort(key=lambda finding: finding.code != "duplicate_leak")  # first: it makes metrics too good
    report = Report(
        model=manifest.model,
        date=today(),
        evaluated_on=rows.name,
        **figures_of(rows),
        data={
            "source": comments.source,
            "label_options": comments.label_map.model_dump(mode="json", exclude_defaults=True),
            "notes": list(comments.notes),
            "rejected": len(comments.rejected),
            "sets": {"evaluated": {"rows": len(comments), "classes": comments.counts()}},
            "class_weights": [],
            "evaluated_sha256": rows.predictions.rows_sha256(),
            "learned_from": n_learned_from,
        },
        findings=findings,
        seed=_SEED,
        versions=manifest.versions,
        analysis=analysis,
    )
    return report.with_rows(rows)


def save_evaluation(report: Report, folder: Path, *, comments: bool = True) -> None:
    """Write the report of an evaluated bundle, ``predictions.csv`` and ``rejected.csv``, replacing earlier ones.

    With ``comments=False``, the report does not contain the texts of comments.
    """
    rows = report.scored_rows
    assert rows is not None  # evaluate_bundle has set them
    assert rows.comments is not None
    rejected, predictions = rows.comments.rejected, rows.predictions

    def write(to: Path) -> None:
        if rejected:
            write_rejected(to / "rejected.csv", rejected)
        predictions.write(to)
        report.write(to, comments=comments)

    save_run(folder, write)


def _curves_of_training(bundle: Path, manifest: Manifest) -> Any:
    """Read the threshold curves of the bundle's training run from the report of that run.

    Return None if the bundle is not in the folder of that run, or if ``manifest`` corrects scores to another production
    prevalence than that run.
    """
    folder = bundle if (newest(bundle) / "report.json").is_file() else bundle.resolve().parent
    try:
        report = Report.read(folder)
    except ToxiclfError:
        return None
    same = (
        report.data.get("sha256") == manifest.data_sha256
        and report.labels == manifest.labels
        and tuple(report.thresholds.values()) == manifest.thresholds
        and (report.production_prevalence or None) == manifest.production_prevalence
    )
    return report.analysis.get("thresholds") if same else None
