"""The default model's graph without ONNX Runtime, whose outputs are the truth."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import toxiclf
from toxiclf.bundle.ngram_sums import NgramSums
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.errors import BundleError
from toxiclf.text.vocabulary import IS_COMPILED

if TYPE_CHECKING:
    from toxiclf.pipeline.save import TrainedModel

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="the n-gram encoder was not compiled")
ODD = ["", " ", "ㅋ", "\ud800\x00", "좋은 하루 " * 400, "ꙮ", "시\u200b1발", "İß😀"]


@pytest.mark.parametrize("labels", ["one", "two", "exclusive"])
def test_outputs_are_those_of_onnx_runtime(
    trained: Callable[[str, str], TrainedModel], sample: Comments, labels: str
) -> None:
    moderator = trained("ngram_logistic", labels).moderator
    sums, encoder = moderator._sums, moderator._encoder
    assert sums is not None
    for texts in (sample.texts, ODD, ["가"], []):
        preprocessed, truncated = encoder.preprocessor.batch(texts)
        encoded = encoder.encode_preprocessed(preprocessed, truncated)
        raw, known = sums(preprocessed)
        assert np.array_equal(raw, moderator._scorer.run(encoded))
        assert np.array_equal(known, encoded.known)


def test_other_models_keep_onnx_runtime(trained: Callable[[str, str], TrainedModel]) -> None:
    assert trained("logistic", "one").moderator._sums is None


def test_onnx_runtime_is_not_imported_for_it(bundle: Path) -> None:
    code = "import sys, toxiclf; toxiclf.load(sys.argv[1]).check(['가']); print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def change_weights(model: Any) -> None:
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 2:
            tensor.CopyFrom(
                numpy_helper.from_array(
                    np.where(np.arange(len(values))[:, None], np.float32(np.nan), values), tensor.name
                )
            )


def widen_output(model: Any) -> None:
    added = numpy_helper.from_array(np.zeros((7, 1), np.float32), "seven")
    model.graph.initializer.append(added)
    last = model.graph.node[-1]
    last.output[0] = "before"
    model.graph.node.append(helper.make_node("Add", ["before", "seven"], ["raw"]))


def use_float_sums(model: Any) -> None:
    for node in model.graph.node:
        if node.op_type == "Cast":
            node.attribute[0].i = TensorProto.FLOAT


def name_output_twice(model: Any) -> None:
    model.graph.node.append(helper.make_node("Identity", ["raw"], ["raw"]))


def leave_out_inputs(model: Any) -> None:
    del model.graph.node[-1].input[:]


def add_unknown_table(model: Any) -> None:
    for node in model.graph.node:
        if node.op_type == "Gather":
            node.input[0] = "unknown"


def take_the_largest_of_three(model: Any) -> None:
    for node in model.graph.node:
        if node.op_type == "Max":
            node.input.append(node.input[0])


def slice_from_the_end(model: Any) -> None:
    (axis,) = {node.input[3] for node in model.graph.node if node.op_type == "Slice"}
    for tensor in model.graph.initializer:
        if tensor.name == axis:
            tensor.CopyFrom(numpy_helper.from_array(np.array([-1]), axis))


def add_a_whole_number(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "whole"))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Add", ["before", "whole"], ["raw"]))


@pytest.mark.parametrize("change", [change_weights, widen_output])
def test_outputs_that_are_no_row_of_numbers_for_each_comment_are_refused(
    bundle: Path, change: Callable[[Any], None]
) -> None:
    sums = changed(bundle, change)
    assert sums is not None
    with pytest.raises(BundleError):
        sums(["가", "꺼져 이 멍청아"])


@pytest.mark.parametrize(
    "change",
    [
        use_float_sums, name_output_twice, leave_out_inputs, add_unknown_table, take_the_largest_of_three, slice_from_the_end,
        add_a_whole_number,
    ],
)  # fmt: skip
def test_a_graph_of_another_form_is_left_to_onnx_runtime(bundle: Path, change: Callable[[Any], None]) -> None:
    assert changed(bundle, change) is None


def changed(bundle: Path, change: Callable[[Any], None]) -> NgramSums | None:
    """The sums of a bundle's graph after a change."""
    moderator = toxiclf.load(bundle)
    model = onnx.load_model_from_string(moderator._scorer.graph)
    change(model)
    return NgramSums.of(Scorer(model.SerializeToString()), moderator._encoder.views)
