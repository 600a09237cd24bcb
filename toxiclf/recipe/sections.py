"""The tables of a recipe, but ``[model]`` and ``[search]``."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from toxiclf._registry import Component, components
from toxiclf.bundle.live_rate import LEAST, MOST
from toxiclf.errors import unknown_name
from toxiclf.recipe.options import model_options
from toxiclf.recipe.types import ComponentName, Count, Positive, Section, Share, as_list

SHIPPED_VECTORS = ("ko-comments",)
"""Word vectors that are part of the package."""
NgramLength = Annotated[int, Field(ge=1, le=10)]
ViewName = Literal["jamo", "separators", "lookalikes", "yamin", "keyboard", "stretched", "homoglyphs"]
VIEWS: tuple[str, ...] = get_args(ViewName)
"""Ways to read what was written to be misread."""


def _views(value: Any) -> Any:
    """One value where a list is meant; "all" for every one."""
    return VIEWS if value == "all" else as_list(value)


class SplitSection(Section):
    """``[split]``: shares of all rows."""

    test: Share = 0.2
    """Share of all rows that are the test set; 0 trains on every row, and the report then speaks from the scores that the decision
    was made on."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of all rows that are the validation set."""


class TextSection(Section):
    """``[text]``: see :class:`toxiclf.text.normalize.Normalizer`.

    ``part_of_speech`` keeps the tokens whose tag (the tokenizer's own) begins with one of these; empty keeps all.
    ``typo_correction`` is of kiwi. ``views`` add to a comment those of its words that a view reads otherwise:
    :mod:`toxiclf.text.obfuscation`. ``max_tokens = "auto"`` keeps all tokens that ``max_chars`` characters give; for networks over
    sequences as many as all but 0.5 % of the training comments have.
    """

    tokenizer: Literal["mecab", "kiwi", "okt", "komoran", "hannanum", "kkma", "jamo", "char", "whitespace"] = "mecab"
    part_of_speech: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    typo_correction: bool = False
    views: Annotated[tuple[ViewName, ...], BeforeValidator(_views)] = ()
    max_tokens: Count | Literal["auto"] = "auto"
    max_chars: Count = 2000
    repeat_cap: Count = 3

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        tokenizer = f"on the tokenizer {self.tokenizer}"
        idle = []
        if self.tokenizer in ("jamo", "char", "whitespace"):
            idle.append((["part_of_speech"], tokenizer))
        if self.tokenizer != "kiwi":
            idle.append((["typo_correction"], tokenizer))
        return idle


class VectorsSection(Section):
    """``[vectors]``: word vectors as they come, else trained on the ``unlabeled`` texts alone, else on the training rows."""

    pretrained: Annotated[str, Field(min_length=1)] = "auto"
    """Word vectors that are taken as they are: "ko-comments" (shipped), a folder that `toxiclf pretrain` wrote, a file in
    word2vec's format, or "none"; "auto" is "ko-comments" where no other key of this table is given and tokens are made as its own
    were (mecab, all parts of speech), else "none"."""
    kind: Literal["word2vec", "fasttext"] = "word2vec"
    """How vectors are trained: a vector a token, or also of its pieces (FastText over jamo)."""
    architecture: Literal["skip_gram", "cbow"] = "skip_gram"
    """What training predicts: the neighbours of a token, or a token from its neighbours."""
    size: Count = 100
    """Numbers in a word vector."""
    window: Count = 5
    """Tokens to each side that count as neighbours."""
    min_count: Count | Literal["auto"] = "auto"
    """Times that a token must occur to get a vector; "auto" is 5 for unlabelled texts and 2 for training rows."""
    epochs: Count | Literal["auto"] = "auto"
    """Passes over the texts; "auto" is 5 for unlabelled texts and 20 for training rows."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """The vectors' own seed, so that runs with other recipe seeds share vectors of unlabelled texts; vectors of training rows draw
    on the recipe's seed as well."""
    unlabeled: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    """Files or `corpus:NAME` whose texts the vectors are trained on; empty for the training rows."""
    jamo_ngrams: tuple[NgramLength, NgramLength] = (3, 6)
    """Shortest and longest piece in jamo, of FastText."""
    buckets: Annotated[int, Field(ge=1000, le=10**8)] = 500_000
    """Vectors that FastText's pieces share by hash."""

    @model_validator(mode="after")
    def _ngrams_in_order(self) -> VectorsSection:
        if self.jamo_ngrams[0] > self.jamo_ngrams[1]:
            raise ValueError(
                f"vectors.jamo_ngrams is {list(self.jamo_ngrams)}; expected the shortest first, such as [3, 6]"
            )
        return self

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        if self.pretrained not in ("auto", "none"):
            trained = [key for key in type(self).model_fields if key != "pretrained"]
            return [(trained, f"while vectors.pretrained is '{self.pretrained}'")]
        return [] if self.kind == "fasttext" else [(["jamo_ngrams", "buckets"], "while vectors.kind is 'word2vec'")]


