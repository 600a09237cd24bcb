"""What a block of a network is, and what it knows of a comment's tokens."""

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
    """Names in a graph of what the tokens of comments are.

    Attributes
    ----------
    ids : int32 (time, batch), 0 for padding.
    lengths : int32 (batch,).
    """

    ids: str
    lengths: str

    @classmethod
    def of(cls, graph: Graph, view: str) -> Words:
        """The ids and lengths of a view."""
        return cls(graph.add("Transpose", graph.ids(view), perm=[1, 0]), graph.lengths(view))

    def mask(self, graph: Graph) -> str:
        """True where there is a token, bool (time, batch)."""
        return graph.add("Greater", self.ids, graph.constant([0], np.int32))

    def any(self, graph: Graph) -> str:
        """1 where a comment has a token, else 0, float (batch, 1)."""
        there = graph.add("Greater", self.lengths, graph.constant([0], np.int32))
        return graph.add("Unsqueeze", graph.single(there), graph.integers(1))


class Block(ABC):
    """One or more layers of a network."""

    @abstractmethod
    def apply(self, x: Any, mask: Any) -> Any:
        """Add the layers to a Keras model.

        Parameters
        ----------
        x : Keras tensor.
        mask : float (batch, time), 1 where there is a token; None in networks over vectors.
        """

    @abstractmethod
    def write(self, graph: Graph, x: str, words: Words | None) -> str:
        """Add the same function to a graph; returns the name of its output."""


def apply_blocks(blocks: Sequence[Block], x: Any, mask: Any = None) -> Any:
    """Add blocks to a Keras model, one after the other."""
    for block in blocks:
        x = block.apply(x, mask)
    return x


def write_blocks(graph: Graph, blocks: Sequence[Block], x: str, words: Words | None = None) -> str:
    """Add the same function to a graph."""
    for block in blocks:
        x = block.write(graph, x, words)
    return x
