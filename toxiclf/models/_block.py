"""The base class of network blocks, and the token ids and lengths that blocks read in an ONNX graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from toxiclf.graph import Graph


@dataclass(frozen=True)
class Words:
    """Names of the values in an ONNX graph that hold the token ids and lengths of a batch of comments.

    Attributes
    ----------
    ids : name of the token ids, int32 (time, batch); 0 is padding.
    lengths : name of the number of tokens of each comment, int32 (batch,).
    """

    ids: str
    lengths: str

    @classmethod
    def of(cls, graph: Graph, view: str) -> Words:
        """Add inputs for the token ids and lengths of ``view``, such as "words"; return the names."""
        return cls(graph.add("Transpose", graph.ids(view), perm=[1, 0]), graph.lengths(view))

    def mask(self, graph: Graph) -> str:
        """Add a mask of tokens and return its name; it is bool (time, batch), False at padding."""
        return graph.add("Greater", self.ids, graph.constant([0], np.int32))

    def any(self, graph: Graph) -> str:
        """Add a value that is 1 for comments with tokens and 0 for empty ones, float32 (batch, 1); return its name."""
        there = graph.add("Greater", self.lengths, graph.constant([0], np.int32))
        return graph.add("Unsqueeze", graph.single(there), graph.integers(1))


class Block(ABC):
    """One or more layers of a network, which can be added to a Keras model and, when trained, to an ONNX graph."""

    @abstractmethod
    def apply(self, x: Any, mask: Any) -> Any:
        """Add the layers to a Keras model; return the output tensor.

        Parameters
        ----------
        x : Keras tensor, the input of the layers.
        mask : float (batch, time), 1 for a token and 0 for padding; None in networks over vectors.
        """

    @abstractmethod
    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the trained layers to a graph; return the name of their output.

        Parameters
        ----------
        x : name of the input of the layers.
        words : names of the token ids and lengths; None in networks over vectors.
        """


def apply_blocks(blocks: Sequence[Block], x: Any, mask: Any = None) -> Any:
    """Add blocks to a Keras model, one after the other; return the last block's output tensor."""
    for block in blocks:
        x = block.apply(x, mask)
    return x


def write_blocks(graph: Graph, blocks: Sequence[Block], x: str, words: Words | None = None) -> str:
    """Add trained blocks to an ONNX graph, one after the other; return the name of the last block's output."""
    for block in blocks:
        x = block.write(graph, x, words)
    return x
