"""Run a model's ONNX graph on encoded comments, in batches of similar length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.onnx_file import Fields, check_graph
from toxiclf.errors import BundleError
from toxiclf.text.encoder import Encoded

if TYPE_CHECKING:
    import onnxruntime

# Largest number of ids (comments × longest comment) in one call of a graph. This bounds memory, and the values that ids
# look up stay in the CPU cache. A graph with lengths looks up a vector per token: with 2**13, LSTMs and convolutions
# take 1.2 to 1.7 times as long. A graph of n-grams looks up one number per id: with 2**11, it takes 1.9 times as long.
_TOKEN_CELLS, _NGRAM_CELLS = 2**11, 2**13
_RANKS = {"ids": 2, "lengths": 1}
_FLOAT, _INT32 = 1, 6  # ONNX type codes


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
        self.graph = graph  # for pickling
        self.parts = check_graph(graph)
        inputs, outputs = ([_typed(value) for value in self.parts.get(field, ())] for field in (11, 12))
        self.inputs: tuple[str, ...] = tuple(name for name, _, _ in inputs)
        fit = all(kind == _INT32 and len(shape) == _RANKS.get(name.rpartition("_")[2]) for name, kind, shape in inputs)
        _, kind, shape = outputs[0] if len(outputs) == 1 and inputs and fit else ("", 0, ())
        if kind != _FLOAT or len(shape) != 2 or not shape[1]:
            raise BundleError(
                f"model.onnx does not have the inputs and outputs of a toxiclf graph (its inputs: {self.inputs}); "
                "train again"
            )
        self.columns: int = shape[1]
        self._cells = _TOKEN_CELLS if any(name.endswith("_lengths") for name in self.inputs) else _NGRAM_CELLS
        self._session: onnxruntime.InferenceSession | None = None

    def session(self) -> onnxruntime.InferenceSession:
        """Return the session of ONNX Runtime, which is made at the first call.

        Raises
        ------
        BundleError : ONNX Runtime cannot load the graph.
        """
        if self._session is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # more threads do not make calls of this size faster
            options.inter_op_num_threads = 1
            options.log_severity_level = 4  # errors are raised, so they need not be printed
            options.add_session_config_entry("session.load_model_format", "ONNX")
            try:
                self._session = onnxruntime.InferenceSession(
                    self.graph, options, providers=["CPUExecutionProvider"], enable_fallback=0
                )
            except Exception as error:  # ONNX Runtime's exceptions share no public base class
                raise BundleError(f"ONNX Runtime cannot load model.onnx: {error}") from error
        return self._session

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
        session, feed = self.session(), {}
        for name in self.inputs:
            view, _, what = name.rpartition("_")
            ids = encoded.views[view]
            feed[name] = ids.padded() if what == "ids" else ids.lengths
        try:
            result: NDArray[np.float32] = session.run(None, feed)[0]
        except Exception as error:
            raise BundleError(f"model.onnx fails on the encoded comments: {error}") from error
        return checked_rows(result, (len(encoded), self.columns))


def checked_rows(raw: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the output of a graph; raise a BundleError unless it has this shape and holds finite numbers only."""
    if raw.shape != shape or not np.isfinite(raw).all():
        raise BundleError("model.onnx does not give a row of finite numbers for each comment; train again")
    return raw


def _typed(value: Fields) -> tuple[str, int, list[int]]:
    """Return the name of an input or output, its element type and its shape; a dynamic dimension is 0."""
    kind: Fields = next(iter(value.get(2, [{}])[0].get(1, [])), {})
    dimensions = [dimension.get(1, [0])[0] for shape in kind.get(2, ()) for dimension in shape.get(1, ())]
    return value.get(1, [""])[0], kind.get(1, [0])[0], dimensions
