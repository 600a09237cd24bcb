"""``[model]``: the options of each model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

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
    state of each direction. Layer ``normalization`` also stands between two layers.
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


class KnnOptions(Section):
    """The nearest training comments vote: ``neighbours`` of them, each by one over its distance, or all alike ("uniform")."""

    name: Literal["knn"]
    neighbours: Count = 50
    weighting: Literal["distance", "uniform"] = "distance"
    standardize: bool = False


class BoostingOptions(Section):
    """What both libraries of gradient-boosted trees take: extra ``[boost]``.

    ``row_share`` and ``feature_share`` are what each tree sees. Class weights reach them as their own ``scale_pos_weight``.
    """

    trees: Count = 300
    learning_rate: Positive = 0.05
    min_samples_leaf: Count = 20
    row_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    feature_share: Annotated[float, Field(gt=0, le=1)] = 0.3


class LightgbmOptions(BoostingOptions):
    """LightGBM: trees that grow leaf by leaf (Ke et al. 2017)."""

    name: Literal["lightgbm"]
    leaves: Annotated[int, Field(ge=2)] = 15


class XgboostOptions(BoostingOptions):
    """XGBoost: trees that grow level by level (Chen and Guestrin 2016). ``min_samples_leaf`` is its ``min_child_weight``."""

    name: Literal["xgboost"]
    max_depth: Count = 4
    min_samples_leaf: Count = 5


class BalancedRandomForestOptions(Section):
    """Random forest each of whose trees draws as many comments of each class (Chen, Liaw and Breiman 2004)."""

    name: Literal["balanced_random_forest"]
    trees: Count = 300
    max_depth: Count | Literal["none"] = "none"
    min_samples_leaf: Count = 3


class EasyEnsembleOptions(Section):
    """``ensembles`` of ``trees`` boosted trees (AdaBoost), each on as many comments of each class (Liu, Wu and Zhou 2009)."""

    name: Literal["easy_ensemble"]
    ensembles: Count = 10
    trees: Count = 30
    max_depth: Count = 1


class RusboostOptions(Section):
    """AdaBoost each of whose trees draws as many comments of each class (Seiffert et al. 2010)."""

    name: Literal["rusboost"]
    trees: Count = 200
    max_depth: Count = 4
    learning_rate: Positive = 0.1


class IsolationForestOptions(Section):
    """Trees that part comments at random: what is parted off soon is unusual (Liu, Ting and Zhou 2008).

    Learns from comments without the label; ``samples`` of them a tree.
    """

    name: Literal["isolation_forest"]
    trees: Count = 300
    samples: Count = 256


class OneClassSvmOptions(Section):
    """A border around comments without the label, with ``nu`` of them outside at most (Schölkopf et al. 2001)."""

    name: Literal["one_class_svm"]
    nu: Annotated[float, Field(gt=0, le=1)] = 0.1
    gamma: Positive | Literal["scale"] = "scale"
    standardize: bool = True


class AutoencoderOptions(NetworkOptions):
    """Network that gives a comment's standardized vector back, through layers of ``units`` and back again.

    Learns from comments without the label; what it cannot give back is unusual.
    """

    name: Literal["autoencoder"]
    units: Annotated[Units, Field(min_length=1)] = (64, 16)
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "tanh"
    dropout: Rate = 0.0
    patience: Count = 10


class OvercompleteAutoencoderOptions(NetworkOptions):
    """Autoencoder with layers wider than the vector.

    It does not learn to copy, as ``noise`` of the numbers it is given are dropped while it trains (Vincent et al. 2008) and
    ``sparsity`` is taken times the mean size of what its hidden layers say.
    """

    name: Literal["overcomplete_autoencoder"]
    units: Annotated[Units, Field(min_length=1)] = (256,)
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "relu"
    noise: Rate = 0.3
    sparsity: NotNegative = 1e-3
    patience: Count = 10


class VaeOptions(NetworkOptions):
    """Variational autoencoder (Kingma and Welling 2014) of ``latent`` numbers; ``beta`` weighs their divergence from a normal."""

    name: Literal["vae"]
    units: Annotated[Units, Field(min_length=1)] = (64,)
    latent: Count = 16
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "tanh"
    beta: NotNegative = 0.1
    patience: Count = 10


class LstmAutoencoderOptions(NetworkOptions):
    """Autoencoder of a sequence of word vectors: an LSTM reads it to ``units`` numbers, another writes it from them."""

    name: Literal["lstm_autoencoder"]
    units: Count = 64
    learning_rate: Positive = 3e-3
    patience: Count = 3


MemberOptions = (
    NgramLogisticOptions
    | LogisticOptions
    | SvmOptions
    | RandomForestOptions
    | KnnOptions
    | LightgbmOptions
    | XgboostOptions
    | BalancedRandomForestOptions
    | EasyEnsembleOptions
    | RusboostOptions
    | DnnOptions
    | DnnSequenceOptions
    | RecurrentOptions
    | CnnOptions
)


def _members(value: Any) -> Any:
    """Tables, where names or options may be given; refuses fewer than two."""
    members = [value] if isinstance(value, str | Section) else value
    if not isinstance(members, list | tuple):
        return value
    if len(members) < 2:
        named = ", ".join(map(str, members)) or "empty"
        raise ValueError(f'model.members is {named}; give two models at least, such as ["ngram_logistic", "svm"]')
    return [_table(member) for member in members]


def _table(member: Any) -> Any:
    if isinstance(member, str):
        return {"name": member}
    if isinstance(member, Section):  # its name may be a default, which a table must say
        return {"name": getattr(member, "name", None), **member.model_dump(exclude_unset=True)}
    return member


class EnsembleOptions(Section):
    """Models that decide together: names of ``members``, or tables of their options such as ``{name = "svm", C = 10}``."""

    members: Annotated[tuple[Annotated[MemberOptions, Field(discriminator="name")], ...], BeforeValidator(_members)] = (
        NgramLogisticOptions(),
        SvmOptions(name="svm"),
        RandomForestOptions(name="random_forest"),
        CnnOptions(name="cnn"),
    )

    @model_validator(mode="after")
    def _members_differ(self) -> EnsembleOptions:
        for i, member in enumerate(self.members):
            if member in self.members[:i]:
                raise ValueError(
                    f"model.members holds {member.name} twice with the same options, which says no more than once; leave one "
                    "out, or give it other options"
                )
        return self


class VotingOptions(EnsembleOptions):
    """The weighted mean of the members' calibrated probabilities.

    ``weights`` "auto" are those with the least cross-entropy of out-of-fold scores; else "equal", or a number for each member.
    """

    name: Literal["voting"]
    weights: Literal["auto", "equal"] | tuple[NotNegative, ...] = "auto"

    @model_validator(mode="after")
    def _a_weight_each(self) -> VotingOptions:
        weights = self.weights
        if not isinstance(weights, str) and (len(weights) != len(self.members) or not sum(weights) > 0):
            raise ValueError(
                f"model.weights has {len(weights)} numbers for {len(self.members)} members; give one each, not all 0, or say 'auto'"
            )
        return self


class StackingOptions(EnsembleOptions):
    """A logistic regression over the members' out-of-fold log-odds (Wolpert 1992), ``C`` the inverse strength of its penalty."""

    name: Literal["stacking"]
    C: Positive = 1.0


