"""Techniques for a rare class: weights, losses, resampling, augmentation. All of them use training rows only."""
