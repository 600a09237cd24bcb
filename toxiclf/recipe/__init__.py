"""A recipe: one validated TOML file is one experiment."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from toxiclf.errors import UsageError, unknown_name
from toxiclf.recipe.balance import AugmentStep, BalanceSection, ResampleStep, resample_steps
from toxiclf.recipe.models import (
    ANOMALY_MODELS,
    MODEL_OPTIONS,
    SELF_BALANCING,
    AutoencoderOptions,
    BalancedRandomForestOptions,
    CnnOptions,
    DnnOptions,
    DnnSequenceOptions,
    EasyEnsembleOptions,
    EnsembleOptions,
    IsolationForestOptions,
    KnnOptions,
    LightgbmOptions,
    LogisticOptions,
    LstmAutoencoderOptions,
    ModelOptions,
    NetworkOptions,
    NgramLogisticOptions,
    OneClassSvmOptions,
    OvercompleteAutoencoderOptions,
    RandomForestOptions,
    RecurrentOptions,
    RusboostOptions,
    SequenceOptions,
    StackingOptions,
    SvmOptions,
    VaeOptions,
    VotingOptions,
    XgboostOptions,
)
from toxiclf.recipe.search import Range, SearchSection
from toxiclf.recipe.sections import (
    SHIPPED_VECTORS,
    DecisionSection,
    FeaturesSection,
    SplitSection,
    TextSection,
    VectorsSection,
)
from toxiclf.recipe.types import Section

__all__ = [
    "ANOMALY_MODELS",
    "MODEL_OPTIONS",
    "SELF_BALANCING",
    "SHIPPED_VECTORS",
    "AugmentStep",
    "AutoencoderOptions",
    "BalanceSection",
    "BalancedRandomForestOptions",
    "CnnOptions",
    "DecisionSection",
    "DnnOptions",
    "DnnSequenceOptions",
    "EasyEnsembleOptions",
    "EnsembleOptions",
    "FeaturesSection",
    "IsolationForestOptions",
    "KnnOptions",
    "LightgbmOptions",
    "LogisticOptions",
    "LstmAutoencoderOptions",
    "ModelOptions",
    "NetworkOptions",
    "NgramLogisticOptions",
    "OneClassSvmOptions",
    "OvercompleteAutoencoderOptions",
    "RandomForestOptions",
    "Range",
    "Recipe",
    "RecurrentOptions",
    "ResampleStep",
    "RusboostOptions",
    "SearchSection",
    "SequenceOptions",
    "SplitSection",
    "StackingOptions",
    "SvmOptions",
    "TextSection",
    "VaeOptions",
    "VectorsSection",
    "VotingOptions",
    "XgboostOptions",
    "parsed_setting",
    "presets",
    "resample_steps",
]


class Recipe(Section):
    """All that decides a run, but the data.

    Raises
    ------
    UsageError : from :meth:`load`, where a key is unknown or a value does not fit.
    """

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    split: SplitSection = SplitSection()
    text: TextSection = TextSection()
    vectors: VectorsSection = VectorsSection()
    features: FeaturesSection = FeaturesSection()
    balance: BalanceSection = BalanceSection()
    model: Annotated[ModelOptions, Field(discriminator="name")] = NgramLogisticOptions()
    decision: DecisionSection = DecisionSection()
    search: SearchSection = SearchSection()

    @model_validator(mode="after")
    def _room_for_training(self) -> Recipe:
        if self.split.test + self.split.validation >= 1:
            raise ValueError("split.test and split.validation leave no rows to train on; their sum must be below 1")
        return self

    @model_validator(mode="after")
    def _vectors_chosen(self) -> Recipe:
        """Write out what ``vectors.pretrained = "auto"`` means, for models that take word vectors."""
        text, vectors = self.text, self.vectors
        if not any(map(_takes_vectors, self.members)):
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
                f"vectors.pretrained '{vectors.pretrained}' is of the tokens of mecab, all parts of speech; set it to 'none' or to "
                "vectors of your own for others"
            )
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Recipe:
        idle: list[tuple[str, Section, Sequence[str], str]] = []
        members, model = self.members, f"on the model {self.model.name}"
        if all(isinstance(member, NgramLogisticOptions) for member in members):
            idle += [
                ("vectors", self.vectors, list(VectorsSection.model_fields), model),
                ("text", self.text, ["tokenizer", "part_of_speech", "typo_correction", "max_tokens"], model),
            ]
        idle += [("text", self.text, keys, cause) for keys, cause in self.text.idle_keys()]
        if self.vectors.pretrained not in ("auto", "none"):
            trained = [key for key in VectorsSection.model_fields if key != "pretrained"]
            idle.append(("vectors", self.vectors, trained, f"while vectors.pretrained is '{self.vectors.pretrained}'"))
        elif self.vectors.kind != "fasttext":
            idle.append(("vectors", self.vectors, ["jamo_ngrams", "buckets"], "while vectors.kind is 'word2vec'"))
        if isinstance(self.model, SvmOptions) and self.model.kernel == "linear":
            idle.append(("model", self.model, ["gamma"], "while model.kernel is 'linear'"))
        if not any(map(takes_averages, members)):
            idle.append(("features", self.features, list(FeaturesSection.model_fields), model))
            if all(isinstance(member, SequenceOptions) and member.embedding == "scratch" for member in members):
                trained = sorted(set(VectorsSection.model_fields) - {"size", "min_count"})
                idle.append(("vectors", self.vectors, trained, "while model.embedding is 'scratch'"))
        if not any(isinstance(member, NetworkOptions) for member in members):
            idle.append(("balance", self.balance, ["loss", "focal_gamma", "logit_tau"], model))
        if all(member.name in SELF_BALANCING for member in members):
            idle.append(
                ("balance", self.balance, ["class_weight", "effective_number_beta"], f"{model}, which balances itself")
            )
        if self.model.name in ANOMALY_MODELS:
            without = f"{model}, which learns from comments without the label alone"
            idle.append(("balance", self.balance, list(BalanceSection.model_fields), without))
            idle.append(("features", self.features, ["metric", "select"], without))
        idle += [("features", self.features, keys, cause) for keys, cause in self.features.idle_keys()]
        idle += [("balance", self.balance, keys, cause) for keys, cause in self.balance.idle_keys()]
        for section, values, keys, cause in idle:
            for key in keys:
                if getattr(values, key) != type(values).model_fields[key].default:
                    raise ValueError(f"{section}.{key} has no effect {cause}; leave it out")
        return self

    @model_validator(mode="after")
    def _resamples_vectors(self) -> Recipe:
        """Resamplers make rows of numbers; of a sequence or of n-grams they would make none that a comment could give."""
        if not self.balance.resample or any(map(takes_averages, self.members)):
            return self
        ngrams = all(isinstance(member, NgramLogisticOptions) for member in self.members)
        takes = "n-grams" if ngrams else "sequences of word vectors"
        others = (
            "balance.augment or balance.class_weight"
            if ngrams
            else "balance.augment, balance.class_weight or balance.loss"
        )
        raise ValueError(
            f"balance.resample makes rows of averaged word vectors, and {self.model.name} takes {takes}; use {others} instead"
        )

    @model_validator(mode="after")
    def _searches_one_model(self) -> Recipe:
        if self.search.method != "none" and isinstance(self.model, EnsembleOptions):
            raise ValueError(
                f"search tries recipes of one model, and {self.model.name} has {len(self.members)}; search for its members one by "
                "one, and give what was found as tables in model.members"
            )
        return self

    @property
    def members(self) -> tuple[Any, ...]:
        """Options of the models that are fitted: of an ensemble its members, else the one model."""
        return self.model.members if isinstance(self.model, EnsembleOptions) else (self.model,)

    def of_member(self, options: Any) -> Recipe:
        """The recipe of one member of an ensemble; what has no effect on it is as it is by default."""
        features, balance = self.features, self.balance
        if not takes_averages(options):
            features, balance = FeaturesSection(), balance.model_copy(update={**_NO_RESAMPLING})
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
        """Read a recipe.

        Parameters
        ----------
        source : name of a preset, path of a TOML file, a mapping, or a recipe; None for the default.
        model : name of a model, whose preset gives the ``[model]`` table.
        settings : ``key=value`` pairs such as ``decision.objective=f2``; a value is TOML, else text.
        seed : replaces the recipe's seed.

        >>> Recipe.load("svm", settings=["model.C=10", "vectors.size=50"]).model.C
        10.0
        """
        if source is None and model is not None:
            source = model if model in presets() else None
        content = _content(source)
        if not isinstance(content.setdefault("model", {}), dict):
            content["model"] = {"name": content["model"]}
        if model is not None and content["model"].get("name") != model:
            content["model"] = _model_table(model)
        for setting in settings:
            _put(content, *parsed_setting(setting))
        if seed is not None:
            content["seed"] = seed
        if not isinstance(content["model"], dict):  # --set model=svm
            content["model"] = {"name": content["model"]}
        content["model"].setdefault("name", "ngram_logistic")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise _explained(error) from None

    def changed(self, settings: Mapping[str, Any]) -> Recipe:
        """The recipe with other values; a new ``model.name`` brings the options of its preset.

        Parameters
        ----------
        settings : values by key, such as ``{"model.C": 10}``.

        Raises
        ------
        UsageError : a key is unknown or a value does not fit.

        >>> Recipe.load("svm").changed({"model.C": 10, "vectors.size": 50}).model.C
        10.0
        """
        content = self.model_dump(exclude_unset=True)
        content["model"] = {"name": self.model.name, **content.get("model", {})}
        name = settings.get("model.name", self.model.name)
        if name != self.model.name:
            content["model"] = _model_table(name)
        for key, value in settings.items():
            _put(content, key, deepcopy(value))
        return Recipe.load(content)

    @property
    def pretrained_vectors(self) -> str | None:
        """The word vectors that are taken as they are, by name or path; None where vectors are trained, or there are none."""
        return None if self.vectors.pretrained in ("auto", "none") else self.vectors.pretrained

    def to_toml(self) -> str:
        """The whole recipe, defaults included, as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Hash of the recipe's content."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


