"""Fit one recipe: augment the comments, learn the features, resample the rows, and fit the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from toxiclf._progress import Bar
from toxiclf.balance.augmentation import augmented
from toxiclf.balance.weights import class_weights, problems, rarer_rows
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split
from toxiclf.embeddings.word_vectors import WordVectors
from toxiclf.errors import UsageError
from toxiclf.features.cache import FeatureCache
from toxiclf.features.pipeline import FeaturePipeline
from toxiclf.features.selection import Selection
from toxiclf.features.sequences import SequenceVectors
from toxiclf.features.texts import TokenizedTexts
from toxiclf.metric_learning import make_metric_learner
from toxiclf.models import make_model
from toxiclf.models._base import HeldOut, Task
from toxiclf.models._progress import SILENT, FitContext
from toxiclf.pipeline.fitted import DivergedError, FittedModel
from toxiclf.pipeline.training_set import Stage, TrainingSet
from toxiclf.recipe import Recipe
from toxiclf.recipe.balance import keys_of
from toxiclf.recipe.preprocessing import recipe_preprocessor, recipe_tokenizer
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainingMatrix:
    """The feature matrix that a model is fitted to, with its targets and the features that made it.

    Attributes
    ----------
    features : feature pipeline, learned from the training rows.
    matrix, targets : feature matrix and targets of the training rows, after augmentation and resampling.
    held_out : the validation set for early stopping; None for models without early stopping.
    stages : row counts, as given and after each technique.
    facts, pictures : details for the report, and points to plot in its figures;
        see :class:`toxiclf.pipeline.fitted.Fitted`.
    """

    features: FeaturePipeline
    matrix: Any
    targets: NDArray[np.uint8]
    held_out: HeldOut | None
    stages: tuple[Stage, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PipelineFitter:
    """Fits the features and the model of a recipe; holds what all fits of a run share.

    Nothing that it holds was learned from labeled rows, so it can be used in each fold of a cross-validation.

    Attributes
    ----------
    engine : the tokenizer; None if no model takes tokens.
    vectors : word vectors that do not come from the training rows; None if they do, or if no model takes tokens.
    cache : tokens, vectors and n-grams, shared by runs on the same rows.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    negative: str | None
    preprocessor: Preprocessor
    engine: Tokenizer | None
    vectors: WordVectors | None
    cache: FeatureCache = field(default_factory=FeatureCache)

    @classmethod
    def of(
        cls, recipe: Recipe, labels: tuple[str, ...], negative: str | None, say: Say, cache: FeatureCache | None = None
    ) -> PipelineFitter:
        """Make a fitter for a recipe; this may train word vectors on unlabeled texts.

        Raises
        ------
        UsageError : the recipe uses a technique or model for a single label, but there are several labels.
        MissingExtraError : a library that a model needs for training is not installed.
        """
        _check_one_label(recipe, labels)
        for member in recipe.members:
            make_model(member)  # raises for a missing library before anything is trained
        engine = recipe_tokenizer(recipe) if recipe.takes_tokens else None
        vectors = None
        if engine is not None:
            from toxiclf.embeddings.pretrained import recipe_vectors

            vectors = recipe_vectors(recipe, engine, say)
        return cls(recipe, labels, negative, recipe_preprocessor(recipe), engine, vectors, cache or FeatureCache())

    @property
    def normalizer(self) -> Normalizer:
        """Normalizer of comments; two comments count as equal if their normalized texts are equal."""
        return self.preprocessor.normalizer

    @property
    def exclusive(self) -> bool:
        """Whether labels exclude each other."""
        return self.negative is not None

    def members(self) -> list[PipelineFitter]:
        """Return one fitter for each member of an ensemble; for any other model, a list with only this fitter."""
        members = self.recipe.members
        return [self] if len(members) == 1 else [replace(self, recipe=self.recipe.of_member(m)) for m in members]

    def tokenized(self, comments: Comments) -> TokenizedTexts:
        """Normalize comments and, if a model takes tokens, tokenize them; the result serves all fits."""
        return TokenizedTexts.of(comments, self.preprocessor, self.engine, workers=cpu_count(), cache=self.cache)

    def training_set(self, comments: Comments, parts: Split, say: Say) -> TrainingSet:
        """Tokenize training comments and, if the recipe augments, make and tokenize changed copies of them.

        No copy equals a comment of the training, validation or test set. Otherwise, the model could learn a comment
        of the validation or test set, or learn a comment of the training set with another label.
        """
        rows, steps = self.tokenized(comments), self.recipe.balance.augment
        if not steps:
            return TrainingSet(rows, comments.targets)
        one_problem = self.exclusive or len(self.labels) == 1
        classes = problems(comments.targets, exclusive=self.exclusive)[0] if one_problem else comments.targets
        everything = [part for part in (parts.train, parts.validation, parts.test) if part is not None]
        copies = augmented(
            comments.texts, rarer_rows(classes), steps, normalizer=self.normalizer, seed=self.recipe.seed,
            avoid={key for part in everything for key in part.keys(self.normalizer)}, keys=comments.keys(self.normalizer),
        )  # fmt: skip
        short = f", {copies.asked:,} requested" if len(copies.texts) < copies.asked else ""
        methods = ", ".join(dict.fromkeys(step.method for step in steps))
        say(
            f"augment: {len(copies.texts):,} copies of {len(set(copies.sources.tolist())):,} comments by {methods}{short}"
        )
        copied_rows = TokenizedTexts.of(copies.texts, self.preprocessor, self.engine, workers=cpu_count())
        both = rows.joined(copied_rows)
        rows, copied_rows = both.take(np.arange(len(rows))), both.take(np.arange(len(rows), len(both)))
        return TrainingSet(rows, comments.targets, copies, copied_rows)

    def fit(
        self,
        training_set: TrainingSet,
        validation: TokenizedTexts,
        validation_targets: NDArray[np.uint8],
        context: FitContext = SILENT,
    ) -> FittedModel:
        """Learn the features, resample the rows and fit the model, all from this training set only.

        Raises
        ------
        DataError : the rows cannot be resampled.
        DivergedError : training of a network diverged.
        """
        return self.fit_model(self.matrix(training_set, validation, validation_targets, context), context)

    def matrix(
        self,
        training_set: TrainingSet,
        validation: TokenizedTexts,
        validation_targets: NDArray[np.uint8],
        context: FitContext = SILENT,
    ) -> TrainingMatrix:
        """Learn the features and resample the rows; the validation set is only used for early stopping.

        Raises
        ------
        DataError : the rows cannot be resampled.
        DivergedError : training of a learned metric diverged.
        """
        rows, targets = training_set.with_copies()
        stages = [Stage.of("as given", training_set.targets)]
        if training_set.copies is not None:
            methods = " + ".join(dict.fromkeys(step.method for step in self.recipe.balance.augment))
            stages.append(Stage.of(methods, targets))
        if self.recipe.model.component["learns_from_negatives"]:
            stages.append(Stage.of("without the label", targets[targets[:, 0] == 0]))
        features = self.learn_features(rows)
        if isinstance(features.numbers, SequenceVectors):
            auto = " (auto: 99.5 % of the training comments fit)"
            context.say(
                f"{context.title}: at most {features.numbers.longest} tokens per comment"
                f"{auto if self.recipe.text.max_tokens == 'auto' else ''}"
            )
        features, facts = self._with_steps(features, rows, targets, validation, validation_targets, context)
        matrix = features.matrix(rows)
        held_out = None
        if self.recipe.model.component["watches_validation"]:
            held_out = HeldOut(features.matrix(validation), validation_targets)
        made = TrainingMatrix(features, matrix, targets, held_out, tuple(stages), facts)
        return self._resampled(made, context) if self.recipe.balance.resample else made

    def learn_features(self, rows: TokenizedTexts) -> FeaturePipeline:
        """Learn the features that come before feature selection and the learned metric."""
        return FeaturePipeline.learn(self.recipe, rows, self.preprocessor, self.engine, self.vectors, self.cache)

    def _with_steps(
        self, features: FeaturePipeline, rows: TokenizedTexts, targets: NDArray[np.uint8], validation: TokenizedTexts,
        validation_targets: NDArray[np.uint8], context: FitContext,
    ) -> tuple[FeaturePipeline, dict[str, Any]]:  # fmt: skip
        """Add feature selection and learned metric if the recipe has them; also return their details for the report."""
        section, seed, facts = self.recipe.features, self.recipe.seed, {}
        if section.select != "all":
            one_problem = self.exclusive or targets.shape[1] == 1
            classes = problems(targets, exclusive=self.exclusive)[0] if one_problem else targets
            selection = Selection(section.select, seed=seed).fit(features.matrix(rows), classes)
            features = features.then(selection)
            facts["selection"] = selection.facts()
        if section.metric_learning != "none":
            held_out = HeldOut(features.matrix(validation), validation_targets)
            weights = class_weights(targets, self.labels, self.negative, "none")
            own = replace(context, title=f"{context.title}, {section.metric_learning}", checkpoint=None)
            learner = make_metric_learner(section)
            learner.fit(features.matrix(rows), Task(targets, self.exclusive, weights, seed, context=own), held_out)
            if learner.divergence_ is not None:
                model = make_model(self.recipe.model)
                failed = FittedModel(features, model, weights, (Stage.of("as given", targets),))
                raise DivergedError(failed, learner.divergence_)
            features = features.then(learner)
            facts["metric"] = {"loss": section.metric_learning, "encoder": section.metric_encoder, "size": section.metric_size,
                               "history": [dict(row) for row in learner.history_]}  # fmt: skip
        return features, facts

    def _resampled(self, made: TrainingMatrix, context: FitContext) -> TrainingMatrix:
        """Return the matrix after resampling, with updated targets, stages and report details."""
        from toxiclf.balance.resampler import Resampler  # here, as imbalanced-learn takes long to load

        balance, label = self.recipe.balance, self.labels[0]
        facts, pictures = dict(made.facts), dict(made.pictures)
        if balance.gan:
            context.say(f"{context.title}: wgan, generating rows")
        sampler = Resampler(
            balance.resample, ratio=balance.ratio, neighbours=balance.neighbours, gan=balance.gan or None,
            random_state=self.recipe.seed,
        )  # fmt: skip
        names = np.where(made.targets[:, 0] == 1, label, f"not {label}")
        with Bar(f"{context.title}, wgan", drawn=context.bar and bool(balance.gan)):
            matrix, classes = sampler.fit_resample(made.matrix, names)
        stages = tuple(Stage(name, sum(after.values()), (after.get(label, 0),)) for name, _, after in sampler.steps_)
        if balance.gan:
            facts["gan"], pictures["gan"] = sampler.gans_[-1].facts_, sampler.gans_[-1].picture_
            context.say(_gan_sentence(context.title, facts["gan"]))
        targets = (classes == label)[:, None].astype(np.uint8)
        return replace(
            made, matrix=matrix, targets=targets, stages=made.stages + stages, facts=facts, pictures=pictures
        )

    def fit_model(self, training: TrainingMatrix, context: FitContext = SILENT) -> FittedModel:
        """Fit the recipe's model to a training matrix.

        Raises
        ------
        DivergedError : training of a network diverged.
        """
        balance = self.recipe.balance
        weights = class_weights(
            training.targets, self.labels, self.negative, self.recipe.class_weight,
            balance.effective_number_beta,
        )  # fmt: skip
        model = make_model(self.recipe.model)
        fitted = FittedModel(training.features, model, weights, training.stages, training.facts, training.pictures)
        task = Task(training.targets, self.exclusive, weights, self.recipe.seed, balance.loss_function, context)
        fitted.model.fit(training.matrix, task, training.held_out)
        if fitted.model.divergence_ is not None:
            raise DivergedError(fitted, fitted.model.divergence_)
        return fitted


