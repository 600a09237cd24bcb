"""The report of a run: its model and the baseline on the rows that figures come from, findings, and facts of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split
from toxiclf.evaluation import checks
from toxiclf.evaluation.analysis import analysis_of
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.decision import live_weights
from toxiclf.evaluation.evidence import Evidence
from toxiclf.evaluation.metrics import Evaluation, evaluate
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import BASELINE, Report
from toxiclf.pipeline.calibrate import CalibratedModel, decision_source, learn, learned_rows
from toxiclf.pipeline.decision import raw_threshold
from toxiclf.pipeline.fit import Say
from toxiclf.pipeline.fitted import DivergedError, Fitted
from toxiclf.pipeline.save import versions
from toxiclf.recipe import Recipe
from toxiclf.report.pictures import MOST_POINTS
from toxiclf.rows import Rejected


@dataclass(frozen=True)
class Evaluated:
    """Scores of the rows that the report speaks of.

    Attributes
    ----------
    rows : which rows they are, in words.
    comments : the rows.
    predictions : the rows with their scores.
    truncated, unknown : number of comments that were cut, and of those that hold nothing known from training.
    live : figures of these rows weighted to the live rate, where one is set.
    """

    rows: str
    comments: Comments
    predictions: Predictions
    truncated: int
    unknown: int
    evaluation: Evaluation
    live: Evaluation | None


def evaluated(learned: CalibratedModel, parts: Split, recipe: Recipe) -> Evaluated:
    """Score the test part, once, by the graph that goes into the bundle; without one, take the decision's scores."""
    labels = parts.train.labels
    if parts.test is None:
        words, comments = decision_rows(learned, parts, recipe)
        rows = f"{words} (no test part; calibration and thresholds were fitted to the same scores, so figures flatter)"
        scores = learned.decision_scores
        truncated = unknown = 0
    else:
        encoded = learned.encode(parts.test)
        rows, comments = "the test part", parts.test
        scores = learned.calibration.apply(learned.raw(encoded))
        truncated, unknown = int(encoded.truncated.sum()), int((~encoded.known).sum())
    evaluation = evaluate(scores, comments.targets, learned.thresholds, labels, seed=recipe.seed)
    live = None
    if learned.prior is not None:
        live = evaluate(
            scores, comments.targets, learned.thresholds, labels,
            seed=recipe.seed, prior=learned.prior, exclusive=comments.exclusive,
        )  # fmt: skip
    predictions = Predictions.of(comments, scores, learned.thresholds)
    return Evaluated(rows, comments, predictions, truncated, unknown, evaluation, live)


def decision_rows(learned: CalibratedModel, parts: Split, recipe: Recipe) -> tuple[str, Comments]:
    """The rows that calibration and thresholds were chosen on: which they are, in words; and the comments."""
    if learned.source == "validation":
        return "the validation part", parts.validation
    comments = learned_rows(parts, recipe)
    those = (
        "the training part"
        if comments is parts.train
        else "all rows"
        if parts.test is None
        else "all rows but the test part"
    )
    return f"out-of-fold scores of {those}", comments


def evaluated_baseline(parts: Split, recipe: Recipe, model: Evaluated, say: Say) -> Evaluated | None:
    """Fit the ngram_logistic model, with class weights and no other remedy, and score the same rows; None where it is the model."""
    default = Recipe()
    if (recipe.model, recipe.balance) == (default.model, default.balance):
        return None
    say(f"{BASELINE}: fitting the baseline that every model is judged against")
    source = decision_source(recipe) if parts.test is None else "auto"
    decision = recipe.decision.model_copy(update={"source": source})
    plain = recipe.model_copy(
        update={
            "model": default.model,
            "decision": decision,
            "balance": default.balance,
            "features": default.features,
        }
    )
    learned = learn(parts, plain, lambda message: None)
    # without a test part, out-of-fold rows of a network are those of its training part, which come first
    first = learned.decision_scores[: len(model.predictions)]
    return evaluated(replace(learned, decision_scores=first), parts, recipe)


