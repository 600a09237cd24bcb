"""A recipe: one validated TOML file is one experiment."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from toxiclf.errors import UsageError, unknown_name

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitSection(_Section):
    """``[split]``: shares of all rows.

    ``test = 0`` trains on every row; the report then speaks from the scores that the decision was made on, and says so.
    """

    test: Share = 0.2
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1


class TextSection(_Section):
    """``[text]``: see :class:`toxiclf.text.normalize.Normalizer`.

    ``max_tokens = "auto"`` keeps all tokens that ``max_chars`` characters give.
    """

    tokenizer: Literal["mecab", "jamo", "char", "whitespace"] = "mecab"
    max_tokens: Count | Literal["auto"] = "auto"
    max_chars: Count = 2000
    repeat_cap: Count = 3


class VectorsSection(_Section):
    """``[vectors]``: Word2Vec, trained on the ``unlabeled`` texts alone where any are named, else on the training rows.

    ``seed`` is the vectors' own, so that runs with different recipe seeds share vectors of unlabeled texts; vectors of
    training rows draw on the recipe's seed as well. "auto" is ``min_count`` 5 and ``epochs`` 5 for unlabeled texts, 2 and 20
    for training rows.
    """

    kind: Literal["word2vec"] = "word2vec"
    architecture: Literal["skip_gram", "cbow"] = "skip_gram"
    size: Count = 100
    window: Count = 5
    min_count: Count | Literal["auto"] = "auto"
    epochs: Count | Literal["auto"] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0
    unlabeled: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()


class FeaturesSection(_Section):
    """``[features]``: how the word vectors of a comment become one vector."""

    pooling: Literal["mean", "tfidf", "sif"] = "mean"


class BalanceSection(_Section):
    """``[balance]``: "balanced" weighs a row of class c by n / (k · n_c), k classes.

    A table gives weights by name of label, and of the negative value ("negative" unless the label column names it).
    """

    class_weight: Literal["balanced", "none"] | dict[str, Positive] = "balanced"


class NgramLogisticOptions(_Section):
    """Logistic regression over TF-IDF n-grams of jamo (1 to ``jamo``) and syllables (1 to ``syllable``).

    N-grams in fewer than ``min_comments`` comments are left out. ``log_count_ratio`` scales each n-gram by how much more often
    it stands in comments of one class than of the other.
    """

    name: Literal["ngram_logistic"] = "ngram_logistic"
    C: Positive = 3.0
    jamo: Count = 6
    syllable: Count = 4
    min_comments: Count = 3
    log_count_ratio: bool = True


class LogisticOptions(_Section):
    """Logistic regression over standardized comment vectors."""

    name: Literal["logistic"]
    C: Positive = 1.0


class SvmOptions(_Section):
    """Support vector machine. ``gamma = "scale"`` is 1 / (features · variance), of the RBF kernel."""

    name: Literal["svm"]
    kernel: Literal["rbf", "linear"] = "rbf"
    C: Positive = 1.0
    gamma: Positive | Literal["scale"] = "scale"
    standardize: bool = True


class RandomForestOptions(_Section):
    """Random forest."""

    name: Literal["random_forest"]
    trees: Count = 300
    max_depth: Count | Literal["none"] = "none"
    min_samples_leaf: Count = 3
    min_samples_split: Annotated[int, Field(ge=2)] = 2


class DnnOptions(_Section):
    """Dense network in Keras. ``patience``: epochs without a better validation average precision before it stops."""

    name: Literal["dnn"]
    units: Annotated[tuple[Count, ...], BeforeValidator(_as_list), Field(min_length=1)] = (128, 128)
    activation: Literal["relu", "tanh", "elu", "gelu", "selu", "softmax"] = "relu"
    batch_norm: bool = False
    dropout: Rate = 0.5
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Positive = 1e-3
    batch_size: Count = 64
    epochs: Count = 100
    patience: Count = 10
    clip_norm: Positive | Literal["none"] = 1.0


ModelOptions = NgramLogisticOptions | LogisticOptions | SvmOptions | RandomForestOptions | DnnOptions

_RATED_OBJECTIVES = ("recall_at_precision", "precision_at_recall")
_OBJECTIVES = ("f1", "f2", "accuracy", "macro_f1", *(f"{name}=0.9" for name in _RATED_OBJECTIVES))


def _objective(value: Any) -> Any:
    """Accept a name, ``NAME=rate`` or a fixed threshold."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 1:
            raise ValueError(f"a fixed threshold must lie in [0, 1], not {value}; name an objective to have it tuned")
        return float(value)
    name, equals, rate = str(value).partition("=")
    if name in _OBJECTIVES and not equals:
        return name
    if name in _RATED_OBJECTIVES:
        try:
            if 0 < float(rate) <= 1:
                return f"{name}={float(rate):g}"
        except ValueError:
            pass
        raise ValueError(f"{name} wants a rate in (0, 1], such as {name}=0.9")
    raise ValueError(str(unknown_name("objective", value, _OBJECTIVES)))


