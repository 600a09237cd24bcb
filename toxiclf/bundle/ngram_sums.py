"""Compute a small graph over n-grams without ONNX Runtime, whose calls take longer than the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.onnx_file import Fields
from toxiclf.bundle.scorer import Scorer, checked_rows
from toxiclf.errors import BundleError
from toxiclf.text.encoder import NgramView, View
from toxiclf.text.vocabulary import IS_COMPILED, NgramVocabulary

_FLOAT, _INT64, _DOUBLE = 1, 7, 11  # ONNX type codes
_SUM: Sequence[tuple[str, Mapping[str, int]]] = (
    ("Gather", {}),
    ("Cast", {"to": _DOUBLE}),
    ("ReduceSum", {"keepdims": 0}),
    ("Cast", {"to": _FLOAT}),
)
"""Operators that add rows of a table, in double precision."""
_EXACT: Mapping[str, np.ufunc] = {
    "Add": np.add,
    "Div": np.divide,
    "Max": np.maximum,
    "Mul": np.multiply,
    "Sqrt": np.sqrt,
}
"""Operators whose results IEEE 754 defines exactly."""
_MOST_NODES = 200

_Table = tuple[NgramVocabulary, NDArray[np.float32]]
_Step = tuple[Callable[..., Any], Sequence[int]]


@dataclass(frozen=True)
class NgramSums:
    """A graph that adds rows of tables over the distinct n-grams of a comment, then combines the sums.

    The graph of ``ngram_logistic`` is one. Sums are added in double precision, as the graph says; only where that is not
    exact may their order change the last bit.

    Attributes
    ----------
    tables : for each sum, the vocabulary and the table, float32 (known n-grams + 1, columns).
    constants : constants of the graph.
    steps : the operators that follow, each with the places of its inputs among the sums, the constants, and the outputs
        of the steps before, in this order. The last output is the graph's.
    columns : number of columns of the output.
    """

    tables: Sequence[_Table]
    constants: Sequence[NDArray[Any]]
    steps: Sequence[_Step]
    columns: int

    @classmethod
    def of(cls, scorer: Scorer, views: Mapping[str, View]) -> NgramSums | None:
        """Return the sums of a scorer's graph; None if it has another form, or C is off."""
        # these are errors of graphs of another form, which ONNX Runtime judges
        with suppress(LookupError, OverflowError, TypeError, ValueError):
            if IS_COMPILED and len(scorer.parts[1]) <= _MOST_NODES:
                return cls._of(scorer.parts, views, scorer.columns)
        return None

    @classmethod
    def _of(cls, graph: Fields, views: Mapping[str, View], columns: int) -> NgramSums | None:
        constants = {tensor[8][0]: value for tensor in graph[5] if (value := _value(tensor)) is not None}
        begun: dict[str, tuple[int, _Table]] = {}  # values on the way to a sum: the number of operators so far
        tables: dict[str, _Table] = {}
        steps: dict[str, tuple[Callable[..., Any], Sequence[str]]] = {}
        for node in graph[1]:
            inputs, (output,), operator = node[1], node[2], node[4][0]
            attributes = {a[1][0]: a[3][0] for a in node.get(5, ())}
            known = {*constants, *tables, *steps}
            done, table = begun.get(inputs[0], (0, None))
            if operator == "Gather":
                table = _table(constants[inputs[0]], views[inputs[1].removesuffix("_ids")])
            if output in known or output in begun:
                return None
            if table is not None and (operator, attributes) == _SUM[done]:
                if operator == "ReduceSum" and constants[inputs[1]].tolist() != [1]:
                    return None
                if done + 1 < len(_SUM):
                    begun[output] = done + 1, table
                else:
                    tables[output] = table
            elif attributes or not known.issuperset(inputs):
                return None
            elif operator == "Slice":
                (begin,), (end,), (axis,) = (constants[name].tolist() for name in inputs[1:])
                if axis < 0:
                    return None
                steps[output] = itemgetter((slice(None),) * axis + (slice(begin, end),)), inputs[:1]
            elif operator == "Identity":
                steps[output] = itemgetter(...), inputs
            else:
                function = _EXACT[operator]
                if len(inputs) != function.nin or any(
                    constants[name].dtype != np.float32 for name in inputs if name in constants
                ):
                    return None
                steps[output] = function, inputs
        if {id(vocabulary) for vocabulary, _ in tables.values()} != {id(view.vocabulary) for view in views.values()}:
            return None
        if [value[1][0] for value in graph[12]] != [next(reversed(steps))]:
            return None
        used = [name for name in constants if any(name in inputs for _, inputs in steps.values())]
        places = {name: place for place, name in enumerate((*tables, *used, *steps))}
        return cls(
            list(tables.values()),
            [constants[name] for name in used],
            [(operator, [places[name] for name in inputs]) for operator, inputs in steps.values()],
            columns,
        )

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the output of the graph for preprocessed texts, (n, columns), and whether each has a known n-gram, (n,).

        Raises
        ------
        BundleError : as :meth:`toxiclf.bundle.scorer.Scorer.run`.
        """
        lower = [text.lower() for text in texts]
        known = np.zeros(len(texts), dtype=np.bool_)
        values = [vocabulary.sums(lower, table, known) for vocabulary, table in self.tables]
        values += self.constants
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused below
                for operator, places in self.steps:
                    values.append(operator(*[values[place] for place in places]))
        except (IndexError, ValueError) as error:
            raise BundleError(f"model.onnx fails on the encoded comments: {error}") from error
        return checked_rows(values[-1], (len(texts), self.columns)), known


def _table(values: NDArray[Any], view: View) -> _Table | None:
    """Return the vocabulary and the table of a sum; None unless ids fit the rows, and padding adds nothing."""
    if not isinstance(view, NgramView) or values.dtype != np.float32 or values.ndim != 2:
        return None
    if len(values) != len(view.vocabulary) + 1 or values[0].any():
        return None
    return view.vocabulary, np.require(values, requirements="A")  # it may begin anywhere in the file


def _value(tensor: Fields) -> NDArray[Any] | None:
    dtype = {_FLOAT: "<f4", _INT64: "<i8"}.get(tensor[2][0])
    if dtype is None or 9 not in tensor:
        return None
    return np.frombuffer(tensor[9][0], dtype=dtype).reshape(tensor.get(1, []))
