"""The commands ``toxiclf corpora``: list public corpora, show a card, print paths of files, fetch files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toxiclf._console import confirmed, print_json, print_line, print_table, say
from toxiclf._progress import Bar
from toxiclf.cli._help import CONTEXT, EXAMPLES, GroupedCommand
from toxiclf.cli.options import JSON

if TYPE_CHECKING:
    from toxiclf.datasets.cards import Card

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="List, describe and fetch public corpora.",
)

_NAME = typer.Argument(metavar="NAME", help="Name of a corpus from `toxiclf corpora list`.")
_NAME_ROLE = typer.Argument(metavar="NAME[/PART]", help="Name of a corpus, or of one of its parts, such as beep/test.")


@app.command("list", cls=GroupedCommand, epilog=EXAMPLES["corpora list"])
def list_corpora(as_json: Annotated[bool, JSON] = False) -> None:
    """List the corpora, and where their files lie."""
    from toxiclf.datasets.cards import card_names, load_card

    cards = [load_card(name) for name in card_names()]
    if as_json:
        print_json(
            [
                {
                    "name": card.name,
                    "title": card.title,
                    "comments": {part.role: part.rows for part in card.parts},
                    "labels": card.labels,
                    "licence": card.licence.id,
                    "bytes": sum(part.size for part in card.parts),
                    "where": _places(card),
                }
                for card in cards
            ]
        )
        return
    lines = [
        [
            card.name,
            card.title,
            ", ".join(f"{part.rows:,} {part.role}" for part in card.parts),
            _labels(card),
            card.licence.id,
            f"{sum(part.size for part in card.parts) / 1e6:,.1f} MB",
            _where(card),
        ]
        for card in cards
    ]
    print_table([["name", "title", "comments", "labels", "licence", "size", "where"], *lines])


@app.command(cls=GroupedCommand, epilog=EXAMPLES["corpora show"])
def show(name: Annotated[str, _NAME], as_json: Annotated[bool, JSON] = False) -> None:
    """Show the card of a corpus: its source, license, labels and files."""
    from toxiclf.datasets.cards import PREFIX, load_card

    card = load_card(name.removeprefix(PREFIX))
    if as_json:
        print_json({**card.model_dump(mode="json"), "where": _places(card)})
        return
    commercial = "commercial use allowed" if card.licence.commercial else "no commercial use"
    facts = {
        "name": f"corpus:{card.name}",
        "title": card.title,
        "upstream": card.upstream,
        "licence": f"{card.licence.id}, {commercial}; {card.licence.address}",
        "": card.licence.note,
        "citation": card.citation,
        "text": f"column {card.text}",
        "labels": _labels(card),
        "columns": ", ".join(card.labels) if len(card.labels) > 1 else "",
        "note": " ".join(card.note.split()),
    }
    print_table([["", ""], *([key, value] for key, value in facts.items() if value)])
    places = _places(card)
    print_table(
        [
            ["part", "file", "comments", "bytes", "where"],
            *([p.role, p.file, f"{p.rows:,}", f"{p.size:,}", places[p.role] or "not here"] for p in card.parts),
        ]
    )
    print_table([["part", "sha256"], *([part.role, part.sha256] for part in card.parts)])
    for part in card.parts:
        if part.address is not None:
            built = ", an archive from which the file is built" if part.built_by else ""
            print_line(f"{part.role}: {part.address}{built}")
    print_line(f"next: {_next_step(card)}")


@app.command(cls=GroupedCommand, epilog=EXAMPLES["corpora path"])
def path(name: Annotated[str, _NAME_ROLE]) -> None:
    """Check the files of a corpus and print where they lie."""
    from toxiclf.datasets.cards import parse

    card, part = parse(name)
    for file in [card.path(wanted) for wanted in ([part] if part else card.parts)]:
        print_line(str(file))


@app.command(cls=GroupedCommand, epilog=EXAMPLES["corpora fetch"])
def fetch(
    name: Annotated[str, _NAME_ROLE],
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept, without being asked, a license that forbids commercial use."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of paths.")] = False,
) -> None:
    """Fetch the files of a corpus to the cache, and check them."""
    from toxiclf.datasets.cards import PREFIX, SAMPLE, parse
    from toxiclf.datasets.fetch import fetch as fetch_parts

    card, part = parse(name)
    say(f"corpus:{card.name}: {card.title}; license {card.licence.id} ({card.licence.address})")
    if card.licence.note:
        say(card.licence.note)
    say(f"please cite: {card.citation}")
    with Bar(total=None) as bar:
        fetched = fetch_parts(
            card,
            [part] if part else (),
            accept=lambda card: accept_licence or _accepts(card),
            say=bar.say,
            watch=lambda done, total: bar.update(done, _megabytes(done, total), total),
        )
    for entry in fetched:
        if card.name == SAMPLE:
            say(f"{entry.part.file} is part of the package; there is nothing to fetch")
        elif entry.was_there:
            say(f"{entry.part.file} is already here and verified; nothing to fetch")
    say(f"use it as corpus:{name.removeprefix(PREFIX)}")
    if as_json:
        print_json(
            {
                "name": card.name,
                "licence": card.licence.model_dump(mode="json"),
                "citation": card.citation,
                "parts": [
                    {"role": f.part.role, "path": str(f.path), "fetched": not f.was_there} for f in fetched
                ],
            }
        )  # fmt: skip
        return
    for entry in fetched:
        print_line(str(entry.path))


def _places(card: Card) -> dict[str, str | None]:
    """Return where each part of a corpus lies, such as "cache"; None if it is missing. Files are not verified."""
    places = {part.role: card.place(part) for part in card.parts}
    return {role: None if place is None else str(place.kind) for role, place in places.items()}


def _where(card: Card) -> str:
    """Return where the parts of a corpus lie, as text: one place if all lie there, else a place for each part."""
    places = {role: place or "not here" for role, place in _places(card).items()}
    if len(set(places.values())) == 1:
        return next(iter(places.values()))
    return ", ".join(f"{role}: {place}" for role, place in places.items())


def _labels(card: Card) -> str:
    """Return text that says how the columns of a corpus become labels."""
    if not card.labels:
        return "none; for word vectors"
    if len(card.labels) > 1:
        return f"{len(card.labels)} columns of 0 and 1"
    (column,) = card.labels
    if card.positive:
        return f"column {column}: {' or '.join(card.positive)} is toxic"
    if card.negative is not None:
        return f"column {column}: {card.negative} is not toxic, every other value is a label"
    return f"column {column}: 1 is toxic"


def _next_step(card: Card) -> str:
    if any(card.place(part) is None for part in card.parts):
        return f"toxiclf corpora fetch {card.name}"
    if card.labels:
        return f"toxiclf train corpus:{card.name}"
    return f"toxiclf train COMMENTS --set vectors.unlabeled=corpus:{card.name}"


def _accepts(card: Card) -> bool:
    """Ask the user to accept the license, and return whether the answer is yes."""
    return confirmed(f"{card.licence.id} forbids commercial use. Do you accept this license?")


def _megabytes(done: int, total: int | None) -> str:
    return f"{done / 1e6:,.1f}" + ("" if total is None else f" of {total / 1e6:,.1f}") + " MB"
