"""Write ONNX graphs: features and models add their nodes to one graph, so a trained model is one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET, ML_OPSET, IR_VERSION = 17, 3, 9


class Graph:
    """An ONNX graph under construction; values are named by strings."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._inputs: dict[str, Any] = {}
        self._count = 0
        self._views: Mapping[str, str] = {}

    def ids(self, view: str) -> str:
        """The input ``<view>_ids``, int32 (batch, time)."""
        view = self._views.get(view, view)
        return self._input(f"{view}_ids", ["batch", f"{view}_time"])

    def lengths(self, view: str) -> str:
        """The input ``<view>_lengths``, int32 (batch)."""
        return self._input(f"{self._views.get(view, view)}_lengths", ["batch"])

    def vectors(self, name: str, width: int) -> str:
        """An input of dense vectors, float32 (batch, width): of graphs that run alone, never of bundles."""
        self._inputs[name] = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        return name

    def session(self, output: str, columns: int) -> Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]]:
        """The finished model as a function of its inputs by name; (0, columns) for no rows."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        content = self.build(output, columns)
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

        def run(inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
            if not all(map(len, inputs.values())):
                return np.empty((0, columns), dtype=np.float32)
            result: NDArray[np.float32] = session.run(None, dict(inputs))[0]
            return result

        return run

    @contextmanager
    def calling(self, views: Mapping[str, str]) -> Iterator[None]:
        """Rename inputs inside the block, so that models which know only their own inputs can share a graph."""
        earlier, self._views = self._views, views
        try:
            yield
        finally:
            self._views = earlier

    def constant(self, value: NDArray[Any] | Sequence[Any] | float, dtype: Any = np.float32) -> str:
        """A constant tensor."""
        name = self._name("constant")
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name

    def integers(self, *values: int) -> str:
        """A constant of axes, places or lengths, int64 (n,)."""
        return self.constant(values, np.int64)

    def add(self, operator: str, *inputs: str, domain: str = "", place: int = 0, **attributes: Any) -> str:
        """Add a node of which one output is used, the one at ``place``; returns its name. An input "" is left out."""
        output = self._name(operator.lower())
        outputs = [""] * place + [output]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, domain=domain, **attributes))
        return output

    def add_many(self, operator: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add a node of which the first ``count`` outputs are used; returns their names."""
        outputs = [self._name(operator.lower()) for _ in range(count)]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs

    def double(self, x: str) -> str:
        """The same numbers in double precision."""
        return self.add("Cast", x, to=TensorProto.DOUBLE)

    def single(self, x: str) -> str:
        """The same numbers as float32, or 0 and 1 of a truth value."""
        return self.add("Cast", x, to=TensorProto.FLOAT)

    def concat(self, columns: Sequence[str]) -> str:
        """Columns (batch, n) side by side."""
        return self.add("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]

    def sum_over_time(self, values: str, *, axis: int = 1, keepdims: bool = False) -> str:
        """Sum over time, which is the second axis unless another one is named, in double precision.

        ONNX Runtime adds in another order for another shape; in float32, a long comment alone and in a batch would differ.
        """
        total = self.add("ReduceSum", self.double(values), self.integers(axis), keepdims=int(keepdims))
        return self.single(total)

    def build(self, output: str, columns: int) -> bytes:
        """The finished model: ``output`` becomes ``raw``, float32 (batch, columns)."""
        self._nodes.append(helper.make_node("Identity", [output], ["raw"]))
        graph = helper.make_graph(
            self._nodes,
            "toxiclf",
            list(self._inputs.values()),
            [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["batch", columns])],
            self._initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="toxiclf")
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _input(self, name: str, shape: list[str]) -> str:
        self._inputs[name] = helper.make_tensor_value_info(name, TensorProto.INT32, shape)
        return name

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"
