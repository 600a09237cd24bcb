"""Models by name: each fits features to targets, gives raw outputs, and writes itself into an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from toxiclf.errors import MissingExtraError
from toxiclf.recipe import ANOMALY_MODELS, SELF_BALANCING, Recipe

if TYPE_CHECKING:
    from toxiclf.models._base import Model


@dataclass(frozen=True)
class ModelKind:
    """An entry of the registry; the module is imported when a model is made, since TensorFlow takes seconds.

    Attributes
    ----------
    module, name : of the class, whose ``__init__`` takes the recipe's model options.
    features : what it learns from: "average" (dense vectors), "sequence" (ids and their vectors) or "ngrams" (sparse rows of
        ones).
    watches : whether it needs the validation part while it trains.
    extra : of the package, that brings its training library.
    """

    module: str
    name: str
    features: Literal["average", "sequence", "ngrams"]
    watches: bool = False
    extra: str = "train"

    def make(self, options: Any) -> Model:
        """An unfitted model with these options.

        Raises
        ------
        MissingExtraError : its training library is not installed.
        """
        try:
            module = import_module(f"toxiclf.models.{self.module}")
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"training needs {error.name}, and", self.extra) from error
        return cast("Model", getattr(module, self.name)(options))


MODELS: dict[str, ModelKind] = {
    "ngram_logistic": ModelKind("classic", "NgramLogistic", "ngrams"),
    "logistic": ModelKind("classic", "Logistic", "average"),
    "svm": ModelKind("classic", "Svm", "average"),
    "random_forest": ModelKind("classic", "RandomForest", "average"),
    "knn": ModelKind("neighbours", "Knn", "average"),
    "lightgbm": ModelKind("lightgbm_model", "Lightgbm", "average", extra="boost"),
    "xgboost": ModelKind("xgboost_model", "Xgboost", "average", extra="boost"),
    "dnn": ModelKind("_keras_model", "Dnn", "average", watches=True),
    **{
        name: ModelKind("_keras_model", "SequenceNetwork", "sequence", watches=True)
        for name in ("dnn_sequence", "lstm", "lstm2", "bilstm", "bilstm2", "cnn")
    },
    "balanced_random_forest": ModelKind("balanced", "BalancedRandomForest", "average"),
    "easy_ensemble": ModelKind("balanced", "EasyEnsemble", "average"),
    "rusboost": ModelKind("balanced", "Rusboost", "average"),
    "isolation_forest": ModelKind("outliers", "IsolationForest", "average"),
    "one_class_svm": ModelKind("outliers", "OneClassSvm", "average"),
    "autoencoder": ModelKind("anomaly", "Autoencoder", "average", watches=True),
    "overcomplete_autoencoder": ModelKind("anomaly", "Autoencoder", "average", watches=True),
    "vae": ModelKind("anomaly", "Autoencoder", "average", watches=True),
    "lstm_autoencoder": ModelKind("anomaly", "LstmAutoencoder", "sequence", watches=True),
}
"""All models by the name that recipes, flags and tables use; ensembles are of several: :mod:`toxiclf.pipeline.ensemble`."""


def class_weight_of(name: str, setting: Any) -> Any:
    """The class weights that a model takes: none where it draws as many rows of each class itself, or learns from one class."""
    return "none" if name in SELF_BALANCING or name in ANOMALY_MODELS else setting


def has_network(recipe: Recipe) -> bool:
    """Whether a model of the recipe, or a member of its ensemble, is a network."""
    return any(MODELS[member.name].watches for member in recipe.members)


def watches(recipe: Recipe) -> bool:
    """Whether something that learns watches the validation part meanwhile, so that it cannot be learned from."""
    return has_network(recipe) or recipe.features.metric != "none"
