"""A learned metric: few numbers a comment, in which comments of a class are near each other and others are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.backend import keras, seeded, tf
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import DataError, UsageError
from toxiclf.features.pooling import WORDS
from toxiclf.features.sequences import Sequences
from toxiclf.graph import Graph
from toxiclf.models._base import HeldOut, Task
from toxiclf.models._blocks import Activation, Block, Dense, Dropout, Embedding, Words
from toxiclf.models._networks import SEQUENCE_NETWORKS
from toxiclf.models._training_loop import (
    IdRows,
    Losses,
    Monitor,
    Plan,
    Rows,
    TrainingLoop,
    VectorRows,
    balanced_batches,
    compiled_forward,
    predicted,
)
from toxiclf.models.classic import Scaling
from toxiclf.recipe import MODEL_OPTIONS, FeaturesSection
from toxiclf.text.encoder import join_views

if TYPE_CHECKING:
    from toxiclf.models._training_loop import Divergence

ops = keras.ops
Floats = NDArray[np.float64]
_TINY = 1e-12
_FAR = 1e9  # beyond any squared distance of vectors of length 1, which are 4 at most
_FLOAT, _DOUBLE = 1, 11  # onnx.TensorProto's numbers


class MetricLearner:
    """From a comment's features to a vector of length 1, near those of its class.

    Batches hold as many rows of each class. After each epoch the held-out rows are ranked by how much nearer they are to the mean
    of the toxic training rows than to that of the others; the weights with the best average precision are kept.

    Parameters
    ----------
    options : the ``metric`` keys of a recipe's ``[features]``.

    Attributes
    ----------
    history_ : one row an epoch: epoch, loss, validation_average_precision.
    divergence_ : where training diverged, if it did.
    """

    def __init__(self, options: FeaturesSection) -> None:
        self.options = options

    def fit(self, features: Any, task: Task, held_out: HeldOut) -> MetricLearner:
        """Learn from training rows.

        Parameters
        ----------
        features : float32 (n, width) for the encoder "mlp", else :class:`toxiclf.features.sequences.Sequences`.

        Raises
        ------
        UsageError : there are several labels.
        DataError : a class has fewer than two training rows, or the held-out rows are of one class.
        """
        _check(task.targets, held_out.targets)
        tf.config.experimental.enable_op_determinism()
        options, classes = self.options, task.targets[:, 0].astype(np.intp)
        monitor = Monitor(losses=_losses(options), batches=balanced_batches(classes))
        plan = Plan(
            options.model_dump_json(exclude={"metric_epochs", "metric_patience"}), "adam", options.metric_learning_rate,
            options.metric_batch_size, options.metric_epochs, options.metric_patience, 1.0, None, False, task.seed,
            ("the likely cause is steps that are too large", "lower features.metric_learning_rate"),
        )  # fmt: skip
        self._encoder = _SequenceEncoder(options) if options.of_sequences else _VectorEncoder(options)
        with seeded(task.seed):
            network = self._encoder.build(features, held_out.features)
            rows, watched = self._encoder.rows(features), self._encoder.rows(held_out.features)

            def precision(outputs: Floats) -> float:
                forward = compiled_forward(network)
                own = predicted(forward, rows)
                towards = own[classes == 1].mean(axis=0) - own[classes == 0].mean(axis=0)
                return float(average_precision_score(held_out.targets[:, 0], outputs @ towards))

            once = np.ones((len(classes), 1))
            loop = TrainingLoop(network, plan, precision, monitor)
            loop.run(rows, task.targets.astype(np.float64), once, watched, task.context)
            self._encoder.finish(network)
        self.history_: list[dict[str, float]] = loop.history
        self.divergence_: Divergence | None = loop.divergence
        if self.divergence_ is None:
            self._run = self._encoder.runner()
        return self

    def transform(self, features: Any) -> NDArray[np.float32]:
        """The vectors, float32 (n, metric_size), by the nodes that score: what learns from them sees the bits that it scores."""
        return self._run(features)

    def write(self, graph: Graph, features: str) -> str:
        """Add the encoder; those over sequences read the ids themselves."""
        return self._encoder.write(graph, features)


def _check(targets: NDArray[np.uint8], held_out: NDArray[np.uint8]) -> None:
    if targets.shape[1] > 1:
        raise UsageError(f"features.metric takes one label, and there are {targets.shape[1]}; choose one")
    fewest = int(min(targets[:, 0].sum(), (1 - targets[:, 0]).sum()))
    if fewest < 2:
        raise DataError(
            f"features.metric needs two training comments of each class at least, and there are {fewest}; label more of them"
        )
    if held_out[:, 0].min() == held_out[:, 0].max():
        raise DataError(
            "features.metric is judged by validation comments, and those are all of one class; raise split.validation, or label "
            "more of the other"
        )


class _Unit(Block):
    """A vector to length 1; a vector of zeros stays one."""

    def apply(self, x: Any, mask: Any) -> Any:
        """(batch, width) to the same."""
        return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _TINY)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Its length in double precision, whatever came before."""
        double = graph.add("Cast", x, to=_DOUBLE)
        squares = graph.add("ReduceSum", graph.add("Mul", double, double), graph.constant([1], np.int64), keepdims=1)
        length = graph.add("Sqrt", graph.add("Add", squares, graph.constant(_TINY, np.float64)))
        return graph.add("Cast", graph.add("Div", double, length), to=_FLOAT)


