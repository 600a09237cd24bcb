"""Networks as models: over averaged vectors, or over sequences of word vectors."""

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
_MANY = 20_000  # training rows from which "auto" takes fewer epochs
_HIGH = 0.01  # a learning rate that is blamed first


class Network(Model):
    """Base class of all networks: the training plan and its messages.

    Attributes
    ----------
    most_epochs : of "auto", for few training rows.
    monitor : what it learns, and which figure of the validation set is watched.
    """

    libraries = ("sklearn", "keras", "tensorflow")
    most_epochs: ClassVar[int] = 30
    monitor: ClassVar[Monitor] = CLASSIFY
    options: NetworkOptions

    def _plan(self, task: Task) -> Plan:
        """How to train, by the options and the number of rows."""
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
            f"{moved} for {plan.patience}; on {'a GPU' if gpus else 'the CPU'}"
        )

    def blame(self) -> tuple[str, str]:
        """The likely cause of a divergence, and the settings that fix it."""
        options = self.options
        lower = f"lower model.learning_rate (to {min(1e-3, options.learning_rate / 10):g})"
        if options.learning_rate > _HIGH:
            return f"the learning rate of {options.learning_rate:g} is probably too high", lower
        unclipped = options.clip_norm == "none" or not options.clip_norm
        cure = f"set model.clip_norm = 1, or {lower}" if unclipped else lower
        return "the steps are probably too large", cure


class Classifier(Network):
    """Base class of networks that classify.

    Fitting turns TensorFlow's deterministic mode on for the process, so that the seed gives the same network again.
    Stops when the average precision on the validation set has not risen for ``patience`` epochs, and keeps the best weights.

    Attributes
    ----------
    history_ : one row an epoch: epoch, loss, validation_average_precision.
    divergence_ : where the loss exploded or stopped being a number; such a model is of no use.
    """

    network_: Any
    blocks_: list[Block]

    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> Classifier:
        """Learn from training rows."""
        from toxiclf.backend import seeded, tf

        assert held_out is not None  # the registry says that it watches the validation set
        tf.config.experimental.enable_op_determinism()
        self.exclusive_ = task.exclusive
        wanted, weights = _weighted_targets(task)
        plan = self._plan(task)
        self._say_plan(plan, task, len(wanted), len(held_out.targets))
        with seeded(task.seed):
            self._fit(features, held_out, (wanted, weights), plan, task)
        return self

    def raw(self, features: Any) -> NDArray[np.float64]:
        """Logits, against the negative value's where labels are exclusive."""
        from toxiclf.models._training_loop import compiled_forward, predicted

        logits = predicted(compiled_forward(self.network_), self._rows(features))
        return against_negative(logits, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the network."""
        x = write_blocks(graph, self.blocks_, *self._write_input(graph, features))
        return write_against_negative(graph, x, self.network_.output_shape[-1], exclusive=self.exclusive_)

    @abstractmethod
    def _fit(
        self, features: Any, held_out: HeldOut, targets: tuple[NDArray[np.float64], NDArray[np.float64]], plan: Plan,
        task: Task,
    ) -> None:  # fmt: skip
        """Build the network, and train it."""

    @abstractmethod
    def _rows(self, features: Any) -> Rows:
        """Features as the network takes them."""

    @abstractmethod
    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        """What the first block takes."""

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
    """A network over standardized comment vectors."""

    most_epochs = 100

    @abstractmethod
    def blocks(self) -> list[Block]:
        """What stands between the vector of a comment and the logits."""

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
    """A network over sequences of word vectors.

    While it trains it holds the vectors of tokens that training and validation comments hold: an optimizer's step over all of a
    large vocabulary would take longer than all the rest. Other tokens keep their vectors.

    Attributes
    ----------
    fixed_time : whether every comment is padded to the longest one.
    """

    fixed_time: ClassVar[bool] = False

    @abstractmethod
    def blocks(self, matrix: Floats, time: int) -> list[Block]:
        """What stands between ids and the logits; the first block is an embedding.

        Parameters
        ----------
        matrix : word vectors (tokens + 1, size), the first row being zeros.
        time : tokens of the longest comment.
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
    """Where in a network's weights the word vectors stand."""
    wanted = embedding.layer.embeddings  # type: ignore[attr-defined]
    return next(i for i, weight in enumerate(network.weights) if weight is wanted)


def _logits(
    targets: tuple[NDArray[np.float64], NDArray[np.float64]], adjustment: tuple[float, ...], *, exclusive: bool
) -> Block:
    """The last layer, whose biases begin where the loss sees the shares of the (weighted) training rows."""
    from toxiclf.models._blocks import Dense

    wanted, weights = targets
    rates = np.asarray((wanted * weights).sum(axis=0) / weights.sum(axis=0))
    biases = np.log(rates) if exclusive else np.log(rates / (1 - rates))
    return Dense(wanted.shape[1], biases - np.array(adjustment) if adjustment else biases)


def _weighted_targets(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wanted outputs (n, columns) and the weight of each: a column a label, or a column a value of exclusive labels."""
    classes = problems(task.targets, exclusive=task.exclusive)
    weights = [np.array(entry.weights)[rows] for entry, rows in zip(task.weights, classes, strict=True)]
    if task.exclusive:
        wanted = np.eye(len(task.weights[0].names))[classes[0]]
        return wanted, np.repeat(weights[0][:, None], wanted.shape[1], axis=1)
    return np.column_stack(classes).astype(np.float64), np.column_stack(weights)
