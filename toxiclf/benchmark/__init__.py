"""Benchmarks: run every entry on every corpus with every seed, resume after a stop, and write result tables."""
