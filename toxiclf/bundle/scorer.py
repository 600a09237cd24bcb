"""Run a model's ONNX graph on encoded comments, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.onnx_file import check_graph
from toxiclf.errors import BundleError
from toxiclf.text.encoder import Encoded

if TYPE_CHECKING:
    import onnxruntime

# Largest number of ids (comments × longest comment) in one call of a graph. This bounds memory, and the values that ids
# look up stay in the CPU cache. A graph with lengths looks up a vector per token: with 2**13, LSTMs and convolutions
# take 1.2 to 1.7 times as long. A graph of n-grams looks up one number per id: with 2**11, it takes 1.9 times as long.
_TOKEN_CELLS, _NGRAM_CELLS = 2**11, 2**13
_RANKS = {"ids": 2, "lengths": 1}


class Scorer:
    """An ONNX graph that computes raw outputs, float32 (n, columns), from encoded comments; each call uses one thread.

    Parameters
    ----------
    graph : the ONNX model as bytes. Its inputs are ``<name>_ids`` int32 (batch, time) and, if used, ``<name>_lengths``
        int32 (batch,), for each name in ``Encoded.views``.

    Raises
    ------
    BundleError : the graph has a part that toxiclf does not write, ONNX Runtime cannot load it, or its inputs or output
        have other types or shapes.
    """

    def __init__(self, graph: bytes) -> None:
        import onnxruntime

        self.graph = graph  # for pickling; the session holds the same bytes, so this takes no memory
        self.parts = check_graph(graph)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # more threads do not make calls of this size faster
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised, so they need not be printed
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise BundleError(f"ONNX Runtime cannot load model.onnx: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self.inputs: tuple[str, ...] = tuple(node.name for node in inputs)
        fit = len(outputs) == 1 and all(
            node.type == "tensor(int32)" and len(node.shape) == _RANKS.get(node.name.rpartition("_")[2])
            for node in inputs
        )
        shape: Sequence[int | str] = outputs[0].shape if fit and inputs and outputs[0].type == "tensor(float)" else ()
        if len(shape) != 2 or not isinstance(shape[1], int):
            raise BundleError(
                f"model.onnx does not have the inputs and outputs of a toxiclf graph (its inputs: {self.inputs}); "
                "train again"
            )
        self.columns: int = shape[1]
        self._cells = _TOKEN_CELLS if any(name.endswith("_lengths") for name in self.inputs) else _NGRAM_CELLS

    def __reduce__(self) -> tuple[type[Scorer], tuple[bytes]]:
        """Pickle or copy only the graph, because a session cannot be pickled."""
        return type(self), (self.graph,)

    def run(self, encoded: Encoded) -> NDArray[np.float32]:
        """Return the graph's output for each comment, float32 (n, columns), also for n = 0.

        Raises
        ------
        BundleError : the graph fails, or its output is not one row of finite numbers per comment.
        """
        output = np.empty((len(encoded), self.columns), dtype=np.float32)
        if len(encoded) == 1:
            output[:] = self._call(encoded)
            return output
        longest = np.max([ids.lengths for ids in encoded.views.values()], axis=0, initial=1)
        order = np.argsort(longest, kind="stable")
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and longest[order[end]] * (end + 1 - begin) <= self._cells:
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
        try:
            result: NDArray[np.float32] = self._session.run(None, feed)[0]
        except Exception as error:
            raise BundleError(f"model.onnx fails on the encoded comments: {error}") from error
        if result.shape != (len(encoded), self.columns) or not np.isfinite(result).all():
            raise BundleError("model.onnx does not give a row of finite numbers for each comment; train again")
        return result
