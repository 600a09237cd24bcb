"""The training loop of networks, with its guards."""

from __future__ import annotations

import math
import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: its start-up notes bury ours

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.balance.weights import problems
from toxiclf.graph import Graph
from toxiclf.models import networks
from toxiclf.models.classic import Scaling, against_negative, write_against_negative
from toxiclf.models.model import HeldOut, Model, Task
from toxiclf.recipe import DnnOptions


class Dnn(Model):
    """Dense network over standardized comment vectors.

    Fitting sets Keras's global seed and TensorFlow's deterministic mode, so that the seed gives the same network again.
    Stops when the average precision on the validation part has not risen for ``patience`` epochs, and keeps the best weights.

    Attributes
    ----------
    history_ : one row an epoch: epoch, loss, validation_average_precision.
    diverged_ : whether the loss stopped being a number; such a model gives no raw outputs.
    """

    def __init__(self, options: DnnOptions) -> None:
        self.options = options

    def fit(self, features: NDArray[np.float32], task: Task, held_out: HeldOut | None = None) -> Dnn:
        """Learn from dense vectors."""
        assert held_out is not None  # the registry says that it watches the validation part
        keras.utils.set_random_seed(task.seed)
        tf.config.experimental.enable_op_determinism()
        self.exclusive_ = task.exclusive
        self.scaling_ = Scaling(features, standardize=True)
        wanted, weights = _weighted_targets(task)
        self.network_ = networks.dnn(features.shape[1], wanted.shape[1], self.options, _log_odds(wanted, weights))
        self.network_.compile(
            optimizer=_optimizer(self.options), loss=_softmax_loss if task.exclusive else _sigmoid_loss
        )
        watch = _Watch(self._scaled(held_out.features), held_out.targets, task.exclusive, self.options.patience)
        self.network_.fit(
            self._scaled(features), np.stack([wanted, weights], axis=-1).astype(np.float32),
            batch_size=self.options.batch_size, epochs=self.options.epochs, verbose=0, callbacks=[watch],
        )  # fmt: skip
        self.history_, self.diverged_ = watch.rows, watch.diverged
        return self

    def raw(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits, against the negative value's where labels are exclusive."""
        logits = self.network_.predict(self._scaled(features), verbose=0).astype(np.float64)
        return against_negative(logits, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add scaling and layers."""
        logits = networks.write_dense_stack(graph, self.scaling_.write(graph, features), self.network_)
        return write_against_negative(graph, logits, self.network_.output_shape[-1], exclusive=self.exclusive_)

    def _scaled(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.scaling_.apply(features).astype(np.float32)


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """After each epoch: a row of history, the best weights kept, an end when nothing gets better or the loss is no number."""

    def __init__(
        self, features: NDArray[np.float32], targets: NDArray[np.uint8], exclusive: bool, patience: int
    ) -> None:
        super().__init__()
        self._features, self._targets, self._exclusive, self._patience = features, targets, exclusive, patience
        self._best, self._since = -math.inf, 0
        self._weights: list[NDArray[Any]] = []
        self.rows: list[dict[str, float]] = []
        self.diverged = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {}).get("loss", math.nan))
        logits = np.asarray(self.model(self._features, training=False), dtype=np.float64)
        self.diverged = not (math.isfinite(loss) and np.isfinite(logits).all())
        if self.diverged:
            self.rows.append({"epoch": epoch + 1, "loss": loss, "validation_average_precision": math.nan})
            self.model.stop_training = True
            return
        precision = float(average_precision_score(self._targets, against_negative(logits, exclusive=self._exclusive)))
        self.rows.append({"epoch": epoch + 1, "loss": loss, "validation_average_precision": precision})
        self._since += 1
        if precision > self._best:
            self._best, self._since, self._weights = precision, 0, self.model.get_weights()
        self.model.stop_training = self._since >= self._patience

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._weights:
            self.model.set_weights(self._weights)


def _weighted_targets(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wanted outputs (n, columns) and the weight of each: a column a label, or a column a value of exclusive labels."""
    classes = problems(task.targets, exclusive=task.exclusive)
    weights = [np.array(entry.weights)[rows] for entry, rows in zip(task.weights, classes, strict=True)]
    if task.exclusive:
        wanted = np.eye(len(task.weights[0].names))[classes[0]]
        return wanted, np.repeat(weights[0][:, None], wanted.shape[1], axis=1)
    return np.column_stack(classes).astype(np.float64), np.column_stack(weights)


def _log_odds(wanted: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    rates = (wanted * weights).sum(axis=0) / weights.sum(axis=0)
    return np.asarray(np.log(rates / (1 - rates)))


def _sigmoid_loss(packed: Any, logits: Any) -> Any:
    wanted, weights = packed[..., 0], packed[..., 1]
    return keras.ops.mean(
        weights * (keras.ops.softplus(logits) - wanted * logits), axis=-1
    )  # cross-entropy of a sigmoid


def _softmax_loss(packed: Any, logits: Any) -> Any:
    wanted, weights = packed[..., 0], packed[..., 1]
    return -keras.ops.sum(weights * wanted * keras.ops.log_softmax(logits), axis=-1)


def _optimizer(options: DnnOptions) -> keras.optimizers.Optimizer:
    make = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[options.optimizer]
    return make(options.learning_rate, clipnorm=None if options.clip_norm == "none" else options.clip_norm)
