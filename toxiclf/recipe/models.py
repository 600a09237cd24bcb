"""``[model]``: the options of each model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from toxiclf.recipe.types import Count, NotNegative, Positive, Rate, Section, as_list


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


class NetworkOptions(Section):
    """What the training loop of every network takes.

    ``batch_size`` and ``epochs`` "auto" follow the number of training rows. ``patience``: epochs without a better validation
    average precision before it stops. ``clip_norm``: largest norm of all gradients together; 0 or "none" does not clip.
    """

    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Positive = 1e-3
    batch_size: Count | Literal["auto"] = "auto"
    epochs: Count | Literal["auto"] = "auto"
    patience: Count = 5
    clip_norm: NotNegative | Literal["none"] = 1.0


Units = Annotated[tuple[Count, ...], BeforeValidator(as_list)]
Activation = Literal["relu", "tanh", "elu", "gelu", "selu", "softmax"]
Normalization = Literal["none", "batch", "layer"]


class DnnOptions(NetworkOptions):
    """Dense network in Keras over averaged word vectors."""

    name: Literal["dnn"]
    units: Annotated[Units, Field(min_length=1)] = (128, 128)
    activation: Activation = "relu"
    normalization: Normalization = "none"
    dropout: Rate = 0.5
    patience: Count = 10


class SequenceOptions(NetworkOptions):
    """What every network over sequences of word vectors takes.

    ``embedding``: the word vectors stay as they are (frozen), are trained further (fine_tuned), or numbers drawn at random are
    trained (scratch). ``spatial_dropout`` drops numbers of the word vectors, each for the whole comment; ``dropout`` drops numbers
    of what the comment becomes. ``dense``: units of dense layers before the last one. ``normalization`` of the comment's vector.
    """

    embedding: Literal["frozen", "fine_tuned", "scratch"] = "fine_tuned"
    spatial_dropout: Rate = 0.5
    normalization: Normalization = "none"
    dropout: Rate = 0.5
    dense: Units = ()


class RecurrentOptions(SequenceOptions):
    """LSTM in Keras: one or two layers, forward or in both directions (bi).

    ``activation`` is of the state, ``recurrent_activation`` of the gates. ``pooling`` over the states of all tokens, or the last
    state of each direction.
    """

    name: Literal["lstm", "lstm2", "bilstm", "bilstm2"]
    units: Count = 64
    activation: Literal["tanh", "sigmoid", "softsign", "relu", "elu", "softmax"] = "tanh"
    recurrent_activation: Literal["sigmoid", "hard_sigmoid", "softmax"] = "sigmoid"
    recurrent_dropout: Rate = 0.0
    pooling: Literal["max_mean", "max", "mean", "last"] = "max_mean"
    learning_rate: Positive = 3e-3


class CnnOptions(SequenceOptions):
    """Convolutions of several widths side by side in Keras (Kim 2014), ``filters`` of each; each filter's highest value counts."""

    name: Literal["cnn"]
    widths: Annotated[Units, Field(min_length=1)] = (1, 2, 3, 4)
    filters: Count = 128
    activation: Activation = "relu"


class DnnSequenceOptions(SequenceOptions):
    """Dense network in Keras over the word vectors of a comment, one after the other, up to ``text.max_tokens``."""

    name: Literal["dnn_sequence"]
    embedding: Literal["frozen", "fine_tuned", "scratch"] = "scratch"
    dense: Annotated[Units, Field(min_length=1)] = (128,)
    activation: Activation = "relu"


ModelOptions = (
    NgramLogisticOptions
    | LogisticOptions
    | SvmOptions
    | RandomForestOptions
    | DnnOptions
    | DnnSequenceOptions
    | RecurrentOptions
    | CnnOptions
)

MODEL_OPTIONS: dict[str, type[Section]] = {
    "ngram_logistic": NgramLogisticOptions,
    "logistic": LogisticOptions,
    "svm": SvmOptions,
    "random_forest": RandomForestOptions,
    "dnn": DnnOptions,
    "dnn_sequence": DnnSequenceOptions,
    "lstm": RecurrentOptions,
    "lstm2": RecurrentOptions,
    "bilstm": RecurrentOptions,
    "bilstm2": RecurrentOptions,
    "cnn": CnnOptions,
}
"""Options of each model, by its name."""
