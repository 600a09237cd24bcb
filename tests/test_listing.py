"""`toxiclf list`: everything that there is to choose from, by the base install."""

from __future__ import annotations

import json

import pytest

from tests.test_base_install import HEAVY, modules_after
from toxiclf._registry import components
from toxiclf.cli import run
from toxiclf.cli.listing import LISTS


@pytest.mark.parametrize("what", LISTS)
def test_every_list_has_names_with_a_line_each(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", what, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    key = "key" if what == "recipe-keys" else "name"
    meaning = "meaning" if what == "recipe-keys" else "what_it_is"
    assert rows
    assert what == "recipe-keys" or len({row[key] for row in rows}) == len(rows)
    assert all(row[meaning] and "\n" not in row[meaning] for row in rows)


def test_recipe_keys_of_a_model_are_those_with_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "recipe-keys", "--model", "svm", "--json"]) == 0
    keys = {row["key"] for row in json.loads(capsys.readouterr().out)}
    assert {"model.C", "model.gamma", "features.pooling", "vectors.kind", "decision.objective"} <= keys
    assert not keys & {"balance.loss", "model.units", "model.jamo"}


def test_lists_load_no_training_library() -> None:
    code = f"from toxiclf.cli import run\nfor what in {LISTS!r}: assert run(['list', what, '--json']) == 0\nprint()"
    assert not modules_after(code) & {*HEAVY, "plotly", "imblearn", "jinja2"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "modles"], "did you mean 'models'?"),
        (["list", "recipe-keys", "--model", "smv"], "did you mean 'svm'?"),
        (["list", "models", "--model", "svm"], "--model works only with recipe-keys"),
    ],
)
def test_a_slip_is_answered_with_the_nearest_name(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_component_that_claims_a_name_or_a_trait_wrongly_is_refused() -> None:
    from toxiclf._registry import register

    with pytest.raises(TypeError, match="has no trait"):
        register("model", summary="", wheels=4)
    assert "svm" in components("model")
    with pytest.raises(TypeError, match="two components are a model called 'svm'"):
        register("model", "svm", summary="")(object)
