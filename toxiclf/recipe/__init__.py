"""A recipe: one validated TOML file is one experiment."""

from __future__ import annotations

from toxiclf.recipe.loading import parsed_setting, preset_summaries, presets
from toxiclf.recipe.options import ModelOptions, model_options
from toxiclf.recipe.recipe import BASELINE, Recipe
from toxiclf.recipe.search import Range, SearchSection
from toxiclf.recipe.sections import (
    AUGMENT_METHODS,
    RESAMPLE_METHODS,
    SHIPPED_VECTORS,
    VIEWS,
    WITH_NEIGHBOURS,
    WITHOUT_RATIO,
    AugmentStep,
    BalanceSection,
    DecisionSection,
    FeaturesSection,
    SplitSection,
    TextSection,
    VectorsSection,
)

__all__ = [
    "AUGMENT_METHODS",
    "BASELINE",
    "RESAMPLE_METHODS",
    "SHIPPED_VECTORS",
    "VIEWS",
    "WITHOUT_RATIO",
    "WITH_NEIGHBOURS",
    "AugmentStep",
    "BalanceSection",
    "DecisionSection",
    "FeaturesSection",
    "ModelOptions",
    "Range",
    "Recipe",
    "SearchSection",
    "SplitSection",
    "TextSection",
    "VectorsSection",
    "model_options",
    "parsed_setting",
    "preset_summaries",
    "presets",
]
