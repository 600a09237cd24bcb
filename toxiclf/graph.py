"""Build ONNX graphs: features and models add their nodes to one graph, so that a trained model is one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from toxiclf.bundle.onnx_file import IR_VERSION, ML_OPSET, OPSET, check_graph
from toxiclf.errors import BundleError, TrainingError


class Graph:
    """An ONNX graph under construction. The methods that add to it take and return names of values as strings."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._inputs: dict[str, Any] = {}
        self._count = 0
        self._views: Mapping[str, str] = {}

    def ids(self, view: str) -> str:
        """Add the input ``<view>_ids`` for token or n-gram ids, int32 (batch, time); return its name."""
        view = self._views.get(view, view)
        return self._input(f"{view}_ids", ["batch", f"{view}_time"])

    def lengths(self, view: str) -> str:
        """Add the input ``<view>_lengths`` for the number of ids per comment, int32 (batch,); return its name."""
        return self._input(f"{self._views.get(view, view)}_lengths", ["batch"])

    def vectors(self, name: str, width: int) -> str:
        """Add an input of vectors, float32 (batch, width), and return its name.

        Only metric learning uses such an input; graphs in bundles read ids instead.
        """
        self._inputs[name] = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        return name

    def session(self, output: str, columns: int) -> Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]]:
        """Return a function that runs the finished graph. It takes the inputs by name and returns the value of
        ``output``, float32 (rows, columns). If an input has no rows, the result is (0, columns)."""
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
        """Rename the views of the inputs that are added within the ``with`` block.

        ``views`` maps the name that a model uses for a view to the name in the graph.
        """
        earlier, self._views = self._views, views
        try:
            yield
        finally:
            self._views = earlier

    def constant(self, value: NDArray[Any] | Sequence[Any] | float, dtype: Any = np.float32) -> str:
        """Add a constant tensor and return its name."""
        name = self._name("constant")
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant int64 tensor (n,), such as axes, positions or lengths; return its name."""
        return self.constant(values, np.int64)

    def add(self, operator: str, *inputs: str, domain: str = "", place: int = 0, **attributes: Any) -> str:
        """Add a node; return the name of its output at index ``place``. Pass "" to omit an optional input."""
        output = self._name(operator.lower())
        self._node(operator, inputs, [""] * place + [output], domain=domain, **attributes)
        return output

    def add_many(self, operator: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add a node and return the names of its first ``count`` outputs."""
        outputs = [self._name(operator.lower()) for _ in range(count)]
        self._node(operator, inputs, outputs, **attributes)
        return outputs

    def double(self, x: str) -> str:
        """Add a cast to double precision and return the name of its output."""
        return self.add("Cast", x, to=TensorProto.DOUBLE)

    def single(self, x: str) -> str:
        """Add a cast to float32 and return the name of its output; False and True become 0 and 1."""
        return self.add("Cast", x, to=TensorProto.FLOAT)

    def concat(self, columns: Sequence[str]) -> str:
        """Concatenate matrices (batch, n) along axis 1; return the name of the result."""
        return self.add("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]

    def sum_over_time(self, values: str, *, axis: int = 1, keepdims: bool = False) -> str:
        """Add a sum over the time axis ``axis``, computed in double precision; return the name of the float32 result.

        ONNX Runtime's order of summation depends on the shape of the batch. In float32, the sum of a long comment would
        thus depend on the other comments in the batch.
        """
        total = self.add("ReduceSum", self.double(values), self.integers(axis), keepdims=int(keepdims))
        return self.single(total)

    def build(self, output: str, columns: int) -> bytes:
        """Return the finished ONNX model as bytes. The only output of the model is the value ``output``, renamed to
        ``raw``, float32 (batch, columns)."""
        self._node("Identity", [output], ["raw"])
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
        try:
            check_graph(content)
        except BundleError as error:
            raise TrainingError(f"the model has a graph that no bundle may have: {error}") from error
        return content

    def _node(self, operator: str, inputs: Sequence[str], outputs: list[str], **attributes: Any) -> None:
        """Add a node with a name of its own: ONNX Runtime before 1.22 gives fused nodes without names the same one."""
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, name=outputs[-1], **attributes))

    def _input(self, name: str, shape: list[str]) -> str:
        self._inputs[name] = helper.make_tensor_value_info(name, TensorProto.INT32, shape)
        return name

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"
