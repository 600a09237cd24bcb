"""Resampling: rows added to or removed from the classes of a training set.

A resampler is a function that registers itself: from :class:`Settings` to an object with ``fit_resample(X, y)``, as
imbalanced-learn's samplers have. :class:`toxiclf.Resampler` applies one or several.
"""

from toxiclf.balance.resampling._settings import Settings

__all__ = ["Settings"]