def _may_encode(entry: Component) -> bool:
    """A network over sequences that begins with word vectors."""
    if not entry["is_network"] or entry["takes"] != "sequences" or entry["learns_from_negatives"]:
        return False
    return not model_options(entry.name).learns_embedding


class FeaturesSection(Section):
    """``[features]``: how the word vectors of a comment become one vector, and what is learned of that before the model.

    Metric learning: :mod:`toxiclf.metric_learning`.
    """

    pooling: Literal["mean", "tfidf", "sif"] = "mean"
    """How word vectors become one vector: their mean, weighted by inverse document frequency (tfidf), or by smooth inverse
    frequency without the first principal direction (sif)."""
    select: Count | Literal["all"] = "all"
    """How many of its numbers are kept: the most important ones of a random forest fitted to the training rows."""
    metric_learning: Annotated[str, ComponentName("metric-learner", others=("none",))] = "none"
    """Learns numbers in which comments of a class are near each other and others are not; one label only."""
    metric_encoder: Annotated[str, ComponentName("model", others=("mlp",), fits=_may_encode)] = "mlp"
    """What they are learned from: dense layers over the averaged vectors ("mlp"), or the network of that name, at its default
    options, over sequences of word vectors."""
    metric_size: Annotated[int, Field(ge=2)] = 16
    """How many numbers are learned."""
    metric_units: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(as_list)] = (128, 64)
    """Units of each dense layer of "mlp" before the last one."""
    metric_dropout: Share = 0.3
    """Share of the units of "mlp" that are dropped while it trains."""
    metric_margin: Positive = 0.3
    """How much farther (in squared distance) the other class must be than the own one, of triplets."""
    metric_temperature: Positive = 0.1
    """What cosine similarities are divided by, of the supervised contrastive loss; lower looks at the nearest ones more."""
    metric_batch_size: Annotated[int, Field(ge=8)] = 128
    """Comments in a batch, half of each class."""
    metric_learning_rate: Positive = 1e-3
    """Step size of Adam."""
    metric_epochs: Count = 50
    """Passes over the training rows, at most."""
    metric_patience: Count = 8
    """Epochs without a better average precision on the validation set before it stops."""

    @property
    def of_sequences(self) -> bool:
        """Whether metric learning reads sequences of word vectors, and not their average."""
        return self.metric_learning != "none" and self.metric_encoder != "mlp"

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        if self.metric_learning == "none":
            learned = [key for key in type(self).model_fields if key.startswith("metric_") and key != "metric_learning"]
            return [(learned, "while features.metric_learning is 'none'")]
        learners = components("metric-learner")
        own = learners[self.metric_learning]["keys"]
        others = [key for entry in learners.values() for key in entry["keys"] if key not in own]
        idle = [(others, f"on features.metric_learning = {self.metric_learning}")]
        if self.of_sequences:
            of_averages = ["metric_units", "metric_dropout", "pooling", "select"]
            idle.append((of_averages, f"on the metric encoder {self.metric_encoder}"))
        return idle


_HEAVIEST = 1e6  # heavier rows end in numbers that no library can compute with


def _weights(value: Any) -> Any:
    """Accept a name, or weights by class: classes that are numbers are named by them, as in scikit-learn's ``{0: 1.0, 1: 3.0}``."""
    if not isinstance(value, Mapping):
        return value
    if not value:
        raise ValueError('the table is empty; give weights by class, such as {toxic = 5}, or "none"')
    for key, weight in value.items():
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < float(weight) <= _HEAVIEST:
            raise ValueError(f"the weight of '{key}' is {weight!r}; expected a number above 0, at most a million")
    return {str(key): float(weight) for key, weight in value.items()}


def _steps(value: Any) -> Any:
    """One method where a list is meant, and a name where a table is; "none" for an empty list."""
    if value == "none":
        return ()
    steps = [value] if isinstance(value, str | Mapping) else value
    if isinstance(steps, list | tuple):
        return [{"method": step} if isinstance(step, str) else step for step in steps]
    return steps


def _resamplers(value: Any) -> Any:
    """One resampler where a list is meant; "none" for an empty list."""
    return () if value in ("none", ["none"]) else as_list(value)


