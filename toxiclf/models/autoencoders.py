"""Autoencoders of averaged word vectors: with layers narrower than the vector, with wider layers, and variational."""

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
    """Units of each layer of the encoder; the decoder has the same in reverse."""
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "tanh"
    """Activation of each layer but the last."""
    dropout: Rate = 0.0
    """Share of each layer's units that are dropped in training."""
    patience: Count = 10
    """Number of epochs without a smaller error on the validation set after which training stops."""


@register(
    "model", "autoencoder", order=50, options=AutoencoderOptions,
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Autoencoder over averaged word vectors, trained only on comments without the label; a high "
        "reconstruction error means an unusual comment",
)  # fmt: skip
class Autoencoder(VectorReconstruction):
    """Autoencoder of a comment's standardized vector, with narrow layers (Hinton and Salakhutdinov 2006).

    It is fitted to comments that do not have the label. Its raw output is the reconstruction error: the mean squared
    difference between the vector and its reconstruction.
    """

    options: AutoencoderOptions

    @property
    def dropout(self) -> float:
        """Share of each layer's units that are dropped in training, from the options."""
        return self.options.dropout

    def code(self, x: Any, code: Code) -> Code:
        """Apply the encoder to ``x``; return a copy of ``code`` whose ``drawn`` is the encoder's output."""
        return Code(code.encoder, code.decoder, apply_blocks(code.encoder, x), code.penalty)


class OvercompleteAutoencoderOptions(NetworkOptions):
    """Options of ``overcomplete_autoencoder``."""

    name: Literal["overcomplete_autoencoder"] = "overcomplete_autoencoder"
    units: Annotated[Units, Field(min_length=1)] = (256,)
    """Units of each layer of the encoder; the decoder has the same in reverse."""
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "relu"
    """Activation of each layer but the last."""
    noise: Rate = 0.3
    """Share of the input's dimensions that are dropped in training."""
    sparsity: NotNegative = 1e-3
    """Weight, in the loss, of the mean absolute value of the code."""
    patience: Count = 10
    """Number of epochs without a smaller error on the validation set after which training stops."""


@register(
    "model", "overcomplete_autoencoder", order=51, options=OvercompleteAutoencoderOptions,
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Autoencoder over averaged word vectors with a code wider than its input, with noise and sparsity",
)  # fmt: skip
class OvercompleteAutoencoder(VectorReconstruction):
    """Denoising autoencoder with layers wider than the comment's standardized vector (Vincent et al. 2008).

    To keep it from copying its input, a share of the input's dimensions is dropped in training, and the mean absolute
    value of the code is part of the loss. Its raw output is the reconstruction error, as in ``autoencoder``.
    """

    options: OvercompleteAutoencoderOptions

    def code(self, x: Any, code: Code) -> Code:
        """Drop dimensions of ``x`` and apply the encoder; return a copy of ``code`` with the result and the penalty."""
        from toxiclf.backend import keras

        drawn = apply_blocks(code.encoder, keras.layers.Dropout(self.options.noise)(x))
        penalty = self.options.sparsity * keras.ops.mean(keras.ops.abs(drawn), axis=1, keepdims=True)
        return Code(code.encoder, code.decoder, drawn, penalty)


_LOG_VARIANCE = 8.0  # largest |log-variance|; beyond it, the code has practically no variance, or no information


class VaeOptions(NetworkOptions):
    """Options of ``vae``."""

    name: Literal["vae"] = "vae"
    units: Annotated[Units, Field(min_length=1)] = (64,)
    """Units of each layer of the encoder; the decoder has the same in reverse."""
    latent: Count = 16
    """Dimensions of the code."""
    activation: Literal["relu", "tanh", "elu", "gelu", "selu"] = "tanh"
    """Activation of each layer but the code and the last."""
    beta: NotNegative = 0.1
    """Weight, in the loss, of the code's divergence from a normal distribution."""
    patience: Count = 10
    """Number of epochs without a smaller error on the validation set after which training stops."""


@register(
    "model", "vae", order=52, options=VaeOptions,
    is_network=True, watches_validation=True, learns_from_negatives=True, multi_label=False,
    raw_name="reconstruction error",
    summary="Variational autoencoder over averaged word vectors, trained only on comments without the label",
)  # fmt: skip
class Vae(VectorReconstruction):
    """Variational autoencoder (Kingma and Welling 2014), which draws its code from a normal distribution in training.

    The encoder gives the mean and variance of that distribution. Its divergence from the standard normal distribution
    is part of the loss. For the raw output, which is the reconstruction error as in ``autoencoder``, the code is the
    mean.
    """

    options: VaeOptions

    def code(self, x: Any, code: Code) -> Code:
        """Return a ``Code`` with a sample of the encoder's distribution, and the distribution's divergence as penalty.

        The divergence is a sum over the dimensions of the sample. It is multiplied by ``beta`` and divided by the width
        of ``x``, because the reconstruction error is also divided by that width.
        """
        from toxiclf.backend import keras
        from toxiclf.models._blocks import Dense, Draw

        ops, options = keras.ops, self.options
        hidden = apply_blocks(code.encoder, x)
        last = Dense(options.latent)
        decoder = self.layers(options.units[::-1])
        mean = last.apply(hidden, None)
        spread = keras.layers.Dense(options.latent)(hidden)
        log_variance = ops.clip(spread, -_LOG_VARIANCE, _LOG_VARIANCE)
        drawn = Draw()([mean, log_variance])
        divergence = ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=1, keepdims=True) / 2
        return Code([*code.encoder, last], decoder, drawn, options.beta / x.shape[1] * divergence)
