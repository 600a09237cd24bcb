"""The metric learner: an encoder that maps comments to a low-dimensional space in which the classes lie apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf._registry import component
from toxiclf.backend import keras, seeded, tf
from toxiclf.balance.losses import CROSSENTROPY
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import DataError, UsageError
from toxiclf.features.pooling import WORDS
from toxiclf.features.sequences import Sequences
from toxiclf.graph import Graph
from toxiclf.models import make_model
from toxiclf.models._base import HeldOut, Task
from toxiclf.models._binary import Scaling
from toxiclf.models._block import Block, Words, apply_blocks, write_blocks
from toxiclf.models._blocks import Activation, Dense, Dropout, Embedding
from toxiclf.models._plan import Losses, Monitor, Plan
from toxiclf.models._rows import IdRows, Rows, VectorRows, balanced_batches
from toxiclf.models._training_loop import TrainingLoop, compiled_forward, predicted
from toxiclf.recipe import FeaturesSection, model_options
from toxiclf.text.encoder import join_views

if TYPE_CHECKING:
    from toxiclf.models._plan import Divergence

ops = keras.ops
Floats = NDArray[np.float64]
_TINY = 1e-12


class MetricLearner:
    """Learns an encoder that maps features to unit vectors, so that comments of the same class are close together.

    Each batch has the same number of rows from each class. After each epoch, two mean vectors are computed: that of
    the training rows with the label, and that of the training rows without it. Validation rows are ranked by how much
    nearer they are to the first mean than to the second. The weights of the epoch whose ranking has the best average
    precision are kept.

    Parameters
    ----------
    options : the ``[features]`` section of a recipe, of which the ``metric_`` keys are used.

    Attributes
    ----------
    history_ : one row per epoch with the keys epoch, loss and validation_average_precision.
    divergence_ : the step at which training diverged, or None.
    """

    def __init__(self, options: FeaturesSection) -> None:
        self.options = options

    def fit(self, features: Any, task: Task, held_out: HeldOut) -> MetricLearner:
        """Train the encoder on the training set; ``held_out`` is the validation set, used for early stopping.

        Parameters
        ----------
        features : float32 (n, width) for the encoder "mlp", else :class:`toxiclf.features.sequences.Sequences`.

        Raises
        ------
        UsageError : the targets have more than one label.
        DataError : a class has fewer than two training rows, or the validation set has only one class.
        """
        _check(task.targets, held_out.targets)
        tf.config.experimental.enable_op_determinism()
        options, classes = self.options, task.targets[:, 0].astype(np.intp)
        monitor = Monitor(losses=_losses(options), batches=balanced_batches(classes))
        plan = Plan(
            options.model_dump_json(exclude={"metric_epochs", "metric_patience"}), "adam", options.metric_learning_rate,
            options.metric_batch_size, options.metric_epochs, options.metric_patience, 1.0, CROSSENTROPY, False, task.seed,
            ("the steps of the optimizer are probably too large", "lower features.metric_learning_rate"),
        )  # fmt: skip
        self._encoder = _SequenceEncoder(options) if options.of_sequences else _VectorEncoder(options)
        with seeded(task.seed):
            network = self._encoder.build(features, held_out.features)
            rows, watched = self._encoder.rows(features), self._encoder.rows(held_out.features)

            def precision(outputs: Floats) -> float:
                forward = compiled_forward(network)
                own = predicted(forward, rows)
                toward = own[classes == 1].mean(axis=0) - own[classes == 0].mean(axis=0)
                return float(average_precision_score(held_out.targets[:, 0], outputs @ toward))

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
        """Return the vectors, float32 (n, metric_size), computed by the same ONNX nodes as in scoring. A model is thus
        trained on exactly the vectors that it scores."""
        return self._run(features)

    def write(self, graph: Graph, features: str) -> str:
        """Add the encoder to an ONNX graph; return the name of its vectors. For sequences, ``features`` is not used."""
        return self._encoder.write(graph, features)


def _check(targets: NDArray[np.uint8], held_out: NDArray[np.uint8]) -> None:
    if targets.shape[1] > 1:
        raise UsageError(f"features.metric_learning needs one label, but there are {targets.shape[1]}; choose one")
    fewest = int(min(targets[:, 0].sum(), (1 - targets[:, 0]).sum()))
    if fewest < 2:
        raise DataError(
            "features.metric_learning needs at least two training comments of each class, but one class has "
            f"{fewest}; label more comments of that class"
        )
    if held_out[:, 0].min() == held_out[:, 0].max():
        raise DataError(
            "features.metric_learning needs validation comments of both classes, but all are of one class; raise "
            "split.validation, or label more comments of the class that is missing"
        )


class _Unit(Block):
    """Scales each vector to length 1; a zero vector stays zero."""

    def apply(self, x: Any, mask: Any) -> Any:
        """Scale vectors (batch, width) to length 1."""
        return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _TINY)

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add nodes that scale vectors (batch, width), in double precision; return the name of the float32 result."""
        double = graph.double(x)
        squares = graph.add("ReduceSum", graph.add("Mul", double, double), graph.integers(1), keepdims=1)
        length = graph.add("Sqrt", graph.add("Add", squares, graph.constant(_TINY, np.float64)))
        return graph.single(graph.add("Div", double, length))


