"""The training loop of networks: batches of like length, the best weights kept, checkpoints, and a stop where it diverges."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toxiclf.models.backend import keras, tf
from toxiclf.models.checkpoint import State
from toxiclf.models.progress import Progress, Surroundings
from toxiclf.text.vocabulary import Ids

Floats = NDArray[np.float64]
_LIMIT = 100.0  # nats a comment: nothing but a network that runs away is as sure, and wrong, as e to the -100
_CELLS = 2**15  # ids in one call when rows are scored: bounds memory
_SPREAD = 0.2  # of lengths in a bucket, so that comments meet other ones in each epoch


class Rows(Protocol):
    """Rows as the network takes them."""

    lengths: NDArray[np.int32]

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """The network's input for some rows."""

    def digest(self) -> bytes:
        """Hash of the content."""


class VectorRows:
    """A vector a comment.

    Parameters
    ----------
    matrix : float32 (n, width).
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._matrix = matrix
        self.lengths = np.ones(len(matrix), dtype=np.int32)

    def __len__(self) -> int:
        return len(self._matrix)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 (rows, width)."""
        return self._matrix[rows]

    def digest(self) -> bytes:
        """Hash of the matrix."""
        return hashlib.sha256(self._matrix.tobytes()).digest()


class IdRows:
    """Ids of each comment's tokens; a batch is as long as its longest comment.

    Parameters
    ----------
    time : length of every batch; None for that of its longest comment.
    """

    def __init__(self, ids: Ids, time: int | None = None) -> None:
        self._ids, self._time = ids, time
        self.lengths = ids.lengths

    def __len__(self) -> int:
        return len(self._ids)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.int32]:
        """int32 (rows, longest), padded on the right with 0."""
        padded = self._ids.take(rows).padded()
        if self._time is None:
            return padded
        return np.pad(padded, [(0, 0), (0, self._time - padded.shape[1])])

    def digest(self) -> bytes:
        """Hash of ids and lengths."""
        return hashlib.sha256(self._ids.flat.tobytes() + self._ids.starts.astype(np.int64).tobytes()).digest()


@dataclass(frozen=True)
class Divergence:
    """Where a loss exploded or stopped being a number.

    Attributes
    ----------
    epoch, step : count from 1; the weights are those of the last good epoch, or those to begin with.
    before : mean loss of the last good epoch, or of the steps before in the first one; NaN where there was none.
    loss : at that step.
    cause : what is likely behind it, a sentence.
    cure : settings that mend it.
    """

    epoch: int
    step: int
    before: float
    loss: float
    cause: str
    cure: str

    def __str__(self) -> str:
        rise = (
            f"rose from {self.before:.2f} to {self.loss:.3g}" if math.isfinite(self.loss) else "was no number any more"
        )
        return f"the loss {rise} at step {self.step} of epoch {self.epoch}; {self.cause}"


@dataclass(frozen=True)
class Plan:
    """How to train; all automatic choices made.

    Attributes
    ----------
    focal_gamma : None for plain cross-entropy.
    clip_norm : largest norm of all gradients together; None for none.
    blame : the likely cause of a divergence, and its cure.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    clip_norm: float | None
    focal_gamma: float | None
    exclusive: bool
    seed: int
    blame: tuple[str, str]


class _Alone:
    """An optimizer that asks no distribution strategy: the strategy's gradient function keeps each step's graph for good."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars


