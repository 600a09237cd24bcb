"""Options that networks share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Count, NotNegative, Positive, Rate, as_list

Units = Annotated[tuple[Count, ...], BeforeValidator(as_list)]
Activation = Literal["relu", "tanh", "elu", "gelu", "selu", "softmax"]
Normalization = Literal["none", "batch", "layer"]


class NetworkOptions(ModelOptions):
    """What the training loop of every network takes."""

    optimizer: Literal["adam", "rmsprop"] = "adam"
    """How steps are made of gradients."""
    learning_rate: Positive = 1e-3
    """Size of a step."""
    batch_size: Count | Literal["auto"] = "auto"
    """Comments in a batch; "auto" is 64, of more than 50,000 training rows 128, of more than 200,000 256."""
    epochs: Count | Literal["auto"] = "auto"
    """Passes over the training rows, at most; "auto" is fewer the more rows there are."""
    patience: Count = 5
    """Epochs without a better figure on the validation set before it stops."""
    clip_norm: NotNegative | Literal["none"] = 1.0
    """Largest norm of all gradients together; 0 or "none" does not clip."""


class SequenceOptions(NetworkOptions):
    """What every classifier over sequences of word vectors takes."""

    embedding: Literal["frozen", "fine_tuned", "scratch"] = "fine_tuned"
    """Whether word vectors stay as they are (frozen), are trained further (fine_tuned), or numbers drawn at random are trained
    (scratch)."""
    spatial_dropout: Rate = 0.5
    """Share of the numbers of the word vectors that are dropped while it trains, each for the whole comment."""
    normalization: Normalization = "none"
    """Of the comment's vector: none, by the batch, or by the vector itself (layer)."""
    dropout: Rate = 0.5
    """Share of the numbers of the comment's vector that are dropped while it trains."""
    dense: Units = ()
    """Units of dense layers before the last one."""

    @property
    def learns_embedding(self) -> bool:
        """Whether the word vectors begin at random."""
        return self.embedding == "scratch"
