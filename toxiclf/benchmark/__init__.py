"""Benchmarks: run every entry (a model with settings) on every corpus and seed, resume after a stop, write tables."""
