"""Evaluation: metrics, checks and reports that are the same for every model."""