AugmentMethod = Literal["eda", "aeda", "keyboard", "jamo", "spacing", "repeat", "obfuscate"]
AUGMENT_METHODS: tuple[str, ...] = get_args(AugmentMethod)
"""Ways to write a comment once more."""
ResampleMethod = Literal[
    "random_over", "random_under", "smote", "borderline_smote", "svm_smote", "adasyn", "smote_tomek", "smote_enn", "tomek",
    "nearmiss", "wgan",
]  # fmt: skip
RESAMPLE_METHODS: tuple[str, ...] = get_args(ResampleMethod)
"""Ways to change how many rows of each class there are."""
WITH_NEIGHBOURS = frozenset(name for name in RESAMPLE_METHODS if "smote" in name or name in ("adasyn", "nearmiss"))
"""Resamplers that look at a row's neighbours of its own class, or of the other."""
WITHOUT_RATIO = frozenset({"tomek"})
"""Resamplers that clean, and leave the ratio as it comes."""


class AugmentStep(Section):
    """One entry of ``balance.augment``: each comment of the rarer class is written ``copies`` times more.

    ``of`` "all" writes those of every class, so that what a method does to words is no sign of a class.
    ``rate`` is the share of a comment's places that change, which are words, of ``jamo`` and ``keyboard`` syllables, of ``repeat``
    what can be drawn out; "auto" is the method's own. ``similarity`` is the least cosine similarity of a synonym of ``eda``,
    ``vectors`` where it is looked up: "ko-comments" or a folder that ``toxiclf pretrain`` wrote with mecab's tokens.
    """

    method: AugmentMethod
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    of: Literal["rarer", "all"] = "rarer"
    rate: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    similarity: Annotated[float, Field(gt=0, lt=1)] = 0.6
    vectors: Annotated[str, Field(min_length=1)] = SHIPPED_VECTORS[0]

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> AugmentStep:
        for key in ("similarity", "vectors"):
            if self.method != "eda" and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"balance.augment: {key} has no effect on {self.method}; leave it out")
        return self


class BalanceSection(Section):
    """``[balance]``: remedies for a rare class; each sees training rows only.

    ``class_weight`` "balanced" weighs a row of class c by n / (k · n_c), k classes; "effective_number" by
    (1 - beta) / (1 - beta ** n_c) (Cui et al. 2019), scaled to a mean of 1 a row, beta being ``effective_number_beta``. A table
    gives weights by name of label, and of the negative value ("negative" unless the label column names it). Weights are those of
    the rows that augmentation and resampling have left.
    ``loss`` is of networks: cross-entropy; focal, (1 - p) ** ``focal_gamma`` times that, p being the probability of what is true
    (Lin et al. 2017), which makes light of what is known already; or logit_adjusted, cross-entropy of outputs that are raised by
    ``logit_tau`` times the log-odds of the class's share while training (Menon et al. 2021). With class weights, rare classes
    are then favoured twice.
    ``resample`` names imbalanced-learn's resamplers, applied in order to averaged vectors of one label. ``ratio`` is how many
    rows of the rarer class there are to be for each of the other: one number for all, or one for each resampler that
    takes one. ``neighbours`` are those that SMOTE and its kin look at. ``wgan`` generates rows of the rarer class: at most
    ``gan_steps`` steps of training, from ``gan_noise`` random numbers through layers of ``gan_units``, with ``gan_critic_steps`` of
    the critic for each of the generator, and the gradient penalty ``gan_penalty`` (Gulrajani et al. 2017).
    ``augment`` writes comments of the rarer class once more, before they are tokenized: :class:`AugmentStep`.
    """

    class_weight: Annotated[
        Literal["balanced", "none", "effective_number"] | dict[str, float], BeforeValidator(_weights)
    ] = "balanced"
    effective_number_beta: Annotated[float, Field(gt=0, lt=1)] = 0.999
    loss: Literal["crossentropy", "focal", "logit_adjusted"] = "crossentropy"
    focal_gamma: Positive = 2.0
    logit_tau: Positive = 1.0
    resample: Annotated[tuple[ResampleMethod, ...], BeforeValidator(_resamplers)] = ()
    ratio: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1), BeforeValidator(as_list)] = (
        1.0,
    )
    neighbours: Count = 5
    gan_steps: Count = 1500
    gan_noise: Count = 32
    gan_units: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(as_list)] = (128, 128)
    gan_critic_steps: Count = 3
    gan_penalty: Positive = 10.0
    gan_learning_rate: Positive = 5e-4
    augment: Annotated[tuple[AugmentStep, ...], BeforeValidator(_steps)] = ()

    @model_validator(mode="after")
    def _a_ratio_each(self) -> BalanceSection:
        takers = [name for name in self.resample if name not in WITHOUT_RATIO]
        if len(self.ratio) not in (1, len(takers)):
            raise ValueError(
                f"balance.ratio has {len(self.ratio)} numbers; give one for all, or one for each resampler that takes one"
                f" ({', '.join(takers) or 'there is none'})"
            )
        return self

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        idle = []
        if self.class_weight != "effective_number":
            idle.append((["effective_number_beta"], "unless balance.class_weight is 'effective_number'"))
        if self.loss != "focal":
            idle.append((["focal_gamma"], f"while balance.loss is '{self.loss}'"))
        if self.loss != "logit_adjusted":
            idle.append((["logit_tau"], f"while balance.loss is '{self.loss}'"))
        named = f"on balance.resample = {', '.join(self.resample)}" if self.resample else "without balance.resample"
        if not set(self.resample) - WITHOUT_RATIO:
            idle.append((["ratio"], named))
        if not set(self.resample) & WITH_NEIGHBOURS:
            idle.append((["neighbours"], named))
        if "wgan" not in self.resample:
            idle.append(([key for key in type(self).model_fields if key.startswith("gan_")], named))
        return idle

    @property
    def gan(self) -> dict[str, Any]:
        """Parameters of :class:`toxiclf.balance.resampling.wgan.WganSampler`; empty without ``wgan``."""
        if "wgan" not in self.resample:
            return {}
        return {
            key.removeprefix("gan_"): getattr(self, key) for key in type(self).model_fields if key.startswith("gan_")
        }


