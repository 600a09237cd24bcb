"""Benchmarks: resumable runs of corpora × entries × seeds, and their result tables."""
