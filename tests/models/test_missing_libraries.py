"""A library that is not installed is named before anything is trained, with the command that fixes it."""

from __future__ import annotations

import sys

import pytest

import toxiclf
from toxiclf.datasets.comments import Comments
from toxiclf.errors import MissingExtraError
from toxiclf.models import make_model
from toxiclf.recipe import model_options


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("lightgbm", "lightgbm", "boost"),
        ("xgboost", "xgboost", "boost"),
        ("svm", "sklearn", "train"),
        ("vae", "keras", "train"),
    ],
)
def test_a_missing_library_is_one_sentence_with_the_pip_command(
    name: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError) as refused:
        make_model(model_options(name))
    assert str(refused.value) == (
        f"the model {name} needs the extra [{extra}], which is not installed; install it as you installed toxiclf, "
        f"such as: pip install '.[{extra}]'"
    )


def test_nothing_is_trained_before_a_missing_library_is_named(
    sample: Comments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    messages: list[str] = []
    with pytest.raises(MissingExtraError, match=r"\[boost\]"):
        toxiclf.train(
            sample, {"model": {"name": "voting", "members": ["ngram_logistic", "lightgbm"]}}, say=messages.append
        )
    assert not any("fitting" in message or "vectors" in message for message in messages)