_RATED_OBJECTIVES = {"recall_at_precision": 0.9, "precision_at_recall": 0.9, "flag_rate": 0.02}  # with an example each
_OBJECTIVES = ("f1", "f2", "accuracy", "macro_f1", *(f"{name}={rate}" for name, rate in _RATED_OBJECTIVES.items()))


def _objective(value: Any) -> Any:
    """Accept a name, ``NAME=rate`` or a fixed threshold."""
    if not isinstance(value, bool) and isinstance(value, Real):  # NumPy's numbers, too
        threshold = float(value)
        if not 0 <= threshold <= 1:
            raise ValueError(f"a fixed threshold must lie in [0, 1], not {value}; name an objective to have it tuned")
        return threshold
    name, equals, rate = str(value).partition("=")
    if name in _OBJECTIVES and not equals:
        return name
    if name in _RATED_OBJECTIVES:
        try:
            if 0 < float(rate) <= 1:
                return f"{name}={float(rate):g}"
        except ValueError:
            pass
        raise ValueError(f"{name} wants a rate in (0, 1], such as {name}={_RATED_OBJECTIVES[name]}")
    raise ValueError(str(unknown_name("objective", value, _OBJECTIVES)))


def _prior(value: Any) -> Any:
    """Accept "none", a share, or a share by label; a label that is a number is named by it."""
    if isinstance(value, str) and "=" in value:
        entries = [entry.rpartition("=") for entry in value.strip("{} ").split(",")]
        named = [(label.strip("\"' ") or "toxic", rate.strip()) for label, _, rate in entries]
        quoted = ", ".join(f'"{label}" = {rate}' for label, rate in named)
        raise ValueError(f"'{value}' is text; shares by label are a table, its labels in quotes: {{{quoted}}}")
    for rate in value.values() if isinstance(value, Mapping) else () if value == "none" else (value,):
        if isinstance(rate, bool) or not isinstance(rate, Real) or not LEAST <= float(rate) <= MOST:
            raise ValueError(
                f"expected the share of live comments that are toxic, from {LEAST:f} to {MOST:f}, such as 0.02 for 2 %, "
                f"not {rate!r}"
            )
    return {str(label): rate for label, rate in value.items()} if isinstance(value, Mapping) else value


class DecisionSection(Section):
    """``[decision]``: where scores for calibration and thresholds come from, and what a threshold is chosen for."""

    source: Literal["auto", "out_of_fold", "validation"] = "auto"
    """Where scores for calibration and thresholds come from; "auto" is "validation" for networks and "out_of_fold" for all other
    models."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of out-of-fold scores."""
    calibrate: Literal["platt", "isotonic", "none"] = "platt"
    """How raw outputs become probabilities."""
    objective: Annotated[str | float, BeforeValidator(_objective)] = "f1"
    """What thresholds are chosen for: f1, f2, accuracy, macro_f1, recall_at_precision=R (the most recall with at least that
    precision), precision_at_recall=R, flag_rate=R (the most recall with at most that share of comments flagged), or a fixed
    threshold."""
    prior: Annotated[Literal["none"] | float | dict[str, float], BeforeValidator(_prior)] = "none"
    """Share of the comments in production that are toxic, where it is known (a table by label, where there are several): scores,
    thresholds and shares of flags are then those of production, and not of the labelled comments."""

    @model_validator(mode="after")
    def _prior_of_calibrated_scores(self) -> DecisionSection:
        if self.prior != "none" and self.calibrate == "none":
            raise ValueError("decision.prior corrects calibrated scores; set decision.calibrate to platt or isotonic")
        return self