_NO_RESAMPLING: dict[str, Any] = {
    key: field.default
    for key, field in BalanceSection.model_fields.items()
    if key in ("resample", "ratio", "neighbours") or key.startswith("gan_")
}


def takes_averages(options: Any) -> bool:
    """Whether a model learns from one vector a comment, on which ``[features]`` and resampling have an effect."""
    return not isinstance(options, NgramLogisticOptions | SequenceOptions | LstmAutoencoderOptions)


def _takes_vectors(options: Any) -> bool:
    scratch = isinstance(options, SequenceOptions) and options.embedding == "scratch"
    return not isinstance(options, NgramLogisticOptions) and not scratch


def presets() -> list[str]:
    """Names of the recipes that ship with the package."""
    return sorted(Path(entry.name).stem for entry in files("toxiclf.recipes").iterdir() if entry.name.endswith(".toml"))


def _content(source: str | Path | Mapping[str, Any] | Recipe | None) -> dict[str, Any]:
    if source is None:
        return {}
    if isinstance(source, Recipe):
        return source.model_dump(exclude_unset=True)
    if isinstance(source, Mapping):
        return deepcopy(dict(source))
    try:
        if str(source) in presets():
            return tomllib.loads(files("toxiclf.recipes").joinpath(f"{source}.toml").read_text("utf-8"))
        path = Path(source)
        if not path.is_file():
            if path.suffix == ".toml":
                raise UsageError(
                    f"the recipe {path} does not exist; give a TOML file, or a preset: {', '.join(presets())}"
                )
            raise unknown_name("recipe", source, presets())
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} is not TOML: {error}") from error


