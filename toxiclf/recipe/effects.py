"""Find recipe keys that have no effect with the other settings; a recipe that sets such a key is rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toxiclf.recipe.balance import BalanceSection, keys_of
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.sections import FeaturesSection, VectorsSection
from toxiclf.recipe.types import NoEffect


def without_effect(recipe: Any) -> Iterator[NoEffect]:
    """Yield all keys of a recipe that have no effect, with the reasons.

    Parameters
    ----------
    recipe : a :class:`toxiclf.recipe.Recipe`.
    """
    yield from without_effect_on(recipe.model)
    yield from recipe.model.without_effect()
    for section in ("text", "vectors", "features", "balance"):
        for keys, cause in getattr(recipe, section).idle_keys():
            yield NoEffect(section, keys, cause)


def without_effect_on(model: ModelOptions) -> Iterator[NoEffect]:
    """Yield keys that have no effect because of the traits of a model, or of all members of an ensemble."""
    members = model.fitted_models()
    takes = {member.component["takes"] for member in members}
    on = f"on the model {model.name}"
    if takes == {"ngrams"}:
        yield NoEffect("vectors", list(VectorsSection.model_fields), on)
        yield NoEffect("text", ["tokenizer", "part_of_speech", "typo_correction", "max_tokens"], on)
    if "vectors" not in takes:
        yield NoEffect("features", list(FeaturesSection.model_fields), on)
    if all(member.learns_embedding for member in members):
        trained = sorted(set(VectorsSection.model_fields) - {"size", "min_count"})
        yield NoEffect("vectors", trained, "while model.embedding is 'scratch'")
    if not _any(members, "is_network"):
        yield NoEffect("balance", ["loss", *keys_of("loss")], on)
    if all(member.component["balances_itself"] for member in members):
        yield NoEffect("balance", ["class_weight", "effective_number_beta"], f"{on}, which balances classes itself")
    if _any(members, "learns_from_negatives"):
        cause = f"{on}, which learns only from comments without the label"
        yield NoEffect("balance", list(BalanceSection.model_fields), cause)
        yield NoEffect("features", ["metric_learning", "select"], cause)


def _any(members: Sequence[ModelOptions], trait: str) -> bool:
    return any(member.component[trait] for member in members)
