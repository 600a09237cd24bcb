"""Make the normalizer, preprocessor and tokenizer of a recipe's ``[text]``."""

from __future__ import annotations

from toxiclf.recipe import Recipe
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import Tokenizer, tokenizer


def recipe_normalizer(recipe: Recipe) -> Normalizer:
    """The recipe's normalizer; what it makes equal is one comment to split and folds, too."""
    return Normalizer(recipe.text.repeat_cap, recipe.text.max_chars)


def recipe_preprocessor(recipe: Recipe) -> Preprocessor:
    """The recipe's normalizer and its views of obfuscated words."""
    return Preprocessor(recipe_normalizer(recipe), recipe.text.views)


def recipe_tokenizer(recipe: Recipe) -> Tokenizer:
    """The recipe's tokenizer with its options."""
    text = recipe.text
    return tokenizer(text.tokenizer, part_of_speech=text.part_of_speech, typo_correction=text.typo_correction)
