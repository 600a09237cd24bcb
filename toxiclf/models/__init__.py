"""Models by name: each fits features to targets, gives raw outputs, and writes itself into an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from toxiclf.errors import MissingExtraError

if TYPE_CHECKING:
    from toxiclf.models.model import Model


@dataclass(frozen=True)
class ModelKind:
    """An entry of the registry; the module is imported when a model is made, since TensorFlow takes seconds.

    Attributes
    ----------
    module, name : of the class, whose ``__init__`` takes the recipe's model options.
    features : what it learns from: "average" (dense vectors), "sequence" (ids and their vectors) or "ngrams" (sparse rows of
        ones).
    watches : whether it needs the validation part while it trains.
    """

    module: str
    name: str
    features: Literal["average", "sequence", "ngrams"]
    watches: bool = False

    def make(self, options: Any) -> Model:
        """An unfitted model with these options.

        Raises
        ------
        MissingExtraError : its training library is not installed.
        """
        try:
            module = import_module(f"toxiclf.models.{self.module}")
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"training needs {error.name}, and", "train") from error
        return cast("Model", getattr(module, self.name)(options))


MODELS: dict[str, ModelKind] = {
    "ngram_logistic": ModelKind("classic", "NgramLogistic", "ngrams"),
    "logistic": ModelKind("classic", "Logistic", "average"),
    "svm": ModelKind("classic", "Svm", "average"),
    "random_forest": ModelKind("classic", "RandomForest", "average"),
    "dnn": ModelKind("keras_model", "Dnn", "average", watches=True),
    **{
        name: ModelKind("keras_model", "SequenceNetwork", "sequence", watches=True)
        for name in ("dnn_sequence", "lstm", "lstm2", "bilstm", "bilstm2", "cnn")
    },
}
"""All models by the name that recipes, flags and tables use."""
