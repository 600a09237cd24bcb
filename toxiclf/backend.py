"""Keras and TensorFlow, imported without TensorFlow's start-up messages, which would bury those of toxiclf."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from toxiclf.cache import own_settings_of_libraries
from toxiclf.errors import UsageError

__all__ = ["OPTIMIZERS", "keras", "seeded", "tf"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Discard what is written to standard error in the ``with`` block, if ``TF_CPP_MIN_LOG_LEVEL`` is 3 (the default).

    The variable alone is not enough, since native code writes some messages before TensorFlow's log is set up.
    """
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
_HUSHED = os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"  # any other value: the user wants to read the messages

with _quiet(), own_settings_of_libraries():
    import keras
    import tensorflow as tf

if keras.config.backend() != "tensorflow":  # this program imported Keras before
    raise UsageError(
        f"Keras runs on {keras.config.backend()} in this program, but toxiclf needs TensorFlow; set "
        "KERAS_BACKEND=tensorflow before Keras is imported"
    )
if _HUSHED:
    tf.get_logger().setLevel(logging.ERROR)  # no warnings of repeated compilation: each network has its own functions


class _Alone:
    """Optimizer mixin: bypasses TensorFlow's distribution strategy, which would keep each step's graph in memory."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars


class _Adam(_Alone, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam (Kingma and Ba 2015), without a distribution strategy."""


class _RMSprop(_Alone, keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop (Tieleman and Hinton 2012), without a distribution strategy."""


OPTIMIZERS: dict[str, Any] = {"adam": _Adam, "rmsprop": _RMSprop}
"""Optimizers by name; each is called with a learning rate."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy and TensorFlow, and use Keras's default settings, so that networks learn the same everywhere.

    After the ``with`` block, the generators of Python and NumPy and the settings of Keras are restored.
    """
    states = random.getstate(), np.random.get_state()
    config = keras.config
    settings = config.dtype_policy(), config.floatx(), config.epsilon(), config.image_data_format()
    try:
        _configure("float32", "float32", 1e-7, "channels_last")
        keras.utils.set_random_seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        _configure(*settings)


def _configure(policy: Any, floatx: str, epsilon: float, image_data_format: str) -> None:
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
