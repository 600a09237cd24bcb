"""What a bundle's graph may hold, checked before ONNX Runtime parses it: the form that :mod:`toxiclf.graph` writes.

ONNX files are Protocol Buffers. The tables below list the fields that toxiclf writes, and everything else is refused:
functions, nested graphs (``If``, ``Loop``, ``Scan``), tensors in other files, sparse tensors, training data.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import BundleError

OPSET, ML_OPSET, IR_VERSION = 17, 3, 9
"""Versions of ONNX's operators, of those of ``ai.onnx.ml``, and of the file format."""

OPERATORS = frozenset((
    "Abs", "Add", "Cast", "Clip", "Concat", "Conv", "Div", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten",
    "Gather", "Gemm", "Greater", "GreaterOrEqual", "Identity", "LSTM", "LayerNormalization", "LeakyRelu",
    "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "Min", "Mul", "Neg", "Not", "Pad", "Pow",
    "Reciprocal", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu",
    "Reshape", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub",
    "Sum", "Tanh", "TopK", "Transpose", "Unsqueeze", "Where",
))  # fmt: skip
"""Operators of a bundle's graph. None runs another graph, reads a file, or draws random numbers."""

ML_OPERATORS = frozenset({"TreeEnsembleRegressor"})
"""Operators of the domain ``ai.onnx.ml``."""

MOST_NODES, MOST_CONSTANTS, MOST_RANK = 10_000, 20_000, 8
_MOST_ELEMENTS = 2**31
_ELEMENT_TYPES = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}  # bytes of float, (u)int8, int32, int64, bool, …

# Fields of each message by number: the wire type (0 varint, 2 bytes, 5 four bytes) or the message inside; "*" is repeated.
_Field = tuple[str, bool]
_SCHEMA: dict[str, dict[int, _Field]] = {
    name: {
        int(number): (kind.rstrip("*"), kind.endswith("*")) for number, kind in (f.split(":") for f in fields.split())
    }
    for name, fields in {
        "model": "1:int 2:text 3:text 4:text 5:int 6:text 7:graph 8:opset*",
        "opset": "1:text 2:int",
        "graph": "1:node* 2:text 5:tensor* 10:text 11:value* 12:value* 13:value*",
        "node": "1:text* 2:text* 3:text 4:text 5:attribute* 6:text 7:text",
        "attribute": "1:text 2:four 3:int 4:text 7:four* 8:int* 9:text* 13:text 20:int",
        "tensor": "1:int* 2:int 4:bytes 5:bytes 7:bytes 8:text 9:bytes 10:bytes 12:text",
        "value": "1:text 2:type 3:text",
        "type": "1:tensor_type",
        "tensor_type": "1:int 2:shape",
        "shape": "1:dimension*",
        "dimension": "1:int 2:text",
    }.items()
}
_WIRE = {"int": 0, "bytes": 2, "text": 2, "four": 5}
_LONGEST_TEXT = 10_000
_NAMES = re.compile(rb"(?:\x4a(?:\x0aBRANCH_LEQ|\x09BRANCH_LT|\x04LEAF))++")

Fields = dict[int, list[Any]]


def check_graph(content: bytes) -> Fields:
    """Check that an ONNX file holds nothing but what toxiclf writes; return the fields of its graph by their numbers.

    A field is a list of numbers, of texts, of memoryviews of the file, or of the fields of messages inside. Numbers
    of trees are left out.

    Raises
    ------
    BundleError : the file is no ONNX graph, has an unknown operator or part, or is too large.
    """
    counts: Counter[str] = Counter()
    model = _read(memoryview(content), "model", counts)
    if len(model.get(7, ())) != 1:
        raise _refused("has no graph")
    if model.get(1, [0])[-1] != IR_VERSION:
        raise _refused(f"has another IR version than {IR_VERSION}")
    graph: Fields = model[7][0]
    return graph


