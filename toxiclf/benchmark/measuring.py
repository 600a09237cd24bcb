"""Runs one job: splits the corpus, fits a model, sets thresholds and scores the test set once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from toxiclf.benchmark import rows
from toxiclf.benchmark.costs import latency, watched_memory
from toxiclf.benchmark.jobs import Job, corpus, parts_of
from toxiclf.benchmark.plan import PlannedRun
from toxiclf.benchmark.rivals import RIVALS
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, folds
from toxiclf.errors import DataError, MissingExtraError, ToxiclfError, UsageError
from toxiclf.evaluation.bootstrap import SUMMARY, Evaluation, evaluate
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.features.cache import FeatureCache
from toxiclf.moderator import Moderator
from toxiclf.pipeline.calibrate import learn
from toxiclf.pipeline.decision import choose_threshold, fit_calibration
from toxiclf.pipeline.fitted import DivergedError
from toxiclf.pipeline.reporting import report_of, scored_rows
from toxiclf.pipeline.save import bundled, versions
from toxiclf.pipeline.search import search
from toxiclf.pipeline.search.cross_validation import named_sources, named_vectors
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.report.markdown import model_card
from toxiclf.rows import source_name


def measured(job: Job, out: Path) -> dict[str, Any]:
    """Run a job, write its result row to the folder ``out`` and return it; the row of a failed job holds the reason.

    Raises
    ------
    DataError : the corpus has changed since the job was made.
    """
    if job.is_stale:
        raise DataError(f"{job.run.corpus.source} changed while the benchmark ran; start the benchmark again")
    row = _unmeasured(job)
    began = time.perf_counter()
    try:
        if job.unfit:
            raise UsageError(job.unfit)
        row |= _figures(job.run, FeatureCache(out / "cache")) | {"status": "done"}
    except DivergedError as error:
        row |= {"reason": str(error), "findings": ["diverged"]}
    except MissingExtraError as error:
        row |= {"reason": error.message, "passing": True}
    except ToxiclfError as error:
        row["reason"] = error.message
    except (OSError, MemoryError) as error:  # caused by the machine, not by the run: it is tried again
        row |= {"reason": f"{type(error).__name__}: {error}", "passing": True}
    except Exception as error:  # an error in one run must not stop the others
        row["reason"] = f"internal error, {type(error).__name__}: {error}"
    row["seconds"] = round(time.perf_counter() - began, 2)
    if "reason" in row:
        row["reason"] = _without_folders(row["reason"], job.run, out)
    try:
        rows.write(out, row)
    except ValueError as error:
        row = _unmeasured(job) | {"seconds": row["seconds"], "reason": f"a metric is not a finite number ({error})"}
        rows.write(out, row)
    return row


def _without_folders(reason: str, run: PlannedRun, out: Path) -> str:
    """Return why a run failed, with the names of its files in place of their paths."""
    paths = {run.corpus.source, run.entry.recipe or "", str(out)}
    with suppress(ToxiclfError):
        recipe = run.recipe()
        paths |= {*named_sources(recipe, recipe.search, "unlabeled"), *named_vectors(recipe, recipe.search)}
    for path in sorted(paths - {""}, key=len, reverse=True):
        reason = reason.replace(path, source_name(path))
    return reason


def killed(job: Job, out: Path) -> dict[str, Any]:
    """Write and return the row of a job whose process was killed even though no other job was running."""
    row = _unmeasured(job) | {"seconds": 0.0}
    row["reason"] = "the process was killed, perhaps because memory ran out; lower --jobs and add --retry-failed"
    rows.write(out, row)
    return row


def _unmeasured(job: Job) -> dict[str, Any]:
    run = job.run
    return {
        "key": job.key, "corpus": run.corpus.title, "entry": run.entry.name, "seed": run.seed, "status": "failed",
        "versions": versions(),
    }  # fmt: skip


def _figures(run: PlannedRun, cache: FeatureCache) -> dict[str, Any]:
    recipe = run.recipe()
    comments, _ = corpus(run.corpus)
    parts = parts_of(run, recipe)
    assert parts.test is not None
    if _may_use_tensorflow(recipe):
        import_module("toxiclf.backend")  # before the measurement: else the first network pays for TensorFlow
    with watched_memory() as memory:
        began = time.perf_counter()
        figures = (
            _rival(run, parts, recipe)
            if run.entry.rival is not None
            else _toxiclf(parts, comments, recipe, run.corpus.rate is not None, cache)
        )
        seconds = time.perf_counter() - began - figures.pop("beyond_fit", 0.0) + cache.seconds
    return figures | {
        "fit_seconds": round(seconds, 3),
        "memory_mb": round(memory[0] / 2**20, 1),
        "test_sha256": parts.test.sha256(),
        "test_part": "own" if corpus(run.corpus)[1] is not None else "drawn",
        "parts": {
            name: {"rows": len(part), "classes": part.counts()}
            for name, part in (("training", parts.train), ("validation", parts.validation), ("test", parts.test))
            if part is not None
        },
    }


def _may_use_tensorflow(recipe: Recipe) -> bool:
    searches, learns_metric = recipe.search.method != "none", recipe.features.metric_learning != "none"
    return recipe.has_network or searches or learns_metric or bool(recipe.balance.gan)


def _toxiclf(
    parts: Split, comments: Comments, recipe: Recipe, is_subsampled: bool, cache: FeatureCache
) -> dict[str, Any]:
    if recipe.search.method != "none":
        recipe = search(parts, recipe, lambda message: None).recipe
    learned = learn(parts, recipe, lambda message: None, cache=cache)
    ended = time.perf_counter()
    assert parts.test is not None
    model = scored_rows(learned, parts, recipe)
    report = report_of(learned, model, None, parts, comments, recipe, 0.0)
    raw = learned.raw(learned.encode(parts.test))
    figures = _tests(
        model.scores,
        raw,
        learned.thresholds,
        parts,
        recipe,
        is_subsampled,
        learned.calibration.exclusive,
        learned.arg_max,
    )
    figures["findings"] = report.codes()
    if learned.graph is not None:
        manifest, files = bundled(learned, comments, recipe, model_card(report))
        figures["bundle_bytes"] = sum(map(len, files.values())) + len(manifest.model_dump_json())
        moderator = Moderator(manifest, learned.fitted.encoder, Scorer(learned.graph))
        figures["latency_ms"] = latency(lambda text: moderator.check(text), parts.test.texts)
    return figures | {"beyond_fit": time.perf_counter() - ended}


def _rival(run: PlannedRun, parts: Split, recipe: Recipe) -> dict[str, Any]:
    """Train a rival on training and validation set, and measure it on the test set.

    Calibration and thresholds come from out-of-fold outputs.
    """
    assert run.entry.rival is not None
    assert parts.test is not None
    fit = RIVALS[run.entry.rival]
    learned = parts.train.joined(parts.validation)
    targets, columns = learned.targets, range(len(learned.labels))
    raw, test = np.zeros(targets.shape), np.zeros(parts.test.targets.shape)
    models = []
    for j in columns:
        for inside, outside in folds(learned, recipe.decision.folds, recipe.seed, recipe_normalizer(recipe)):
            some = learned.take(inside)
            raw[outside, j] = fit(some.texts, some.targets[:, j], recipe.seed)(learned.take(outside).texts)
        models.append(fit(learned.texts, targets[:, j], recipe.seed))
    ended = time.perf_counter()
    for j in columns:
        test[:, j] = models[j](parts.test.texts)
    calibration = fit_calibration(raw, targets, method=recipe.decision.calibrate, exclusive=False)
    scores = calibration.apply(raw.astype(np.float32))
    if run.entry.rival == "majority":  # it flags nothing, even where flagging all comments would have a better F1
        thresholds = tuple(1.0 for _ in columns)
    else:
        thresholds = tuple(choose_threshold(scores[:, j], targets[:, j], recipe.decision.objective)[0] for j in columns)
    outputs = test.astype(np.float32)
    is_subsampled = run.corpus.rate is not None
    figures = _tests(calibration.apply(outputs), outputs, thresholds, parts, recipe, is_subsampled, exclusive=False)
    figures["latency_ms"] = latency(lambda text: [model([text]) for model in models], parts.test.texts)
    return figures | {"findings": [], "beyond_fit": time.perf_counter() - ended}


def _tests(
    scores: NDArray[np.float32], raw: NDArray[np.float32], thresholds: Sequence[float], parts: Split, recipe: Recipe,
    is_subsampled: bool, exclusive: bool, arg_max: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Compute metrics on the test set.

    If training was subsampled, metrics are also computed with the test set weighted to the training prevalence.
    ``scores`` are calibrated; ``raw`` are the outputs before calibration.
    """
    assert parts.test is not None
    targets, labels = parts.test.targets, parts.test.labels
    uncalibrated = Calibration(method="none", exclusive=exclusive, labels=(LabelCalibration(),) * len(labels)).apply(
        raw
    )
    of_training = tuple(parts.train.joined(parts.validation).targets.mean(axis=0).tolist())
    figures: dict[str, Any] = {"thresholds": [float(t) for t in thresholds]}
    for name, prior in (("metrics", None), ("at_rate", of_training if is_subsampled else None)):
        if name == "at_rate" and prior is None:
            continue
        facts: dict[str, Any] = {
            "seed": recipe.seed,
            "prior": prior,
            "exclusive": exclusive,
            "arg_max": arg_max,
            "resamples": 0,
        }
        evaluation = evaluate(scores, targets, thresholds, labels, **facts)
        before = evaluate(uncalibrated, targets, thresholds, labels, **facts)
        weights = np.ones(targets.shape) if prior is None else prevalence_weights(targets, prior, exclusive=exclusive)
        figures[name] = {
            **_values(evaluation, SUMMARY), "brier_uncalibrated": before.value("brier"),
            "recall_at_precision_0.9": _recall_at(0.9, scores, targets, weights),
        }  # fmt: skip
        if len(labels) > 1:
            figures[f"{name}_by_label"] = {label: _values(evaluation, label) for label in labels}
    return figures


def _values(evaluation: Evaluation, label: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in evaluation.rows if row.label == label}


def _recall_at(
    precision: float, scores: NDArray[np.float32], targets: NDArray[np.uint8], weights: NDArray[np.float64]
) -> float:
    """Return the highest recall at which precision is at least ``precision``, as the mean over labels."""
    recalls = []
    for j in range(targets.shape[1]):
        reached, recall, _ = precision_recall_curve(targets[:, j], scores[:, j], sample_weight=weights[:, j])
        recalls.append(float(recall[reached >= precision].max(initial=0.0)))
    return float(np.mean(recalls))
