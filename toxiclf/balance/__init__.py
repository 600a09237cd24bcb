"""Techniques for a rare class; each sees training rows only."""
