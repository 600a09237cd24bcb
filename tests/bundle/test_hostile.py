"""A bundle sealed by someone hostile is refused, or scores like any other; it never does anything else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.bundle.conftest import BLANK, forge, seal
from toxiclf.errors import BundleError

DEEP = b"[" * 100_000
TEXTS = ["안녕 이거 뭐야", "", "가" * 3000, "시1발 ㅋㅋ", "가나 " * 500]


def refused_or_sound(folder: Path) -> bool:
    """Whether the bundle is refused; if not, it must score as one should."""
    try:
        moderator = toxiclf.load(folder)
        scores = moderator.score(TEXTS)
        verdicts = moderator.check(TEXTS)
    except BundleError:
        return True
    assert scores.shape == (len(TEXTS), len(moderator.labels))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len(verdicts) == len(TEXTS)
    return False


def changed(source: Path, file: str, path: tuple[str, ...], value: Any) -> bytes:
    content = json.loads((source / file).read_bytes())
    if not path:
        return json.dumps(value).encode()
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(content).encode()


@pytest.mark.parametrize("file", ["text.json", "vocabulary.json", "model.onnx"])
@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"1", b"NaN", b"\xff\xfe", DEEP, b'{"a":' * 100_000, b"\x80\x04."]
)
def test_files_of_nonsense_are_refused(bundle: Path, tmp_path: Path, file: str, content: bytes) -> None:
    with pytest.raises(BundleError):
        toxiclf.load(forge(bundle, tmp_path / "forged", {file: content}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), {"words": 1}),
        (("views",), {}),
        (("views",), []),
        (("repeat_cap",), 0),
        (("repeat_cap",), [3]),
        (("repeat_cap",), "3"),
        (("html_entities",), "yes"),
        (("html_entities",), 1),
        (("html_entities",), None),
        (("max_chars",), -1),
        (("more",), 1),
        (("views", "words"), {"kind": "ngrams", "unit": "jamo"}),
        (("views", "words", "kind"), "code"),
        (("views", "words", "tokenizer"), "no such"),
        (("views", "words", "tokenizer"), None),
        (("views", "words", "tokenizer_version"), 1),
        (("views", "words", "max_tokens"), 0),
        (("views", "words", "max_tokens"), float("nan")),
    ],
)
def test_a_text_half_of_nonsense_is_refused(
    words_bundle: Path, tmp_path: Path, path: tuple[str, ...], value: Any
) -> None:
    content = changed(words_bundle, "text.json", path, value)
    with pytest.raises(BundleError, match=r"text\.json"):
        toxiclf.load(forge(words_bundle, tmp_path / "forged", {"text.json": content}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("repeat_cap",), 2**32 - 1),
        (("repeat_cap",), 10**30),
        (("max_chars",), 10**30),
        (("max_chars",), 1),
        (("views", "words", "max_tokens"), 2**31),
        (("views", "words", "max_tokens"), 10**30),
        (("views", "words", "tokenizer"), "char"),
    ],
)
@pytest.mark.filterwarnings("ignore:the bundle was trained with:UserWarning")
def test_large_numbers_do_no_harm(words_bundle: Path, tmp_path: Path, path: tuple[str, ...], value: Any) -> None:
    content = changed(words_bundle, "text.json", path, value)
    assert not refused_or_sound(forge(words_bundle, tmp_path / "forged", {"text.json": content}))


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (None, True),
        ("가나", True),
        ({"1": "가"}, True),
        ([1, 2], True),
        ([["가"]], True),
        (["가", "가"], True),
        ([f"x{i}" for i in range(100_000)] + ["가", "나"], True),  # ids beyond the graph's table
        ([], False),
        ([""], False),
        (["\ud800"], False),
        (["가" * 100_000], False),
    ],
)
def test_a_vocabulary_of_tokens_that_is_not_the_graphs(
    words_bundle: Path, tmp_path: Path, value: Any, refused: bool
) -> None:
    content = changed(words_bundle, "vocabulary.json", ("words",), value)
    assert refused_or_sound(forge(words_bundle, tmp_path / "forged", {"vocabulary.json": content})) == refused


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (None, True),
        (["가"], True),
        ({"1": ["가"]}, True),
        ({"1": None}, True),
        ({"1": {}}, True),
        ({"one": "가"}, True),
        ({"0": "가"}, True),
        ({"2": "가나다"}, True),
        ({"1": "\ud800"}, True),
        ({"1000000000000": ""}, True),
        ({"1": "x" * 50_000 + "ㄱㅏㄴㅇ"}, True),  # ids beyond the graph's table
        ({}, False),
        ({"1": "ㅏ" * 1000}, False),
        ({"1": "ㅏ", "01": "ㄱ"}, True),
        ({"17": "ㅏ" * 17}, True),
        ({"16": "ㅏ" * 16}, False),
    ],
)
def test_a_vocabulary_of_ngrams_that_is_not_the_graphs(bundle: Path, tmp_path: Path, value: Any, refused: bool) -> None:
    content = changed(bundle, "vocabulary.json", ("jamo",), value)
    assert refused_or_sound(forge(bundle, tmp_path / "forged", {"vocabulary.json": content})) == refused


MUTANTS: tuple[Any, ...] = (None, "", -1, 1e308, 10**30, True, [], {}, [None], {"": None}, "x" * 100_000, [[[[[]]]]])


def places(content: Any) -> Iterator[tuple[Any, ...]]:
    """The path of each value in JSON content, but only the first entries of a list."""
    yield ()
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else list(enumerate(content))[:2]:
            yield from ((key, *rest) for rest in places(value))


@pytest.mark.check
@pytest.mark.filterwarnings("ignore:the bundle was trained with:UserWarning")
@pytest.mark.parametrize("name", ["bundle", "words_bundle"])
@pytest.mark.parametrize("file", ["manifest.json", "text.json", "vocabulary.json"])
def test_any_value_of_any_key_is_refused_or_sound(
    name: str, file: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = request.getfixturevalue(name)
    content = json.loads((source / file).read_bytes())
    for path in (place for place in places(content) if place and place[0] not in ("files", "seal")):
        for mutant in MUTANTS:
            folder = tmp_path / "forged"
            if file == "manifest.json":
                forge(source, folder, {}, path, mutant)
            else:
                forge(source, folder, {file: changed(source, file, path, mutant)})
            refused_or_sound(folder)
            shutil.rmtree(folder)


@pytest.mark.parametrize("file", ["manifest.json", "text.json", "vocabulary.json"])
@pytest.mark.parametrize(
    "more", ['"views": {}, "views": {}', '"more": NaN', '"more": -Infinity', '"more": 1e400', f'"more": {"9" * 5000}']
)
def test_json_that_two_readers_would_read_differently_is_refused(
    bundle: Path, tmp_path: Path, file: str, more: str
) -> None:
    content = (bundle / file).read_text("utf-8")
    content = f"{{{more}, {content[content.index('{') + 1 :]}"
    folder = forge(bundle, tmp_path / "forged", {} if file == "manifest.json" else {file: content.encode()})
    if file == "manifest.json":
        seal(folder, re.sub('"seal": "[0-9a-f]{64}"', BLANK, content))
    with pytest.raises(BundleError, match="does not fit its schema"):
        toxiclf.load(folder)


def test_parts_of_two_bundles_do_not_go_together(bundle: Path, words_bundle: Path, tmp_path: Path) -> None:
    graph = (words_bundle / "model.onnx").read_bytes()
    with pytest.raises(BundleError, match="do not belong together"):
        toxiclf.load(forge(bundle, tmp_path / "graph", {"model.onnx": graph}))
    text = (words_bundle / "text.json").read_bytes()
    with pytest.raises(BundleError, match="differ from the keys of views"):
        toxiclf.load(forge(bundle, tmp_path / "text", {"text.json": text}))


def test_a_graph_with_another_number_of_labels_is_refused(bundle: Path, tmp_path: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    two = {"labels": ["a", "b"], "thresholds": [0.5, 0.5]}
    folder = forge(bundle, tmp_path / "labels", {}, ("labels",), two["labels"])
    folder = forge(folder, tmp_path / "thresholds", {}, ("thresholds",), two["thresholds"])
    folder = forge(folder, tmp_path / "rates", {}, ("rates",), [])
    folder = forge(folder, tmp_path / "counts", {}, ("score_counts",), [])
    calibration = {**manifest["calibration"], "labels": manifest["calibration"]["labels"] * 2}
    with pytest.raises(BundleError, match="do not belong together"):
        toxiclf.load(forge(folder, tmp_path / "calibrations", {}, ("calibration",), calibration))


@pytest.mark.parametrize("slope", [0.0, -1e100, 1e100])
@pytest.mark.parametrize("intercept", [-1e100, 1e100])
@pytest.mark.parametrize("softmax", [False, True])
def test_any_calibration_that_is_accepted_gives_probabilities(
    bundle: Path, tmp_path: Path, slope: float, intercept: float, softmax: bool
) -> None:
    label = {"slope": slope, "intercept": intercept, "knots_raw": [], "knots_score": []}
    calibration = {"method": "platt", "exclusive": softmax, "labels": [label]}
    folder = forge(bundle, tmp_path / "negative", {}, ("negative",), "clean" if softmax else None)
    assert not refused_or_sound(forge(folder, tmp_path / "forged", {}, ("calibration",), calibration))


def test_a_forged_bundle_with_nothing_changed_scores_the_same(bundle: Path, tmp_path: Path) -> None:
    forged = toxiclf.load(forge(bundle, tmp_path / "forged", {}))
    assert np.array_equal(forged.score(TEXTS), toxiclf.load(bundle).score(TEXTS))
