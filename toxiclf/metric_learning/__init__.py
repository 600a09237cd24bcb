"""Metric learning: maps comments to vectors so that comments of the same class are close together.

Each loss is a function in its own file. Its arguments are unit vectors (batch, size) and classes (batch,), both
TensorFlow tensors, and then the values of the ``[features]`` keys that it registers. It returns the mean loss of the
batch, a scalar tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toxiclf.metric_learning._learner import MetricLearner
    from toxiclf.recipe import FeaturesSection

__all__ = ["make_metric_learner"]


def make_metric_learner(options: FeaturesSection) -> MetricLearner:
    """Return an unfitted metric learner with these options; this imports TensorFlow."""
    from toxiclf.metric_learning._learner import MetricLearner

    return MetricLearner(options)
