"""Bundles whose files were changed and whose seal was made right: refused, or scores in [0, 1]; nothing else ever happens."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.faults.cases import Case, NotHeldError
from tests.faults.stage import TEXTS, Stage, described, scores, seal
from toxiclf.errors import BundleError

MEMORY = 2 * 2**30  # bytes that a bundle may ask for
_NASTY: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 0.5, -0.5, 1e308, float("nan"), float("inf"), "", "가", "\ud800",
    "x" * 10_000, "../../etc/passwd", "\x1b[31m", [], [None], [0], ["가"], [[["가"]]], {}, {"a": 1}, {"kind": "code"}, [1] * 10_000,
)  # fmt: skip


def cases(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """So many bundles: half of them with other JSON, half with another graph."""
    kinds = sorted(stage.bundles)
    for i in range(number):
        random = Random(f"{seed} resealed {i}")
        kind = kinds[i // 2 % len(kinds)]
        changes = _GRAPH if i % 2 else _JSON
        (name,) = random.choices(list(changes), [weight for weight, _ in changes.values()])
        yield Case(f"{i} {kind}: {name}", partial(_try, stage.bundles[kind], changes[name][1], random))


def _try(source: Path, change: Callable[[Path, Random], None], random: Random, folder: Path) -> None:
    _watch()
    _outside.clear()
    os.mkfifo(folder / "outside.bin")  # whoever reads it hangs
    copy = Path(shutil.copytree(source, folder / "bundle"))
    change(copy, random)
    try:
        found = scores(copy)
    except BundleError:
        found = None
    except Exception as error:
        raise NotHeldError(f"{type(error).__name__}: {error}"[:300]) from error
    if _outside:
        raise NotHeldError(f"a file outside was read: {_outside[0]}")
    if found is not None and not (
        found.ndim == 2 and len(found) == len(TEXTS) and np.isfinite(found).all() and (found >= 0).all() and (found <= 1).all()
    ):  # fmt: skip
        raise NotHeldError("scores outside [0, 1]")


_outside: list[str] = []


@cache
def _watch() -> None:
    """Bound the memory of this process, and note files that a hostile bundle would want to read."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if (
            event == "open"
            and isinstance(arguments[0], str)
            and ("passwd" in arguments[0] or "outside" in arguments[0])
        ):
            _outside.append(arguments[0])

    sys.addaudithook(note)


# --- other JSON


