"""Running a graph: batches, order, and graphs that are none of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import toxiclf
from toxiclf.bundle import ngram_sums, onnx_file
from toxiclf.bundle.onnx_file import check_graph
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import BundleError
from toxiclf.text.encoder import Encoded
from toxiclf.text.vocabulary import Ids

FLOAT, INT32, INT64, STRING = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.STRING
Node = tuple[str, list[str], list[str], dict[str, Any]]


def value(name: str, kind: int, shape: Sequence[str | int] | None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


IDS, LENGTHS = value("words_ids", INT32, ["batch", "time"]), value("words_lengths", INT32, ["batch"])
RAW = value("raw", FLOAT, ["batch", 1])
TOTAL: list[Node] = [
    ("Cast", ["words_ids"], ["float"], {"to": FLOAT}),
    ("ReduceSum", ["float", "axis"], ["total"], {}),
]
LOOKED_UP: list[Node] = [("Gather", ["table", "words_ids"], ["rows"], {})]
AXIS = {"axis": np.array([1], np.int64)}


def graph(
    inputs: list[Any], outputs: list[Any], nodes: list[Node], constants: dict[str, NDArray[Any]] | None = None
) -> bytes:
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, given, gives, **options) for kind, given, gives, options in nodes],
            "test",
            inputs,
            outputs,
            [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    content: bytes = model.SerializeToString()
    return content


def encode(rows: Sequence[Sequence[int]]) -> Encoded:
    flat = np.array([i for row in rows for i in row], dtype=np.int32)
    ids = Ids(flat, np.cumsum([0, *map(len, rows)]).astype(np.intp))
    nothing = np.zeros(len(rows), dtype=np.bool_)
    return Encoded({"words": ids}, nothing, nothing)


SUM = graph([IDS], [RAW], [*TOTAL, ("Identity", ["total"], ["raw"], {})], AXIS)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(1, 99), max_size=30), max_size=20))
def test_outputs_come_in_the_order_of_the_comments(rows: list[list[int]]) -> None:
    assert Scorer(SUM).run(encode(rows)).tolist() == [[sum(row)] for row in rows]


def test_long_and_short_comments_share_a_batch_of_any_size() -> None:
    rows = [[1] * length for length in (70_000, 0, 3, 200_000, 1, *range(500), 140_000)]
    assert Scorer(SUM).run(encode(rows))[:, 0].tolist() == [len(row) for row in rows]


@pytest.mark.parametrize("name", ["bundle", "words_bundle"])
def test_mixed_batches_score_as_their_comments_do_alone(name: str, request: pytest.FixtureRequest) -> None:
    moderator = toxiclf.load(request.getfixturevalue(name))
    texts = ["좋아요", "꺼져 이 멍청아", "", "긴 댓글 " * 300, "ㅋ", "오늘 날씨 " * 40, "ꙮ"] * 3
    together = moderator.score(texts)
    alone = np.vstack([moderator.score([text]) for text in texts])
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(moderator.score(texts[::-1])[::-1] - together).max() <= 1e-6


def test_a_graph_is_never_called_without_comments(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    batches: list[int] = []
    run = onnxruntime.InferenceSession.run

    def recorded(session: Any, outputs: Any, feed: dict[str, NDArray[np.int32]], *rest: Any) -> Any:
        batches.extend(len(array) for array in feed.values())
        return run(session, outputs, feed, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", recorded)
    monkeypatch.setattr(ngram_sums, "IS_COMPILED", False)
    moderator = toxiclf.load(bundle)
    assert moderator.score([]).shape == (0, 1)
    assert moderator.check([]) == []
    assert Scorer(SUM).run(encode([])).shape == (0, 1)
    assert batches == []
    moderator.score(["", "가"])
    assert min(batches) >= 1


@pytest.mark.parametrize(("name", "most"), [("bundle", 2**13), ("words_bundle", 2**11)])
def test_what_a_graph_is_given_at_once_is_bounded(
    name: str, most: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    run = onnxruntime.InferenceSession.run

    def recorded(session: Any, outputs: Any, feed: dict[str, NDArray[np.int32]], *rest: Any) -> Any:
        sizes.extend(array.shape for array in feed.values() if array.ndim == 2)  # type: ignore[misc]
        return run(session, outputs, feed, *rest)

    monkeypatch.setattr(ngram_sums, "IS_COMPILED", False)
    moderator = toxiclf.load(request.getfixturevalue(name))
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", recorded)
    moderator.score(["좋아요", "꺼져 이 멍청아", "", "긴 댓글 " * 300, "오늘 날씨 " * 40] * 300)
    assert all(comments == 1 or comments * longest <= most for comments, longest in sizes)
    assert max(comments * longest for comments, longest in sizes) > most / 2


@pytest.mark.parametrize(
    ("inputs", "outputs", "nodes"),
    [
        ([value("x", FLOAT, ["b", 1])], [RAW], [("Identity", ["x"], ["raw"], {})]),
        ([value("words_ids", FLOAT, ["b", 1])], [RAW], [("Identity", ["words_ids"], ["raw"], {})]),
        ([value("words_ids", STRING, ["b", 1])], [value("raw", STRING, ["b", 1])], [("Identity", ["words_ids"], ["raw"], {})]),
        ([value("words_ids", INT32, ["b"])], [RAW], [("Cast", ["words_ids"], ["raw"], {"to": FLOAT})]),
        ([IDS], [value("raw", INT32, ["batch", 1])], [("Identity", ["words_ids"], ["raw"], {})]),
        ([IDS], [value("raw", FLOAT, ["batch", "time"])], [("Cast", ["words_ids"], ["raw"], {"to": FLOAT})]),
        ([IDS], [value("raw", FLOAT, None)], [("Cast", ["words_ids"], ["raw"], {"to": FLOAT})]),
        ([LENGTHS], [value("raw", FLOAT, ["batch"])], [("Cast", ["words_lengths"], ["raw"], {"to": FLOAT})]),
        ([LENGTHS], [value("raw", INT32, [])], [("ReduceMax", ["words_lengths"], ["raw"], {"keepdims": 0})]),
        ([IDS], [helper.make_tensor_sequence_value_info("raw", INT32, None)], [("SequenceConstruct", ["words_ids"], ["raw"], {})]),
        ([], [RAW], [("ConstantOfShape", ["axis"], ["raw"], {})]),
    ],
)  # fmt: skip
def test_a_graph_with_other_inputs_or_outputs_is_refused(
    inputs: list[Any], outputs: list[Any], nodes: list[Node]
) -> None:
    constants = {"axis": np.array([2, 1], np.int64)}
    with pytest.raises(
        BundleError,
        match=r"inputs and outputs of|ONNX Runtime cannot load|which toxiclf does not write",
    ):
        Scorer(graph(inputs, outputs, nodes, constants))


@pytest.mark.parametrize(
    ("inputs", "nodes", "constants"),
    [
        ([IDS], [*TOTAL, ("Div", ["total", "zero"], ["raw"], {})], {"zero": np.float32([0])}),
        ([IDS], [*TOTAL, ("Mul", ["total", "huge"], ["raw"], {})], {"huge": np.float32([3e38])}),
        ([IDS], [*TOTAL, ("Slice", ["total", "one", "last"], ["raw"], {})], {"one": np.int64([1]), "last": np.int64([9])}),
        ([value("words_ids", INT32, [7, 7])], [*TOTAL, ("Identity", ["total"], ["raw"], {})], {}),
        ([IDS], [*LOOKED_UP, ("ReduceMax", ["rows"], ["raw"], {"axes": [1]})], {"table": np.float32([0, 1])}),
    ],
    ids=["no number", "infinite", "rows missing", "fixed shape", "id beyond the table"],
)  # fmt: skip
def test_a_graph_that_fails_while_scoring_is_a_rejected_bundle(
    inputs: list[Any], nodes: list[Node], constants: dict[str, NDArray[Any]]
) -> None:
    scorer = Scorer(graph(inputs, [RAW], nodes, {**AXIS, **constants}))
    with pytest.raises(BundleError, match=r"model\.onnx (fails|does not give)"):
        scorer.run(encode([[5, 6], [7], [0]]))


@pytest.mark.parametrize("reorder", [False, True], ids=["usual order", "other order"])
def test_a_graph_cannot_read_other_files(reorder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.full((300, 1), 42, np.float32).tofile("secret.bin")
    table = TensorProto(name="table", data_type=FLOAT, dims=[300, 1], data_location=TensorProto.EXTERNAL)
    table.external_data.add(key="location", value="secret.bin")
    node = helper.make_node("Gather", ["table", "words_lengths"], ["raw"])
    made = helper.make_graph([node], "test", [LENGTHS], [RAW], [table])
    content = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    key, file = b"\x0a\x08location", b"\x12\x0asecret.bin"
    assert key + file in content
    if reorder:  # protobuf allows fields in any order
        content = content.replace(key + file, file + key)
    with pytest.raises(BundleError, match="a part that toxiclf does not write"):
        Scorer(content)


def loop() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"])],
        "body",
        [value("i", INT64, []), value("go", TensorProto.BOOL, [])],
        [value("go_on", TensorProto.BOOL, [])],
    )
    return graph([IDS], [RAW], [("Loop", ["", "go"], [], {"body": body}), *TOTAL], AXIS)


def with_parts(change: Callable[[Any], object]) -> bytes:
    model = onnx.ModelProto.FromString(SUM)
    change(model)
    content: bytes = model.SerializeToString()
    return content


BODY = helper.make_graph([], "body", [], [])
HOSTILE = {
    "loop": (loop(), "a part that|the operator 'Loop'"),
    "body in a known operator": (graph([IDS], [RAW], [("Cast", ["words_ids"], ["raw"], {"body": BODY})]), "a part"),
    "function": (
        with_parts(
            lambda m: m.functions.append(helper.make_function("x", "f", [], [], [], [helper.make_opsetid("", 17)]))
        ),
        "a part that",
    ),
    "other domain": (with_parts(lambda m: setattr(m.graph.node[0], "domain", "com.microsoft")), "the operator 'Cast'"),
    "other opset": (
        with_parts(lambda m: m.opset_import.append(helper.make_opsetid("x", 1))),
        "needs another operator set",
    ),
    "training": (with_parts(lambda m: m.training_info.add()), "a part that"),
    "sparse": (with_parts(lambda m: m.graph.sparse_initializer.add()), "a part that"),
    "strings": (with_parts(lambda m: setattr(m.graph.initializer[0], "data_type", STRING)), "neither numeric"),
    "size": (with_parts(lambda m: m.graph.initializer[0].dims.append(2**40)), "a constant"),
    "nodes": (with_parts(lambda m: m.graph.node.extend([m.graph.node[0]] * 10_000)), "more than 10,000 nodes"),
    "no output": (with_parts(lambda m: m.graph.ClearField("output")), "ONNX Runtime cannot load|inputs and outputs"),
    "a name that is not UTF-8": (SUM.replace(b"total", b"tot\xffl"), "not UTF-8"),
    "two graphs": (SUM + SUM, "two values"),
    "big shape": (graph([IDS], [RAW], [("ConstantOfShape", ["axis"], ["raw"], {})], AXIS), "'ConstantOfShape'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_holds_only_what_toxiclf_writes(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content, reason = HOSTILE[name]
    with pytest.raises(BundleError, match=reason):
        Scorer(content)
    assert capfd.readouterr() == ("", "")  # ONNX Runtime prints what it falls back to, unless it is told not to


def test_no_byte_of_a_graph_ends_in_another_error() -> None:
    for at in range(len(SUM)):
        for other in (0, 0x7F, 0x80, 0xFF, SUM[at] ^ 1):
            with suppress(BundleError):
                check_graph(SUM[:at] + bytes([other]) + SUM[at + 1 :])


PARTS = (
    b"\x40\x01", b"\x40\x80\x01", b"\x40\x81\x00", b"\x40" + b"\xff" * 9 + b"\x01", b"\x40" + b"\xff" * 10 + b"\x01", b"\x40",
    b"\xc0\x00\x01", b"\x3d\n234", b"\x3d12", b"\x4a\x04LEAF", b"\x4a\x09BRANCH_LT", b"\x4a\x09BRANCH", b"\x4a\x01\xff",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=8).map(b"".join))
def test_many_numbers_are_checked_as_one_by_one(content: bytes) -> None:
    def refusal(runs: dict[Any, Any]) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(onnx_file, "_RUNS", runs)
            try:
                onnx_file._read(memoryview(content), "attribute", Counter())
            except BundleError as error:
                return str(error)
            return ""

    assert refusal(onnx_file._RUNS) == refusal({})


ORT_FORMAT = b"\x18\x00\x00\x00ORTM" + b"\x00" * 99


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x00" * 100, b"\x08\x09", SUM[:-9], ORT_FORMAT])
def test_bytes_that_are_no_graph_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        Scorer(content)


def test_threads_share_one_scorer(in_threads: Callable[..., list[Any]]) -> None:
    scorer = Scorer(SUM)
    rows = [[i] * (i % 50) for i in range(300)]
    wanted = [sum(row) for row in rows]
    assert all(found[:, 0].tolist() == wanted for found in in_threads(lambda: scorer.run(encode(rows))))
