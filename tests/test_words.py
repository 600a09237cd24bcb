"""The glossary holds: no word that it has replaced is left in pages, messages or docstrings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
CODE = [path for ending in ("py", "j2", "js") for path in (ROOT / "toxiclf").rglob(f"*.{ending}")]
INSTEAD = {
    r"\b(training|validation|test) parts?\b": "training, validation or test set",
    r"\bsets? aside\b": "rejected",
    r"\bremed(y|ies)\b": "technique",
    r"\blive rates?\b": "production prevalence",
    r"\bthinn(ed|ing)\b": "subsampled",
    r"\bminus base\b": "Δ vs baseline",
    r"\bharmless\b": "not toxic",
    r"\b(goes|going|gone) on (after|from|with)\b": "resume",
    r"\bmend(s|ed)?\b": "fix",
    r"\b(takes?|taken) away\b": "remove",
    r"\bat (its|their) presets?\b": "with default settings",
    r"\bno numbers? any more\b": "not finite",
}
"""Old words, as patterns, and what to write."""
ALLOWED = {"CHANGELOG.md": r".*\b(was|were)\b.*"}
"""Lines of a file that may name an old word: that it was replaced."""


@pytest.mark.parametrize("paths", [PAGES, CODE], ids=["pages", "code"])
def test_no_replaced_word_is_left(paths: list[Path]) -> None:
    assert len(paths) > 10
    faults = [
        f"{path.relative_to(ROOT)}:{number}: write {word!r} for {match[0]!r}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        for pattern, word in INSTEAD.items()
        if (match := re.search(pattern, line, re.IGNORECASE)) and not re.fullmatch(ALLOWED.get(path.name, "(?!)"), line)
    ]
    assert not faults, "\n".join(faults)
