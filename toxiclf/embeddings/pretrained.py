"""Load the word vectors that a recipe names: shipped vectors, a folder or file, or vectors of unlabeled texts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from toxiclf.embeddings import store
from toxiclf.embeddings.pretrain import text_facts, vectors_of_unlabeled
from toxiclf.embeddings.word_vectors import Say, WordVectors
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import Recipe, TextSection
from toxiclf.recipe.sections import SHIPPED_VECTORS
from toxiclf.text.tokenizers import Tokenizer


def recipe_vectors(recipe: Recipe, engine: Tokenizer, say: Say) -> WordVectors | None:
    """Return the word vectors that the recipe names; None if they are trained on the training rows or by the model.

    Raises
    ------
    UsageError : the word vectors were trained with another tokenizer, other parts of speech or other typo correction.
    DataError : the word vectors do not exist, or they cannot be read or trained.
    """
    if recipe.model.learns_embedding:
        return None
    source = recipe.pretrained_vectors
    if source is not None:
        vectors, card = load_vectors(source)
        origin = {"source": source if source in SHIPPED_VECTORS else Path(source).name, "sha256": vectors_hash(source)}
        if card is None:
            say(f"word vectors {source}: assumed to hold tokens of {engine.name}")
        else:
            _check_text(source, card, recipe.text, engine, say)
            say(f"word vectors: {source}, {card.seen:,} tokens and the pieces of other words")
            origin |= {"kind": card.kind, "texts_sha256": card.texts_sha256}
        return replace(vectors, origin=origin)
    if recipe.vectors.unlabeled:
        return vectors_of_unlabeled(recipe.vectors, recipe.text, engine, say)
    return None


def load_vectors(source: str) -> tuple[WordVectors, store.VectorCard | None]:
    """Read word vectors by name or path.

    Parameters
    ----------
    source : "ko-comments", a folder that ``toxiclf pretrain`` wrote, or a file in one of word2vec's formats.

    Returns
    -------
    The word vectors and their card; None in place of the card for a file.

    Raises
    ------
    DataError : ``source`` names no word vectors, or they cannot be read.
    """
    if source in SHIPPED_VECTORS:
        with as_file(files("toxiclf.embeddings") / "shipped" / source) as folder:
            return store.load(folder)
    path = Path(source)
    if store.place(path).is_dir():
        return store.load(path)
    if not path.exists() and not path.suffix:
        raise DataError(
            f"there are no word vectors '{source}'; give {', '.join(SHIPPED_VECTORS)}, a folder that toxiclf pretrain wrote, "
            "or a file in word2vec's format"
        )
    return store.load_foreign(path), None


def vectors_hash(source: str) -> str:
    """Return the SHA-256 of a file of word vectors or, for a folder of them, of its card (``vectors.json``)."""
    if source in SHIPPED_VECTORS:
        card = files("toxiclf.embeddings") / "shipped" / source / store.CARD
        return hashlib.sha256(card.read_bytes()).hexdigest()
    path = store.place(Path(source))
    with (path / store.CARD if path.is_dir() else path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_text(source: str, card: store.VectorCard, text: TextSection, engine: Tokenizer, say: Say) -> None:
    made, here = card.text, text_facts(text, engine)
    for key in ("tokenizer", "part_of_speech", "typo_correction"):
        theirs, ours = getattr(made, key), getattr(here, key)
        if theirs != ours:
            shown = list(theirs) if isinstance(theirs, tuple) else theirs
            raise UsageError(
                f"the word vectors {source} were trained with text.{key} = {shown!r}, but the recipe has "
                f"{ours!r}; set it to {shown!r}, or set vectors.pretrained to other vectors or 'none'"
            )
    changed = [
        key for key in ("normalizer_version", "repeat_cap", "max_chars") if getattr(made, key) != getattr(here, key)
    ]
    if changed:
        say(
            f"word vectors {source}: their texts were normalized with another {', '.join(changed)} than the "
            "recipe has; a few words may have no vector"
        )
    if made.tokenizer_version != here.tokenizer_version:
        say(
            f"word vectors {source}: made with {made.tokenizer_version}, but {here.tokenizer_version} is "
            "installed; a few words may have no vector"
        )
