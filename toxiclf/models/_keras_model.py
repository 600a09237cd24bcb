"""Networks as models: over averaged vectors, or over sequences of word vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.backend import keras, seeded, tf
from toxiclf.balance.weights import problems
from toxiclf.errors import UsageError
from toxiclf.features.pooling import WORDS
from toxiclf.features.sequences import Sequences
from toxiclf.graph import Graph
from toxiclf.models import _training_loop as training_loop
from toxiclf.models._base import HeldOut, Model, Task
from toxiclf.models._blocks import ONNX_ACTIVATIONS, Block, Dense, Words
from toxiclf.models._networks import SEQUENCE_NETWORKS, dnn
from toxiclf.models._training_loop import CLASSIFY, IdRows, Plan, Rows, TrainingLoop, VectorRows
from toxiclf.models.classic import Scaling, against_negative, write_against_negative
from toxiclf.recipe import (
    DnnOptions,
    DnnSequenceOptions,
    NetworkOptions,
    RecurrentOptions,
    SequenceOptions,
)

_BOUNDED = {"tanh", "sigmoid", "softsign", "softmax"}
_MANY = 20_000  # training rows from which "auto" takes fewer epochs
_NOTHING = 1e-3  # of log-odds
_HIGH = 0.01  # a learning rate that is blamed first


class Network(Model):
    """What all networks share, whatever they are trained for: how long, how fast, and what is said of it."""

    most_epochs = 30
    monitor = CLASSIFY

    def __init__(self, options: NetworkOptions) -> None:
        self.options = options

    def _plan(self, task: Task) -> Plan:
        """How to train, by the options and the number of rows."""
        options, count = self.options, len(task.targets)
        size = 64 if count <= 50_000 else 128 if count <= 200_000 else 256
        epochs = max(5, min(self.most_epochs, round(self.most_epochs * _MANY / count)))
        size = size if options.batch_size == "auto" else options.batch_size
        epochs = epochs if options.epochs == "auto" else options.epochs
        clip = None if options.clip_norm == "none" or not options.clip_norm else options.clip_norm
        return Plan(
            options.model_dump_json(exclude={"epochs", "patience"}), options.optimizer, options.learning_rate, size, epochs,
            options.patience, clip, task.focal_gamma, task.exclusive, task.seed, self._blame(), self._adjustment(task),
        )  # fmt: skip

    def _adjustment(self, task: Task) -> tuple[float, ...]:
        """What the logit-adjusted loss adds to each logit: ``logit_tau`` times its share's log-odds, of a softmax its log."""
        if not task.logit_tau:
            return ()
        rates = _weighted_targets(task)[0].mean(axis=0)
        adjustment = np.log(rates) if task.exclusive else np.log(rates) - np.log1p(-rates)
        if float(np.ptp(adjustment) if task.exclusive else np.abs(adjustment).max()) < _NOTHING:
            raise UsageError(
                "balance.loss = logit_adjusted has no effect, as all classes have as many rows; leave it out"
            )
        return tuple((task.logit_tau * adjustment).tolist())

    def _say_plan(self, plan: Plan, task: Task, rows: int, watched: int) -> None:
        size = " (auto)" if self.options.batch_size == "auto" else ""
        epochs = " (auto)" if self.options.epochs == "auto" else ""
        gpus = tf.config.list_physical_devices("GPU")
        measured, moved = (
            self.monitor.measure.removeprefix("validation "),
            "fallen" if self.monitor.lower_is_better else "risen",
        )
        task.context.say(
            f"{task.context.title}: {rows:,} comments in batches of {plan.batch_size}{size}, at most {plan.epochs} epochs"
            f"{epochs}, until the {measured} of {watched:,} validation comments has not {moved} for {plan.patience}; "
            f"on {'a GPU' if gpus else 'the CPU'}"
        )

    def _blame(self) -> tuple[str, str]:
        """The likely cause of a divergence, and the settings that mend it."""
        options = self.options
        if isinstance(options, RecurrentOptions) and options.activation not in _BOUNDED:
            cause = (
                f"the likely cause is an unbounded activation ({options.activation}) inside a recurrent layer, "
                "which multiplies the state at each token"
            )
            # measured on curse: with adam and rmsprop, which scale their steps themselves, clipping does not stop a ReLU LSTM
            return cause, "set model.activation = tanh (clipped gradients do not mend this)"
        lower = f"lower model.learning_rate (to {min(1e-3, options.learning_rate / 10):g})"
        if options.learning_rate > _HIGH:
            return f"the likely cause is a learning rate of {options.learning_rate:g}", lower
        unclipped = options.clip_norm == "none" or not options.clip_norm
        cure = f"set model.clip_norm = 1, or {lower}" if unclipped else lower
        return "the likely cause is steps that are too large", cure


