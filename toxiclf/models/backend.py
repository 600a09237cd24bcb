"""Keras and TensorFlow, loaded without TensorFlow's start-up notes, which bury our own messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keras", "tf"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Native code's notes go nowhere; TF_CPP_MIN_LOG_LEVEL does not hold back those from before its log is set up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "3":  # somebody wants to read them
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _quiet():
    import keras
    import tensorflow as tf