def pictures_of(
    learned: CalibratedModel, parts: Split, model: Evaluated, recipe: Recipe
) -> dict[str, Mapping[str, Any]]:
    """Points of the figures of :func:`toxiclf.report.pictures.write_pictures`; maps are of rows nothing was learned from."""
    found: dict[str, Mapping[str, Any]] = dict(learned.fitted.pictures)
    details = learned.fitted.facts
    if "selection" in details:
        ranked = sorted(details["selection"]["importances"], key=lambda entry: entry["number"])
        found["selection"] = {
            "importances": [entry["importance"] for entry in ranked], "kept": [entry["kept"] for entry in ranked]
        }  # fmt: skip
    comments = parts.validation if parts.test is None else parts.test
    if "metric" in details:
        chosen = np.arange(len(comments))
        if len(chosen) > MOST_POINTS:
            chosen = np.sort(np.random.default_rng(recipe.seed).choice(chosen, MOST_POINTS, replace=False))
        shown = comments.take(chosen)
        before, after = learned.fitted.around_metric(shown)
        found["metric"] = {"before": before, "after": after, "classes": shown.targets[:, 0], "texts": shown.texts}
    if recipe.model.component["learns_from_negatives"]:
        raw = learned.raw(learned.encode(comments))[:, 0]
        edge = raw_threshold(learned.thresholds[0], learned.calibration)
        found["errors"] = {
            "raw": raw, "classes": comments.targets[:, 0], "threshold": edge,
            "call": recipe.model.component["raw_name"], "texts": comments.texts,
        }  # fmt: skip
    return found


def report_of(
    learned: CalibratedModel,
    model: Evaluated,
    baseline: Evaluated | None,
    parts: Split,
    comments: Comments,
    recipe: Recipe,
    seconds: float,
) -> Report:
    """Put together what is known of a trained model.

    Parameters
    ----------
    model, baseline : both on the same rows; None where there is no baseline.
    comments : all labelled rows, before the split.
    seconds : how long fitting, calibration and thresholds took.
    """
    words, decided = decision_rows(learned, parts, recipe)
    normalizer = learned.fitted.encoder.normalizer
    scores = model.predictions.scores
    analysis = analysis_of(
        model.comments,
        scores,
        learned.thresholds,
        normalizer,
        (words, learned.decision_scores, learned.decision_targets),
    )
    evidence = Evidence(
        model.comments, model.predictions, learned.thresholds, recipe.seed, normalizer, learned.fitted.encoder.spans,
        None if learned.graph is None else learned.score, (decided, learned.decision_scores),
        tuple(label.shift for label in learned.calibration.labels),
        pictures_of(learned, parts, model, recipe),
    )  # fmt: skip
    decision_average_precision = float(average_precision_score(learned.decision_targets, learned.decision_scores))
    return Report(
        model=recipe.model.name,
        evaluated_on=model.rows,
        labels=comments.labels,
        rows=model.evaluation.rows,
        confusion=model.evaluation.confusion,
        baseline_rows=baseline.evaluation.rows if baseline is not None else [],
        thresholds=dict(zip(comments.labels, learned.thresholds, strict=True)),
        data={
            **_data(comments, parts, learned.fitted, learned.source),
            "augmented": None
            if learned.copies is None
            else {"asked": learned.copies.asked, "made": len(learned.copies.texts)},
            "decision_average_precision": decision_average_precision,
            "evaluated_sha256": model.predictions.rows_sha256(),
        },
        findings=[
            *_findings(learned, model, baseline, parts, comments, recipe),
            *checks.check_slices(analysis["slices"], comments.labels),
        ],
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.seed,
        versions=versions(),
        timings={"fit_seconds": round(seconds, 2)},
        live_rate={} if learned.prior is None else dict(zip(comments.labels, learned.prior, strict=True)),
        live_rows=[] if model.live is None else model.live.rows,
        analysis=analysis,
        history=learned.fitted.history,
        evidence=evidence,
    )


def report_of_diverged(error: DivergedError, parts: Split, comments: Comments, recipe: Recipe) -> Report:
    """Put together the report of a run without a model."""
    cure = error.divergence.cure
    finding = Finding("diverged", "error", f"{error}; no bundle was made.", f"{cure[0].upper()}{cure[1:]}.")
    return Report(
        recipe.model.name, "nothing: training diverged", comments.labels, [], {}, [], {},
        _data(comments, parts, error.fitted, decision_source(recipe)), [finding],
        recipe.model_dump(mode="json"), recipe.seed, versions(), history=error.fitted.history,
    )  # fmt: skip