class DecisionSection(_Section):
    """``[decision]``: where scores for calibration and thresholds come from, and what a threshold is chosen for.

    ``source = "auto"`` is "validation" for networks and "out_of_fold" for all other models. ``objective`` is f1, f2, accuracy,
    macro_f1, recall_at_precision=R (the most recall with at least that precision), precision_at_recall=R, or a fixed threshold.
    """

    source: Literal["auto", "out_of_fold", "validation"] = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    calibrate: Literal["platt", "isotonic", "none"] = "platt"
    objective: Annotated[str | float, BeforeValidator(_objective)] = "f1"


class Recipe(_Section):
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

    @model_validator(mode="after")
    def _room_for_training(self) -> Recipe:
        if self.split.test + self.split.validation >= 1:
            raise ValueError("split.test and split.validation leave no rows to train on; their sum must be below 1")
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Recipe:
        idle: list[tuple[str, _Section, Sequence[str]]] = []
        if self.model.name == "ngram_logistic":
            idle = [
                ("vectors", self.vectors, list(VectorsSection.model_fields)),
                ("features", self.features, list(FeaturesSection.model_fields)),
                ("text", self.text, ["tokenizer", "max_tokens"]),
            ]
        if isinstance(self.model, SvmOptions) and self.model.kernel == "linear":
            idle.append(("model", self.model, ["gamma"]))
        for section, values, keys in idle:
            for key in keys:
                if getattr(values, key) != type(values).model_fields[key].default:
                    raise ValueError(f"{section}.{key} has no effect on the model {self.model.name}; leave it out")
        return self

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
            preset = _content(model) if model in presets() else {}
            content["model"] = preset.get("model", {"name": model})
        for setting in settings:
            _set(content, setting)
        if seed is not None:
            content["seed"] = seed
        if not isinstance(content["model"], dict):  # --set model=svm
            content["model"] = {"name": content["model"]}
        content["model"].setdefault("name", "ngram_logistic")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise _explained(error) from None

    def to_toml(self) -> str:
        """The whole recipe, defaults included, as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json"))

    def sha256(self) -> str:
        """Hash of the recipe's content."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


MODEL_OPTIONS: dict[str, type[_Section]] = {
    "ngram_logistic": NgramLogisticOptions,
    "logistic": LogisticOptions,
    "svm": SvmOptions,
    "random_forest": RandomForestOptions,
    "dnn": DnnOptions,
}
"""Options of each model, by its name."""


def presets() -> list[str]:
    """Names of the recipes that ship with the package."""
    return sorted(Path(entry.name).stem for entry in files("toxiclf.recipes").iterdir() if entry.name.endswith(".toml"))


def _content(source: str | Path | Mapping[str, Any] | Recipe | None) -> dict[str, Any]:
    if source is None:
        return {}
    if isinstance(source, Recipe):
        return source.model_dump()
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


def _set(content: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {setting}: write it as key=value, such as decision.objective=f2")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise UsageError(f"--set {setting}: {section} is a value, not a section")
    content[last] = value


def _explained(error: ValidationError) -> UsageError:
    """Turn the first of pydantic's complaints into a sentence with the key and, for unknown ones, the nearest name."""
    complaint = error.errors()[0]
    path = [str(part) for part in complaint["loc"]]
    if path[:1] == ["model"] and len(path) > 1 and path[1] in MODEL_OPTIONS:
        known: list[str] = list(MODEL_OPTIONS[path.pop(1)].model_fields)
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
        return unknown_name("model", complaint["input"].get("name"), MODEL_OPTIONS)
    message = complaint["msg"].removeprefix("Value error, ")
    given = "" if complaint["type"] == "value_error" else f" is {complaint['input']!r};"
    return UsageError(f"recipe key {key}{given or ':'} {message}" if key else message)
