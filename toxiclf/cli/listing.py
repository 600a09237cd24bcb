"""The command ``toxiclf list``, which lists models, techniques and other choices by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from toxiclf._console import print_json, print_table
from toxiclf._registry import KINDS, components
from toxiclf.cli.options import JSON
from toxiclf.errors import UsageError, unknown_name

_KIND_OF = {f"{kind}es" if kind.endswith("s") else f"{kind}s": kind for kind in KINDS if KINDS[kind].listed}
LISTS = (*_KIND_OF, "presets", "recipe-keys", "corpora")
"""Names of the lists that ``toxiclf list`` prints."""


def list_names(
    what: Annotated[str | None, typer.Argument(metavar="WHAT", help=f"One of {', '.join(LISTS)}.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="With recipe-keys: the keys that have an effect on this model.")
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List models, techniques, tokenizers, metrics, recipe keys and more, a line each."""
    if model is not None and what != "recipe-keys":
        raise UsageError("--model works only with recipe-keys, such as: toxiclf list recipe-keys --model svm")
    if what is None:
        rows = [{"list": name, "command": f"toxiclf list {name}"} for name in LISTS]
    elif what in _KIND_OF:
        entries = components(_KIND_OF[what]).values()
        rows = [{"name": entry.name, "what it is": entry.summary, "extra": entry.extra} for entry in entries]
    elif what == "presets":
        rows = _presets()
    elif what == "recipe-keys":
        rows = _recipe_keys(model)
    elif what == "corpora":
        rows = _corpora()
    else:
        raise unknown_name("list", what, LISTS)
    if as_json:
        print_json([{key.replace(" ", "_"): value for key, value in row.items()} for row in rows])
    else:
        print_table([list(rows[0]), *([str(value) for value in row.values()] for row in rows)])


def _presets() -> list[dict[str, Any]]:
    from toxiclf.recipe import preset_summaries

    return [{"name": name, "what it is": summary} for name, summary in preset_summaries().items()]


def _recipe_keys(model: str | None) -> list[dict[str, Any]]:
    from toxiclf.recipe.reference import recipe_keys

    return [
        {"key": row.key, "type": row.type, "default": row.default, "meaning": row.meaning} for row in recipe_keys(model)
    ]


def _corpora() -> list[dict[str, Any]]:
    from toxiclf.datasets.cards import card_names, load_card

    cards = [load_card(name) for name in card_names()]
    return [{"name": card.name, "what it is": card.title, "licence": card.licence.id} for card in cards]
