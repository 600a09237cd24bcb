"""The command ``toxiclf pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toxiclf._console import print_json, print_table, say
from toxiclf._progress import Bar
from toxiclf.cli import options

if TYPE_CHECKING:
    from toxiclf.recipe import Recipe


_TRAINING = {
    "out": "--out", "kind": "--kind", "architecture": "--architecture", "size": "--size", "window": "--window",
    "min_count": "--min-count", "epochs": "--epochs", "settings": "--set", "seed": "--seed", "workers": "--workers",
    "quantize": "--quantize", "strict": "--strict",
}  # fmt: skip
_FLAGS_OF_KEYS = ("kind", "architecture", "size", "window", "min_count", "epochs", "seed")


def pretrain(
    context: typer.Context,
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE…",
            help="Texts without labels: plain text (a line each), CSV, TSV, JSON, Excel, Parquet, also .gz or .xz; or corpus:NAME.",
        ),
    ] = None,
    out: Annotated[Path | None, options.of_output(metavar="VECTORS", help="Folder of the word vectors.")] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="word2vec, or fasttext (also learns jamo n-grams, which similar spellings share)."
        ),
    ] = "fasttext",
    architecture: Annotated[str, typer.Option(metavar="NAME", help="skip_gram or cbow.")] = "skip_gram",
    size: Annotated[int, typer.Option(help="Dimensions of a vector.")] = 100,
    window: Annotated[int, typer.Option(help="Tokens on each side that count as neighbors.")] = 5,
    min_count: Annotated[int, typer.Option(help="Minimum occurrences of a token; rarer tokens get no vector.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the texts.")] = 5,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Another key of a recipe's [text] or [vectors], such as text.tokenizer=kiwi.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    workers: Annotated[
        int, typer.Option(min=1, help="Threads; with more than one, a second run gives slightly different vectors.")
    ] = 1,
    quantize: Annotated[
        bool, typer.Option("--quantize", help="Store 8 instead of 32 bits per number: a quarter of the size.")
    ] = False,
    vectors: Annotated[
        str,
        options.of_output(metavar="NAME|PATH", help="Word vectors for --show when nothing is trained."),
    ] = "ko-comments",
    show: Annotated[
        list[str] | None,
        options.of_output(metavar="WORD", help="Print the words whose vectors are most similar to that of WORD."),
    ] = None,
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Train word vectors on texts without labels, or print the nearest neighbors of a word."""
    from toxiclf.errors import UsageError

    given = {name for name in context.params if _is_given(context, name)}
    if not texts:
        if not show:
            raise UsageError("give texts to train on (toxiclf pretrain texts.txt --out VECTORS), or a word with --show")
        for name, flag in _TRAINING.items():
            if name in given:
                raise UsageError(f"{flag} is for training; leave it out, or give texts to train on")
        from toxiclf.embeddings.pretrained import load_vectors

        _print_neighbours(load_vectors(vectors)[0], show, as_json)
        return
    if out is None:
        raise UsageError("--out is missing; give a folder for the vectors, such as --out vectors/mine")
    if "vectors" in given:
        raise UsageError(
            "--vectors is for --show without texts; leave it out: with texts, --show uses the newly trained vectors"
        )
    from toxiclf.bundle.folder import check_writable
    from toxiclf.embeddings import store
    from toxiclf.embeddings.pretrain import pretrain as train_vectors
    from toxiclf.recipe import Recipe
    from toxiclf.recipe.preprocessing import recipe_tokenizer

    options_of_vectors = {
        "pretrained": "none", "kind": kind, "architecture": architecture, "size": size, "window": window,
        "min_count": min_count, "epochs": epochs, "seed": seed,
    }  # fmt: skip
    _check_settings(settings or (), given)
    recipe = Recipe.load({"model": {"name": "logistic"}, "vectors": options_of_vectors}, settings=settings or ())
    _check_effect(recipe)
    scratch = check_writable(out)
    store.check_replaceable(out)
    if workers == 1:
        say(
            "word vectors: one worker, so the same seed gives the same vectors; --workers 2 is faster, but not "
            "reproducible"
        )
    else:
        say(f"word vectors: {workers} workers, so a second run gives slightly different vectors")
    with Bar("word vectors") as bar:
        trained_vectors = train_vectors(
            texts, recipe.vectors, recipe.text, recipe_tokenizer(recipe), workers=workers, say=say,
            advance=bar.update if bar.is_drawn else None,
            scratch=scratch,
        )  # fmt: skip
    card = trained_vectors.card.model_copy(update={"quantized": quantize})
    store.save(out, trained_vectors.vectors, card, trained_vectors.rejected)
    seen, pieces = int((trained_vectors.vectors.frequencies > 0).sum()), len(trained_vectors.vectors.tokens)
    if as_json:
        facts = {
            "tokens": pieces,
            "seen": seen,
            "size": trained_vectors.vectors.size,
            "texts": trained_vectors.card.texts,
        }
        print_json({"out": str(out), **facts, "rejected": len(trained_vectors.rejected)})
    if show:
        _print_neighbours(trained_vectors.vectors, show, as_json)
    say(
        f"vectors: {out} ({seen:,} tokens; {pieces - seen:,} more syllables and jamo; "
        f"{trained_vectors.vectors.size} dimensions)"
    )
    say(f"use them: toxiclf train COMMENTS --model cnn --set vectors.pretrained={out}")
    if trained_vectors.rejected:
        say(f"{len(trained_vectors.rejected):,} rows were rejected: {out / 'rejected.csv'}")
        if strict:
            raise typer.Exit(5)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _check_settings(settings: list[str] | tuple[str, ...], given: set[str]) -> None:
    """Raise a UsageError if a ``--set`` has no effect on word vectors, or sets the same key as a flag in ``given``."""
    from toxiclf.errors import UsageError

    for setting in settings:
        key = setting.partition("=")[0].strip()
        section, _, name = key.partition(".")
        if section not in ("text", "vectors"):
            raise UsageError(f"--set {setting}: {key} has no effect on word vectors; leave it out")
        if key == "vectors":
            raise UsageError(f"--set {setting}: set one key at a time, such as vectors.window=3")
        if key == "vectors.pretrained":
            raise UsageError(f"--set {setting}: toxiclf pretrain trains vectors and reads none; leave it out")
        if section == "vectors" and name in _FLAGS_OF_KEYS and name in given:
            raise UsageError(f"--set {setting}: {_TRAINING[name]} sets the same key; leave out one of the two")


