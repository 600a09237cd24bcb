"""Metric learning: maps comments to vectors so that comments of one class lie near each other. Each loss is one file.

A loss is a function of unit vectors (batch, size) and classes (batch,), both TensorFlow tensors, and the values of the
``[features]`` keys that it registers. It returns the mean loss of the batch, a scalar tensor.
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
