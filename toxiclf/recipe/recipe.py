"""A whole recipe: its tables, and checks that they fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from toxiclf.recipe.balance import BalanceSection
from toxiclf.recipe.effects import without_effect
from toxiclf.recipe.loading import (
    RENAMED,
    explained,
    is_preset,
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
)
from toxiclf.recipe.types import Section

DEFAULT_MODEL = "ngram_logistic"
"""The model of a recipe that names none."""


class Recipe(Section):
    """All settings of a run; :meth:`load` reads a recipe, and ``toxiclf list recipe-keys`` prints its keys."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of everything random: the split, folds, models, resampling and augmentation."""
    split: SplitSection = SplitSection()
    text: TextSection = TextSection()
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
        """Write out what ``vectors.pretrained = "auto"`` means, for models that take word vectors."""
        text, vectors = self.text, self.vectors
        if all(one.component["takes"] == "ngrams" or one.learns_embedding for one in self.members):
            return self
        if vectors.pretrained == "auto":
            given = vectors.model_fields_set
            if "pretrained" in given:  # as a recipe that was written names every key
                given = {key for key in given if getattr(vectors, key) != VectorsSection.model_fields[key].default}
            as_shipped = text.tokenizer == "mecab" and not text.part_of_speech
            chosen = vectors.model_copy(
                update={"pretrained": "none" if given or not as_shipped else SHIPPED_VECTORS[0]}
            )
            chosen.model_fields_set.discard("pretrained")  # nobody set it: a changed recipe chooses again
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
        """Resamplers make rows of numbers; of a sequence or of n-grams they would make none that a comment could give."""
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
        """Options of the models that are fitted: of an ensemble its members, else the one model."""
        return self.model.fitted_models()

    @property
    def has_network(self) -> bool:
        """Whether the model, or a member of its ensemble, is a network."""
        return any(one.component["is_network"] for one in self.members)

    @property
    def watches_validation(self) -> bool:
        """Whether anything uses the validation set for early stopping, so that nothing may be trained on it."""
        watched = any(one.component["watches_validation"] for one in self.members)
        return watched or self.features.metric_learning != "none"

    @property
    def takes_tokens(self) -> bool:
        """Whether comments are tokenized: for all models but those over n-grams."""
        return any(one.component["takes"] != "ngrams" for one in self.members)

    @property
    def class_weight(self) -> Any:
        """The class weights that the model takes: none where it balances classes itself, or learns from one class."""
        entry = self.model.component
        return "none" if entry["balances_itself"] or entry["learns_from_negatives"] else self.balance.class_weight

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about keys of earlier versions."""
        return self._notes

    def of_member(self, options: ModelOptions) -> Recipe:
        """The recipe of one member of an ensemble; keys without effect on it have their defaults."""
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
            Name of a preset, path of a TOML file, tables, or a recipe; None for the default.
        model : str, optional
            Name of a model, whose preset gives the ``[model]`` table.
        settings : sequence of str
            Pairs ``key=value`` such as ``decision.objective=f2``; a value is TOML, else text.
        seed : int, optional
            Replaces the recipe's seed.

        Returns
        -------
        Recipe
            Its :attr:`notes` name keys of earlier versions that it was written with.

        Raises
        ------
        UsageError
            A key or a name is unknown (the sentence gives the nearest), or a value does not fit.

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
        for setting in settings:  # which win over the recipe, by either name of a key
            key, value = parsed_setting(setting)
            put(content, RENAMED.get(key, key), value)
            notes += (*rename_notes([key]), *take_new_names(content))
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
        """The recipe with other values; a new ``model.name`` brings the options of its preset.

        Parameters
        ----------
        settings : mapping
            Values by key, such as ``{"model.C": 10}``.

        Returns
        -------
        Recipe

        Raises
        ------
        UsageError
            A key is unknown, or a value does not fit.

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
        for key, value in settings.items():
            put(content, RENAMED.get(key, key), deepcopy(value))
        return Recipe.load(content)

    @property
    def pretrained_vectors(self) -> str | None:
        """The ready-made word vectors, by name or path; None if vectors are trained or not used."""
        return None if self.vectors.pretrained in ("auto", "none") else self.vectors.pretrained

    def to_toml(self) -> str:
        """The whole recipe, defaults included, as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Hash of the recipe's content."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
