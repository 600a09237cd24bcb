"""Benchmarks: run every entry (a model with settings) on every corpus with every seed, resume, write tables."""
