"""Evaluation of models: metrics, checks, reports and comparisons, which are the same for every kind of model."""
