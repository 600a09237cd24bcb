"""Base classes of networks: over one vector per comment, or over sequences of word vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance.weights import problems
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._binary import Scaling, against_negative, write_against_negative
from toxiclf.models._block import Block, Words, apply_blocks, write_blocks
from toxiclf.models._options import NetworkOptions
from toxiclf.models._plan import CLASSIFY, Monitor, Plan
from toxiclf.models._rows import IdRows, Rows, VectorRows

if TYPE_CHECKING:
    from toxiclf.features.sequences import Sequences
    from toxiclf.graph import Graph

Floats = NDArray[np.float32]
_MANY = 20_000  # "auto" lowers the number of epochs for more training rows than this
_HIGH = 0.01  # a higher learning rate is reported as the likely cause of a divergence


class Network(Model):
    """Base class of all networks. It turns the options into a training plan and reports that plan.

    Attributes
    ----------
    most_epochs : maximum number of epochs with ``epochs = "auto"``.
    monitor : the loss, and the validation metric for early stopping.
    """

    libraries = ("sklearn", "keras", "tensorflow")
    most_epochs: ClassVar[int] = 30
    monitor: ClassVar[Monitor] = CLASSIFY
    options: NetworkOptions

    def _plan(self, task: Task) -> Plan:
        """Return the training plan, with "auto" options set by the number of training rows."""
        options, count = self.options, len(task.targets)
        size = 64 if count <= 50_000 else 128 if count <= 200_000 else 256
        epochs = max(5, min(self.most_epochs, round(self.most_epochs * _MANY / count)))
        size = size if options.batch_size == "auto" else options.batch_size
        epochs = epochs if options.epochs == "auto" else options.epochs
        clip = None if options.clip_norm == "none" or not options.clip_norm else options.clip_norm
        shares = _weighted_targets(task)[0].mean(axis=0)
        return Plan(
            options.model_dump_json(exclude={"epochs", "patience"}), options.optimizer, options.learning_rate, size, epochs,
            options.patience, clip, task.loss, task.exclusive, task.seed, self.blame(),
            task.loss.added(shares, exclusive=task.exclusive),
        )  # fmt: skip

    def _say_plan(self, plan: Plan, task: Task, rows: int, watched: int) -> None:
        size = " (auto)" if self.options.batch_size == "auto" else ""
        epochs = " (auto)" if self.options.epochs == "auto" else ""
        from toxiclf.backend import tf

        gpus = tf.config.list_physical_devices("GPU")
        measured, moved = (
            self.monitor.measure.removeprefix("validation "),
            "fallen" if self.monitor.lower_is_better else "risen",
        )
        task.context.say(
            f"{task.context.title}: {rows:,} comments in batches of {plan.batch_size}{size}, at most "
            f"{plan.epochs} epochs{epochs}; stops if the {measured} of {watched:,} validation comments has not "
            f"{moved} for {plan.patience} epochs; on {'a GPU' if gpus else 'the CPU'}"
        )

    def blame(self) -> tuple[str, str]:
        """Return the likely cause of a divergence, and the settings that fix it."""
        options = self.options
        lower = f"lower model.learning_rate (to {min(1e-3, options.learning_rate / 10):g})"
        if options.learning_rate > _HIGH:
            return f"the learning rate of {options.learning_rate:g} is probably too high", lower
        unclipped = options.clip_norm == "none" or not options.clip_norm
        cure = f"set model.clip_norm = 1, or {lower}" if unclipped else lower
        return "the steps of the optimizer are probably too large", cure


class Classifier(Network):
    """Base class of networks that classify.

    Training stops when the average precision on the validation set has not risen for ``patience`` epochs; the network
    keeps the weights of the best epoch. Fitting turns on TensorFlow's deterministic mode for the whole process, so that
    the same seed gives the same network.

    Attributes
    ----------
    history_ : one row per epoch with the keys epoch, loss and validation_average_precision.
    divergence_ : the step at which training diverged, or None. A model that diverged must not be used.
    """

    network_: Any
    blocks_: list[Block]

    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> Classifier:
        """Train on the training set; early stopping uses ``held_out``, the validation set, which is required."""
        from toxiclf.backend import seeded, tf

        assert held_out is not None  # the registry entry says watches_validation
        tf.config.experimental.enable_op_determinism()
        self.exclusive_ = task.exclusive
        wanted, weights = _weighted_targets(task)
        plan = self._plan(task)
        self._say_plan(plan, task, len(wanted), len(held_out.targets))
        with seeded(task.seed):
            self._fit(features, held_out, (wanted, weights), plan, task)
        return self

    def raw(self, features: Any) -> NDArray[np.float64]:
        """Return logits (n, n_labels).

        For exclusive labels, the logit of the negative value (not toxic) is subtracted from the logit of each label.
        """
        from toxiclf.models._training_loop import compiled_forward, predicted

        logits = predicted(compiled_forward(self.network_), self._rows(features))
        return against_negative(logits, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the trained network to an ONNX graph; return the name of the raw outputs (batch, n_labels)."""
        x = write_blocks(graph, self.blocks_, *self._write_input(graph, features))
        return write_against_negative(graph, x, self.network_.output_shape[-1], exclusive=self.exclusive_)

    @abstractmethod
    def _fit(
        self, features: Any, held_out: HeldOut, targets: tuple[NDArray[np.float64], NDArray[np.float64]], plan: Plan,
        task: Task,
    ) -> None:  # fmt: skip
        """Build and train the network; ``targets`` are the wanted outputs and their weights, both (n, columns)."""

    @abstractmethod
    def _rows(self, features: Any) -> Rows:
        """Convert features to the input rows of the network."""

    @abstractmethod
    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        """Add the input of the first block to a graph; return its name, and the names of the token ids and lengths.

        In networks over vectors, the second part of the result is None.
        """

    def _train(
        self, network: Any, rows: Rows, held_out: Rows, held_out_targets: NDArray[np.uint8],
        targets: tuple[NDArray[np.float64], NDArray[np.float64]], plan: Plan, task: Task,
    ) -> None:  # fmt: skip
        from sklearn.metrics import average_precision_score

        from toxiclf.models._training_loop import TrainingLoop

        def precision(logits: NDArray[np.float64]) -> float:
            raw = against_negative(logits, exclusive=self.exclusive_)
            return float(average_precision_score(held_out_targets, raw))

        loop = TrainingLoop(network, plan, precision).run(rows, *targets, held_out, task.context)
        self.history_, self.divergence_ = loop.history, loop.divergence


