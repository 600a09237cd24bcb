"""The compiled n-gram encoder beside numpy, which is the reference, and all C code under AddressSanitizer."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toxiclf
from toxiclf._compiled import MODULES, compiled
from toxiclf.datasets.comments import Comments
from toxiclf.text import vocabulary
from toxiclf.text.vocabulary import IS_COMPILED, NgramVocabulary, Unit

needs_compiled = pytest.mark.skipif(not IS_COMPILED, reason="the n-gram encoder was not compiled")
SOURCES = sorted(Path(toxiclf.__file__).parent.glob("*/*.c"))
CHARACTERS = st.one_of(
    st.sampled_from("가각값a A!ㅋㄱㅏ😀İßΣς\U0010ffff\x00"), st.characters(exclude_categories=["Cs"])
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=30), max_size=8)
UNITS = st.sampled_from(["jamo", "syllable"])


@contextmanager
def numpy_alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "IS_COMPILED", False)
        yield


def check_same(ours: NgramVocabulary, texts: list[str], columns: int) -> None:
    """Ids and sums of the compiled encoder are those of numpy."""
    with numpy_alone():
        wanted = NgramVocabulary(ours.unit, ours.ngrams).ids(texts)
    found = ours.ids(texts)
    assert found.flat.tolist() == wanted.flat.tolist()
    assert found.starts.tolist() == wanted.starts.tolist()
    table = np.random.default_rng(0).normal(size=(len(ours) + 1, columns)).astype(np.float32)
    is_known = np.zeros(len(texts), dtype=np.bool_)
    sums = ours.sums([text.lower() for text in texts], table, is_known)
    assert is_known.tolist() == (wanted.lengths > 0).tolist()
    for row, begin, end in zip(sums, wanted.starts[:-1], wanted.starts[1:], strict=True):
        total = np.zeros(columns)
        for weights in table[wanted.flat[begin:end]]:
            total += weights
        assert (row == total.astype(np.float32)).all()


@needs_compiled
@settings(max_examples=150)
@given(TEXTS, TEXTS, UNITS, st.integers(1, 3), st.integers(0, 13), st.integers(1, 3), st.integers(1, 3))
def test_the_same_is_learned_and_found(
    known: list[str], texts: list[str], unit: Unit, low: int, more: int, fewest: int, columns: int
) -> None:
    ours = NgramVocabulary.learn(known, unit, low, low + more, fewest)
    with numpy_alone():
        assert NgramVocabulary.learn(known, unit, low, low + more, fewest).ngrams == ours.ngrams
    check_same(ours, texts + known, columns)


@needs_compiled
@given(st.dictionaries(st.integers(1, 16), st.text(CHARACTERS, min_size=1, max_size=40), max_size=4), TEXTS, UNITS)
def test_any_vocabulary_is_found(strings: dict[int, str], texts: list[str], unit: Unit) -> None:
    """Also one in which beginnings of n-grams are missing, or an n-gram stands twice."""
    ngrams = {n: text[: len(text) // n * n] for n, text in strings.items() if len(text) >= n}
    check_same(NgramVocabulary(unit, ngrams), [*texts, *strings.values()], 1)


@needs_compiled
@pytest.mark.check
def test_the_ids_of_5000_texts_are_the_same(sample: Comments) -> None:
    ours = NgramVocabulary.learn(sample.texts, "jamo", 1, 6, 2)
    planes = np.random.default_rng(0).integers(0, 0x110000, size=(4000, 40))
    texts = ["".join(map(chr, row[(row < 0xD800) | (row > 0xDFFF)])) for row in planes]
    check_same(ours, [*sample.texts, *(text + sample.texts[i % len(sample)] for i, text in enumerate(texts))], 2)


@needs_compiled
@pytest.mark.parametrize(
    "call",
    [
        lambda module, table: module.Table(True, [(17, b"")]),
        lambda module, table: module.Table(True, [(2, b"12345678" + b"1234")]),
        lambda module, table: module.Table(True, [("n", b"")]),
        lambda module, table: module.Table(True, {1: b"1234"}),
        lambda module, table: table.ids("text"),
        lambda module, table: table.ids([None]),
        lambda module, table: table.sums(["text"], b"1234", bytearray(4), bytearray(1)),
        lambda module, table: table.sums(["text"], b"", bytearray(4), bytearray(1)),
        lambda module, table: table.sums(["text"], b"12345678", b"1234", bytearray(1)),
        lambda module, table: table.sums(["text"], b"12345678", bytearray(8), bytearray(1)),
        lambda module, table: table.sums(["text"], b"12345678", bytearray(4), bytearray(2)),
        lambda module, table: table.sums([1], b"12345678", bytearray(4), bytearray(1)),
        lambda module, table: module.learned(["text"], True, 0, 1),
        lambda module, table: module.learned(["text"], True, 17, 1),
        lambda module, table: module.learned([b"text"], True, 1, 1),
    ],
)
def test_what_does_not_fit_is_an_error(call: Callable[[Any, Any], object]) -> None:
    from toxiclf.text import _ngrams

    with pytest.raises((TypeError, ValueError)):
        call(_ngrams, _ngrams.Table(True, [(1, "a".encode("utf-32-le"))]))


def test_pickles_and_copies_find_the_same() -> None:
    ngrams = NgramVocabulary("jamo", {1: "가", 2: "ab"})
    for again in (pickle.loads(pickle.dumps(ngrams)), copy.deepcopy(ngrams)):  # noqa: S301
        assert again == ngrams
        assert again.ids(["ab"]).flat.tolist() == ngrams.ids(["ab"]).flat.tolist()


def test_where_there_is_a_compiler_all_modules_are_compiled() -> None:
    """Else the tests of the compiled modules would be skipped without anybody noticing."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if os.environ.get("TOXICLF_PURE") or not shutil.which("cc") or not header.exists():
        pytest.skip("there is no C compiler, or TOXICLF_PURE is set")
    assert [name for name in MODULES if compiled(name) is None] == []


