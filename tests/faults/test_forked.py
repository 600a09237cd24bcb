"""Tokenizers work in a process that another one started, or say what to do; they never hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import JAVA_TOKENIZERS, needs_java
from toxiclf._registry import components
from toxiclf.text.tokenizers import tokenizer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
METHODS = ("fork", "spawn", "forkserver")
STATES = ("loaded", "used", "busy")
REFUSED = "does not work in a forked process"
OTHERS = [name for name in components("tokenizer") if name not in JAVA_TOKENIZERS]


def answers(name: str, state: str, threads: int, *methods: str) -> list[str | list[str]]:
    """What a process that was started by each method answers: tokens, or a sentence."""
    program = [sys.executable, Path(__file__).with_name("forked.py"), name, state, str(threads), *methods]
    done = subprocess.run(program, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["mecab", pytest.param("kiwi", marks=pytest.mark.check)])
def test_a_tokenizer_that_was_used_works_after_a_fork(name: str) -> None:
    assert answers(name, "used", 3, "fork") == tokenizer(name).tokenize(["아버지가 방에 들어갔다"])


@needs_java
@pytest.mark.check
def test_java_that_a_thread_uses_is_refused_a_forked_process() -> None:
    (answer,) = answers("okt", "busy", 3, "fork")
    assert REFUSED in answer


@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", OTHERS)
def test_a_tokenizer_works_in_every_process(name: str, state: str, threads: int) -> None:
    assert answers(name, state, threads, *METHODS) == tokenizer(name).tokenize(["아버지가 방에 들어갔다"]) * 3


@needs_java
@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", JAVA_TOKENIZERS)
def test_java_works_in_every_process_but_a_forked_one(name: str, state: str, threads: int) -> None:
    forked, *others = answers(name, state, threads, *METHODS)
    right = tokenizer(name).tokenize(["아버지가 방에 들어갔다"])
    assert others == right * 2
    assert forked == right[0] or (state != "loaded" and REFUSED in forked)
