"""Compute the report of a run: metrics of the model and the baseline, findings, and run details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.metrics import average_precision_score

from toxiclf.datasets.comments import Comments, personal_counts
from toxiclf.datasets.splitting import Split
from toxiclf.evaluation.analysis import analysis_of
from toxiclf.evaluation.bootstrap import SUMMARY, Evaluation
from toxiclf.evaluation.checks import CheckedRun, run_checks
from toxiclf.evaluation.figure_data import some_rows
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.evaluation.report import BASELINE, Report
from toxiclf.evaluation.scored import Explainer, ScoredRows
from toxiclf.evaluation.sections import (
    ClassConfusion,
    DataFacts,
    LabelFigures,
    ModelFigures,
    ProductionFigures,
    estimates,
    undefined,
)
from toxiclf.pipeline.calibrate import CalibratedModel, decision_source, learn, learned_rows
from toxiclf.pipeline.decision import raw_threshold
from toxiclf.pipeline.fit import Say
from toxiclf.pipeline.fitted import DivergedError, Fitted
from toxiclf.pipeline.save import today, versions
from toxiclf.recipe import Recipe
from toxiclf.recipe.loading import without_folders
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.rows import Rejected


def scored_rows(learned: CalibratedModel, parts: Split, recipe: Recipe) -> ScoredRows:
    """Score the test set once, or, without a test set, take the scores that thresholds were chosen on."""
    if parts.test is None:
        words, comments = decision_rows(learned, parts, recipe)
        name = f"{words} (no test set; calibration and thresholds were fitted to the same scores, so metrics are too optimistic)"
        scores = learned.decision_scores
        n_truncated = n_unknown = 0
    else:
        encoded = learned.encode(parts.test)
        name, comments = "the test set", parts.test
        scores = learned.calibration.apply(learned.raw(encoded))
        n_truncated, n_unknown = int(encoded.truncated.sum()), int((~encoded.known).sum())
    return ScoredRows(
        name=name,
        predictions=Predictions.of(comments, scores, learned.thresholds, arg_max=learned.arg_max),
        thresholds=learned.thresholds,
        seed=recipe.seed,
        comments=comments,
        exclusive=comments.exclusive,
        arg_max=learned.arg_max,
        prior=learned.prior,
        n_truncated=n_truncated,
        n_unknown=n_unknown,
    )


def decision_rows(learned: CalibratedModel, parts: Split, recipe: Recipe) -> tuple[str, Comments]:
    """Return the rows that calibration and thresholds were chosen on: a description in words, and the comments."""
    if learned.source == "validation":
        return "the validation set", parts.validation
    comments = learned_rows(parts, recipe)
    those = (
        "the training set"
        if comments is parts.train
        else "all rows"
        if parts.test is None
        else "all rows but the test set"
    )
    return f"out-of-fold scores of {those}", comments


def scored_baseline(parts: Split, recipe: Recipe, model: ScoredRows, say: Say) -> ScoredRows | None:
    """Fit the baseline, ``ngram_logistic`` with class weights as its only technique, and score the rows of ``model``.

    Return None if the recipe itself is the baseline.
    """
    default = Recipe()
    if (recipe.model, recipe.balance) == (default.model, default.balance):
        return None
    say(f"{BASELINE}: fitting the baseline for comparison")
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
    # without a test set, a network may have out-of-fold scores of the training set only; these rows come first here
    first = learned.decision_scores[: len(model)]
    return scored_rows(replace(learned, decision_scores=first), parts, recipe)


def figure_outputs(learned: CalibratedModel, comments: Comments, recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    """Collect outputs to plot in the report's figures; see :func:`toxiclf.evaluation.figure_data.figure_points`.

    Parameters
    ----------
    comments : comments whose vectors and raw outputs the figures show; the model should not have learned from them.
    """
    outputs: dict[str, Mapping[str, Any]] = dict(learned.fitted.pictures)
    if "metric" in learned.fitted.facts:
        rows = some_rows(len(comments), recipe.seed)
        shown = comments.take(rows)
        before, after = learned.fitted.around_metric(shown)
        outputs["metric"] = {"before": before, "after": after, "classes": shown.targets[:, 0], "rows": rows}
    if recipe.model.component["learns_from_negatives"]:
        raw = learned.raw(learned.encode(comments))[:, 0]
        edge, called = raw_threshold(learned.thresholds[0], learned.calibration), recipe.model.component["raw_name"]
        outputs["errors"] = {"raw": raw, "classes": comments.targets[:, 0], "threshold": edge, "called": called}
    return outputs


def figures_of(rows: ScoredRows, baseline: ScoredRows | None = None) -> dict[str, Any]:
    """Compute metrics of the rows, and of the same rows as the baseline scores them.

    If the rows have a production prevalence, also compute metrics weighted to it.
    """
    labels, production = rows.labels, None
    if rows.in_production is not None and rows.prior is not None:
        production = ProductionFigures(
            prior=dict(zip(labels, rows.prior, strict=True)),
            summary=estimates(rows.in_production, SUMMARY),
            labels={label: estimates(rows.in_production, label) for label in labels},
            baseline=None if baseline is None else _of_baseline(baseline.in_production, labels),
        )
    return {
        "summary": estimates(rows.evaluation, SUMMARY),
        "labels": {
            label: LabelFigures.of(rows.evaluation, label, threshold)
            for label, threshold in zip(labels, rows.thresholds, strict=True)
        },
        "confusion": rows.evaluation.confusion,
        "exclusive_verdict": "arg_max" if rows.arg_max else "thresholds",
        "class_confusion": _class_confusion(rows),
        "production": production,
        "baseline": None if baseline is None else _of_baseline(baseline.evaluation, labels),
    }


def _of_baseline(evaluation: Evaluation | None, labels: Sequence[str]) -> ModelFigures | None:
    if evaluation is None:
        return None
    by_label = {label: estimates(evaluation, label) for label in labels}
    return ModelFigures(model=BASELINE, summary=estimates(evaluation, SUMMARY), labels=by_label)


def _class_confusion(rows: ScoredRows) -> ClassConfusion | None:
    if rows.evaluation.class_confusion is None:
        return None
    assert rows.comments is not None  # figures are computed where comments are loaded
    assert rows.comments.negative is not None  # so it is for exclusive labels
    return {"classes": [rows.comments.negative, *rows.labels], "counts": rows.evaluation.class_confusion}


def report_of(
    learned: CalibratedModel,
    model: ScoredRows,
    baseline: ScoredRows | None,
    parts: Split,
    comments: Comments,
    recipe: Recipe,
    seconds: float,
    search: Mapping[str, Any] | None = None,
) -> Report:
    """Compute the report of a trained model.

    Parameters
    ----------
    model, baseline : scores of the model and of the baseline for the same rows; None for no baseline.
    comments : all labeled rows, before the split.
    seconds : how long fitting, calibration and the choice of thresholds took.
    search : method and trials of the search that found the recipe; None without a search.
    """
    assert model.comments is not None  # scored_rows has set them
    words, decided = decision_rows(learned, parts, recipe)
    encoder = learned.fitted.encoder
    decision = None if learned.arg_max else (words, learned.decision_scores, learned.decision_targets)
    analysis = analysis_of(
        model.comments, model.scores, model.predictions.flagged, learned.thresholds, encoder.normalizer, decision
    )
    pointed = parts.validation if parts.test is None else parts.test
    rows = replace(
        model,
        explainer=Explainer(encoder.normalizer, encoder.spans, None if learned.graph is None else learned.score),
        decided=(decided, learned.decision_scores),
        shifts=tuple(label.shift for label in learned.calibration.labels),
        outputs=figure_outputs(learned, pointed, recipe),
        pointed=pointed,
    )
    report = Report(
        model=recipe.model.name,
        date=today(),
        evaluated_on=model.name,
        **figures_of(model, baseline),
        data={
            **_data(comments, parts, learned.fitted, learned.source),
            "augmented": None
            if learned.copies is None
            else {"asked": learned.copies.asked, "made": len(learned.copies.texts)},
            "decision_average_precision": float(
                average_precision_score(learned.decision_targets, learned.decision_scores)
            ),
            "evaluated_sha256": model.predictions.rows_sha256(),
        },
        findings=run_checks(_checked(learned, model, baseline, parts, comments, recipe, analysis["slices"])),
        recipe=without_folders(recipe.model_dump(mode="json")),
        seed=recipe.seed,
        versions=versions(),
        timings={"fit_seconds": round(seconds, 2)},
        search=without_folders(search or {}),
        analysis=analysis,
    )
    return report.with_rows(rows, learned.fitted.history)


def report_of_diverged(
    error: DivergedError, parts: Split, comments: Comments, recipe: Recipe, search: Mapping[str, Any] | None = None
) -> Report:
    """Compute the report of a run whose training diverged: findings and history, but no metrics."""
    nothing = undefined(metric_names())
    report = Report(
        model=recipe.model.name,
        date=today(),
        evaluated_on="nothing: training diverged",
        summary=nothing,
        labels={label: LabelFigures.model_validate(nothing) for label in comments.labels},
        data=_data(comments, parts, error.fitted, decision_source(recipe)),
        findings=run_checks(
            CheckedRun(labels=comments.labels, comments=comments, divergence=(str(error), error.divergence.cure))
        ),
        recipe=without_folders(recipe.model_dump(mode="json")),
        seed=recipe.seed,
        versions=versions(),
        search=without_folders(search or {}),
    )
    return report.with_rows(None, error.fitted.history)


def rejected_rows(comments: Comments, parts: Split) -> tuple[tuple[str, Rejected], ...]:
    """Return the rejected rows, each with its file: first those of ``comments``, then those of a separate test set."""
    return comments.rejected + (parts.test.rejected if parts.test is not None else ())


def _checked(
    learned: CalibratedModel,
    model: ScoredRows,
    baseline: ScoredRows | None,
    parts: Split,
    comments: Comments,
    recipe: Recipe,
    slices: Any,
) -> CheckedRun:
    """Collect what the checks need to know about a trained model."""
    n_rejected = len(rejected_rows(comments, parts))
    read = [parts.train, parts.validation] + ([parts.test] if parts.test is not None else [])
    rates = zip(comments.labels, learned.prior or learned.rates, learned.rates, strict=True)
    return CheckedRun(
        labels=comments.labels,
        comments=comments,
        scores=model.scores,
        targets=model.targets,
        thresholds=learned.thresholds,
        arg_max=learned.arg_max,
        evaluation=model.evaluation,
        baseline=None if baseline is None else baseline.evaluation,
        calibration=recipe.decision.calibrate,
        weights=None
        if learned.prior is None
        else prevalence_weights(model.targets, learned.prior, exclusive=comments.exclusive),
        slices=slices,
        n_read=sum(map(len, read)) + parts.leaked + n_rejected,
        n_rejected=n_rejected,
        n_leaked=parts.leaked,
        n_truncated=model.n_truncated,
        n_unknown=model.n_unknown,
        personal=personal_counts(comments, recipe_normalizer(recipe)),
        masked=recipe.text.mask_personal,
        no_graph=learned.fitted.no_graph if learned.graph is None else "",
        class_weights=learned.fitted.weights,
        weights_by_hand=not isinstance(recipe.balance.class_weight, str),
        loss=recipe.balance.loss,
        resampled=bool(recipe.balance.resample),
        copies=None if learned.copies is None else (len(learned.copies.texts), learned.copies.asked),
        gan=learned.fitted.facts.get("gan", {}),
        objective=recipe.decision.objective,
        reached=learned.reached,
        decision_targets=learned.decision_targets,
        decision_source=learned.source,
        train_targets=None if parts.test is None else parts.train.targets,
        test_targets=None if parts.test is None else parts.test.targets,
        rates=() if recipe.decision.calibrate == "none" else learned.rates,
        corrected=[label for label, wanted, rate in rates if wanted != rate],
    )


def _of_vectors(origin: Mapping[str, str]) -> list[str]:
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in origin.items() if name != "source")
    return [f"word vectors: {origin['source']}" + (f" ({facts})" if facts else "")] if origin else []


def _data(comments: Comments, parts: Split, fitted: Fitted, source: str) -> DataFacts:
    vectors = fitted.origin
    pieces = {"training": parts.train, "validation": parts.validation, "test": parts.test}
    return {
        "source": comments.source,
        "label_options": comments.label_map.model_dump(mode="json", exclude_defaults=True),
        "exclusive": comments.exclusive,
        "notes": [*comments.notes, *(parts.test.notes if parts.test is not None else ()), *_of_vectors(vectors)],
        "word_vectors": dict(vectors),
        "rejected": len(rejected_rows(comments, parts)),
        "leaked": parts.leaked,
        "decision_source": source,
        "sets": {
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
