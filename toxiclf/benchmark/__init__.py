"""Benchmarks: corpora × entries × seeds as runs that can be interrupted, and tables of them that a reviewer would accept."""
