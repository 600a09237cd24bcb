"""A bundle of any kind gives no masked string back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.canaries import bundle_of, canaries, given_back, recipe_of
from toxiclf._registry import components
from toxiclf.datasets.comments import Comments

IN_CHECK = ("ngram_logistic", "svm")
RECIPES: dict[str, dict[str, Any]] = {
    **{model: recipe_of(model) for model in components("model")},
    "svm, fasttext": {**recipe_of("svm"), "vectors": {"kind": "fasttext", "size": 16, "epochs": 2}},
    "svm, ko-comments": {**recipe_of("svm"), "vectors": {"pretrained": "ko-comments"}},
    **{f"svm, {name}": recipe_of("svm", tokenizer=name) for name in ("whitespace", "char", "jamo")},
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.check if name in IN_CHECK else pytest.mark.long) for name in RECIPES],
)
def test_no_masked_string_is_in_a_bundle(name: str, sample: Comments, tmp_path: Path) -> None:
    bundle = bundle_of(RECIPES[name], sample, tmp_path / "run")
    back = given_back(bundle, canaries())
    assert not [canary for canary in back if canary.masked]
    if name in IN_CHECK:
        assert sum(canary.count >= 5 for canary in back) >= 30  # the attack finds what is not masked


@pytest.mark.check
def test_without_masks_the_attack_finds_personal_strings(sample: Comments, tmp_path: Path) -> None:
    bundle = bundle_of(recipe_of("ngram_logistic", mask_personal=False), sample, tmp_path / "run")
    back = given_back(bundle, canaries())
    assert sum(canary.masked and canary.count >= 5 for canary in back) == 40