class VectorNetwork(Classifier):
    """Base class of networks over one standardized vector per comment."""

    most_epochs = 100

    @abstractmethod
    def blocks(self) -> list[Block]:
        """Return the blocks between a comment's vector and the output layer."""

    def _fit(self, features: Floats, held_out: HeldOut, targets: tuple[Any, Any], plan: Plan, task: Task) -> None:
        from toxiclf.backend import keras

        self.scaling_ = Scaling(features, standardize=True)
        self.blocks_ = [*self.blocks(), _logits(targets, plan.adjustment, exclusive=task.exclusive)]
        vector = keras.Input((features.shape[1],), name="vector")
        self.network_ = keras.Model(vector, apply_blocks(self.blocks_, vector))
        watched = self._rows(held_out.features)
        self._train(self.network_, self._rows(features), watched, held_out.targets, targets, plan, task)

    def _rows(self, features: Floats) -> Rows:
        return VectorRows(self.scaling_.apply(features).astype(np.float32))

    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        return self.scaling_.write(graph, features), None


class SequenceNetwork(Classifier):
    """Base class of networks over sequences of word vectors.

    During training, the network holds only the vectors of tokens in the training and validation sets, because
    updating the vectors of a large vocabulary would take longer than the rest of a training step. Vectors of other
    tokens do not change.

    Attributes
    ----------
    fixed_time : whether every comment is padded to the maximum number of tokens.
    """

    fixed_time: ClassVar[bool] = False

    @abstractmethod
    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """Return the blocks between token ids and the output layer; the first block is an embedding.

        Parameters
        ----------
        matrix : word vectors (tokens + 1, size); row 0 is for padding and all zeros.
        time : maximum number of tokens per comment.
        """

    def _fit(self, features: Sequences, held_out: HeldOut, targets: tuple[Any, Any], plan: Plan, task: Task) -> None:
        self.time_ = features.longest
        used = np.unique(np.concatenate([[0], features.ids.flat, held_out.features.ids.flat]))
        numbers = np.zeros(len(features.matrix), dtype=np.int32)
        numbers[used] = np.arange(len(used))
        network = self._build(features.matrix[used], targets, plan.adjustment)
        rows, watched = (self._rows(part.renumbered(numbers)) for part in (features, held_out.features))
        self._train(network, rows, watched, held_out.targets, targets, plan, task)
        weights, place = network.get_weights(), _place(self.blocks_[0], network)
        matrix = features.matrix.copy()
        matrix[used] = weights[place]
        self.network_ = self._build(matrix, targets, plan.adjustment)
        weights[place] = matrix
        self.network_.set_weights(weights)

    def _build(self, matrix: Floats, targets: tuple[Any, Any], adjustment: tuple[float, ...] = ()) -> Any:
        from toxiclf.backend import keras

        self.blocks_ = [
            *self.blocks(matrix, self.time_), _logits(targets, adjustment, exclusive=self.exclusive_)
        ]  # fmt: skip
        ids = keras.Input((self._padded_to,), dtype="int32", name="ids")
        mask = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")
        return keras.Model(ids, apply_blocks(self.blocks_, ids, mask))

    @property
    def _padded_to(self) -> int | None:
        return self.time_ if self.fixed_time else None

    def _rows(self, features: Sequences) -> Rows:
        return IdRows(features.ids, self._padded_to)

    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        from toxiclf.features.pooling import WORDS

        words = Words.of(graph, WORDS)
        return words.ids, words


