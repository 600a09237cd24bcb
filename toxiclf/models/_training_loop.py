"""The training loop of networks, with early stopping, checkpoints, and a stop when training diverges."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.backend import OPTIMIZERS, keras, tf
from toxiclf.models._checkpoint import Checkpoint, State
from toxiclf.models._plan import CLASSIFY, Divergence, Losses, Monitor, Plan
from toxiclf.models._progress import FitContext, Progress
from toxiclf.models._rows import Rows, batches

Floats = NDArray[np.float64]
_LIMIT = 100.0  # highest mean loss of a batch in nats; only a diverging network gives the true class a chance of e^-100
_CELLS = 2**15  # maximum number of ids per call in :func:`predicted`, to bound memory


class TrainingLoop:
    """Trains a network, with early stopping by a validation metric.

    Parameters
    ----------
    network : Keras model from a batch of :class:`Rows` to outputs (batch, columns); a classifier outputs logits.
    plan : training settings.
    judge : function from the outputs of the validation set, (n, columns), to the validation metric.
    monitor : loss, batches and name of the validation metric.

    Attributes
    ----------
    history : one row per epoch with epoch, loss and the validation metric.
    divergence : the step at which training diverged, or None.
    """

    def __init__(
        self, network: keras.Model, plan: Plan, judge: Callable[[Floats], float], monitor: Monitor = CLASSIFY
    ) -> None:
        self._network, self._plan, self._judge, self._monitor = network, plan, judge, monitor
        self._batches = monitor.batches or batches
        self._optimizer = OPTIMIZERS[plan.optimizer](plan.learning_rate)
        self._optimizer.build(network.trainable_variables)
        self._step = _compiled_step(network, self._optimizer, plan, monitor.losses)
        self._forward = compiled_forward(network)
        self.history: list[dict[str, float]] = []
        self.divergence: Divergence | None = None
        self._best, self._since, self._finished = -math.inf, 0, False
        self._best_weights = self._weights()

    def run(self, rows: Rows, wanted: Floats, weights: Floats, held_out: Rows, context: FitContext) -> TrainingLoop:
        """Train until the last epoch, early stopping or a divergence; then restore the best weights.

        If no epoch was finished before a divergence, the initial weights are restored.

        Parameters
        ----------
        wanted, weights : wanted outputs of the training rows and their weights, both (n, columns).
        rows, held_out : input rows of the training set, and of the validation set.
        context : messages, progress bar and checkpoint.

        Raises
        ------
        UsageError : training cannot resume from the checkpoint.
        """
        targets = wanted.astype(np.float32), weights.astype(np.float32)
        checkpoint = context.checkpoint
        identity = self._identity(rows, targets, held_out) if checkpoint is not None else ""
        if checkpoint is not None and (state := checkpoint.load(identity)) is not None:
            self._restore(state, checkpoint)
            context.say(f"{context.title}: resuming after epoch {len(self.history)} of {self._plan.epochs}")
        with Progress(context, self._plan.epochs, len(self.history), self._monitor.measure) as progress:
            while not self._finished:
                loss = self._epoch(rows, targets, progress)
                logits = predicted(self._forward, held_out)
                if self.divergence is None and not np.isfinite(logits).all():
                    last = -(-len(rows) // self._plan.batch_size)
                    self._diverge(last, loss, "the outputs for validation comments were NaN or infinite")
                if self.divergence is not None:
                    self._note(self.divergence.loss, math.nan)
                    break
                self._note(loss, self._judge(logits))
                if checkpoint is not None:
                    checkpoint.save(identity, self._state())
                progress.epoch(loss, self.history[-1][self._monitor.column], self._sign * self._best)
        self._network.set_weights(self._best_weights)
        if self.divergence is None:
            best = self.history[-1 - self._since]["epoch"]
            context.say(
                f"{context.title}: best {self._monitor.measure} {self._sign * self._best:.4f}, in epoch {best} of "
                f"{len(self.history)}"
            )
        return self

    def _epoch(self, rows: Rows, targets: tuple[Any, Any], progress: Progress) -> float:
        """Train for one epoch and return the mean loss; if a step diverges, stop there and return its loss."""
        epoch, total, done = len(self.history) + 1, 0.0, 0
        rng = np.random.default_rng([self._plan.seed, epoch])  # so that a resumed run sees the same batches
        for number, batch in enumerate(self._batches(rows.lengths, self._plan.batch_size, rng), start=1):
            loss, norm, sane = self._step(rows.take(batch), targets[0][batch], targets[1][batch])
            loss = float(loss)
            if not sane:
                before = self.history[-1]["loss"] if self.history else total / done if done else None
                self._diverge(number, loss, _what(before, loss, float(norm)))
                return loss
            total += loss * len(batch)
            done += len(batch)
            progress.step(min(1.0, done / len(rows)), total / done)
        return total / done

    def _diverge(self, step: int, loss: float, what: str) -> None:
        self.divergence = Divergence(len(self.history) + 1, step, loss, what, *self._plan.blame)

    @property
    def _sign(self) -> int:
        """Sign of the validation metric in comparisons: -1 if a lower value is better, else 1."""
        return -1 if self._monitor.lower_is_better else 1

    def _note(self, loss: float, figure: float) -> None:
        """Add an epoch to the history, keep its weights if its validation metric ``figure`` is the best so far, and
        decide whether training is finished."""
        epoch = len(self.history) + 1
        self.history.append({"epoch": epoch, "loss": loss, self._monitor.column: figure})
        self._since += 1
        if self._sign * figure > self._best:
            self._best, self._since, self._best_weights = self._sign * figure, 0, self._weights()
        self._finished = self._is_time_to_stop()

    def _is_time_to_stop(self) -> bool:
        return self._since >= self._plan.patience or len(self.history) >= self._plan.epochs

    def _weights(self) -> list[NDArray[Any]]:
        return [np.array(weight) for weight in self._network.get_weights()]

    def _variables(self) -> list[Any]:
        """Return all variables that training changes: weights, dropout seeds and optimizer moments."""
        return [*self._network.variables, *self._optimizer.variables]

    def _state(self) -> State:
        arrays = {f"variable.{i:04d}": np.asarray(variable) for i, variable in enumerate(self._variables())}
        arrays |= {f"best.{i:04d}": weight for i, weight in enumerate(self._best_weights)}
        return State(arrays, {"history": self.history, "best": self._best, "since": self._since})

    def _restore(self, state: State, checkpoint: Checkpoint) -> None:
        """Restore a saved state; if a part of it does not fit the network, raise a UsageError and change nothing."""
        current = self._state()
        shapes = [{name: (a.shape, a.dtype) for name, a in arrays.items()} for arrays in (state.arrays, current.arrays)]
        if shapes[0] != shapes[1] or not _is_history(state.facts, self._monitor.column):
            raise checkpoint.unfit("does not belong to this network")
        for i, variable in enumerate(self._variables()):
            variable.assign(state.arrays[f"variable.{i:04d}"])
        self._best_weights = [state.arrays[f"best.{i:04d}"] for i in range(len(self._best_weights))]
        self.history = list(state.facts["history"])
        self._best, self._since = state.facts["best"], state.facts["since"]
        self._finished = self._is_time_to_stop()  # the resumed run may have other epochs or patience

    def _identity(self, rows: Rows, targets: tuple[Any, Any], held_out: Rows) -> str:
        """Return a hash of all that the state after an epoch depends on; epochs and patience are left out."""
        plan = replace(self._plan, epochs=0, patience=0, blame=("", ""))
        digest = hashlib.sha256(repr((plan, keras.__version__, tf.__version__, np.__version__)).encode())
        for content in (rows.digest(), held_out.digest(), *(array.tobytes() for array in targets)):
            digest.update(content)
        for weight in self._best_weights:
            digest.update(weight.tobytes())
        return digest.hexdigest()


def _is_history(facts: Mapping[str, Any], column: str) -> bool:
    """Return whether a checkpoint's ``facts`` hold a valid history of at least one epoch.

    ``column`` is the key of the validation metric in the history.
    """
    history, best, since = (facts.get(name) for name in ("history", "best", "since"))
    keys = {"epoch", "loss", column}
    return (
        isinstance(history, list)
        and all(isinstance(row, dict) and row.keys() == keys for row in history)
        and all(isinstance(value, int | float) for row in history for value in row.values())
        and isinstance(best, float)
        and isinstance(since, int)
        and 0 <= since < len(history)
    )


def _what(before: float | None, loss: float, norm: float) -> str:
    """Describe a diverged step by its loss and its gradient norm.

    ``before`` is the mean loss of earlier steps; None if the step was the first.
    """
    if not math.isfinite(loss):
        return "the loss was NaN or infinite"
    if not math.isfinite(norm):
        return f"the gradients were NaN or infinite (loss {loss:.3g})"
    return f"the loss was {loss:.3g}" if before is None else f"the loss rose from {before:.2f} to {loss:.3g}"


def predicted(forward: Callable[[NDArray[Any]], Any], rows: Rows) -> Floats:
    """Return the outputs of ``forward`` for all rows, float64 (n, columns), computed in batches of similar length."""
    order = np.argsort(rows.lengths, kind="stable")
    pieces = []
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and max(1, rows.lengths[order[end]]) * (end + 1 - begin) <= _CELLS:
            end += 1
        pieces.append(np.asarray(forward(rows.take(order[begin:end])), dtype=np.float64))
        begin = end
    logits = np.concatenate(pieces)
    return logits[np.argsort(order)]


def compiled_forward(network: keras.Model) -> Callable[[NDArray[Any]], Any]:
    """Return a compiled function from a batch of any shape to the network's outputs, without dropout."""

    def forward(x: Any) -> Any:
        return network(x, training=False)

    call: Callable[[NDArray[Any]], Any] = tf.function(forward, input_signature=[_batch_of(network)])
    return call