def _check_effect(recipe: Recipe) -> None:
    """Raise a UsageError if the recipe sets a key of [text] or [vectors] that has no effect on word vectors."""
    from toxiclf.errors import UsageError

    written = {f"text.{key}" for key in recipe.text.model_fields_set}
    written |= {f"vectors.{key}" for key in recipe.vectors.model_fields_set}
    for key in ("text.views", "text.max_tokens", "vectors.unlabeled"):
        if key in written:
            raise UsageError(f"--set: {key} has no effect on word vectors; leave it out")


def _print_neighbours(vectors: object, words: list[str], as_json: bool) -> None:
    from toxiclf.embeddings.word_vectors import WordVectors
    from toxiclf.text.personal import readable

    assert isinstance(vectors, WordVectors)
    for word in words:
        neighbours = [(readable(other), similarity) for other, similarity in vectors.neighbours(word)]
        if as_json:
            print_json(
                {"word": word, "neighbours": [{"word": other, "similarity": round(s, 4)} for other, s in neighbours]}
            )
            continue
        known = vectors.vocabulary.ids([[word]]).flat
        parts = [vectors.tokens[i - 1] for i in known]
        if parts != [word]:
            say(f"{word} has no vector of its own; its pieces are used instead: {' + '.join(parts)}")
        print_table([["neighbour of " + word, "similarity"], *([other, f"{s:.3f}"] for other, s in neighbours)])
