"""What tests ask of the machine: Debian packages that may be missing, and patience, as others may be using it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

JAVA_TOKENIZERS = ("okt", "komoran", "hannanum", "kkma")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
needs_java = pytest.mark.skipif(
    shutil.which("java") is None, reason="Java is not installed: apt-get install default-jre-headless"
)

PATIENCE = 600  # seconds, for what never ends: no test asserts that something takes less


def wait_until(condition: Callable[[], T]) -> T:
    """What the condition returns once that is true.

    Raises:
        AssertionError: After :data:`PATIENCE` seconds, when it still is not.
    """
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < end, "this did not happen"
        time.sleep(0.01)
    return answer