def _paths(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    steps = (
        list(content.items())
        if isinstance(content, dict)
        else list(enumerate(content))
        if isinstance(content, list)
        else []
    )
    for key, value in steps[:20]:
        yield from _paths(value, (*path, key))


def _changed(change: Callable[[Any, Any, Random], None]) -> Callable[[Path, Random], None]:
    """Change a value somewhere in one of the JSON files: ``change`` gets what holds it, its key or index, and chance."""

    def apply(folder: Path, random: Random) -> None:
        name = random.choice(["manifest.json", "manifest.json", "text.json", "text.json", "vocabulary.json"])
        content = json.loads((folder / name).read_bytes())
        places = [path for path in _paths(content) if path and path[0] not in ("seal", "files")]
        *steps, key = random.choice(places)
        holder = content
        for step in steps:
            holder = holder[step]
        change(holder, key, random)
        if name != "manifest.json":
            (folder / name).write_bytes(json.dumps(content).encode())
            content = described(folder)
        else:
            content |= {"seal": "0" * 64}
        seal(folder, content)

    return apply


def _set(holder: Any, key: Any, random: Random) -> None:
    holder[key] = random.choice(_NASTY)


def _scale(holder: Any, key: Any, random: Random) -> None:
    value = holder[key]
    if isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = value * random.choice([-1, 0, 2, 1000, 10**9])
    else:
        holder[key] = [value]


def _delete(holder: Any, key: Any, random: Random) -> None:
    del holder[key]


def _add(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, dict):
        holder[random.choice(["more", "", "tokenizer", "__class__", "가"])] = random.choice(_NASTY)
    else:
        holder.insert(random.randrange(len(holder) + 1), random.choice(_NASTY))


def _text_of(change: Callable[[str, Random], str]) -> Callable[[Path, Random], None]:
    """Change the text of a JSON file."""

    def apply(folder: Path, random: Random) -> None:
        name = random.choice(["manifest.json", "text.json", "vocabulary.json"])
        if name == "manifest.json":
            seal(folder, None, change(json.dumps(described(folder)), random))
            return
        changed = change((folder / name).read_text("utf-8"), random)
        (folder / name).write_bytes(changed.encode("utf-8", "surrogatepass"))
        seal(folder, described(folder))

    return apply


def _first_key_twice(text: str, random: Random) -> str:
    content = json.loads(text)
    key = random.choice(list(content))
    return f"{{{json.dumps(key)}: {json.dumps(random.choice(_NASTY))}, {text.lstrip()[1:]}"


def _number(text: str, random: Random) -> str:
    import re

    found = list(re.finditer(r"(?<=[:\[,] )-?\d[\d.e+-]*(?=[,\]}\s])", text))
    if not found:
        return text + " 0"
    match = random.choice(found)
    return (
        text[: match.start()]
        + random.choice(["9" * 5000, "1e400", "-1e400", "NaN", "-0", "1e-400", "0x1"])
        + text[match.end() :]
    )


_JSON: dict[str, tuple[int, Callable[[Path, Random], None]]] = {
    "another value": (10, _changed(_set)),
    "another size": (6, _changed(_scale)),
    "a value removed": (4, _changed(_delete)),
    "a value added": (4, _changed(_add)),
    "a key twice": (3, _text_of(_first_key_twice)),
    "an odd number": (4, _text_of(_number)),
    "deep": (1, _text_of(lambda text, random: random.choice(["[", '{"a":']) * 100_000)),
    "deep inside": (
        1,
        _text_of(lambda text, random: text.rstrip()[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}"),
    ),
    "something behind": (1, _text_of(lambda text, random: text + random.choice(["{}", "\0", "]", "#"]))),
    "nothing": (1, _text_of(lambda text, random: random.choice(["", "null", "[]", "{}", "0", '"가"']))),
}


# --- another graph


def _graph(change: Callable[[Any, Random], None]) -> Callable[[Path, Random], None]:
    """Change the graph of a bundle."""

    def apply(folder: Path, random: Random) -> None:
        import onnx

        model = onnx.ModelProto()
        model.ParseFromString((folder / "model.onnx").read_bytes())
        change(model, random)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        seal(folder, described(folder))

    return apply


def _raw(folder: Path, random: Random) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    for _ in range(random.choice([1, 1, 4, 32])):
        content[random.randrange(len(content))] = random.randrange(256)
    (folder / "model.onnx").write_bytes(content[: random.choice([len(content)] * 4 + [random.randrange(len(content))])])
    seal(folder, described(folder))


def _node(model: Any, random: Random) -> Any:
    return random.choice(list(model.graph.node))


def _tensor(model: Any, random: Random) -> Any:
    return random.choice(list(model.graph.initializer))


def _drop_node(model: Any, random: Random) -> None:
    model.graph.node.remove(_node(model, random))


def _twin_node(model: Any, random: Random) -> None:
    model.graph.node.append(_node(model, random))


def _shuffle(model: Any, random: Random) -> None:
    nodes = list(model.graph.node)
    random.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _operator(model: Any, random: Random) -> None:
    _node(model, random).op_type = random.choice(
        ["Loop", "If", "Scan", "Exp", "Log", "Sqrt", "Reciprocal", "Identity", "Neg", "NoSuch", "", "RandomNormalLike",
         "StringNormalizer", "Reshape", "NonZero", "Shape", "Gather", "ConstantOfShape", "Optional", "SequenceEmpty"]
    )  # fmt: skip


def _domain(model: Any, random: Random) -> None:
    name = random.choice(["com.microsoft", "ai.onnx.ml", "evil", "ai.onnx.preview.training"])
    _node(model, random).domain = name
    if random.random() < 0.5:
        model.opset_import.add(domain=name, version=1)


def _attribute(model: Any, random: Random) -> None:
    holders = [attribute for node in model.graph.node for attribute in node.attribute]
    if not holders:
        return _operator(model, random)
    attribute = random.choice(holders)
    attribute.i = random.choice([-1, 0, 2**31, 2**62])
    attribute.f = random.choice([float("nan"), float("inf"), -1e38, 0.0])
    if attribute.ints:
        attribute.ints[0] = random.choice([-1, 0, 2**31, 2**62])
    return None


def _edge(model: Any, random: Random) -> None:
    node = _node(model, random)
    names = [name for other in model.graph.node for name in (*other.input, *other.output)]
    side = random.choice([side for side in (node.input, node.output) if side])
    side[random.randrange(len(side))] = random.choice([*names, "", "nowhere"])


def _values(model: Any, random: Random) -> None:
    from onnx import numpy_helper

    tensor = _tensor(model, random)
    array = numpy_helper.to_array(tensor).copy()
    if array.dtype.kind in "fiu" and array.size:
        bad = (
            random.choice([np.nan, np.inf, -np.inf, 1e38, 0])
            if array.dtype.kind == "f"
            else random.choice([2**31 - 1, 0, 1])
        )
        array[...] = bad
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _shape(model: Any, random: Random) -> None:
    tensor = _tensor(model, random)
    dims = [random.choice([0, 1, -1, 2**31, 2**62]) for _ in range(random.randrange(4))]
    del tensor.dims[:]
    tensor.dims.extend(dims)


def _type(model: Any, random: Random) -> None:
    _tensor(model, random).data_type = random.choice([0, 1, 2, 6, 7, 8, 9, 10, 11, 16, 99])


def _outside_data(model: Any, random: Random) -> None:
    tensor = _tensor(model, random)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {
        "location": random.choice(["../outside.bin", "/etc/passwd", "vocabulary.json", ""]),
        "offset": "0",
    }.items():
        tensor.external_data.add(key=key, value=value)


def _versions(model: Any, random: Random) -> None:
    if random.random() < 0.5:
        model.ir_version = random.choice([0, 1, 99, 2**40])
    else:
        model.opset_import[0].version = random.choice([0, 1, 5, 999, -1])


def _inputs(model: Any, random: Random) -> None:
    side = random.choice([model.graph.input, model.graph.output])
    what = random.randrange(5)
    if what == 0:
        del side[random.randrange(len(side))]
    elif what == 1:
        side.append(side[0])
    elif what == 2:
        side[0].name = random.choice(["", "other", "words_ids"])
    elif what == 3:
        side[0].type.tensor_type.elem_type = random.choice([0, 1, 6, 7, 8, 11])
    else:
        del side[0].type.tensor_type.shape.dim[:]


def _behind(model: Any, *nodes: Any) -> None:
    """Put nodes behind the graph: the last of them writes its output, the first reads "raw_before"."""
    name = model.graph.output[0].name
    for node in model.graph.node:
        for i, output in enumerate(node.output):
            if output == name:
                node.output[i] = "raw_before"
    model.graph.node.extend(nodes)


def _bomb(model: Any, random: Random) -> None:
    """Memory: a constant of 64 GB or more is summed up and added to the output."""
    from onnx import helper

    shape = helper.make_tensor("bomb_shape", 7, [2], [random.choice([2**17, 2**20]), 2**17])
    model.graph.initializer.append(shape)
    _behind(
        model,
        helper.make_node("ConstantOfShape", ["bomb_shape"], ["bomb"]),
        helper.make_node("ReduceMax", ["bomb"], ["bomb_most"], keepdims=0),
        helper.make_node("Add", ["raw_before", "bomb_most"], [model.graph.output[0].name]),
    )


def _endless(model: Any, random: Random) -> None:
    """Time: a loop of 2**62 rounds."""
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    model.graph.initializer.append(helper.make_tensor("rounds", TensorProto.INT64, [], [2**62]))
    model.graph.initializer.append(helper.make_tensor("truth", TensorProto.BOOL, [], [True]))
    _behind(model, helper.make_node("Loop", ["rounds", "truth", "raw_before"], [model.graph.output[0].name], body=body))


def _branch(model: Any, random: Random) -> None:
    """A graph in a graph, with tensors of its own outside the file."""
    from onnx import TensorProto, helper

    tensor = helper.make_tensor("inner", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value=random.choice(["../outside.bin", "/etc/passwd"]))
    outer = [helper.make_tensor_value_info("then", TensorProto.FLOAT, None)]
    inner = helper.make_graph(
        [helper.make_node("Add", ["raw_before", "inner"], ["then"])], "inner", [], outer, [tensor]
    )
    model.graph.initializer.append(helper.make_tensor("truth", TensorProto.BOOL, [], [True]))
    _behind(
        model, helper.make_node("If", ["truth"], [model.graph.output[0].name], then_branch=inner, else_branch=inner)
    )  # fmt: skip


def _functions(model: Any, random: Random) -> None:
    """Functions that call each other ten times each: thousands of millions of nodes from a few hundred bytes."""
    from onnx import helper

    opsets = [helper.make_opsetid("", model.opset_import[0].version), helper.make_opsetid("laugh", 1)]
    for depth in range(random.choice([2, 9])):
        inner = ("", "Neg") if not depth else ("laugh", f"f{depth - 1}")
        nodes = [
            helper.make_node(inner[1], ["x" if i == 0 else f"t{i}"], ["y" if i == 9 else f"t{i + 1}"], domain=inner[0])
            for i in range(10)
        ]
        model.functions.append(helper.make_function("laugh", f"f{depth}", ["x"], ["y"], nodes, opsets))
    model.opset_import.add(domain="laugh", version=1)
    last = model.functions[-1].name
    _behind(model, helper.make_node(last, ["raw_before"], [model.graph.output[0].name], domain="laugh"))


def _large(model: Any, random: Random) -> None:
    from onnx import helper

    names = ["raw_before", *(f"step{i}" for i in range(20_000)), model.graph.output[0].name]
    _behind(model, *(helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)))


def _texts(model: Any, random: Random) -> None:
    model.producer_name = "\x1b[31m\nverified"
    model.doc_string = "x" * 10**6
    model.metadata_props.add(key="가", value="../../etc/passwd")


_GRAPH: dict[str, tuple[int, Callable[[Path, Random], None]]] = {
    "bytes of the graph": (8, _raw),
    "a node dropped": (2, _graph(_drop_node)),
    "a node twice": (2, _graph(_twin_node)),
    "nodes shuffled": (1, _graph(_shuffle)),
    "another operator": (6, _graph(_operator)),
    "another domain": (2, _graph(_domain)),
    "another attribute": (4, _graph(_attribute)),
    "another edge": (5, _graph(_edge)),
    "other weights": (6, _graph(_values)),
    "another shape": (4, _graph(_shape)),
    "another type": (3, _graph(_type)),
    "tensors outside the file": (3, _graph(_outside_data)),
    "other versions": (2, _graph(_versions)),
    "other inputs or outputs": (4, _graph(_inputs)),
    "a memory bomb": (1, _graph(_bomb)),
    "an endless loop": (1, _graph(_endless)),
    "a branch": (2, _graph(_branch)),
    "nested functions": (2, _graph(_functions)),
    "20,000 nodes": (1, _graph(_large)),
    "odd texts": (1, _graph(_texts)),
}
