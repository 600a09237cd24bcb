"""Autoencoders of averaged word vectors: narrower than they are, or wider."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from toxiclf._registry import register
from toxiclf.models._block import apply_blocks
from toxiclf.models._options import NetworkOptions, Units
from toxiclf.models._reconstruction import Code, VectorReconstruction
from toxiclf.recipe.types import Count, NotNegative, Rate


class AutoencoderOptions(NetworkOptions):
    """Options of ``autoencoder``."""

    name: Literal["autoencoder"] = "autoencoder"
    units: Annotated[Units, Field(min_length=1)] = (64, 16)
    """Units of each layer on the way there; the way back has the same in reverse."""
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "tanh"
    """Of each layer but the last."""
    dropout: Rate = 0.0
    """Share of each layer's numbers that are dropped while it trains."""
    patience: Count = 10
    """Epochs without a smaller error on the validation set before it stops."""


@register(
    "model", "autoencoder", order=50, extra="train", options=AutoencoderOptions,
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Autoencoder of averaged word vectors of comments without the label: what it cannot give back is unusual",
)  # fmt: skip
class Autoencoder(VectorReconstruction):
    """Network that gives a comment's standardized vector back through narrow layers (Hinton and Salakhutdinov 2006).

    It learns from comments without the label; its raw output is the mean square of what is wrong with what it gives back.
    """

    options: AutoencoderOptions

    @property
    def dropout(self) -> float:
        """As the options say."""
        return self.options.dropout

    def code(self, x: Any, code: Code) -> Code:
        """The encoder's output."""
        return Code(code.encoder, code.decoder, apply_blocks(code.encoder, x), code.penalty)


class OvercompleteAutoencoderOptions(NetworkOptions):
    """Options of ``overcomplete_autoencoder``."""

    name: Literal["overcomplete_autoencoder"] = "overcomplete_autoencoder"
    units: Annotated[Units, Field(min_length=1)] = (256,)
    """Units of each layer on the way there; the way back has the same in reverse."""
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "relu"
    """Of each layer but the last."""
    noise: Rate = 0.3
    """Share of the vector's numbers that are dropped while it trains."""
    sparsity: NotNegative = 1e-3
    """Weight of the mean size of the code in the loss."""
    patience: Count = 10
    """Epochs without a smaller error on the validation set before it stops."""


@register(
    "model", "overcomplete_autoencoder", order=51, extra="train", options=OvercompleteAutoencoderOptions,
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Autoencoder of averaged word vectors that is wider than they are, with noise and sparsity",
)  # fmt: skip
class OvercompleteAutoencoder(VectorReconstruction):
    """Autoencoder with layers wider than the vector (Vincent et al. 2008).

    It does not learn to copy, as some of the numbers that it is given are dropped while it trains, and the mean size of its code is
    a part of the loss. Its raw output is as that of ``autoencoder``.
    """

    options: OvercompleteAutoencoderOptions

    def code(self, x: Any, code: Code) -> Code:
        """The encoder's output for noisy vectors."""
        from toxiclf.backend import keras

        drawn = apply_blocks(code.encoder, keras.layers.Dropout(self.options.noise)(x))
        penalty = self.options.sparsity * keras.ops.mean(keras.ops.abs(drawn), axis=1, keepdims=True)
        return Code(code.encoder, code.decoder, drawn, penalty)