ModelOptions = (
    MemberOptions
    | VotingOptions
    | StackingOptions
    | IsolationForestOptions
    | OneClassSvmOptions
    | AutoencoderOptions
    | OvercompleteAutoencoderOptions
    | VaeOptions
    | LstmAutoencoderOptions
)

MODEL_OPTIONS: dict[str, type[Section]] = {
    "ngram_logistic": NgramLogisticOptions,
    "logistic": LogisticOptions,
    "svm": SvmOptions,
    "random_forest": RandomForestOptions,
    "knn": KnnOptions,
    "lightgbm": LightgbmOptions,
    "xgboost": XgboostOptions,
    "dnn": DnnOptions,
    "dnn_sequence": DnnSequenceOptions,
    "lstm": RecurrentOptions,
    "lstm2": RecurrentOptions,
    "bilstm": RecurrentOptions,
    "bilstm2": RecurrentOptions,
    "cnn": CnnOptions,
    "voting": VotingOptions,
    "stacking": StackingOptions,
    "balanced_random_forest": BalancedRandomForestOptions,
    "easy_ensemble": EasyEnsembleOptions,
    "rusboost": RusboostOptions,
    "autoencoder": AutoencoderOptions,
    "overcomplete_autoencoder": OvercompleteAutoencoderOptions,
    "vae": VaeOptions,
    "lstm_autoencoder": LstmAutoencoderOptions,
    "isolation_forest": IsolationForestOptions,
    "one_class_svm": OneClassSvmOptions,
}
"""Options of each model, by its name."""

ANOMALY_MODELS = (
    "autoencoder", "overcomplete_autoencoder", "vae", "lstm_autoencoder", "isolation_forest", "one_class_svm",
)  # fmt: skip
"""Models that learn what comments without the label are like; one label only."""
SELF_BALANCING = ("balanced_random_forest", "easy_ensemble", "rusboost")
"""Models that draw as many comments of each class themselves, and take no class weights."""
