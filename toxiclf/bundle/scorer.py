"""Run a model's graph over encoded comments, in batches of like length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import BundleError
from toxiclf.text.encoder import Encoded

if TYPE_CHECKING:
    import onnxruntime

_CELLS = 2**17  # ids (comments × longest) in one call of the graph: bounds memory, and fits the cache
_EXTERNAL_DATA = b"\x0a\x08location\x12"  # a tensor whose values lie in another file, in protobuf's encoding


class Scorer:
    """An ONNX graph from views of ids to an output float32 (batch, columns).

    Parameters
    ----------
    graph : the ONNX model; inputs ``<view>_ids`` int32 (batch, time) and, where used, ``<view>_lengths`` int32 (batch).
    threads : threads inside one call of the graph.

    Raises
    ------
    BundleError : ONNX Runtime refuses the graph, or it has inputs of another kind.
    """

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        import onnxruntime

        if _EXTERNAL_DATA in graph:
            raise BundleError(
                "model.onnx keeps tensors in another file; only bundles in which all is inside are loaded"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its own exception classes share no public base
            raise BundleError(f"ONNX Runtime refuses model.onnx: {error}") from error
        self.inputs: tuple[str, ...] = tuple(node.name for node in self._session.get_inputs())
        self.columns: int = self._session.get_outputs()[0].shape[-1]
        unfit = [name for name in self.inputs if name.rpartition("_")[2] not in ("ids", "lengths")]
        if unfit or not isinstance(self.columns, int):
            raise BundleError(f"model.onnx does not have the inputs and outputs of a toxiclf graph: {self.inputs}")

    def run(self, encoded: Encoded) -> NDArray[np.float32]:
        """The graph's output for each comment, float32 (n, columns), in the order given; (0, columns) for none."""
        output = np.empty((len(encoded), self.columns), dtype=np.float32)
        if len(encoded) == 1:
            output[:] = self._call(encoded)
            return output
        longest = np.max([ids.lengths for ids in encoded.views.values()], axis=0, initial=1)
        order = np.argsort(longest, kind="stable")
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and longest[order[end]] * (end + 1 - begin) <= _CELLS:
                end += 1
            rows = order[begin:end]
            output[rows] = self._call(encoded.take(rows))
            begin = end
        return output

    def _call(self, encoded: Encoded) -> NDArray[np.float32]:
        feed = {}
        for name in self.inputs:
            view, _, what = name.rpartition("_")
            ids = encoded.views[view]
            feed[name] = ids.padded() if what == "ids" else ids.lengths
        result: NDArray[np.float32] = self._session.run(None, feed)[0]
        return result
