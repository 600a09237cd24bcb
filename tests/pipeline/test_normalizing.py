"""A comment is normalized once on its way from the file into a saved report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import toxiclf
from tests.conftest import SAMPLE, tiny
from toxiclf.datasets.comments import Comments
from toxiclf.text import prefilter
from toxiclf.text.normalize import Normalizer


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        ({}, {}),
        (tiny("logistic"), {"text.views": "all", "balance.augment": [{"method": "aeda"}]}),
    ],
    ids=["default", "tokens, views and copies"],
)
def test_each_comment_is_normalized_once_from_the_file_to_the_saved_report(
    recipe: dict[str, Any], settings: dict[str, Any], sample: Comments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()
    original = Normalizer._cut

    def counted(self: Normalizer, text: str) -> tuple[str, bool]:
        counts[text] += 1
        return original(self, text)

    monkeypatch.setattr(Normalizer, "_cut", counted)
    monkeypatch.setattr(prefilter, "IS_COMPILED", False)  # else few comments are cut
    toxiclf.train(SAMPLE, toxiclf.Recipe.load(recipe).changed(settings)).save(tmp_path)
    assert {text: counts[text] for text in sample.texts if counts[text] != 1} == {}
