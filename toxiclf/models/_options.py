"""Options that all networks, or all sequence networks, have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, NotNegative, Positive, Rate, as_list

Units = Annotated[tuple[Count, ...], BeforeValidator(as_list)]
Activation = Literal["relu", "tanh", "elu", "gelu", "selu", "softmax"]
Normalization = Literal["none", "batch", "layer"]


class NetworkOptions(ModelOptions):
    """Options of every network."""

    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Optimizer that makes steps from gradients."""
    learning_rate: Positive = 1e-3
    """Learning rate of the optimizer."""
    batch_size: Count | Literal["auto"] = "auto"
    """Number of comments in a batch; "auto" is 64 for up to 50,000 training rows, 128 for up to 200,000, and 256
    for more."""
    epochs: Count | Literal["auto"] = "auto"
    """Maximum number of passes over the training rows; "auto" is lower for more rows."""
    patience: Count = 5
    """Epochs without a better validation metric before training stops."""
    clip_norm: NotNegative | Literal["none"] = 1.0
    """Global norm to which gradients are clipped; 0 or "none" turns clipping off."""


class SequenceOptions(NetworkOptions):
    """Options of every classifier over sequences of word vectors."""

    embedding: Literal["frozen", "fine_tuned", "scratch"] = "fine_tuned"
    """Whether word vectors stay fixed (frozen), are trained further (fine_tuned), or are trained from random values
    (scratch)."""
    spatial_dropout: Rate = 0.5
    """Rate of spatial dropout, which drops a dimension in all word vectors of a comment."""
    normalization: Normalization = "none"
    """Normalization of the comment's vector (dnn_sequence: of each dense layer): none, batch normalization (batch) or
    layer normalization (layer)."""
    dropout: Rate = 0.5
    """Dropout rate of the comment's vector and of each dense layer (dnn_sequence: of the dense layers only)."""
    dense: Units = ()
    """Units of each dense layer before the output layer."""

    @property
    def learns_embedding(self) -> bool:
        """Whether training starts from random word vectors."""
        return self.embedding == "scratch"
