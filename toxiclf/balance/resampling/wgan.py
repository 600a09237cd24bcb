"""Resampler `wgan`: adds rows of the rarer class that a generative network makes."""

from __future__ import annotations

from inspect import signature
from typing import Any

from toxiclf._registry import register
from toxiclf.balance.resampling._settings import Settings
from toxiclf.errors import unknown_name


@register(
    "resampler", summary="New rows from a generative network trained on both classes", generates=True, order=110,
    keys=("ratio", "gan_steps", "gan_noise", "gan_units", "gan_critic_steps", "gan_penalty", "gan_learning_rate"),
)  # fmt: skip
def wgan(settings: Settings) -> Any:
    """Return a sampler that adds rows which a conditional Wasserstein GAN with gradient penalty generates.

    The generated rows are compared with real rows that were held out from the training of the network.

    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs".
    """
    from toxiclf.balance.resampling._wgan_sampler import WganSampler

    known = [name for name in signature(WganSampler).parameters if name not in ("ratio", "random_state")]
    for name in settings.gan:
        if name not in known:
            raise unknown_name("key of gan", name, known)
    return WganSampler(ratio=settings.ratio, random_state=settings.seed, **settings.gan)
