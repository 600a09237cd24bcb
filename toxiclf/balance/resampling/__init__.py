"""Resampling: rows added to or removed from the classes of a training set."""
