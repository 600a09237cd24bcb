"""docs/speed.md and the README say what docs/results/speed.json holds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def speed_page() -> ModuleType:
    specification = importlib.util.spec_from_file_location("speed_page", ROOT / "scripts" / "speed_page.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_made_from_the_results(speed_page: ModuleType) -> None:
    made = speed_page.page(speed_page.read_results())
    assert made == speed_page.PAGE.read_text("utf-8"), "run: python scripts/bench_scoring.py --pages"


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_quotes_the_results(speed_page: ModuleType, name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert speed_page.readme_line(speed_page.read_results(), name) in lines, (
        "run: python scripts/bench_scoring.py --pages"
    )
