"""The ``Recipe`` class: all tables of a recipe, and checks that their settings fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from toxiclf.errors import UsageError
from toxiclf.recipe.balance import BalanceSection
from toxiclf.recipe.effects import without_effect
from toxiclf.recipe.loading import (
    OLD_BEHAVIOR,
    RENAMED,
    explained,
    fill_in_old_behavior,
    is_preset,
    is_recipe_file,
    model_table,
    parsed_setting,
    put,
    recipe_content,
    rename_notes,
    take_new_names,
)
from toxiclf.recipe.options import AnyModel, ModelOptions, model_options
from toxiclf.recipe.search import SearchSection
from toxiclf.recipe.sections import (
    SHIPPED_VECTORS,
    DecisionSection,
    FeaturesSection,
    SplitSection,
    TextSection,
    VectorsSection,
    names_every_key,
)
from toxiclf.recipe.types import Section
from toxiclf.text.given import described

DEFAULT_MODEL = "ngram_logistic"
"""Model of a recipe without ``model.name``."""


class Recipe(Section):
    """All settings of a run; :meth:`load` reads a recipe, and ``toxiclf list recipe-keys`` prints its keys."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of everything random: the split, folds, models, resampling and augmentation."""
    split: SplitSection = SplitSection()
    text: TextSection = Field(default_factory=TextSection)
    vectors: VectorsSection = VectorsSection()
    features: FeaturesSection = FeaturesSection()
    balance: BalanceSection = BalanceSection()
    model: AnyModel = Field(default_factory=lambda: model_options(DEFAULT_MODEL))
    decision: DecisionSection = DecisionSection()
    search: SearchSection = SearchSection()
    _notes: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _room_for_training(self) -> Recipe:
        if self.split.test + self.split.validation >= 1:
            raise ValueError("split.test and split.validation leave no rows to train on; their sum must be below 1")
        return self

    @model_validator(mode="after")
    def _vectors_chosen(self) -> Recipe:
        """If the model takes word vectors, replace "auto" in ``vectors.pretrained`` by "ko-comments" or "none"."""
        text, vectors = self.text, self.vectors
        if all(one.component["takes"] == "ngrams" or one.learns_embedding for one in self.members):
            return self
        if vectors.pretrained == "auto":
            given = vectors.model_fields_set
            if "pretrained" in given:  # a saved recipe sets every key, so only values other than defaults count
                given = {key for key in given if getattr(vectors, key) != VectorsSection.model_fields[key].default}
            as_shipped = text.tokenizer == "mecab" and not text.part_of_speech
            chosen = vectors.model_copy(
                update={"pretrained": "none" if given or not as_shipped else SHIPPED_VECTORS[0]}
            )
            chosen.model_fields_set.discard("pretrained")  # not set by the user, so a changed recipe chooses again
            object.__setattr__(self, "vectors", chosen)
        elif vectors.pretrained in SHIPPED_VECTORS and (text.tokenizer != "mecab" or text.part_of_speech):
            raise ValueError(
                f"vectors.pretrained '{vectors.pretrained}' needs the tokenizer mecab with all parts of speech; "
                "set it to 'none' or to your own vectors"
            )
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Recipe:
        for idle in without_effect(self):
            values = getattr(self, idle.section)
            for key in idle.keys:
                if getattr(values, key) != values.default_of(key):
                    raise ValueError(f"{idle.section}.{key} has no effect {idle.cause}; leave it out")
        return self

    @model_validator(mode="after")
    def _resamples_vectors(self) -> Recipe:
        """Reject ``balance.resample`` unless a model takes averaged word vectors; only these can be resampled."""
        takes = {one.component["takes"] for one in self.members}
        if not self.balance.resample or "vectors" in takes:
            return self
        ngrams = takes == {"ngrams"}
        others = (
            "balance.augment or balance.class_weight"
            if ngrams
            else "balance.augment, balance.class_weight or balance.loss"
        )
        raise ValueError(
            f"balance.resample works on averaged word vectors, but {self.model.name} takes "
            f"{'n-grams' if ngrams else 'sequences of word vectors'}; use {others} instead"
        )

    @model_validator(mode="after")
    def _searches_one_model(self) -> Recipe:
        if self.search.method != "none" and self.model.component["has_members"]:
            raise ValueError(
                f"a search needs a single model, but {self.model.name} has {len(self.members)} members; search "
                "each member alone, then give the results as tables in model.members"
            )
        return self

    @property
    def members(self) -> tuple[Any, ...]:
        """Options of each model that is fitted: the members of an ensemble, or the single model."""
        return self.model.fitted_models()

    @property
    def has_network(self) -> bool:
        """Whether the model, or a member of an ensemble, is a neural network."""
        return any(one.component["is_network"] for one in self.members)

    @property
    def watches_validation(self) -> bool:
        """Whether the validation set serves for early stopping of a model or of metric learning, not for training."""
        watched = any(one.component["watches_validation"] for one in self.members)
        return watched or self.features.metric_learning != "none"

    @property
    def takes_tokens(self) -> bool:
        """Whether comments are tokenized; they are not if every model takes n-grams."""
        return any(one.component["takes"] != "ngrams" for one in self.members)

    @property
    def class_weight(self) -> Any:
        """Class weights of the model; "none" if it balances classes itself or learns from a single class."""
        entry = self.model.component
        return "none" if entry["balances_itself"] or entry["learns_from_negatives"] else self.balance.class_weight

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about recipe keys with an old name, and about keys that a recipe file of an earlier version lacks."""
        return self._notes

    def of_member(self, options: ModelOptions) -> Recipe:
        """Return the recipe of one member of an ensemble; keys without effect on it are reset to their defaults."""
        features, balance = self.features, self.balance
        if options.component["takes"] != "vectors":
            features, balance = FeaturesSection(), balance.without_resampling()
        return self.model_copy(update={"model": options, "features": features, "balance": balance})

    @classmethod
    def load(
        cls,
        source: str | Path | Mapping[str, Any] | Recipe | None = None,
        *,
        model: str | None = None,
        settings: Sequence[str] = (),
        seed: int | None = None,
    ) -> Recipe:
        """Read and validate a recipe.

        Parameters
        ----------
        source : str, Path, Mapping, Recipe or None
            Name of a preset, path of a TOML file, mapping of tables, or a recipe; None for default settings. A file
            without a key of a step that version 0.1 did not have, such as ``text.html_entities``, has the step off.
        model : str, optional
            Name of a model. If ``source`` has another model, the ``[model]`` table of ``source`` is replaced by the
            preset of ``model``.
        settings : sequence of str
            Pairs ``key=value`` such as ``decision.objective=f2``, which override ``source``; a value is TOML or text.
        seed : int, optional
            Seed that replaces the recipe's seed.

        Returns
        -------
        Recipe
            The validated recipe; its :attr:`notes` name the keys that were given by an old name, and those that the
            file lacks because version 0.1 did not have them.

        Raises
        ------
        UsageError
            A key or a name is unknown (the message gives the nearest), or a value is not valid.

        Examples
        --------
        >>> Recipe.load("svm", settings=["model.C=10", "vectors.size=50"]).model.C
        10.0
        """
        if source is None and model is not None:
            source = model if is_preset(model) else None
        content = recipe_content(source.model_dump(exclude_unset=True) if isinstance(source, Recipe) else source)
        if not isinstance(content.setdefault("model", {}), dict):
            content["model"] = {"name": content["model"]}
        if model is not None and content["model"].get("name") != model:
            content["model"] = model_table(model)
        notes = (*source.notes, *take_new_names(content)) if isinstance(source, Recipe) else take_new_names(content)
        if isinstance(settings, str) or not isinstance(settings, Iterable):
            raise UsageError(f"settings is {described(settings)}; expected a list such as ['decision.objective=f2']")
        changes = [parsed_setting(setting) for setting in settings]
        _choose_verdict_again(content, {key for key, _ in changes})
        for key, value in changes:  # they override the recipe, by the old or the new name of a key
            put(content, RENAMED.get(key, key), value)
            notes += (*rename_notes([key]), *take_new_names(content))
        if is_recipe_file(source) and (missing := fill_in_old_behavior(content)):
            values = ", ".join(f"{key} = {json.dumps(OLD_BEHAVIOR[key])}" for key in missing)
            notes += (
                f"the recipe {source} lacks keys that version 0.1 did not have, so they keep the behavior of 0.1: {values}; "
                "set them in the recipe or with --set to change that",
            )
        if seed is not None:
            content["seed"] = seed
        if not isinstance(content["model"], dict):  # --set model=svm
            content["model"] = {"name": content["model"]}
        content["model"].setdefault("name", DEFAULT_MODEL)
        try:
            recipe = cls.model_validate(content)
        except ValidationError as error:
            raise explained(error, content, cls) from None
        recipe._notes = tuple(dict.fromkeys(notes))
        return recipe

    def changed(self, settings: Mapping[str, Any]) -> Recipe:
        """Return a copy with changed values; a new ``model.name`` replaces ``[model]`` by the preset of that model.

        Parameters
        ----------
        settings : mapping
            New values by key, such as ``{"model.C": 10}``.

        Returns
        -------
        Recipe

        Raises
        ------
        UsageError
            A key is unknown, or a value is not valid.

        Examples
        --------
        >>> Recipe.load("svm").changed({"model.C": 10, "vectors.size": 50}).model.C
        10.0
        """
        content = self.model_dump(exclude_unset=True)
        content["model"] = {"name": self.model.name, **content.get("model", {})}
        name = settings.get("model.name", self.model.name)
        if name != self.model.name:
            content["model"] = model_table(name)
        _choose_verdict_again(content, settings.keys())
        for key, value in settings.items():
            put(content, RENAMED.get(key, key), deepcopy(value))
        return Recipe.load(content)

    @property
    def pretrained_vectors(self) -> str | None:
        """Name or path of the ready-made word vectors; None if word vectors are trained or not used."""
        return None if self.vectors.pretrained in ("auto", "none") else self.vectors.pretrained

    def to_toml(self) -> str:
        """Return the whole recipe, including defaults, as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Return the SHA-256 of the whole recipe, including defaults, as hex digits."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def _choose_verdict_again(content: dict[str, Any], changed: Collection[str]) -> None:
    """Make thresholds the verdict of a saved recipe, in place, if a change names an objective but no verdict.

    A saved recipe names every key, so its ``decision.exclusive`` is not what the user chose.
    """
    decision = content.get("decision")
    chosen = "decision.objective" in changed and "decision.exclusive" not in changed
    if chosen and isinstance(decision, dict) and names_every_key(decision):
        decision["exclusive"] = "thresholds"