def _place(embedding: Block, network: Any) -> int:
    """Return the index of the word vectors in the network's list of weights."""
    wanted = embedding.layer.embeddings  # type: ignore[attr-defined]
    return next(i for i, weight in enumerate(network.weights) if weight is wanted)


def _logits(
    targets: tuple[NDArray[np.float64], NDArray[np.float64]], adjustment: tuple[float, ...], *, exclusive: bool
) -> Block:
    """Return the output layer, with initial biases that fit the class shares of the training set.

    The bias of a column is the log-odds of the column's weighted share, or the logarithm of that share if labels are
    exclusive. ``adjustment`` is subtracted from the biases.

    Parameters
    ----------
    targets : wanted outputs of the training rows and their weights, both (n, columns).
    adjustment : constants that are added to the logits in training, one per column; empty for none.
    """
    from toxiclf.models._blocks import Dense

    wanted, weights = targets
    rates = np.asarray((wanted * weights).sum(axis=0) / weights.sum(axis=0))
    biases = np.log(rates) if exclusive else np.log(rates / (1 - rates))
    return Dense(wanted.shape[1], biases - np.array(adjustment) if adjustment else biases)


def _weighted_targets(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the wanted outputs of the training rows and their weights, both (n, columns), with one column per label.

    If labels are exclusive, the first column is an additional one, for the negative value (not toxic).
    """
    classes = problems(task.targets, exclusive=task.exclusive)
    weights = [np.array(entry.weights)[rows] for entry, rows in zip(task.weights, classes, strict=True)]
    if task.exclusive:
        wanted = np.eye(len(task.weights[0].names))[classes[0]]
        return wanted, np.repeat(weights[0][:, None], wanted.shape[1], axis=1)
    return np.column_stack(classes).astype(np.float64), np.column_stack(weights)