@dataclass
class _VectorEncoder:
    """Dense layers over standardized vectors: in the graph in double precision, since a forest may turn on the last bit."""

    options: FeaturesSection

    def build(self, features: NDArray[np.float32], held_out: Any) -> keras.Model:
        """The network."""
        options = self.options
        self.scaling = Scaling(features, standardize=True)
        self.dense = [Dense(units) for units in (*options.metric_units, options.metric_size)]
        x = given = keras.Input((features.shape[1],), name="vector")
        for block in self.dense[:-1]:
            for part in (block, Activation("relu"), Dropout(options.metric_dropout)):
                x = part.apply(x, None)
        return keras.Model(given, _Unit().apply(self.dense[-1].apply(x, None), None))

    def rows(self, features: NDArray[np.float32]) -> Rows:
        """Features as the network takes them."""
        return VectorRows(self.scaling.apply(features).astype(np.float32))

    def finish(self, network: keras.Model) -> None:
        """Keep what was learned."""
        self.layers = [[np.asarray(weight) for weight in block.layer.get_weights()] for block in self.dense]

    def runner(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """The graph, alone."""
        graph = Graph()
        given = graph.vectors("vectors", len(self.scaling.mean))
        run = graph.session(self.write(graph, given), self.options.metric_size)
        return lambda features: run({"vectors": features})

    def write(self, graph: Graph, features: str) -> str:
        """Products, sums and what is above zero."""
        x = self.scaling.write(graph, graph.add("Cast", features, to=_DOUBLE), np.float64)
        for i, (kernel, bias) in enumerate(self.layers):
            x = graph.add("MatMul", x, graph.constant(kernel, np.float64))
            x = graph.add("Add", x, graph.constant(bias, np.float64))
            if i < len(self.layers) - 1:
                x = graph.add("Max", x, graph.constant(0.0, np.float64))
        return _Unit().write(graph, x, None)


@dataclass
class _SequenceEncoder:
    """A network over sequences of word vectors, with the default options of the one of its name."""

    options: FeaturesSection

    def build(self, features: Sequences, held_out: Sequences) -> keras.Model:
        """The network; while it trains it holds the vectors of tokens that these rows hold, as all networks do."""
        self.features = features
        self.used = np.unique(np.concatenate([[0], features.ids.flat, held_out.ids.flat]))
        self.numbers = np.zeros(len(features.matrix), dtype=np.int32)
        self.numbers[self.used] = np.arange(len(self.used))
        options: Any = MODEL_OPTIONS[self.options.metric_encoder].model_validate({"name": self.options.metric_encoder})
        blocks = SEQUENCE_NETWORKS[options.name](options, features.matrix[self.used], features.longest)
        self.blocks = [*blocks, Dense(self.options.metric_size), _Unit()]
        x = ids = keras.Input((None,), dtype="int32", name="ids")
        mask = ops.cast(ops.not_equal(ids, 0), "float32")
        for block in self.blocks:
            x = block.apply(x, mask)
        return keras.Model(ids, x)

    def rows(self, features: Sequences) -> Rows:
        """Features as the network takes them."""
        return IdRows(features.renumbered(self.numbers).ids)

    def finish(self, network: keras.Model) -> None:
        """Put the word vectors that were trained further among all others."""
        embedding = self.blocks[0]
        assert isinstance(embedding, Embedding)
        matrix = self.features.matrix.copy()
        matrix[self.used] = embedding.layer.get_weights()[0]
        self.blocks[0] = _Vectors(matrix)

    def runner(self) -> Callable[[Sequences], NDArray[np.float32]]:
        """The graph, alone."""
        graph = Graph()
        scorer = Scorer(graph.build(self.write(graph, ""), self.options.metric_size))

        def run(features: Sequences) -> NDArray[np.float32]:
            cut = np.zeros(len(features.ids), dtype=np.bool_)
            return scorer.run(join_views({WORDS: (features.ids, cut)}, cut))

        return run

    def write(self, graph: Graph, features: str) -> str:
        """The network's blocks."""
        words = Words.of(graph, WORDS)
        x = words.ids
        for block in self.blocks:
            x = block.write(graph, x, words)
        return x


class _Vectors(Block):
    """Word vectors that are not trained any more."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._matrix = matrix
        self._matrix[0] = 0.0

    def apply(self, x: Any, mask: Any) -> Any:
        """Not in a network."""
        raise NotImplementedError

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """(time, batch) to (time, batch, size)."""
        return graph.add("Gather", graph.constant(self._matrix), x)


def _losses(options: FeaturesSection) -> Losses:
    if options.metric == "triplet":
        return lambda outputs, wanted, weights: _one(triplet_loss(outputs, wanted[:, 0], options.metric_margin))
    return lambda outputs, wanted, weights: _one(contrastive_loss(outputs, wanted[:, 0], options.metric_temperature))


def _one(loss: Any) -> tuple[Any, Any]:
    return tf.reshape(loss, [1]), tf.ones([1])


def triplet_loss(vectors: Any, classes: Any, margin: float) -> Any:
    """Mean triplet loss of a batch, with semi-hard negatives (Schroff, Kalenichenko and Philbin 2015).

    For each two rows of one class the negative is the nearest row of the other class that is farther from the first than the second
    is; where there is none, the farthest.

    Parameters
    ----------
    vectors : (batch, size), of length 1; their distances are squared.
    classes : (batch,).
    """
    distances = tf.maximum(2.0 - 2.0 * tf.matmul(vectors, vectors, transpose_b=True), 0.0)
    alike = tf.equal(classes[:, None], classes[None, :])
    # each row's distances to the other class in order: a look-up there takes a fifth of the time of comparing all triplets
    others = tf.sort(tf.where(alike, _FAR, distances), axis=1)
    places = tf.minimum(tf.searchsorted(others, distances, side="right"), tf.shape(distances)[1] - 1)
    nearest = tf.gather(others, places, batch_dims=1)
    farthest = tf.reduce_max(tf.where(alike, -_FAR, distances), axis=1, keepdims=True)
    negative = tf.where(nearest < _FAR / 2, nearest, farthest)
    pairs = tf.cast(alike, tf.float32) - tf.eye(tf.shape(vectors)[0])
    losses = tf.maximum(margin + distances - negative, 0.0) * pairs
    return tf.reduce_sum(losses) / tf.maximum(tf.reduce_sum(pairs), 1.0)


def contrastive_loss(vectors: Any, classes: Any, temperature: float) -> Any:
    """Mean supervised contrastive loss of a batch, the form with the mean outside of the logarithm (Khosla et al. 2020).

    Parameters
    ----------
    vectors : (batch, size), of length 1.
    classes : (batch,).
    """
    itself = tf.eye(tf.shape(vectors)[0])
    likeness = tf.matmul(vectors, vectors, transpose_b=True) / temperature - _FAR * itself
    log_shares = tf.nn.log_softmax(likeness, axis=1)
    pairs = tf.cast(tf.equal(classes[:, None], classes[None, :]), tf.float32) - itself
    means = tf.reduce_sum(tf.where(pairs > 0, log_shares, 0.0), axis=1) / tf.maximum(tf.reduce_sum(pairs, axis=1), 1.0)
    return -tf.reduce_mean(means)
