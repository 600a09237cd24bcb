"""Metric learning: vectors in which comments of one class lie near each other; a loss is a file.

A loss takes vectors of length 1 (batch, size), classes (batch,) and the keys of ``[features]`` that it registers, as Keras tensors
and numbers, and gives a mean loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toxiclf.metric_learning._learner import MetricLearner
    from toxiclf.recipe import FeaturesSection

__all__ = ["make_metric_learner"]


def make_metric_learner(options: FeaturesSection) -> MetricLearner:
    """An unfitted metric learner with these options; TensorFlow is loaded now."""
    from toxiclf.metric_learning._learner import MetricLearner

    return MetricLearner(options)
