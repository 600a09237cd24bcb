"""``[model]``: the options of each model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from toxiclf.recipe.types import Count, Positive, Rate, Section, as_list


class NgramLogisticOptions(Section):
    """Logistic regression over TF-IDF n-grams of jamo (1 to ``jamo``) and syllables (1 to ``syllable``).

    N-grams in fewer than ``min_comments`` comments are left out. ``log_count_ratio`` scales each n-gram by how much more often
    it stands in comments of one class than of the other.
    """

    name: Literal["ngram_logistic"] = "ngram_logistic"
    C: Positive = 3.0
    jamo: Count = 6
    syllable: Count = 4
    min_comments: Count = 3
    log_count_ratio: bool = True


class LogisticOptions(Section):
    """Logistic regression over standardized comment vectors."""

    name: Literal["logistic"]
    C: Positive = 1.0


class SvmOptions(Section):
    """Support vector machine. ``gamma = "scale"`` is 1 / (features · variance), of the RBF kernel."""

    name: Literal["svm"]
    kernel: Literal["rbf", "linear"] = "rbf"
    C: Positive = 1.0
    gamma: Positive | Literal["scale"] = "scale"
    standardize: bool = True


class RandomForestOptions(Section):
    """Random forest."""

    name: Literal["random_forest"]
    trees: Count = 300
    max_depth: Count | Literal["none"] = "none"
    min_samples_leaf: Count = 3
    min_samples_split: Annotated[int, Field(ge=2)] = 2


class DnnOptions(Section):
    """Dense network in Keras. ``patience``: epochs without a better validation average precision before it stops."""

    name: Literal["dnn"]
    units: Annotated[tuple[Count, ...], BeforeValidator(as_list), Field(min_length=1)] = (128, 128)
    activation: Literal["relu", "tanh", "elu", "gelu", "selu", "softmax"] = "relu"
    batch_norm: bool = False
    dropout: Rate = 0.5
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Positive = 1e-3
    batch_size: Count = 64
    epochs: Count = 100
    patience: Count = 10
    clip_norm: Positive | Literal["none"] = 1.0


ModelOptions = NgramLogisticOptions | LogisticOptions | SvmOptions | RandomForestOptions | DnnOptions

MODEL_OPTIONS: dict[str, type[Section]] = {
    "ngram_logistic": NgramLogisticOptions,
    "logistic": LogisticOptions,
    "svm": SvmOptions,
    "random_forest": RandomForestOptions,
    "dnn": DnnOptions,
}
"""Options of each model, by its name."""
