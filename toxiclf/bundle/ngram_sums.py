"""Compute a small graph over n-grams without ONNX Runtime, whose calls take longer than the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.onnx_file import Fields
from toxiclf.text.encoder import NgramView, View
from toxiclf.text.vocabulary import IS_COMPILED, NgramVocabulary

_FLOAT, _INT64, _DOUBLE = 1, 7, 11  # ONNX's numbers of types
_SUM: Sequence[tuple[str, Mapping[str, int]]] = (
    ("Gather", {}),
    ("Cast", {"to": _DOUBLE}),
    ("ReduceSum", {"keepdims": 0}),
    ("Cast", {"to": _FLOAT}),
)
"""Operators that add rows of a table, in double precision."""
_EXACT: Mapping[str, Callable[..., Any]] = {
    "Add": np.add,
    "Div": np.divide,
    "Identity": lambda x: x,
    "Max": np.maximum,
    "Mul": np.multiply,
    "Slice": lambda x, begin, end, axis: x[:, begin[0] : end[0]],
    "Sqrt": np.sqrt,
}
"""Operators of which IEEE 754 determines each bit."""
_MOST_NODES = 200

_Table = tuple[NgramVocabulary, NDArray[np.float32]]
_Step = tuple[Callable[..., Any], Sequence[str], str]


@dataclass(frozen=True)
class NgramSums:
    """A graph that adds rows of tables over the distinct n-grams of a comment, then combines the sums.

    The graph of ``ngram_logistic`` is one. Results equal ONNX Runtime's bit for bit.

    Attributes
    ----------
    tables : by the name of a sum in the graph, the vocabulary and the table, float32 (known n-grams + 1, columns).
    steps : the operators that follow, each with the names of its inputs and of its output.
    constants : values of the graph by name.
    """

    tables: Mapping[str, _Table]
    steps: Sequence[_Step]
    constants: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, graph: Fields, views: Mapping[str, View]) -> NgramSums | None:
        """Return the sums of a graph (:func:`toxiclf.bundle.onnx_file.check_graph`); None if it has other parts, too."""
        if not IS_COMPILED or len(graph.get(1, ())) > _MOST_NODES:
            return None
        constants = {tensor[8][0]: value for tensor in graph.get(5, ()) if (value := _value(tensor)) is not None}
        tables: dict[str, _Table] = {}
        steps: list[_Step] = []
        begun: dict[str, tuple[int, _Table]] = {}  # values on the way to a sum: the number of operators so far
        there = {*constants}
        for node in graph.get(1, ()):
            inputs, output, operator = node.get(1, []), node[2][0], node[4][0]
            attributes = {a[1][0]: a.get(3, [None])[0] for a in node.get(5, ())}
            done, table = begun.get(inputs[0], (0, None))
            if operator == "Gather":
                table = _table(constants.get(inputs[0]), views.get(inputs[1].removesuffix("_ids")))
            if table is not None and (operator, attributes) == _SUM[done]:
                if operator == "ReduceSum" and not _is_one(constants.get(inputs[1])):
                    return None
                begun[output] = done + 1, table
                if done + 1 == len(_SUM):
                    del begun[output]
                    tables[output] = table
                    there.add(output)
            elif operator in _EXACT and there.issuperset(inputs) and not attributes:
                steps.append((_EXACT[operator], inputs, output))
                there.add(output)
            else:
                return None
        return cls(tables, steps, constants) if "raw" in there and tables else None

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the output of the graph for preprocessed texts, (n, columns), and whether each has a known n-gram, (n,)."""
        values = dict(self.constants)
        known = np.zeros(len(texts), dtype=np.bool_)
        for name, (vocabulary, table) in self.tables.items():
            values[name], found = vocabulary.sums(texts, table)
            known |= found
        for operator, inputs, output in self.steps:
            values[output] = operator(*[values[name] for name in inputs])
        return values["raw"], known


def _table(values: NDArray[Any] | None, view: View | None) -> _Table | None:
    """Return the vocabulary and the table of a sum; None unless ids fit the rows, and padding adds nothing."""
    if not isinstance(view, NgramView) or values is None or values.dtype != np.float32 or values.ndim != 2:
        return None
    if len(values) != len(view.vocabulary) + 1 or values[0].any():
        return None
    return view.vocabulary, values


def _value(tensor: Fields) -> NDArray[Any] | None:
    dtype = {_FLOAT: "<f4", _INT64: "<i8"}.get(tensor[2][0])
    if dtype is None or 9 not in tensor:
        return None
    return np.frombuffer(tensor[9][0], dtype=dtype).reshape(tensor.get(1, []))


def _is_one(axes: NDArray[Any] | None) -> bool:
    return axes is not None and axes.tolist() == [1]