def rejected_rows(comments: Comments, parts: Split) -> tuple[tuple[str, Rejected], ...]:
    """Rows set aside, each with its file: those of the labelled rows, then those of a test part of its own."""
    return comments.rejected + (parts.test.rejected if parts.test is not None else ())


def _findings(
    learned: CalibratedModel,
    model: Evaluated,
    baseline: Evaluated | None,
    parts: Split,
    comments: Comments,
    recipe: Recipe,
) -> Iterator[Finding]:
    labels = comments.labels
    scores, targets = model.predictions.scores, model.predictions.targets
    if learned.graph is None:
        yield Finding(
            "no_bundle", "warning", f"no bundle was made: {learned.fitted.no_graph}.",
            "The figures hold for the network as it was trained; choose another activation to get a model that can be used.",
        )  # fmt: skip
    yield from checks.check_weighting(
        learned.fitted.weights,
        recipe.balance.loss,
        by_hand=not isinstance(recipe.balance.class_weight, str),
        resampled=bool(recipe.balance.resample),
    )
    if learned.copies is not None:
        yield from checks.check_copies(len(learned.copies.texts), learned.copies.asked)
    yield from checks.check_gan(learned.fitted.facts.get("gan", {}))
    yield from checks.check_loss(recipe.balance.loss, recipe.decision.calibrate)
    yield from checks.check_scores(scores, targets, learned.thresholds, model.evaluation, labels)
    if baseline is not None:
        yield from checks.check_baseline(model.evaluation, baseline.evaluation)
    yield from checks.check_objective(learned.reached, labels, recipe.decision.objective)
    yield from checks.check_decision_rows(learned.decision_targets, labels, learned.source)
    if parts.test is not None:
        corrected = [
            label
            for label, live, rate in zip(labels, learned.prior or learned.rates, learned.rates, strict=True)
            if live != rate
        ]
        yield from checks.check_prevalence(parts.train.targets, parts.test.targets, labels, corrected)
    weights = None
    if learned.prior is not None:
        weights = live_weights(targets, learned.prior, exclusive=comments.exclusive)
    yield from checks.check_calibration(scores, targets, labels, recipe.decision.calibrate, weights)
    rejected = len(rejected_rows(comments, parts))
    read = [parts.train, parts.validation] + ([parts.test] if parts.test is not None else [])
    total = sum(map(len, read)) + parts.leaked + rejected
    yield from checks.check_rows(rejected, total, parts.leaked, model.truncated, model.unknown, len(scores))


def _of_vectors(origin: Mapping[str, str]) -> list[str]:
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in origin.items() if name != "source")
    return [f"word vectors: {origin['source']}" + (f" ({facts})" if facts else "")] if origin else []


def _data(comments: Comments, parts: Split, fitted: Fitted, source: str) -> dict[str, Any]:
    vectors = fitted.origin
    pieces = {"training": parts.train, "validation": parts.validation, "test": parts.test}
    return {
        "source": comments.source,
        "exclusive": comments.exclusive,
        "notes": [*comments.notes, *(parts.test.notes if parts.test is not None else ()), *_of_vectors(vectors)],
        "word_vectors": dict(vectors),
        "rejected": len(rejected_rows(comments, parts)),
        "leaked": parts.leaked,
        "decision_source": source,
        "parts": {
            name: {"rows": len(piece), "classes": piece.counts()} for name, piece in pieces.items() if piece is not None
        },
        "stages": [
            {"name": stage.name, "rows": stage.rows, "classes": dict(zip(comments.labels, stage.counts, strict=True))}
            for stage in fitted.stages
        ],
        "class_weights": [
            {
                "class": name,
                "problem": entry.names[-1] if len(entry.names) == 2 else "all",
                "rows": rows,
                "weight": weight,
            }
            for entry in fitted.weights
            for name, rows, weight in zip(entry.names, entry.counts, entry.weights, strict=True)
        ],
        "details": dict(fitted.facts),
        "sha256": comments.sha256(),
    }