def _compiled_step(
    network: keras.Model, optimizer: Any, plan: Plan, losses: Losses | None = None
) -> Callable[..., tuple[Any, Any, Any]]:
    """Return a compiled function that trains on one batch, given the batch, its wanted outputs and their weights.

    The function returns the loss, the gradient norm and whether the network was updated. There is no update if the loss
    or the norm is not finite, or if the mean unweighted loss exceeds ``_LIMIT``. ``losses`` is as in :class:`Monitor`.
    """
    variables = network.trainable_variables
    columns = tf.TensorSpec([None, network.output_shape[-1] if losses is None else None], tf.float32)
    losses = losses or (_softmax_losses if plan.exclusive else _sigmoid_losses)
    adjustment = np.array(plan.adjustment, dtype=np.float32)

    def step(x: Any, wanted: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = network(x, training=True)
            plain, row_weights = losses(logits + adjustment if len(adjustment) else logits, wanted, weights)
            loss = tf.reduce_mean(plan.loss.weighted(plain, row_weights))
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        norm = tf.linalg.global_norm(gradients)
        sane = tf.math.is_finite(loss) & tf.math.is_finite(norm) & (tf.reduce_mean(plain) <= _LIMIT)
        if plan.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, plan.clip_norm, norm)
        if sane:
            optimizer.apply(gradients, variables)
        return loss, norm, sane

    signature = [_batch_of(network), columns, columns]
    call: Callable[..., tuple[Any, Any, Any]] = tf.function(step, input_signature=signature)
    return call


def _batch_of(network: keras.Model) -> Any:
    (given,) = network.inputs
    return tf.TensorSpec([None, *given.shape[1:]], given.dtype)


def _sigmoid_losses(logits: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """Return the sigmoid cross-entropies and their weights, both (batch, columns)."""
    return tf.nn.softplus(logits) - wanted * logits, weights


def _softmax_losses(logits: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """Return the softmax cross-entropies and their weights, both (batch,)."""
    return -tf.reduce_sum(wanted * tf.nn.log_softmax(logits), axis=-1), weights[:, 0]
