"""Load Keras and TensorFlow without TensorFlow's start-up messages, which bury our own."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["OPTIMIZERS", "keras", "seeded", "tf"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Native code's notes go nowhere; TF_CPP_MIN_LOG_LEVEL does not hold back those from before its log is set up."""
    try:
        stderr_copy = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        if _HUSHED:
            os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_HUSHED = os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"  # else somebody wants to read them

with _quiet():
    import keras
    import tensorflow as tf

if _HUSHED:
    tf.get_logger().setLevel(logging.ERROR)  # it warns of functions that are compiled anew: each network has its own


class _Alone:
    """An optimizer that asks no distribution strategy: the strategy's gradient function keeps each step's graph for good."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars


class _Adam(_Alone, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam (Kingma and Ba 2015)."""


class _RMSprop(_Alone, keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop (Tieleman and Hinton 2012)."""


OPTIMIZERS: dict[str, Any] = {"adam": _Adam, "rmsprop": _RMSprop}
"""Optimizers by name; each is called with a learning rate."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's and NumPy's global generators, from which Keras draws its seeds, and restore them afterwards."""
    states = random.getstate(), np.random.get_state()
    try:
        keras.utils.set_random_seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