def _model_table(name: str) -> dict[str, Any]:
    table: dict[str, Any] = _content(name).get("model", {}) if name in presets() else {}
    return {"name": name, **table}


def parsed_setting(setting: str) -> tuple[str, Any]:
    """Key and value of ``key=value``; a value is TOML, else text.

    Raises
    ------
    UsageError : it is written otherwise.

    >>> parsed_setting("model.C=10"), parsed_setting("model=svm")
    (('model.C', 10), ('model', 'svm'))
    """
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {setting}: write it as key=value, such as decision.objective=f2")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return key.strip(), value


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    table: Any = content
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            kind = "a list" if isinstance(table, list | tuple) else "a value"
            raise UsageError(
                f"recipe key {key}: {section} is {kind}, not a section; give {key.rpartition('.')[0]} as a whole"
            )
    table[last] = value


def _explained(error: ValidationError) -> UsageError:
    """Turn the first of pydantic's complaints into a sentence with the key and, for unknown ones, the nearest name."""
    complaint = error.errors()[0]
    path = [str(part) for part in complaint["loc"]]
    if path[:1] == ["model"] and len(path) > 1 and path[1] in MODEL_OPTIONS:
        known: list[str] = list(MODEL_OPTIONS[path.pop(1)].model_fields)
        if path[1:2] == ["members"] and len(path) > 3 and path[3] in MODEL_OPTIONS:
            known = list(MODEL_OPTIONS[path.pop(3)].model_fields)
    elif path[:2] == ["balance", "augment"] and len(path) > 2:
        known = list(AugmentStep.model_fields)
    elif len(path) > 1 and path[0] in Recipe.model_fields:
        section = Recipe.model_fields[path[0]].default
        known = list(type(section).model_fields) if isinstance(section, BaseModel) else []
    else:
        known = list(Recipe.model_fields)
    key = ".".join(
        part for part in path if not part.startswith(("function-", "literal[", "constrained-", "dict[", "tuple["))
    )
    if complaint["type"] == "extra_forbidden":
        return unknown_name("recipe key", key, [".".join([*path[:-1], name]) for name in known])
    if complaint["type"] == "union_tag_invalid":
        members = "members" in path
        names = [name for name in MODEL_OPTIONS if not members or name not in (*ANOMALY_MODELS, "voting", "stacking")]
        return unknown_name("member" if members else "model", complaint["input"].get("name"), names)
    message = complaint["msg"].removeprefix("Value error, ")
    given = "" if complaint["type"] == "value_error" else f" is {complaint['input']!r};"
    return UsageError(f"recipe key {key}{given or ':'} {message}" if key else message)
