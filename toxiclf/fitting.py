"""One fit: from comments to copies, features, resampled rows, and a model; nothing of it sees other rows than those it is given."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.augment import augmented
from toxiclf.balance.pool import Copies, Pool, Stage
from toxiclf.balance.resample import Resampler
from toxiclf.balance.weights import ClassWeights, class_weights, problems, rarer_rows
from toxiclf.corpus.comments import Comments, equality_keys
from toxiclf.corpus.split import Split
from toxiclf.errors import UsageError
from toxiclf.graph import Graph
from toxiclf.models import MODELS
from toxiclf.models.model import HeldOut, Model, Task
from toxiclf.models.progress import ALONE, Surroundings
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import TextEncoder
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.vectors.features import Featurizer, Prepared, SequenceVectors
from toxiclf.vectors.preparing import recipe_preprocessor, recipe_tokenizer
from toxiclf.vectors.pretrained import recipe_vectors
from toxiclf.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from toxiclf.models.training_loop import Divergence

Say = Callable[[str], None]


@dataclass
class Fitted:
    """A fitted model with what feeds it.

    Attributes
    ----------
    weights : of the classes of the rows that it was fitted to.
    stages : how those rows came about, the first as given.
    """

    featurizer: Featurizer
    model: Model
    weights: list[ClassWeights]
    stages: tuple[Stage, ...]

    @property
    def encoder(self) -> TextEncoder:
        """The text half of the bundle."""
        return self.featurizer.encoder

    def raw(self, rows: Prepared) -> NDArray[np.float64]:
        """Raw outputs by the training library, (n, n_labels)."""
        return self.model.raw(self.featurizer.matrix(rows))

    def graph(self, columns: int) -> bytes | None:
        """Features and model as one ONNX graph; None where the model has no ONNX form."""
        if self.model.no_graph_:
            return None
        graph = Graph()
        return graph.build(self.model.write(graph, self.featurizer.write(graph)), columns)


@dataclass(frozen=True)
class Features:
    """What a model is fitted to; all of it was learned from the rows that it learns from.

    Attributes
    ----------
    matrix, targets : of these rows, after augmentation and resampling.
    watched : the validation part, for models that watch it.
    stages : how many rows there were before and after.
    """

    featurizer: Featurizer
    matrix: Any
    targets: NDArray[np.uint8]
    watched: HeldOut | None
    stages: tuple[Stage, ...]


class DivergedError(Exception):
    """A network's loss exploded or stopped being a number.

    Attributes
    ----------
    fitted : the model as it was before, with its history.
    divergence : where, why, and what mends it.
    """

    def __init__(self, fitted: Fitted, divergence: Divergence) -> None:
        super().__init__(f"training diverged: {divergence}")
        self.fitted, self.divergence = fitted, divergence


@dataclass(frozen=True)
class Fitter:
    """What every fit of a run shares; none of it was learned from labelled rows.

    Attributes
    ----------
    engine : the tokenizer, for models that take tokens.
    vectors : word vectors, where they do not come from the training rows.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    negative: str | None
    preprocessor: Preprocessor
    engine: Tokenizer | None
    vectors: WordVectors | None

    @classmethod
    def of(cls, recipe: Recipe, labels: tuple[str, ...], negative: str | None, say: Say) -> Fitter:
        """Make what is shared; may train word vectors.

        Raises
        ------
        UsageError : rows of several labels are to be resampled.
        """
        if recipe.balance.resample and len(labels) > 1:
            raise UsageError(
                f"balance.resample takes one label, and there are {len(labels)} ({', '.join(labels)}); use balance.class_weight or "
                "balance.augment for all of them, or choose one with --label"
            )
        takes_tokens = MODELS[recipe.model.name].features != "ngrams"
        engine = recipe_tokenizer(recipe) if takes_tokens else None
        vectors = None if engine is None else recipe_vectors(recipe, engine, say)
        return cls(recipe, labels, negative, recipe_preprocessor(recipe), engine, vectors)

    @property
    def normalizer(self) -> Normalizer:
        """What makes comments equal."""
        return self.preprocessor.normalizer

    def prepared(self, comments: Comments) -> Prepared:
        """Normalize and, where need be, tokenize: once, for all fits."""
        return Prepared.of(comments.texts, self.preprocessor, self.engine, workers=os.cpu_count() or 1)

    def pool(self, comments: Comments, parts: Split, say: Say) -> Pool:
        """Prepare comments to learn from and, where the recipe asks for it, copies of those of a rare class.

        No copy equals a comment of any part: one of the validation or test part would be known, one of the training part may
        be labelled otherwise.
        """
        rows, steps = self.prepared(comments), self.recipe.balance.augment
        if not steps:
            return Pool(rows, comments.targets)
        everything = [part.texts for part in (parts.train, parts.validation, parts.test) if part is not None]
        one_problem = self.negative is not None or len(self.labels) == 1
        rare = rarer_rows(
            problems(comments.targets, exclusive=self.negative is not None)[0] if one_problem else comments.targets
        )
        written = augmented(
            comments.texts, rare, steps, normalizer=self.normalizer, seed=self.recipe.seed,
            avoid={key for texts in everything for key in equality_keys(texts, self.normalizer)},
        )  # fmt: skip
        short = f", {written.asked:,} were asked for" if len(written.texts) < written.asked else ""
        methods = ", ".join(dict.fromkeys(step.method for step in steps))
        say(
            f"augment: {len(written.texts):,} copies of {len(set(written.sources.tolist())):,} comments by {methods}{short}"
        )
        prepared = Prepared.of(written.texts, self.preprocessor, self.engine, workers=os.cpu_count() or 1)
        return Pool(rows, comments.targets, Copies(written, prepared))

    def fit(
        self,
        pool: Pool,
        held_out: Prepared,
        held_out_targets: NDArray[np.uint8],
        surroundings: Surroundings = ALONE,
    ) -> Fitted:
        """Learn everything that is learned (vocabulary, vectors, new rows, weights, model) from these comments and no others.

        Raises
        ------
        DivergedError : training diverged.
        """
        features = self.features(pool, held_out, held_out_targets)
        if isinstance(features.featurizer.features, SequenceVectors):
            auto = " (auto: so many hold 99.5 % of the training comments whole)"
            surroundings.say(
                f"{surroundings.title}: at most {features.featurizer.features.longest} tokens a comment"
                f"{auto if self.recipe.text.max_tokens == 'auto' else ''}"
            )
        return self.fit_model(features, surroundings)

    def features(self, pool: Pool, held_out: Prepared, held_out_targets: NDArray[np.uint8]) -> Features:
        """Learn what comes before the model, and resample; ``held_out`` is for models that watch the validation part.

        Raises
        ------
        DataError : these rows cannot be resampled.
        """
        rows, targets = pool.learned()
        stages = [Stage.of("as given", pool.targets)]
        if pool.copies is not None:
            stages.append(
                Stage.of(" + ".join(dict.fromkeys(step.method for step in self.recipe.balance.augment)), targets)
            )
        featurizer = self.featurizer(rows)
        watches = MODELS[self.recipe.model.name].watches
        watched = HeldOut(featurizer.matrix(held_out), held_out_targets) if watches else None
        matrix = featurizer.matrix(rows)
        balance = self.recipe.balance
        if balance.resample:
            sampler = Resampler(
                balance.resample, ratio=balance.ratio, neighbours=balance.neighbours, random_state=self.recipe.seed
            )
            label = self.labels[0]
            matrix, classes = sampler.fit_resample(matrix, np.where(targets[:, 0] == 1, label, f"not {label}"))
            targets = (classes == label)[:, None].astype(np.uint8)
            stages += [Stage(name, sum(after.values()), (after.get(label, 0),)) for name, _, after in sampler.steps_]
        return Features(featurizer, matrix, targets, watched, tuple(stages))

    def featurizer(self, rows: Prepared) -> Featurizer:
        """Learn what comes before the model."""
        return Featurizer.of(self.recipe, rows, self.preprocessor, self.engine, self.vectors)

    def fit_model(self, features: Features, surroundings: Surroundings = ALONE) -> Fitted:
        """Fit the recipe's model to features.

        Raises
        ------
        DivergedError : training diverged.
        """
        balance = self.recipe.balance
        weights = class_weights(
            features.targets, self.labels, self.negative, balance.class_weight, balance.effective_number_beta
        )
        model = MODELS[self.recipe.model.name].make(self.recipe.model)
        fitted = Fitted(features.featurizer, model, weights, features.stages)
        gamma = balance.focal_gamma if balance.loss == "focal" else None
        tau = balance.logit_tau if balance.loss == "logit_adjusted" else 0.0
        task = Task(features.targets, self.negative is not None, weights, self.recipe.seed, gamma, tau, surroundings)
        fitted.model.fit(features.matrix, task, features.watched)
        if fitted.model.divergence_ is not None:
            raise DivergedError(fitted, fitted.model.divergence_)
        return fitted