@dataclass
class _VectorEncoder:
    """Encoder "mlp": dense layers over standardized vectors.

    The ONNX graph computes the encoder in double precision, because a rounding error in the encoder's output could send
    a row to another leaf of a random forest.
    """

    options: FeaturesSection

    def build(self, features: NDArray[np.float32], held_out: Any) -> keras.Model:
        """Return the untrained network; ``held_out`` is not used."""
        options = self.options
        self.scaling = Scaling(features, standardize=True)
        self.dense = [Dense(units) for units in (*options.metric_units, options.metric_size)]
        x = given = keras.Input((features.shape[1],), name="vector")
        for block in self.dense[:-1]:
            for part in (block, Activation("relu"), Dropout(options.metric_dropout)):
                x = part.apply(x, None)
        return keras.Model(given, _Unit().apply(self.dense[-1].apply(x, None), None))

    def rows(self, features: NDArray[np.float32]) -> Rows:
        """Convert features to the input rows of the network."""
        return VectorRows(self.scaling.apply(features).astype(np.float32))

    def finish(self, network: keras.Model) -> None:
        """Store the trained weights for :meth:`write`."""
        self.layers = [[np.asarray(weight) for weight in block.layer.get_weights()] for block in self.dense]

    def runner(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """Return a function from features to vectors (n, metric_size), which runs the encoder as an ONNX graph."""
        graph = Graph()
        given = graph.vectors("vectors", len(self.scaling.mean))
        run = graph.session(self.write(graph, given), self.options.metric_size)
        return lambda features: run({"vectors": features})

    def write(self, graph: Graph, features: str) -> str:
        """Add standardization, dense layers and scaling to length 1 to a graph; return the name of the vectors."""
        x = self.scaling.write(graph, graph.double(features), np.float64)
        for i, (kernel, bias) in enumerate(self.layers):
            x = graph.add("MatMul", x, graph.constant(kernel, np.float64))
            x = graph.add("Add", x, graph.constant(bias, np.float64))
            if i < len(self.layers) - 1:
                x = graph.add("Max", x, graph.constant(0.0, np.float64))
        return _Unit().write(graph, x, None)


@dataclass
class _SequenceEncoder:
    """Encoder over sequences of word vectors.

    It consists of the blocks of the model that ``metric_encoder`` names (with that model's default options), followed
    by a dense layer and scaling to length 1.
    """

    options: FeaturesSection

    def build(self, features: Sequences, held_out: Sequences) -> keras.Model:
        """Return the untrained network; it holds only the vectors of tokens in the training and validation sets."""
        self.features = features
        self.used = np.unique(np.concatenate([[0], features.ids.flat, held_out.ids.flat]))
        self.numbers = np.zeros(len(features.matrix), dtype=np.int32)
        self.numbers[self.used] = np.arange(len(self.used))
        network: Any = make_model(model_options(self.options.metric_encoder))
        blocks = network.blocks(features.matrix[self.used], features.longest)
        self.blocks = [*blocks, Dense(self.options.metric_size), _Unit()]
        ids = keras.Input((None,), dtype="int32", name="ids")
        mask = ops.cast(ops.not_equal(ids, 0), "float32")
        return keras.Model(ids, apply_blocks(self.blocks, ids, mask))

    def rows(self, features: Sequences) -> Rows:
        """Convert features to the input rows of the network."""
        return IdRows(features.renumbered(self.numbers).ids)

    def finish(self, network: keras.Model) -> None:
        """Replace the embedding with one for all tokens; those in ``network`` get their trained vectors."""
        embedding = self.blocks[0]
        assert isinstance(embedding, Embedding)
        matrix = self.features.matrix.copy()
        matrix[self.used] = embedding.layer.get_weights()[0]
        self.blocks[0] = _Vectors(matrix)

    def runner(self) -> Callable[[Sequences], NDArray[np.float32]]:
        """Return a function from features to vectors (n, metric_size), which runs the encoder as an ONNX graph."""
        graph = Graph()
        scorer = Scorer(graph.build(self.write(graph, ""), self.options.metric_size))

        def run(features: Sequences) -> NDArray[np.float32]:
            cut = np.zeros(len(features.ids), dtype=np.bool_)
            return scorer.run(join_views({WORDS: (features.ids, cut)}, cut))

        return run

    def write(self, graph: Graph, features: str) -> str:
        """Add the trained network to an ONNX graph; return the name of the vectors. ``features`` is not used."""
        words = Words.of(graph, WORDS)
        return write_blocks(graph, self.blocks, words.ids, words)


class _Vectors(Block):
    """Embedding block with the final word vectors, for ONNX graphs only."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self._matrix = matrix
        self._matrix[0] = 0.0

    def apply(self, x: Any, mask: Any) -> Any:
        """Raise NotImplementedError, since the block is for ONNX graphs only."""
        raise NotImplementedError

    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add a look-up of ids (time, batch) in the word vectors; return the name of the result (time, batch, size)."""
        return graph.add("Gather", graph.constant(self._matrix), x)


def _losses(options: FeaturesSection) -> Losses:
    entry = component("metric-learner", options.metric_learning)
    own = [getattr(options, key) for key in entry["keys"]]

    def losses(outputs: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
        return tf.reshape(entry.target(outputs, wanted[:, 0], *own), [1]), tf.ones([1])

    return losses
