"""Evaluate the candidates of a search by cross-validation on the training set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.prevalence import Prior, production_prevalence
from toxiclf.datasets.cards import PREFIX
from toxiclf.datasets.reading import read_texts
from toxiclf.datasets.splitting import Split, folds
from toxiclf.embeddings.pretrained import load_vectors, vectors_hash
from toxiclf.errors import DataError, UsageError
from toxiclf.evaluation.bootstrap import evaluate
from toxiclf.evaluation.prevalence import prevalence_weights
from toxiclf.features.texts import TokenizedTexts
from toxiclf.pipeline.decision import choose_threshold, class_log_odds, fit_calibration
from toxiclf.pipeline.fit import PipelineFitter, Say, TrainingMatrix, features_key
from toxiclf.pipeline.save import versions
from toxiclf.pipeline.search.trials import Settings
from toxiclf.pipeline.training_set import TrainingSet, check_stages
from toxiclf.recipe import (
    BalanceSection,
    DecisionSection,
    Range,
    Recipe,
    SearchSection,
)
from toxiclf.recipe.preprocessing import recipe_normalizer

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_MOST_FITTERS = 4  # kept in memory at most; word vectors of many unlabeled texts are large

_RANKING: dict[str, Callable[..., float]] = {
    "average_precision": average_precision_score,
    "roc_auc": roc_auc_score,
}


@dataclass(frozen=True)
class _Fold:
    """Features of one fold: ``inside`` for the rows that a model is fitted to, ``outside`` for the held-out rows."""

    inside: TrainingMatrix
    outside: Any


class CrossValidator:
    """Computes the metric of candidate recipes in each fold; features are reused if the next candidate has the same."""

    def __init__(self, parts: Split, recipe: Recipe, section: SearchSection, say: Say) -> None:
        self._parts, self._recipe, self._section, self._say = parts, recipe, section, say
        self._fitters: dict[str, tuple[PipelineFitter, TrainingSet, TokenizedTexts]] = {}
        self._features: tuple[str, dict[int, _Fold]] = ("", {})
        self._check_sources()
        self._folds = folds(
            parts.train,
            section.folds,
            recipe.seed,
            recipe_normalizer(recipe),
            stratified=section.stratified,
            key="search.folds",
        )
        for _, outside in self._folds:
            for label, count in parts.train.take(outside).counts().items():
                if count in (0, len(outside)):
                    stratify = "" if section.stratified else "set search.stratified = true, "
                    raise DataError(
                        f"a fold of the search would hold {'only comments' if count else 'no comment'} with label '{label}'; "
                        f"{stratify}lower search.folds, or label more comments"
                    )

    def identity(self) -> str:
        """Return a hash of everything that a trial's metric depends on, except the trial's settings."""
        train, validation = self._parts.train, self._parts.validation
        section = self._section
        asked = self._recipe.decision
        decision = DecisionSection(prior=asked.prior)
        if section.metric not in _RANKING:
            decision = DecisionSection(calibrate=asked.calibrate, prior=asked.prior, exclusive=asked.exclusive)
        content = {
            "recipe": self._recipe.model_copy(update={"decision": decision}).sha256(),
            "search": section.model_dump(include={"metric", "folds", "stratified"}),
            "rows": [train.sha256(), validation.sha256(), train.negative],
            "unlabeled": {
                source: content_of(source) for source in named_sources(self._recipe, self._section, "unlabeled")
            },
            "pretrained": {source: vectors_hash(source) for source in named_vectors(self._recipe, self._section)},
            "versions": versions(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _check_sources(self) -> None:
        """Check, before the first trial, that unlabeled texts and word vectors can be read.

        Also check that candidates with different tokenizers use word vectors of the same source.
        """
        keys = {key for space in self._section.space for key in space}
        chosen = "vectors.pretrained" in keys or "pretrained" in self._recipe.vectors.model_fields_set
        for key in sorted(keys & {"text.tokenizer", "text.part_of_speech"}):
            if not chosen and self._recipe.vectors.pretrained != "auto":
                raise UsageError(
                    f"search.space: some values of {key} would use the shipped word vectors ko-comments, and others word "
                    "vectors trained on the training set; set vectors.pretrained = 'none' so that all use the latter"
                )
        for source in named_sources(self._recipe, self._section, "unlabeled"):
            next(read_texts(source), None)
        for source in named_vectors(self._recipe, self._section):
            load_vectors(source)

    def evaluate(self, settings: Settings) -> tuple[float, ...]:
        """Compute the metric of the recipe with ``settings`` on the held-out rows of each fold.

        Raises
        ------
        UsageError : the settings together are not a valid recipe.
        DivergedError, DataError : the recipe cannot be fitted.
        """
        recipe = self._recipe.changed(settings)
        fitter, training_set, validation = self._fitter(recipe)
        train = self._parts.train
        raw = np.empty(train.targets.shape)
        for number, (_, outside) in enumerate(self._folds):
            fold = self._fold(number, fitter, training_set, validation)
            check_stages(fold.inside.stages)
            raw[outside] = fitter.fit_model(fold.inside).model.raw(fold.outside)
        return tuple(self._metric(raw, inside, outside, recipe) for inside, outside in self._folds)

    def _metric(self, raw: Floats, inside: Rows, outside: Rows, recipe: Recipe) -> float:
        """Compute the metric on the held-out rows ``outside``, over all labels as in a report.

        Calibration and thresholds are chosen on the rows ``inside``, which are those of all other folds.
        """
        name, targets, exclusive = self._section.metric, self._parts.train.targets, self._parts.train.exclusive
        labels = range(targets.shape[1])
        prevalence = None if recipe.decision.prior == "none" else self._prevalence(recipe.decision.prior)
        weights = (
            np.ones(targets.shape)
            if prevalence is None
            else prevalence_weights(targets, prevalence, exclusive=exclusive)
        )
        if name in _RANKING:
            plain = Calibration(method="none", exclusive=exclusive, labels=(LabelCalibration(),) * len(labels))
            order = class_log_odds(raw, plain)[:, 1:] if exclusive else raw  # a sigmoid would round to ties
            return float(
                np.mean(
                    [
                        _RANKING[name](targets[outside, j], order[outside, j], sample_weight=weights[outside, j])
                        for j in labels
                    ]
                )
            )
        method = recipe.decision.calibrate
        calibration = fit_calibration(raw[inside], targets[inside], method=method, exclusive=exclusive)
        if prevalence is not None:
            calibration = calibration.at(targets[inside].mean(axis=0).tolist(), prevalence)
        scores = calibration.apply(raw.astype(np.float32))
        arg_max = exclusive and recipe.decision.exclusive == "arg_max"
        # the mean F1 of both classes has its threshold for one label; that of several labels is the mean of their F1
        objective = "f1" if name == "f1_macro" and len(labels) > 1 else name
        thresholds = [
            choose_threshold(
                scores[inside, j], targets[inside, j], objective, None if prevalence is None else weights[inside, j]
            )[0]
            for j in labels
        ]
        evaluation = evaluate(
            scores[outside], targets[outside], thresholds, self._parts.train.labels, seed=0, prior=prevalence,
            exclusive=exclusive, arg_max=arg_max, resamples=0,
        )  # fmt: skip
        value = evaluation.value(name)
        assert value is not None  # each fold has comments with and without each label
        return value

    def _prevalence(self, prior: Prior) -> tuple[float, ...]:
        train = self._parts.train
        return production_prevalence(
            prior, train.labels, train.targets.mean(axis=0).tolist(), exclusive=train.exclusive
        )

    def _fitter(self, recipe: Recipe) -> tuple[PipelineFitter, TrainingSet, TokenizedTexts]:
        """Return the fitter, training set and validation set of a recipe.

        Recipes with the same tables ``text`` and ``vectors`` and the same augmentation share them.
        """
        shared = [recipe.text.model_dump(), recipe.vectors.model_dump()] if recipe.takes_tokens else []
        key = json.dumps([*shared, recipe.balance.model_dump(include={"augment"})])
        if key not in self._fitters:
            if len(self._fitters) == _MOST_FITTERS:
                del self._fitters[next(iter(self._fitters))]
            train = self._parts.train
            fitter = PipelineFitter.of(recipe, train.labels, train.negative, self._say)
            training_set = fitter.training_set(train, self._parts, self._say)
            self._fitters[key] = (fitter, training_set, fitter.tokenized(self._parts.validation))
        fitter, training_set, validation = self._fitters[key]
        return replace(fitter, recipe=recipe), training_set, validation

    def _fold(
        self, number: int, fitter: PipelineFitter, training_set: TrainingSet, validation: TokenizedTexts
    ) -> _Fold:
        """Return the features of fold ``number``, learned without its held-out rows or kept from an earlier call."""
        key = features_key(fitter.recipe)
        if self._features[0] != key:
            self._features = (key, {})
        known = self._features[1]
        if number not in known:
            inside, outside = self._folds[number]
            training = fitter.matrix(training_set.take(inside), validation, self._parts.validation.targets)
            known[number] = _Fold(training, training.features.matrix(training_set.rows.take(outside)))
        return known[number]


def named_sources(recipe: Recipe, section: SearchSection, key: Literal["unlabeled", "pretrained"]) -> list[str]:
    """List the sources given for the recipe key ``vectors.{key}``, in a recipe or in the candidates of its search."""
    value = getattr(recipe.vectors, key)
    named = [value] if isinstance(value, str) else list(value)
    for space in section.space:
        values = space.get(f"vectors.{key}", ())
        if not isinstance(values, Range):
            named += [source for value in values for source in ([value] if isinstance(value, str) else value)]
    return sorted(set(named) - {"auto", "none"})


def named_vectors(recipe: Recipe, section: SearchSection) -> list[str]:
    """List the word vectors that a recipe or the candidates of its search use, for features or for augmentation."""
    steps = list(recipe.balance.augment)
    for space in section.space:
        values = space.get("balance.augment", ())
        if not isinstance(values, Range):
            steps += [step for value in values for step in BalanceSection(augment=value).augment]
    return sorted(
        {
            *named_sources(recipe, section, "pretrained"),
            *(step.vectors for step in steps if "vectors" in step.component["keys"]),
        }
    )


def content_of(source: str) -> str:
    """Return an identifier of a source's content: a corpus's name, as corpora are verified, or a file's SHA-256."""
    if source.startswith(PREFIX):
        return source
    with Path(source).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
