"""One fit: from comments to copies, features, resampled rows, and a model; nothing of it sees other rows than those it is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from toxiclf.balance.augmentation import augmented
from toxiclf.balance.pool import Copies, Pool, Stage
from toxiclf.balance.resampling.resampler import Resampler
from toxiclf.balance.weights import ClassWeights, class_weights, problems, rarer_rows
from toxiclf.datasets.comments import Comments, equality_keys
from toxiclf.datasets.splitting import Split
from toxiclf.embeddings.pretrained import recipe_vectors
from toxiclf.embeddings.word_vectors import WordVectors
from toxiclf.errors import UsageError
from toxiclf.features.cache import Kept
from toxiclf.features.features import Featurizer, Prepared, Sequences, SequenceVectors
from toxiclf.features.selection import Selection
from toxiclf.graph import Graph
from toxiclf.metric_learning import make_metric_learner
from toxiclf.models import make_model
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._progress import SILENT, FitContext
from toxiclf.recipe import BalanceSection, Recipe
from toxiclf.recipe.preprocessing import recipe_preprocessor, recipe_tokenizer
from toxiclf.text.encoder import Encoded, TextEncoder
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    from toxiclf.models._plan import Divergence

Say = Callable[[str], None]


class Step(Protocol):
    """Something that is learned between features and the model: a selection, or a metric."""

    def transform(self, features: Any) -> NDArray[np.float32]:
        """Features to other ones, float32 (n, width)."""

    def write(self, graph: Graph, features: str) -> str:
        """Add the same function to a graph."""


@dataclass(frozen=True)
class Representation:
    """Comments to what a model learns from; all of it was learned from the same rows as the model.

    Attributes
    ----------
    featurizer : the encoder, and features of its ids.
    steps : what was learned of the features, in order.
    """

    featurizer: Featurizer
    steps: tuple[Step, ...] = ()

    def matrix(self, rows: Prepared) -> Any:
        """Of prepared rows."""
        return self.matrix_of(self.featurizer.encode(rows))

    def matrix_of(self, encoded: Encoded) -> Any:
        """Of encoded rows."""
        return self.after(self.featurizer.matrix_of(encoded))

    def after(self, features: Any) -> Any:
        """What the steps make of features."""
        for step in self.steps:
            features = step.transform(features)
        return features

    def write(self, graph: Graph) -> str:
        """Add features and steps to a graph."""
        name = self.featurizer.write(graph)
        for step in self.steps:
            name = step.write(graph, name)
        return name


@dataclass
class Fitted:
    """A fitted model with what feeds it.

    Attributes
    ----------
    weights : of the classes of the rows that it was fitted to.
    stages : how those rows came about, the first as given.
    facts : what a report says of selection, metric and generated rows, as JSON types, by name.
    pictures : points of figures, by name.
    """

    representation: Representation
    model: Model
    weights: list[ClassWeights]
    stages: tuple[Stage, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def encoder(self) -> TextEncoder:
        """The text half of the bundle."""
        return self.representation.featurizer.encoder

    @property
    def origin(self) -> Mapping[str, str]:
        """Of the word vectors; empty where there are none."""
        return self.representation.featurizer.origin

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch, of networks."""
        return [dict(row) for row in self.model.history_]

    @property
    def no_graph(self) -> str:
        """Why there is no ONNX form; empty where there is one."""
        return self.model.no_graph_

    def raw(self, rows: Prepared) -> NDArray[np.float64]:
        """Raw outputs of prepared rows by the training library, (n, n_labels)."""
        return self.raw_of(self.representation.featurizer.encode(rows))

    def raw_of(self, encoded: Encoded) -> NDArray[np.float64]:
        """The same of encoded rows."""
        return self.model.raw(self.representation.matrix_of(encoded))

    def seen(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Comments before and after the metric: what it was given (of sequences, the mean of their vectors), and what it gives."""
        features = self.representation.featurizer.matrix_of(self.encoder.encode(texts))
        *first, metric = self.representation.steps
        for step in first:
            features = step.transform(features)
        before = features.averages() if isinstance(features, Sequences) else features
        return before, metric.transform(features)

    def graph(self, columns: int) -> bytes | None:
        """Features and model as one ONNX graph; None where the model has no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        return graph.build(self.model.write(graph, self.representation.write(graph)), columns)


@dataclass(frozen=True)
class Features:
    """What a model is fitted to; all of it was learned from the rows that it learns from.

    Attributes
    ----------
    matrix, targets : of these rows, after augmentation and resampling.
    watched : the validation part, for models that watch it.
    stages : how many rows there were before and after.
    facts, pictures : as of :class:`Fitted`.
    """

    representation: Representation
    matrix: Any
    targets: NDArray[np.uint8]
    watched: HeldOut | None
    stages: tuple[Stage, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)


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
    kept : what runs on the same rows share.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    negative: str | None
    preprocessor: Preprocessor
    engine: Tokenizer | None
    vectors: WordVectors | None
    kept: Kept = field(default_factory=Kept)

    @classmethod
    def of(
        cls, recipe: Recipe, labels: tuple[str, ...], negative: str | None, say: Say, kept: Kept | None = None
    ) -> Fitter:
        """Make what is shared; may train word vectors.

        Raises
        ------
        UsageError : something that takes one label is asked for, and there are several.
        """
        _check_one_label(recipe, labels)
        for member in recipe.members:
            make_model(member)  # where a library is missing, it is named before anything is trained
        engine = recipe_tokenizer(recipe) if recipe.takes_tokens else None
        vectors = None if engine is None else recipe_vectors(recipe, engine, say)
        return cls(recipe, labels, negative, recipe_preprocessor(recipe), engine, vectors, kept or Kept())

    @property
    def normalizer(self) -> Normalizer:
        """What makes comments equal."""
        return self.preprocessor.normalizer

    def members(self) -> list[Fitter]:
        """One for each model that is fitted: of an ensemble its members, else this one."""
        members = self.recipe.members
        return [self] if len(members) == 1 else [replace(self, recipe=self.recipe.of_member(m)) for m in members]

    def prepared(self, comments: Comments) -> Prepared:
        """Normalize and, where need be, tokenize: once, for all fits."""
        return Prepared.of(comments.texts, self.preprocessor, self.engine, workers=cpu_count(), kept=self.kept)

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
        prepared = Prepared.of(written.texts, self.preprocessor, self.engine, workers=cpu_count())
        return Pool(rows, comments.targets, Copies(written, prepared))

    def fit(
        self,
        pool: Pool,
        held_out: Prepared,
        held_out_targets: NDArray[np.uint8],
        context: FitContext = SILENT,
    ) -> Fitted:
        """Learn everything that is learned (vocabulary, vectors, new rows, weights, model) from these comments and no others.

        Raises
        ------
        DivergedError : training diverged.
        """
        return self.fit_model(self.features(pool, held_out, held_out_targets, context), context)

    def features(
        self, pool: Pool, held_out: Prepared, held_out_targets: NDArray[np.uint8], context: FitContext = SILENT
    ) -> Features:
        """Learn what comes before the model, and resample; ``held_out`` is for what watches the validation part.

        Raises
        ------
        DataError : these rows cannot be resampled.
        DivergedError : training of a metric diverged.
        """
        rows, targets = pool.learned()
        stages = [Stage.of("as given", pool.targets)]
        if pool.copies is not None:
            stages.append(
                Stage.of(" + ".join(dict.fromkeys(step.method for step in self.recipe.balance.augment)), targets)
            )
        if self.recipe.model.component["learns_from_negatives"]:
            stages.append(Stage.of("without the label", targets[targets[:, 0] == 0]))
        featurizer = self.featurizer(rows)
        if isinstance(featurizer.features, SequenceVectors):
            auto = " (auto: so many hold 99.5 % of the training comments whole)"
            context.say(
                f"{context.title}: at most {featurizer.features.longest} tokens a comment"
                f"{auto if self.recipe.text.max_tokens == 'auto' else ''}"
            )
        representation, facts = self._represented(featurizer, rows, targets, held_out, held_out_targets, context)
        matrix = representation.matrix(rows)
        watched = None
        if self.recipe.model.component["watches_validation"]:
            watched = HeldOut(representation.matrix(held_out), held_out_targets)
        pictures: dict[str, Any] = {}
        balance = self.recipe.balance
        if balance.resample:
            if balance.gan:
                context.say(f"{context.title}: wgan, generating rows")
            sampler = Resampler(
                balance.resample, ratio=balance.ratio, neighbours=balance.neighbours, gan=balance.gan or None,
                random_state=self.recipe.seed,
            )  # fmt: skip
            label = self.labels[0]
            matrix, classes = sampler.fit_resample(matrix, np.where(targets[:, 0] == 1, label, f"not {label}"))
            targets = (classes == label)[:, None].astype(np.uint8)
            stages += [Stage(name, sum(after.values()), (after.get(label, 0),)) for name, _, after in sampler.steps_]
            if balance.gan:
                facts["gan"], pictures["gan"] = sampler.gans_[-1].facts_, sampler.gans_[-1].picture_
                context.say(_of_gan(context.title, facts["gan"]))
        return Features(representation, matrix, targets, watched, tuple(stages), facts, pictures)

    def _represented(
        self, featurizer: Featurizer, rows: Prepared, targets: NDArray[np.uint8], held_out: Prepared,
        held_out_targets: NDArray[np.uint8], context: FitContext,
    ) -> tuple[Representation, dict[str, Any]]:  # fmt: skip
        """Learn what is asked for between features and model, and what is said of it."""
        section, seed, exclusive = self.recipe.features, self.recipe.seed, self.negative is not None
        representation, facts = Representation(featurizer), {}
        if section.select != "all":
            classes = problems(targets, exclusive=exclusive)[0] if exclusive or targets.shape[1] == 1 else targets
            selection = Selection(section.select, seed=seed).fit(representation.matrix(rows), classes)
            representation = replace(representation, steps=(*representation.steps, selection))
            facts["selection"] = selection.facts()
        if section.metric_learning != "none":
            watched = HeldOut(representation.matrix(held_out), held_out_targets)
            weights = class_weights(targets, self.labels, self.negative, "none")
            around = replace(context, title=f"{context.title}, {section.metric_learning}", checkpoint=None)
            learner = make_metric_learner(section)
            learner.fit(representation.matrix(rows), Task(targets, exclusive, weights, seed, context=around), watched)
            if learner.divergence_ is not None:
                model = make_model(self.recipe.model)
                failed = Fitted(representation, model, weights, (Stage.of("as given", targets),))
                raise DivergedError(failed, learner.divergence_)
            representation = replace(representation, steps=(*representation.steps, learner))
            facts["metric"] = {"loss": section.metric_learning, "encoder": section.metric_encoder, "size": section.metric_size,
                               "history": [dict(row) for row in learner.history_]}  # fmt: skip
        return representation, facts

    def featurizer(self, rows: Prepared) -> Featurizer:
        """Learn what comes before the model."""
        return Featurizer.of(self.recipe, rows, self.preprocessor, self.engine, self.vectors, self.kept)

    def fit_model(self, features: Features, context: FitContext = SILENT) -> Fitted:
        """Fit the recipe's model to features.

        Raises
        ------
        DivergedError : training diverged.
        """
        balance = self.recipe.balance
        weights = class_weights(
            features.targets, self.labels, self.negative, self.recipe.class_weight,
            balance.effective_number_beta,
        )  # fmt: skip
        model = make_model(self.recipe.model)
        fitted = Fitted(features.representation, model, weights, features.stages, features.facts, features.pictures)
        gamma = balance.focal_gamma if balance.loss == "focal" else None
        tau = balance.logit_tau if balance.loss == "logit_adjusted" else 0.0
        task = Task(features.targets, self.negative is not None, weights, self.recipe.seed, gamma, tau, context)
        fitted.model.fit(features.matrix, task, features.watched)
        if fitted.model.divergence_ is not None:
            raise DivergedError(fitted, fitted.model.divergence_)
        return fitted


def features_key(recipe: Recipe, *, watched: bool | None = None) -> str:
    """Equal for recipes whose models learn from the same features.

    Parameters
    ----------
    watched : whether the validation part is watched; None for what the model does.
    """
    options: Any = recipe.model
    keys = {key for key in BalanceSection.model_fields if key.startswith("gan_")}
    rows = recipe.balance.model_dump(include=keys | {"augment", "resample", "ratio", "neighbours"})
    takes = options.component["takes"]
    if takes == "ngrams":
        return json.dumps([options.jamo, options.syllable, options.min_comments, rows])
    tables = [recipe.text.model_dump(), recipe.vectors.model_dump(), recipe.features.model_dump()]
    watches = options.component["watches_validation"] if watched is None else watched
    return json.dumps([*tables, rows, takes, watches, options.learns_embedding])


def _of_gan(title: str, facts: Mapping[str, Any]) -> str:
    """What generated rows came to, in a sentence."""
    told = (
        "" if facts["auc"] is None else f", told from real ones that were held out with a ROC AUC of {facts['auc']:.2f}"
    )
    return f"{title}: wgan, {facts['generated']:,} rows after {facts['best_step']:,} of {facts['steps']:,} steps{told}"


def _check_one_label(recipe: Recipe, labels: Sequence[str]) -> None:
    """Refuse what takes one label where there are several."""
    if len(labels) == 1:
        return
    asked = {
        "balance.resample": ("balance.class_weight or balance.augment for all of them", bool(recipe.balance.resample)),
        "features.metric_learning": ("the features as they are", recipe.features.metric_learning != "none"),
        f"model {recipe.model.name}": ("another model", not recipe.model.component["multi_label"]),
    }
    for what, (instead, is_asked) in asked.items():
        if is_asked:
            raise UsageError(
                f"{what} takes one label, and there are {len(labels)} ({', '.join(labels)}); use {instead}, or choose one with "
                "--label"
            )
