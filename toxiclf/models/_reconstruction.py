"""Autoencoders fitted to comments without the label; a high reconstruction error marks a comment as unusual."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.models._base import HeldOut, Task, unlabelled_rows
from toxiclf.models._binary import Scaling
from toxiclf.models._block import Block, apply_blocks, write_blocks
from toxiclf.models._network import Network
from toxiclf.models._plan import Monitor
from toxiclf.models._rows import Rows, VectorRows

if TYPE_CHECKING:
    from toxiclf.graph import Graph


def _sum_of_outputs(outputs: Any, wanted: Any, weights: Any) -> tuple[Any, Any]:
    """Return the losses and weights of the rows, both (batch,).

    The loss of a row is its reconstruction error plus its penalty, the two columns of ``outputs``.
    """
    from toxiclf.backend import tf

    return tf.reduce_sum(outputs, axis=-1), weights[:, 0]


class Reconstruction(Network):
    """Base class of autoencoders. The network outputs a comment's reconstruction error, and a penalty for training.

    Attributes
    ----------
    network_ : Keras model from a batch of comments to (batch, 2): reconstruction error and penalty.
    """

    monitor = Monitor("validation error", lower_is_better=True, losses=_sum_of_outputs)

    def fit(self, features: Any, task: Task, held_out: HeldOut | None = None) -> Reconstruction:
        """Fit to the training rows without the label.

        Early stopping uses the mean reconstruction error of the validation rows without the label.

        Raises
        ------
        DataError : the training set or the validation set has fewer than two rows without the label.
        """
        from toxiclf.backend import seeded, tf
        from toxiclf.models._training_loop import TrainingLoop

        assert held_out is not None  # the registry entry says watches_validation
        tf.config.experimental.enable_op_determinism()
        own, watched = (
            unlabelled_rows(task.targets, "the training set"),
            unlabelled_rows(held_out.targets, "the validation set"),
        )
        plan = self._plan(Task(task.targets[own], False, task.weights, task.seed, context=task.context))
        self._say_plan(plan, task, len(own), len(watched))
        self._scale(features, own)
        once = np.ones((len(own), 1))
        with seeded(task.seed):
            self.network_ = self._build()
            loop = TrainingLoop(self.network_, plan, lambda outputs: float(outputs[:, 0].mean()), self.monitor)
            loop.run(self._some(features, own), once, once, self._some(held_out.features, watched), task.context)
        self.history_, self.divergence_ = loop.history, loop.divergence
        return self

    def raw(self, features: Any) -> NDArray[np.float64]:
        """Return each comment's reconstruction error, (n, 1): the mean squared error of its standardized dimensions."""
        from toxiclf.models._training_loop import compiled_forward, predicted

        return predicted(compiled_forward(self.network_), self._rows(features))[:, :1]

    @abstractmethod
    def _scale(self, features: Any, rows: NDArray[np.intp]) -> None:
        """Fit the standardization to ``rows``, the indices of training rows without the label."""

    @abstractmethod
    def _build(self) -> Any:
        """Return the untrained network, a Keras model."""

    @abstractmethod
    def _rows(self, features: Any) -> Rows:
        """Convert features to the input rows of the network."""

    @abstractmethod
    def _some(self, features: Any, rows: NDArray[np.intp]) -> Rows:
        """Convert the features of the rows with these indices to input rows of the network."""


@dataclass
class Code:
    """The encoder and decoder of an autoencoder, and the code between them.

    Attributes
    ----------
    encoder, decoder : blocks of the encoder, and blocks of the decoder without its output layer.
    drawn : Keras tensor, the input of the decoder; it may be random in training.
    penalty : Keras tensor (batch, 1), a penalty on the code that is added to the reconstruction error in training.
    """

    encoder: list[Block]
    decoder: list[Block]
    drawn: Any
    penalty: Any


class VectorReconstruction(Reconstruction):
    """Base class of autoencoders of one standardized vector per comment."""

    most_epochs = 100

    def write(self, graph: Graph, features: str) -> str:
        """Add encoder, decoder and reconstruction error to an ONNX graph; return the name of the error (batch, 1)."""
        x = self.scaling_.write(graph, features)
        returned = write_blocks(graph, [*self.encoder_, *self.decoder_], x)
        wrong = graph.add("Sub", returned, x)
        return graph.add("ReduceMean", graph.add("Mul", wrong, wrong), axes=[1], keepdims=1)

    @abstractmethod
    def code(self, x: Any, code: Code) -> Code:
        """Apply the encoder to the vectors ``x``; return a :class:`Code` with the decoder's input and the penalty.

        Parameters
        ----------
        x : Keras tensor (batch, width).
        code : has the encoder and decoder to use; its ``drawn`` (``x``) and its ``penalty`` (0) are placeholders.
        """

    @property
    def dropout(self) -> float:
        """Share of each layer's outputs that is dropped in training."""
        return 0.0

    def layers(self, units: Sequence[int]) -> list[Block]:
        """Return dense layers with these units, each followed by the options' activation and by dropout."""
        from toxiclf.models._blocks import Activation, Dense, Dropout

        activation = self.options.activation  # type: ignore[attr-defined]  # all options of autoencoders have it
        return [block for n in units for block in (Dense(n), Activation(activation), Dropout(self.dropout))]

    def _scale(self, features: NDArray[np.float32], rows: NDArray[np.intp]) -> None:
        self.scaling_ = Scaling(features[rows], standardize=True)

    def _rows(self, features: NDArray[np.float32]) -> Rows:
        return VectorRows(self.scaling_.apply(features).astype(np.float32))

    def _some(self, features: NDArray[np.float32], rows: NDArray[np.intp]) -> Rows:
        return self._rows(features[rows])

    def _build(self) -> Any:
        from toxiclf.backend import keras
        from toxiclf.models._blocks import Dense

        ops, width = keras.ops, len(self.scaling_.mean)
        units = self.options.units  # type: ignore[attr-defined]
        x = keras.Input((width,), name="vector")
        plain = Code(self.layers(units), self.layers(units[-2::-1]), x, ops.zeros_like(x[:, :1]))
        code = self.code(x, plain)
        self.encoder_, self.decoder_ = code.encoder, [*code.decoder, Dense(width)]
        wrong = apply_blocks(self.decoder_, code.drawn) - x
        error = ops.mean(ops.square(wrong), axis=1, keepdims=True)
        return keras.Model(x, ops.concatenate([error, code.penalty], axis=1))