def _read(content: memoryview, message: str, counts: Counter[str]) -> Fields:
    """Read a message and check it; return its fields by number."""
    fields: Fields = {}
    schema = _SCHEMA[message]
    at = 0
    while at < len(content):
        tag, after = _varint(content, at)
        number, wire = tag >> 3, tag & 7
        kind, repeated = schema.get(number, ("", False))
        packed = kind == "int" and repeated and wire == 2  # as newer writers write lists of numbers
        if not kind or (wire != _WIRE.get(kind, 2) and not packed):
            raise _refused(f"has a part that toxiclf does not write (field {number} of {message}, type {wire})")
        if not repeated and number in fields:
            raise _refused(f"has two values for a field that takes one (field {number} of {message})")
        values = fields.setdefault(number, [])
        if message == "attribute" and not values and (run := _RUNS.get(content[at])) and (end := run(content, at)) > at:
            values.append(None)
            at = end
            continue
        if wire == 0:
            value, at = _varint(content, after)
            values.append(value)
            continue
        length, at = (4, after) if wire == 5 else _varint(content, after)
        inside = content[at : at + length]
        if len(inside) != length:
            raise _refused("was cut short")
        at += length
        if packed:
            place = 0
            while place < length:
                value, place = _varint(inside, place)
                values.append(value)
        elif kind in _SCHEMA:
            values.append(_read(inside, kind, counts))
        elif kind == "text":
            values.append(_text(inside))
        else:
            values.append(inside)
    _check(message, fields, counts)
    return fields


def _check(message: str, fields: Fields, counts: Counter[str]) -> None:
    counts[message] += 1
    if message == "node":
        operator, domain = (fields.get(number, [""])[-1] for number in (4, 7))
        if operator not in {"": OPERATORS, "ai.onnx.ml": ML_OPERATORS}.get(domain, ()):
            raise _refused(f"has the operator {operator[:50]!r}, which toxiclf does not write")
        if counts["node"] > MOST_NODES:
            raise _refused(f"has more than {MOST_NODES:,} nodes")
    elif message == "opset":
        domain, version = fields.get(1, [""])[-1], fields.get(2, [0])[-1]
        if (domain, version) not in (("", OPSET), ("ai.onnx.ml", ML_OPSET)):
            raise _refused(f"needs another operator set than opset {OPSET} and ai.onnx.ml {ML_OPSET}")
    elif message == "tensor":
        if counts["tensor"] > MOST_CONSTANTS:
            raise _refused(f"has more than {MOST_CONSTANTS:,} constants")
        shape = fields.get(1, ())
        if len(shape) > MOST_RANK or prod(shape) > _MOST_ELEMENTS:
            raise _refused(f"has a constant with more than {MOST_RANK} axes or {_MOST_ELEMENTS:,} numbers")
        width = _ELEMENT_TYPES.get(fields.get(2, [0])[-1])
        if width is None:
            raise _refused("has a constant that is neither numeric nor boolean")
        if 9 in fields and len(fields[9][-1]) != prod(shape) * width:
            raise _refused("has a constant whose size is not that of its shape")


def _text(content: memoryview) -> str:
    """Return a text; ONNX Runtime prints an error of its own where a text is not UTF-8."""
    if len(content) <= _LONGEST_TEXT:
        with suppress(UnicodeDecodeError):
            return str(content, "utf-8")
    raise _refused(f"has a name that is not UTF-8, or has more than {_LONGEST_TEXT:,} bytes")


def _end_of_floats(content: memoryview, at: int) -> int:
    """Return where a list of floats ends: each the byte 0x3d and four others."""
    others = _bytes(content, at)[: (len(content) - at) // 5 * 5 : 5] != 0x3D
    return at + 5 * int(others.argmax() if others.any() else len(others))


def _end_of_integers(content: memoryview, at: int) -> int:
    """Return where a list of integers ends: each the byte 0x40 and up to ten others, of which the last is below 0x80."""
    numbers = _bytes(content, at)
    low = np.flatnonzero(numbers < 0x80)  # in turn first and last bytes
    first, last = low[: len(low) // 2 * 2 : 2], low[1::2]
    others = (numbers[first] != 0x40) | (last - first > 10)
    others[1:] |= first[1:] != last[:-1] + 1
    count = int(others.argmax() if others.any() else len(others))
    return at + (int(last[count - 1]) + 1 if count else 0)


def _end_of_names(content: memoryview, at: int) -> int:
    """Return where a list of names of a tree's nodes ends."""
    match = _NAMES.match(content, at)
    return match.end() if match else at


def _bytes(content: memoryview, at: int) -> NDArray[np.uint8]:
    return np.frombuffer(content[at:], dtype=np.uint8)


_RUNS = {0x3D: _end_of_floats, 0x40: _end_of_integers, 0x4A: _end_of_names}
"""Attributes of trees hold lists of millions of numbers and names; by their first byte, they are checked at once."""


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Return a number of up to ten bytes, and where the next field begins."""
    if at < len(content) and content[at] < 0x80:
        return content[at], at + 1
    value = 0
    for place, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise _refused("was cut short")


def _refused(reason: str) -> BundleError:
    return BundleError(f"model.onnx {reason}; train again")
