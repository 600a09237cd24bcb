"""What is not installed is named with the command that fixes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import toxiclf
from tests.bundle.conftest import forge
from tests.machine import JAVA_TOKENIZERS, PATIENCE, needs_java
from toxiclf.errors import BundleError, MissingExtraError
from toxiclf.text.tokenizers import tokenizer

NEEDS = {"kiwi": ("kiwipiepy", "kiwi"), **dict.fromkeys(JAVA_TOKENIZERS, ("konlpy", "konlpy"))}


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_extra_is_one_sentence_with_the_pip_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, extra = NEEDS[name]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as error:
        tokenizer(name)
    assert str(error.value) == (
        f"tokenizer '{name}' needs the extra [{extra}], which is not installed; install it as you installed toxiclf, "
        f"such as: pip install '.[{extra}]'"
    )


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python process: Java is started once in each."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


MAKE = "from toxiclf.text.tokenizers import tokenizer\nfrom toxiclf.errors import UsageError\n"
TRY = (
    MAKE
    + "try:\n    tokenizer('komoran').tokenize(['가'])\nexcept UsageError as error:\n    print(error.exit_code, error)\n"
)


def test_missing_java_is_one_sentence_with_ways_out() -> None:
    code = (
        "import jpype\ndef none(): raise jpype.JVMNotFoundException('no JVM shared library file')\n"
        "jpype.getDefaultJVMPath = none\n" + TRY
    )
    done = run(code)
    assert done.stderr == ""
    assert done.stdout.startswith(
        "2 tokenizer 'komoran' needs Java, and none is found; install a runtime, such as: apt install"
    )
    assert "mecab or kiwi, which need no Java" in done.stdout


@pytest.mark.check
@needs_java
def test_memory_for_java_is_set_by_a_variable_and_checked() -> None:
    for wrong in ("much", "511"):
        said = run(TRY, TOXICLF_JVM_HEAP_MB=wrong).stdout
        assert f"TOXICLF_JVM_HEAP_MB is '{wrong}'; expected the megabytes that Java may take, 512 or more" in said
    code = TRY + "import jpype\nprint(jpype.JClass('java.lang.Runtime').getRuntime().maxMemory() >> 20)"
    done = run(code, TOXICLF_JVM_HEAP_MB="700")
    assert (done.stdout, done.stderr) == ("700\n", "")


@pytest.mark.check
@needs_java
def test_engines_that_do_not_fit_into_java_s_memory_are_refused_and_the_program_ends() -> None:
    code = (
        "from toxiclf.text.tokenizers import _jvm\n_jvm._LEAST = 128\n"
        + TRY.replace("komoran", "okt")
        + TRY.replace("komoran", "hannanum")
    )
    done = run(code, TOXICLF_JVM_HEAP_MB="150")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 tokenizer 'hannanum' needs 140 MB of Java's memory, but ")
    assert "give Java more memory than 150 MB, such as: export TOXICLF_JVM_HEAP_MB=300, and start again" in done.stdout


@needs_java
def test_a_dictionary_that_fails_to_load_is_refused_from_then_on_and_the_program_ends() -> None:
    code = (
        f"{MAKE}import jpype\nfrom toxiclf.text.tokenizers.konlpy import OktTokenizer\ncalls = []\n"
        "def fail(self, made):\n    calls.append(1)\n    raise jpype.JClass('java.lang.OutOfMemoryError')('Java heap space')\n"
        "OktTokenizer._make = fail\nfor _ in range(2):\n"
        "    try:\n        tokenizer('okt').tokenize(['가'])\n    except UsageError as error:\n        print(error)\n"
        "print(len(calls), jpype.config.onexit)"
    )
    done = run(code, TOXICLF_JVM_HEAP_MB="600")
    assert done.returncode == 0
    first, second, rest = done.stdout.splitlines()
    assert first == second
    assert "cannot load its dictionary (java.lang.OutOfMemoryError); give Java more memory than 600 MB" in first
    assert rest == "1 False"


@pytest.mark.check
@needs_java
def test_a_java_machine_that_the_program_started_is_used() -> None:
    code = f"import jpype\njpype.startJVM()\n{MAKE}print(tokenizer('komoran').tokenize(['방에 들어갔다']))"
    done = run(code)
    assert (done.stdout, done.stderr) == ("[['방', '에', '들어가', '았', '다']]\n", "")


@pytest.mark.check
@needs_java
def test_a_forked_process_is_refused_java_instead_of_hanging() -> None:
    code = MAKE + (
        "import os\nengine = tokenizer('komoran')\nengine.tokenize(['가'])\n"
        "if not os.fork():\n    try:\n        engine.tokenize(['가'])\n"
        "    except UsageError as error:\n        print(error, flush=True)\n    os._exit(0)\nos.wait()"
    )
    done = run(code)
    assert "does not work in a forked process" in done.stdout


@needs_java
def test_a_process_forked_after_the_program_started_java_is_refused_it() -> None:
    code = MAKE + (
        "import os, sys, jpype\njpype.startJVM()\nchild = os.fork()\nif not child:\n"
        "    try:\n        tokenizer('komoran').tokenize(['가'])\n"
        "    except UsageError as error:\n        print(error, flush=True)\n"
        "    sys.exit()\nos.waitpid(child, 0)"
    )
    done = run(code)
    assert done.returncode == 0
    assert "does not work in a forked process" in done.stdout


def test_a_bundle_whose_tokenizer_is_missing_ends_with_exit_code_2(
    saved: Callable[[str, str], Path], tmp_path: Path
) -> None:
    words = saved("logistic", "one") / "bundle"
    text = json.loads((words / "text.json").read_bytes())
    text["views"]["words"] |= {"tokenizer": "kiwi", "tokenizer_version": "any", "part_of_speech": ["N"]}
    bundle = forge(words, tmp_path / "kiwi", {"text.json": json.dumps(text).encode()})
    code = (
        "import sys\nsys.modules['kiwipiepy'] = None\nfrom toxiclf._entry import main\n"
        f"sys.argv = ['toxiclf', 'predict', '--bundle', {str(bundle)!r}, '--text', '가']\nmain()"
    )
    done = run(code)
    assert done.returncode == 2
    assert "pip install '.[kiwi]'" in " ".join(done.stderr.split())


def test_a_bundle_that_asks_a_tokenizer_for_what_it_has_not_is_rejected(
    saved: Callable[[str, str], Path], tmp_path: Path
) -> None:
    words = saved("logistic", "one") / "bundle"
    for key, value in (("part_of_speech", ["nonsense"]), ("typo_correction", True)):
        text = json.loads((words / "text.json").read_bytes())
        text["views"]["words"][key] = value
        with pytest.raises(BundleError):
            toxiclf.load(forge(words, tmp_path / key, {"text.json": json.dumps(text).encode()}))