class _Adam(_Alone, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam (Kingma and Ba 2015)."""


class _RMSprop(_Alone, keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop (Tieleman and Hinton 2012)."""


_OPTIMIZERS: dict[str, Any] = {"adam": _Adam, "rmsprop": _RMSprop}


class TrainingLoop:
    """Trains a network.

    Parameters
    ----------
    network : from a batch of :class:`Rows` to logits, (batch, columns).
    judge : the figure, higher is better, of the logits of the held-out rows: (n, columns) to a number.

    Attributes
    ----------
    history : one row an epoch: epoch, loss, validation_average_precision.
    divergence : None unless training diverged.
    """

    def __init__(self, network: keras.Model, plan: Plan, judge: Callable[[Floats], float]) -> None:
        self._network, self._plan, self._judge = network, plan, judge
        self._optimizer = _OPTIMIZERS[plan.optimizer](plan.learning_rate)
        self._optimizer.build(network.trainable_variables)
        self._step = _compiled_step(network, self._optimizer, plan)
        self._forward = compiled_forward(network)
        self.history: list[dict[str, float]] = []
        self.divergence: Divergence | None = None
        self._best, self._since, self._finished = -math.inf, 0, False
        self._best_weights = self._weights()

    def run(
        self, rows: Rows, wanted: Floats, weights: Floats, held_out: Rows, surroundings: Surroundings
    ) -> TrainingLoop:
        """Train until nothing gets better, and restore the best weights.

        Parameters
        ----------
        wanted, weights : outputs that are wanted of each row and the weight of each, (n, columns).

        Raises
        ------
        UsageError : there is a checkpoint, and it cannot be gone on from.
        """
        targets = wanted.astype(np.float32), weights.astype(np.float32)
        checkpoint = surroundings.checkpoint
        identity = self._identity(rows, targets, held_out) if checkpoint is not None else ""
        if checkpoint is not None:
            self._restore(checkpoint.load(identity), surroundings)
        with Progress(surroundings, self._plan.epochs, len(self.history)) as progress:
            while not self._finished:
                loss = self._epoch(rows, targets, progress)
                logits = predicted(self._forward, held_out)
                if self.divergence is None and not np.isfinite(logits).all():
                    self._diverge(-(-len(rows) // self._plan.batch_size), math.nan)
                if self.divergence is not None:
                    self._note(self.divergence.loss, math.nan)
                    break
                self._note(loss, self._judge(logits))
                progress.epoch(loss, self.history[-1]["validation_average_precision"], self._best)
                if checkpoint is not None:
                    checkpoint.save(identity, self._state())
        self._network.set_weights(self._best_weights)
        if self.divergence is None:
            best = self.history[-1 - self._since]["epoch"]
            surroundings.say(
                f"{surroundings.title}: best validation average precision {self._best:.4f}, in epoch {best} of {len(self.history)}"
            )
        return self

    def _epoch(self, rows: Rows, targets: tuple[Any, Any], progress: Progress) -> float:
        """One epoch; returns the mean loss."""
        epoch, total, done = len(self.history) + 1, 0.0, 0
        rng = np.random.default_rng([self._plan.seed, epoch])  # so that a resumed run sees the same batches
        for number, batch in enumerate(batches(rows.lengths, self._plan.batch_size, rng), start=1):
            loss, sane = self._step(rows.take(batch), targets[0][batch], targets[1][batch])
            loss = float(loss)
            if not sane:
                self._diverge(number, loss, total / done if done else math.nan)
                return loss
            total += loss * len(batch)
            done += len(batch)
            progress.step(done / len(rows), total / done)
        return total / done

    def _diverge(self, step: int, loss: float, here: float = math.nan) -> None:
        before = self.history[-1]["loss"] if self.history else here
        self.divergence = Divergence(len(self.history) + 1, step, before, loss, *self._plan.blame)

    def _note(self, loss: float, precision: float) -> None:
        """Write an epoch into the history, keep the best weights, and see whether it is time to stop."""
        epoch = len(self.history) + 1
        self.history.append({"epoch": epoch, "loss": loss, "validation_average_precision": precision})
        self._since += 1
        if precision > self._best:
            self._best, self._since, self._best_weights = precision, 0, self._weights()
        self._finished = self._since >= self._plan.patience or epoch >= self._plan.epochs

    def _weights(self) -> list[NDArray[Any]]:
        return [np.array(weight) for weight in self._network.get_weights()]

    def _variables(self) -> list[Any]:
        """All that training changes: weights, seeds of dropout, moments of the optimizer."""
        return [*self._network.variables, *self._optimizer.variables]

    def _state(self) -> State:
        arrays = {f"variable.{i:04d}": np.asarray(variable) for i, variable in enumerate(self._variables())}
        arrays |= {f"best.{i:04d}": weight for i, weight in enumerate(self._best_weights)}
        facts = {"history": self.history, "best": self._best, "since": self._since, "finished": self._finished}
        return State(arrays, facts)

    def _restore(self, state: State | None, surroundings: Surroundings) -> None:
        if state is None:
            return
        for i, variable in enumerate(self._variables()):
            variable.assign(state.arrays[f"variable.{i:04d}"])
        self._best_weights = [state.arrays[f"best.{i:04d}"] for i in range(len(self._best_weights))]
        self.history = list(state.facts["history"])
        self._best, self._since, self._finished = (state.facts[name] for name in ("best", "since", "finished"))
        surroundings.say(f"{surroundings.title}: going on after epoch {len(self.history)} of {self._plan.epochs}")

    def _identity(self, rows: Rows, targets: tuple[Any, Any], held_out: Rows) -> str:
        """Hash of all that decides what training comes to."""
        digest = hashlib.sha256(repr((self._plan, keras.__version__, tf.__version__, np.__version__)).encode())
        digest.update(json.dumps(self._network.get_config(), sort_keys=True, default=str).encode())
        for content in (rows.digest(), held_out.digest(), *(array.tobytes() for array in targets)):
            digest.update(content)
        for weight in self._best_weights:
            digest.update(weight.tobytes())
        return digest.hexdigest()


def batches(lengths: NDArray[np.int32], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Rows in batches of like length, in random order.

    Parameters
    ----------
    lengths : of each row, (n,); where all are equal, rows are simply shuffled.
    """
    order = np.argsort(lengths * (1 + _SPREAD * rng.random(len(lengths))), kind="stable")
    starts = np.arange(0, len(order), size)
    for start in rng.permutation(starts):
        yield order[start : start + size]


def predicted(forward: Callable[[NDArray[Any]], Any], rows: Rows) -> Floats:
    """Logits of rows, float64 (n, columns)."""
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
    """The network's logits as one function for batches of any shape."""

    def forward(x: Any) -> Any:
        return network(x, training=False)

    call: Callable[[NDArray[Any]], Any] = tf.function(forward, input_signature=[_batch_of(network)])
    return call


def _compiled_step(network: keras.Model, optimizer: Any, plan: Plan) -> Callable[..., tuple[Any, Any]]:
    """One step of training: a batch, wanted outputs and weights to the loss, and whether it was good and so taken."""
    variables = network.trainable_variables
    losses = _softmax_losses if plan.exclusive else _sigmoid_losses
    columns = tf.TensorSpec([None, network.output_shape[-1]], tf.float32)

    def step(x: Any, wanted: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            plain, row_weights = losses(network(x, training=True), wanted, weights)
            focus = 1.0
            if plan.focal_gamma is not None:
                focus = tf.maximum(-tf.math.expm1(-plain), 1e-7) ** plan.focal_gamma
            loss = tf.reduce_mean(row_weights * focus * plain)
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        norm = tf.linalg.global_norm(gradients)
        sane = tf.math.is_finite(loss) & tf.math.is_finite(norm) & (tf.reduce_mean(plain) <= _LIMIT)
        if plan.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, plan.clip_norm, norm)
        if sane:
            optimizer.apply(gradients, variables)
        return loss, sane

    signature = [_batch_of(network), columns, columns]
    call: Callable[..., tuple[Any, Any]] = tf.function(step, input_signature=signature)
    return call


def _batch_of(network: keras.Model) -> Any:
    (given,) = network.inputs
    return tf.TensorSpec([None, *given.shape[1:]], given.dtype)


def _sigmoid_losses(logits: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """Cross-entropies of sigmoids and their weights, both (batch, columns)."""
    return tf.nn.softplus(logits) - wanted * logits, weights


def _softmax_losses(logits: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """Cross-entropies of a softmax and their weights, both (batch,)."""
    return -tf.reduce_sum(wanted * tf.nn.log_softmax(logits), axis=-1), weights[:, 0]
