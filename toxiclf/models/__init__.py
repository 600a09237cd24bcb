"""Models, which compute raw outputs from features. Each file has the options, class and ONNX form of its models."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from toxiclf.errors import MissingExtraError

if TYPE_CHECKING:
    from toxiclf.models._base import Model
    from toxiclf.recipe.options import ModelOptions

__all__ = ["make_model"]


def make_model(options: ModelOptions) -> Model:
    """Return an unfitted model with these options.

    Raises
    ------
    MissingExtraError : a library that the model needs for training is not installed.

    >>> from toxiclf.recipe import Recipe
    >>> type(make_model(Recipe.load("svm").model)).__name__
    'Svm'
    """
    model: Model = options.component.target(options)
    for library in model.libraries:
        if find_spec(library) is None:
            raise MissingExtraError(f"the model {options.name}", options.component.extra or "train")
    return model
