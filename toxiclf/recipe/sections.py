"""The recipe tables ``[split]``, ``[text]``, ``[vectors]``, ``[features]`` and ``[decision]``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Real
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from toxiclf._registry import Component, components
from toxiclf.bundle.prevalence import LEAST, MOST
from toxiclf.bundle.verdicts import ExclusiveVerdict
from toxiclf.errors import unknown_name
from toxiclf.recipe.options import model_options
from toxiclf.recipe.types import ComponentName, Count, Positive, Section, Share, as_list
from toxiclf.text.tokenizers import tokenizer_class

SHIPPED_VECTORS = ("ko-comments",)
"""Word vectors that are part of the package."""
NgramLength = Annotated[int, Field(ge=1, le=10)]


def _views(value: Any) -> Any:
    """Replace "all" by the names of all views and "none" by no name, and put a single name into a list."""
    if value in ("all", "none"):
        return tuple(components("view")) if value == "all" else ()
    return as_list(value)


class SplitSection(Section):
    """``[split]``: sizes of test set and validation set, as shares of all rows."""

    test: Share = 0.2
    """Share of all rows in the test set. 0 trains on every row; the metrics of the report then come from the scores
    that calibration and thresholds were chosen on."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of all rows in the validation set."""


class TextSection(Section):
    """``[text]``: how a comment is normalized and tokenized."""

    tokenizer: Annotated[str, ComponentName("tokenizer")] = "mecab"
    """Tokenizer that cuts a comment into tokens."""
    part_of_speech: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    """Part-of-speech tags of the tokenizer; only tokens whose tag begins with one of these are kept. Empty keeps
    all."""
    typo_correction: bool = False
    """Whether the tokenizer corrects typos."""
    views: Annotated[tuple[Annotated[str, ComponentName("view")], ...], BeforeValidator(_views)] = Field(
        default_factory=lambda: tuple(components("view"))
    )
    """Views that read disguised words; their readings are added to the comment. "all" is every view, "none" is none."""
    max_tokens: Count | Literal["auto"] = "auto"
    """Maximum number of tokens of a comment that are read. "auto" reads all tokens; for networks over
    sequences, it is the lowest maximum that keeps 99.5 % of the training comments whole."""
    max_chars: Count = 2000
    """Maximum number of characters of a normalized comment that are read."""
    repeat_cap: Count = 3
    """Longest run of one character; longer runs are cut."""
    html_entities: bool = True
    """Whether HTML entities such as `&lt;` and `&#44060;` are decoded."""
    mask_personal: bool = True
    """Whether telephone, resident registration, card and account numbers, e-mail addresses, URLs and user mentions each
    become one token, so that the bundle does not hold them."""

    @property
    def title_of_views(self) -> str:
        """The views in words: "all", "none" or their names."""
        return "all" if set(self.views) == set(components("view")) else ", ".join(self.views) or "none"

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Return lists of keys that have no effect with the other settings, each list with its reason."""
        made, cause = tokenizer_class(self.tokenizer), f"on the tokenizer {self.tokenizer}"
        has_effect = {"part_of_speech": bool(made.tags), "typo_correction": made.corrects_typos}
        return [([key for key, has in has_effect.items() if not has], cause)]


class VectorsSection(Section):
    """``[vectors]``: word vectors: ready-made, or trained on ``unlabeled`` texts (if none, on training rows)."""

    pretrained: Annotated[str, Field(min_length=1)] = "auto"
    """Ready-made word vectors: "ko-comments" (shipped), a folder that `toxiclf pretrain` wrote, a file in word2vec's
    format, or "none". "auto" is "ko-comments" if this table has no other key and tokens are those of mecab with all
    parts of speech, else "none"."""
    kind: Literal["word2vec", "fasttext"] = "word2vec"
    """Word vectors for whole tokens (word2vec), or also for their pieces of jamo (fasttext)."""
    architecture: Literal["skip_gram", "cbow"] = "skip_gram"
    """What training predicts: the neighbors of a token (skip_gram), or a token from its neighbors (cbow)."""
    size: Count = 100
    """Dimensions of a word vector."""
    window: Count = 5
    """Tokens on each side that count as neighbors."""
    min_count: Count | Literal["auto"] = "auto"
    """Minimum number of occurrences for a token to get a vector; "auto" is 5 for unlabeled texts and 2 for training
    rows."""
    epochs: Count | Literal["auto"] = "auto"
    """Passes over the texts; "auto" is 5 for unlabeled texts and 20 for training rows."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the vectors alone, so that runs with different recipe seeds share vectors of unlabeled texts. Vectors of
    training rows depend on the recipe's seed, too."""
    unlabeled: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    """Files or `corpus:NAME` whose texts the vectors are trained on; empty for the training rows."""
    jamo_ngrams: tuple[NgramLength, NgramLength] = (3, 6)
    """Minimum and maximum length, in jamo, of the pieces of a token that FastText uses."""
    buckets: Annotated[int, Field(ge=1000, le=10**8)] = 500_000
    """Number of vectors for the pieces of tokens in FastText; pieces with the same hash share a vector."""

    @model_validator(mode="after")
    def _ngrams_in_order(self) -> VectorsSection:
        if self.jamo_ngrams[0] > self.jamo_ngrams[1]:
            raise ValueError(
                f"vectors.jamo_ngrams is {list(self.jamo_ngrams)}; expected the shortest first, such as [3, 6]"
            )
        return self

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Return lists of keys that have no effect with the other settings, each list with its reason."""
        if self.pretrained not in ("auto", "none"):
            trained = [key for key in type(self).model_fields if key != "pretrained"]
            return [(trained, f"while vectors.pretrained is '{self.pretrained}'")]
        return [] if self.kind == "fasttext" else [(["jamo_ngrams", "buckets"], "while vectors.kind is 'word2vec'")]


def _may_encode(entry: Component) -> bool:
    """Return whether a model can be a metric encoder: a network that is given sequences of word vectors.

    A network that learns its own word vectors, or learns from one class only, cannot."""
    if not entry["is_network"] or entry["takes"] != "sequences" or entry["learns_from_negatives"]:
        return False
    return not model_options(entry.name).learns_embedding


class FeaturesSection(Section):
    """``[features]``: how the word vectors of a comment become one vector; feature selection; metric learning.

    See :mod:`toxiclf.metric_learning` for metric learning.
    """

    pooling: Annotated[str, ComponentName("pooling")] = "mean"
    """How word vectors become one vector: their mean (mean), their mean weighted by inverse document frequency (tfidf),
    or their mean weighted by smooth inverse frequency, with the first principal direction removed (sif)."""
    select: Count | Literal["all"] = "all"
    """Number of dimensions of that vector that are kept, by their importance in a random forest fitted to the training
    rows."""
    metric_learning: Annotated[str, ComponentName("metric-learner", others=("none",))] = "none"
    """Method that learns dimensions in which comments of one class are near each other and far from other comments;
    it needs a single label."""
    metric_encoder: Annotated[str, ComponentName("model", others=("mlp",), fits=_may_encode)] = "mlp"
    """Encoder that metric learning trains: dense layers over averaged vectors ("mlp"), or a network by name, with its
    default options, over sequences of word vectors."""
    metric_size: Annotated[int, Field(ge=2)] = 16
    """Number of dimensions that metric learning produces."""
    metric_units: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(as_list)] = (128, 64)
    """Units of each dense layer of "mlp" before the last one."""
    metric_dropout: Share = 0.3
    """Share of the units of "mlp" that are dropped in training."""
    metric_margin: Positive = 0.3
    """Margin of the triplet loss: how much farther (in squared distance) from a comment the other class must be than
    the comment's own class."""
    metric_temperature: Positive = 0.1
    """Temperature of the supervised contrastive loss, which divides cosine similarities; lower favors the nearest
    comments."""
    metric_batch_size: Annotated[int, Field(ge=8)] = 128
    """Comments in a batch, half of each class."""
    metric_learning_rate: Positive = 1e-3
    """Learning rate of Adam."""
    metric_epochs: Count = 50
    """Maximum number of passes over the training rows."""
    metric_patience: Count = 8
    """Epochs without a better average precision on the validation set before metric learning stops."""

    @property
    def of_sequences(self) -> bool:
        """Whether metric learning takes sequences of word vectors instead of their average."""
        return self.metric_learning != "none" and self.metric_encoder != "mlp"

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Return lists of keys that have no effect with the other settings, each list with its reason."""
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


_RATED_OBJECTIVES = {"recall_at_precision": 0.9, "precision_at_recall": 0.9, "flag_rate": 0.02}  # with example rates
_OBJECTIVES = ("f1", "f2", "accuracy", "f1_macro", *(f"{name}={rate}" for name, rate in _RATED_OBJECTIVES.items()))


def _objective(value: Any) -> Any:
    """Validate an objective: a name, ``NAME=rate`` or a fixed threshold."""
    if not isinstance(value, bool) and isinstance(value, Real):  # includes NumPy numbers
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
        raise ValueError(f"{name} needs a rate in (0, 1], such as {name}={_RATED_OBJECTIVES[name]}")
    raise ValueError(str(unknown_name("objective", value, _OBJECTIVES)))


def _prior(value: Any) -> Any:
    """Validate a production prevalence: "none", a share, or shares by label; convert labels to strings."""
    if isinstance(value, str) and ("=" in value or value.startswith("{")):
        entries = [entry.replace('":', "=").rpartition("=") for entry in value.strip("{} ").split(",")]
        named = [(label.strip("\"' ") or "toxic", rate.strip()) for label, _, rate in entries]
        quoted = ", ".join(f'"{label}" = {rate}' for label, rate in named)
        raise ValueError(f"'{value}' is text; shares by label are a table, its labels in quotes: {{{quoted}}}")
    for rate in value.values() if isinstance(value, Mapping) else () if value == "none" else (value,):
        if isinstance(rate, bool) or not isinstance(rate, Real) or not LEAST <= float(rate) <= MOST:
            raise ValueError(
                f"expected the share of comments in production that are toxic, from {LEAST:f} to {MOST:f}, such as 0.02 for 2 %, "
                f"not {rate!r}"
            )
    return {str(label): rate for label, rate in value.items()} if isinstance(value, Mapping) else value


class DecisionSection(Section):
    """``[decision]``: how calibration and thresholds are fitted: on which scores, and for which objective."""

    source: Literal["auto", "out_of_fold", "validation"] = "auto"
    """Where scores for calibration and thresholds come from; "auto" is "validation" for networks and "out_of_fold" for
    all other models."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of out-of-fold scores."""
    calibrate: Literal["platt", "isotonic", "none"] = "platt"
    """Calibration that turns raw outputs into probabilities."""
    objective: Annotated[str | float, BeforeValidator(_objective)] = "f1"
    """Objective of thresholds: f1, f2, accuracy, f1_macro (mean F1 of both classes), recall_at_precision=R (the most
    recall with at least that precision), precision_at_recall=R, flag_rate=R (the most recall with at most that share of
    comments flagged), or a fixed threshold."""
    exclusive: ExclusiveVerdict = "arg_max"
    """How a comment gets its verdict if labels exclude each other: the one class with the highest score, or each label
    whose score reaches its threshold. "thresholds" if the recipe names an objective and not this key."""
    prior: Annotated[Literal["none"] | float | dict[str, float], BeforeValidator(_prior)] = "none"
    """Production prevalence: the share of comments in production that are toxic, if it is known (a table by label if
    there are several). Scores, thresholds and shares of flags are then those of production, not of the labeled
    comments."""

    @model_validator(mode="after")
    def _verdict_chosen(self) -> DecisionSection:
        """If this table does not name ``exclusive``, choose "thresholds" if it names an objective, else "arg_max"."""
        if "exclusive" not in self.model_fields_set:
            chosen = "thresholds" if "objective" in self.model_fields_set else "arg_max"
            object.__setattr__(self, "exclusive", chosen)
        elif (
            self.exclusive == "arg_max"
            and "objective" in self.model_fields_set
            and not (self.objective == "f1" and names_every_key(self.model_fields_set))  # as a saved recipe does
        ):
            raise ValueError(
                "decision.objective is for thresholds, but with decision.exclusive = 'arg_max' the highest score decides; "
                "leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _prior_of_calibrated_scores(self) -> DecisionSection:
        if self.prior != "none" and self.calibrate == "none":
            raise ValueError("decision.prior corrects calibrated scores; set decision.calibrate to platt or isotonic")
        return self


def names_every_key(decision: Collection[str]) -> bool:
    """Return whether these are all keys of ``[decision]``; then a saved recipe names them, not a person."""
    return DecisionSection.model_fields.keys() <= set(decision)