def test_a_module_older_than_its_source_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("old.py", "old.c"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "old.py", (1, 1))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("TOXICLF_PURE", raising=False)
    with pytest.warns(match=r"old\.py is older than old\.c"):
        assert compiled("old") is None
    os.utime(tmp_path / "old.c", (1, 1))
    assert compiled("old") is not None
    assert compiled("missing") is None


def test_an_environment_variable_leaves_it_out() -> None:
    code = """
from toxiclf import cli
from toxiclf.text.vocabulary import NgramVocabulary
print(NgramVocabulary('jamo', {1: 'a'}).ids(['a']).flat)
cli.run(['--version'])
"""
    environment = os.environ | {"TOXICLF_PURE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"[1]\ntoxiclf {toxiclf.__version__} (slower: a compiled module is missing)\n"


@pytest.mark.check
def test_no_input_makes_it_read_or_write_what_is_not_its_own(tmp_path: Path) -> None:
    """Under AddressSanitizer, which ends the process at such an access."""
    compiler = shutil.which("cc")
    asked = [str(compiler), "-print-file-name=libasan.so"]
    library = compiler and subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not library or not Path(library).is_absolute():
        pytest.skip("the C compiler has no AddressSanitizer")
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover", "-shared", "-fPIC"]
    include = sysconfig.get_path("include")
    for source in SOURCES:
        built = tmp_path / f"{source.stem}.abi3.so"
        subprocess.run([str(compiler), *flags, f"-I{include}", str(source), "-o", str(built)], check=True)
    environment = os.environ | {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


FUZZ = """
import random, sys
from array import array
sys.path.insert(0, sys.argv[1])
import _ngrams, _prefilter, _regression
draw = random.Random(0)
letters = ["가각값힣a ㅋ\U0010ffff", "가a", "".join(map(chr, range(0xabf0, 0xac20))), "".join(map(chr, range(0xd790, 0xd7ff)))]
def text(most):
    return "".join(draw.choices(draw.choice(letters), k=draw.choice([0, 1, 2, draw.randrange(most)])))
for turn in range(1000):
    texts = [text(200) for _ in range(draw.randrange(8))] + [text(20_000)] * (turn % 250 == 0)
    jamo, high = draw.random() < 0.5, draw.randint(1, 16)
    units = _ngrams.learned(texts, jamo, high, draw.randint(0, 3))
    known = [(n, bytes(one)) for n, one in enumerate(units, start=1) if one and draw.random() < 0.8]
    n = draw.randint(1, 16)
    known.append((n, draw.randbytes(4 * n * draw.randrange(9))))
    table = _ngrams.Table(jamo, known)
    size = sum(len(one) // 4 // n for n, one in known)
    columns = draw.randint(1, 3)
    texts += [text(300) for _ in range(3)]
    flat, starts = table.ids(texts)
    assert len(starts) == 8 * (len(texts) + 1) and len(flat) % 4 == 0
    table.sums(texts, memoryview(bytes(4 * (size + 1) * columns)), bytearray(4 * columns * len(texts)), bytearray(len(texts)))
    k = draw.randint(1, 9)
    classes = draw.randbytes(2 * 0x20000) if turn % 100 == 0 else classes
    gaps, pairs = bytes(draw.choices([0, 0, 1, 2, 4], k=k)), bytes(draw.choices([0, 0, draw.randrange(256)], k=k * k))
    owners, run, most = draw.randbytes(8 * k * k), draw.randint(-1, 5), draw.randint(-1, 300)
    assert len(_prefilter.suspects(texts, classes, gaps, pairs, owners, run, most)) == len(texts)
for turn in range(500):
    rows, regressions = draw.randrange(9), draw.randint(1, 16)
    widths = [draw.randint(1, 6) for _ in range(draw.randint(0, 3))]
    blocks = []
    for width in widths:
        lengths = [draw.randrange(5) for _ in range(rows)]
        columns = array("i", draw.choices(range(width), k=sum(lengths)))
        starts = array("q", [sum(lengths[:row]) for row in range(rows + 1)])
        blocks.append((starts, columns, array("f", [draw.random() for _ in range(rows)])))
    factors, costs = (array("d", [3 * draw.random() for _ in range(n * regressions)]) for n in (sum(widths), rows))
    signs = array("b", draw.choices([1, -1], k=rows * regressions))
    coefficients, intercepts, rounds = _regression.fit(
        blocks, array("q", widths), factors, signs, costs, regressions, 0.01, 20, turn
    )
    assert len(coefficients) == 4 * sum(widths) * regressions and len(intercepts) == 8 * regressions
"""