def features_key(recipe: Recipe, *, watched: bool | None = None) -> str:
    """Return a key that is equal for recipes whose models use the same features.

    Parameters
    ----------
    watched : whether the features include the validation set's matrix; with None, they include it if the model uses
        early stopping.
    """
    options: Any = recipe.model
    rows = recipe.balance.model_dump(include={"augment", "resample", *keys_of("resampler")})
    takes = options.component["takes"]
    if takes == "ngrams":
        return json.dumps([options.jamo, options.syllable, options.min_comments, rows])
    tables = [recipe.text.model_dump(), recipe.vectors.model_dump(), recipe.features.model_dump()]
    watches = options.component["watches_validation"] if watched is None else watched
    return json.dumps([*tables, rows, takes, watches, options.learns_embedding])


def _gan_sentence(title: str, facts: Mapping[str, Any]) -> str:
    """Return a progress message about the rows that the WGAN generated."""
    told_apart = (
        "" if facts["auc"] is None else f"; a classifier tells them from real rows with a ROC AUC of {facts['auc']:.2f}"
    )
    return (
        f"{title}: wgan, {facts['generated']:,} rows generated after {facts['best_step']:,} of {facts['steps']:,} steps"
        f"{told_apart}"
    )


def _check_one_label(recipe: Recipe, labels: Sequence[str]) -> None:
    """Raise an error if a technique or model of the recipe takes only one label, but there are several."""
    if len(labels) == 1:
        return
    asked = {
        "balance.resample": ("balance.class_weight or balance.augment for all labels", bool(recipe.balance.resample)),
        "features.metric_learning": ("features.metric_learning = 'none'", recipe.features.metric_learning != "none"),
        f"model {recipe.model.name}": ("another model", not recipe.model.component["multi_label"]),
    }
    for what, (instead, is_asked) in asked.items():
        if is_asked:
            raise UsageError(
                f"{what} takes one label, but there are {len(labels)} ({', '.join(labels)}); use {instead}, or "
                "choose one label with --label"
            )
