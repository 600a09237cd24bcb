"""Recipes: a recipe is a validated TOML file with all settings of an experiment."""

from __future__ import annotations

from toxiclf.recipe.balance import AugmentStep, BalanceSection, ResampleStep, resample_steps
from toxiclf.recipe.loading import parsed_setting, preset_summaries, presets
from toxiclf.recipe.options import ModelOptions, model_options
from toxiclf.recipe.recipe import Recipe
from toxiclf.recipe.search import Range, SearchSection
from toxiclf.recipe.sections import (
    SHIPPED_VECTORS,
    DecisionSection,
    FeaturesSection,
    SplitSection,
    TextSection,
    VectorsSection,
)

__all__ = [
    "SHIPPED_VECTORS",
    "AugmentStep",
    "BalanceSection",
    "DecisionSection",
    "FeaturesSection",
    "ModelOptions",
    "Range",
    "Recipe",
    "ResampleStep",
    "SearchSection",
    "SplitSection",
    "TextSection",
    "VectorsSection",
    "model_options",
    "parsed_setting",
    "preset_summaries",
    "presets",
    "resample_steps",
]
