"""Resampling: adds rows to the rarer class of a training set, or removes rows of the more frequent class.

A resampler is a function that registers itself. It takes :class:`Settings` and returns an imbalanced-learn sampler, an
object with ``fit_resample(X, y)``. :class:`toxiclf.Resampler` applies one or several resamplers.
"""

from toxiclf.balance.resampling._settings import Settings

__all__ = ["Settings"]
