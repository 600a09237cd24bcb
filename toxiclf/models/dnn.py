"""Dense network over averaged word vectors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._block import Block
from toxiclf.models._network import VectorNetwork
from toxiclf.models._options import Activation, NetworkOptions, Normalization, Units
from toxiclf.recipe.types import Count, Rate


class DnnOptions(NetworkOptions):
    """Options of ``dnn``."""

    name: Literal["dnn"] = "dnn"
    units: Annotated[Units, Field(min_length=1)] = (128, 128)
    """Units of each layer."""
    activation: Activation = "relu"
    """Of each layer."""
    normalization: Normalization = "none"
    """Of each layer before its activation: none, by the batch, or by the vector itself (layer)."""
    dropout: Rate = 0.5
    """Share of each layer's numbers that are dropped while it trains."""
    patience: Count = 10
    """Epochs without a better average precision on the validation set before it stops."""


@register(
    "model", "dnn", order=20, extra="train", options=DnnOptions, is_network=True, watches_validation=True,
    summary="Dense network, 128-128, over averaged word vectors",
)  # fmt: skip
class Dnn(VectorNetwork):
    """Dense layers over a comment's standardized vector, in Keras; its raw output is the log-odds."""

    options: DnnOptions

    def blocks(self) -> list[Block]:
        """One layer after the other."""
        from toxiclf.models._stacks import dense_layer

        options = self.options
        return [
            block
            for units in options.units
            for block in dense_layer(units, options.activation, options.normalization, options.dropout)
        ]
