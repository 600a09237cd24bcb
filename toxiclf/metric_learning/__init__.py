"""Metric learning: vectors in which comments of one class lie near each other."""
