"""Make the normalizer, preprocessor and tokenizer from a recipe's ``[text]`` table."""

from __future__ import annotations

from dataclasses import fields

from toxiclf.recipe import Recipe
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer, tokenizer

NORMALIZER_KEYS = tuple(f"text.{field.name}" for field in fields(Normalizer))
"""Recipe keys of the normalizer, which decides which comments are equal, and so which are in the test set."""


def recipe_normalizer(recipe: Recipe) -> Normalizer:
    """Return the recipe's normalizer; comments that are equal after normalization stay together in splits and folds."""
    return Normalizer.of(recipe.text)


def recipe_preprocessor(recipe: Recipe) -> Preprocessor:
    """Return the recipe's preprocessor: its normalizer, and its views that read disguised words."""
    return Preprocessor(recipe_normalizer(recipe), recipe.text.views)


def recipe_tokenizer(recipe: Recipe) -> Tokenizer:
    """Return the recipe's tokenizer with its options."""
    text = recipe.text
    return tokenizer(text.tokenizer, part_of_speech=text.part_of_speech, typo_correction=text.typo_correction)