class KerasModel(Network):
    """What all classifiers share.

    Fitting turns TensorFlow's deterministic mode on for the process, so that the seed gives the same network again.
    Stops when the average precision on the validation part has not risen for ``patience`` epochs, and keeps the best weights.

    Attributes
    ----------
    history_ : one row an epoch: epoch, loss, validation_average_precision.
    divergence_ : where the loss exploded or stopped being a number; such a model is of no use.
    """

    network_: keras.Model
    blocks_: list[Block]

    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> KerasModel:
        """Learn from training rows."""
        assert held_out is not None  # the registry says that it watches the validation part
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
        logits = training_loop.predicted(training_loop.compiled_forward(self.network_), self._rows(features))
        return against_negative(logits, exclusive=self.exclusive_)

    def write(self, graph: Graph, features: str) -> str:
        """Add the network."""
        x, words = self._write_input(graph, features)
        for block in self.blocks_:
            x = block.write(graph, x, words)
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
        self, network: keras.Model, rows: Rows, held_out: Rows, held_out_targets: NDArray[np.uint8],
        targets: tuple[NDArray[np.float64], NDArray[np.float64]], plan: Plan, task: Task,
    ) -> None:  # fmt: skip
        def precision(logits: NDArray[np.float64]) -> float:
            raw = against_negative(logits, exclusive=self.exclusive_)
            return float(average_precision_score(held_out_targets, raw))

        loop = TrainingLoop(network, plan, precision).run(rows, *targets, held_out, task.context)
        self.history_, self.divergence_ = loop.history, loop.divergence


class Dnn(KerasModel):
    """Dense network over standardized comment vectors."""

    options: DnnOptions
    most_epochs = 100

    def _fit(
        self, features: NDArray[np.float32], held_out: HeldOut, targets: tuple[Any, Any], plan: Plan, task: Task
    ) -> None:
        self.scaling_ = Scaling(features, standardize=True)
        self.blocks_ = [*dnn(self.options), _logits(targets, plan.adjustment, exclusive=task.exclusive)]
        vector = keras.Input((features.shape[1],), name="vector")
        self.network_ = keras.Model(vector, _applied(self.blocks_, vector, None))
        watched = self._rows(held_out.features)
        self._train(self.network_, self._rows(features), watched, held_out.targets, targets, plan, task)

    def _rows(self, features: NDArray[np.float32]) -> Rows:
        return VectorRows(self.scaling_.apply(features).astype(np.float32))

    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        return self.scaling_.write(graph, features), None


class SequenceNetwork(KerasModel):
    """A network over sequences of word vectors.

    While it trains it holds the vectors of tokens that training and validation comments hold: an optimizer's step over all of a
    large vocabulary would take longer than all the rest. Other tokens keep their vectors.
    """

    options: SequenceOptions

    @property
    def no_graph_(self) -> str:
        """Why there is no ONNX form: ONNX Runtime's LSTM has no such gates."""
        if not isinstance(self.options, RecurrentOptions):
            return ""
        named = {"activation": self.options.activation, "recurrent_activation": self.options.recurrent_activation}
        lacking = [f"model.{key} = {name}" for key, name in named.items() if name not in ONNX_ACTIVATIONS]
        return f"ONNX Runtime's LSTM cannot compute {' and '.join(lacking)}" if lacking else ""

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

    def _build(
        self, matrix: NDArray[np.float32], targets: tuple[Any, Any], adjustment: tuple[float, ...] = ()
    ) -> keras.Model:
        blocks = SEQUENCE_NETWORKS[self.options.name](self.options, matrix, self.time_)  # type: ignore[attr-defined]
        self.blocks_ = [*blocks, _logits(targets, adjustment, exclusive=self.exclusive_)]
        ids = keras.Input((self._fixed_time,), dtype="int32", name="ids")
        mask = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")
        return keras.Model(ids, _applied(self.blocks_, ids, mask))

    @property
    def _fixed_time(self) -> int | None:
        return self.time_ if isinstance(self.options, DnnSequenceOptions) else None

    def _rows(self, features: Sequences) -> Rows:
        return IdRows(features.ids, self._fixed_time)

    def _write_input(self, graph: Graph, features: str) -> tuple[str, Words | None]:
        words = Words.of(graph, WORDS)
        return words.ids, words


def _place(embedding: Block, network: keras.Model) -> int:
    """Where in a network's weights the word vectors stand."""
    wanted = embedding.layer.embeddings  # type: ignore[attr-defined]
    return next(i for i, weight in enumerate(network.weights) if weight is wanted)


def _applied(blocks: list[Block], x: Any, mask: Any) -> Any:
    for block in blocks:
        x = block.apply(x, mask)
    return x


def _logits(
    targets: tuple[NDArray[np.float64], NDArray[np.float64]], adjustment: tuple[float, ...], *, exclusive: bool
) -> Block:
    """The last layer, whose biases begin where the loss sees the shares of the (weighted) training rows."""
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
