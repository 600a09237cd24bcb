"""The ``[balance]`` table of a recipe, and the entries of its lists ``resample`` and ``augment``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_serializer, model_validator

from toxiclf._registry import Component, component, components
from toxiclf.errors import UsageError, unknown_name
from toxiclf.recipe.sections import SHIPPED_VECTORS
from toxiclf.recipe.types import ComponentName, Count, Positive, Section, as_list

_HEAVIEST = 1e6  # larger weights lead to numbers that no library can compute with


class Step(Section):
    """Base class of an entry of ``resample`` or ``augment``: a method, common keys, and options of this method."""

    model_config = ConfigDict(extra="allow")
    kind: ClassVar[str]
    method: str

    @model_validator(mode="after")
    def _own_options(self) -> Step:
        """Validate the options that only this method has, and add defaults for those that are left out."""
        own, given = self.component.options, self.model_extra or {}
        known = {} if own is None else own.model_fields
        for key in given:
            if key not in known:
                raise ValueError(str(unknown_name("key", key, [*type(self).model_fields, *known])))
        if own is not None:
            try:
                checked = own(**given)
            except ValidationError as error:
                complaint = error.errors()[0]
                key = ".".join(map(str, complaint["loc"]))
                raise ValueError(f"{key} is {complaint['input']!r}; {complaint['msg']}") from None
            object.__setattr__(self, "__pydantic_extra__", checked.model_dump())
        return self

    @property
    def component(self) -> Component:
        """Registry entry of the method."""
        return component(self.kind, self.method)

    @property
    def options(self) -> Any:
        """Options that only this method has, as an object of its options class; None if it has none."""
        own = self.component.options
        return None if own is None else own(**(self.model_extra or {}))

    @classmethod
    def default_of(cls, key: str) -> Any:
        """Return the default value of a key; None for an option that only one method has."""
        return super().default_of(key) if key in cls.model_fields else None


class AugmentStep(Step):
    """One entry of ``balance.augment``: a method that writes changed copies of comments.

    >>> AugmentStep(method="eda", copies=2)
    AugmentStep(method='eda', copies=2)
    """

    kind = "augmenter"
    method: Annotated[str, ComponentName("augmenter")]
    """Method that writes the copies."""
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of copies of each comment."""
    of: Literal["rarer", "all"] = "rarer"
    """Comments that are copied: "rarer" for those of the rarer class; "all" for those of all classes, so that traces of
    the method do not reveal the class."""
    rate: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    """Share of a comment's words or syllables that change; "auto" is the method's own default."""
    similarity: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Lowest cosine similarity that makes a word a synonym."""
    vectors: Annotated[str, Field(min_length=1)] = SHIPPED_VECTORS[0]
    """Where synonyms are looked up: "ko-comments", or a folder that `toxiclf pretrain` wrote with mecab's tokens."""

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> AugmentStep:
        for key in set(type(self).model_fields) - {"method", "copies", "of", *self.component["keys"]}:
            if getattr(self, key) != self.default_of(key):
                raise ValueError(f"balance.augment: {key} has no effect on {self.method}; leave it out")
        return self


class ResampleStep(Step):
    """One entry of ``balance.resample``: a resampler, which is saved as its name alone if it has no own options."""

    kind = "resampler"
    method: Annotated[str, ComponentName("resampler")]
    """Method that adds or removes rows."""

    @model_serializer(mode="wrap")
    def _short(self, handler: Any) -> Any:
        content = handler(self)
        return content if self.model_extra else self.method


def resample_steps(entries: Iterable[Any]) -> tuple[ResampleStep, ...]:
    """Convert resampler names, recipe tables and ready-made steps to ``ResampleStep`` objects.

    Raises
    ------
    UsageError : there is no such resampler, or its options are not valid.
    """
    steps = []
    for entry in entries:
        content = _with_method(entry)
        if isinstance(content, Mapping):
            component("resampler", str(content.get("method")))  # its error names the nearest resampler
        try:
            steps.append(ResampleStep.model_validate(content))
        except ValidationError as error:
            raise UsageError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return tuple(steps)


def _with_method(entry: Any) -> Any:
    return {"method": entry} if isinstance(entry, str) else entry


def _steps(value: Any) -> Any:
    """Convert one entry or a list (names or tables) to a list of tables with ``method``; "none" becomes empty."""
    if value in ("none", ["none"]):
        return ()
    entries = [value] if isinstance(value, str | Mapping) else value
    return [_with_method(entry) for entry in entries] if isinstance(entries, list | tuple) else entries


def _weights(value: Any) -> Any:
    """Validate class weights: a name, or weights by class; convert classes such as 0 and 1 to strings."""
    if not isinstance(value, Mapping):
        return value
    if not value:
        raise ValueError('the table is empty; give weights by class, such as {toxic = 5}, or "none"')
    for key, weight in value.items():
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < float(weight) <= _HEAVIEST:
            raise ValueError(f"the weight of '{key}' is {weight!r}; expected a number above 0, at most a million")
    return {str(key): float(weight) for key, weight in value.items()}


class BalanceSection(Section):
    """``[balance]``: techniques for a rare class; all are applied to training rows only."""

    class_weight: Annotated[
        Literal["balanced", "none", "effective_number"] | dict[str, float], BeforeValidator(_weights)
    ] = "balanced"
    """Weight of a row of class c: n / (k · n_c) for k classes (balanced), or (1 - beta) / (1 - beta ** n_c), scaled to
    a mean of 1 per row (effective_number, Cui et al. 2019); n and n_c count rows after augmentation and resampling. Or
    a table with a weight for each label and for the negative value, whose key is "negative" unless the label column
    names the value."""
    effective_number_beta: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """Beta of `class_weight = "effective_number"`; the closer to 0, the more equal are the weights of all classes."""
    loss: Annotated[str, ComponentName("loss")] = "crossentropy"
    """Loss that networks minimize; class weights and a loss for rare classes together favor rare classes twice."""
    focal_gamma: Positive = 2.0
    """Exponent of the focal loss, which scales the loss of each comment by (1 - p) ** gamma; p is the probability of
    its class."""
    logit_tau: Positive = 1.0
    """Factor tau of `loss = "logit_adjusted"`; training adds tau times the log-odds of a class to its logit."""
    resample: Annotated[tuple[ResampleStep, ...], BeforeValidator(_steps)] = ()
    """Resamplers, in the order in which they are applied; they need averaged word vectors and a single label. Each is a
    name, or a table of `method` and its own options."""
    ratio: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1), BeforeValidator(as_list)] = (
        1.0,
    )
    """Number of rows of the rarer class per row of the more frequent class: one number for all, or one for each
    resampler that takes a ratio."""
    neighbours: Count = 5
    """Number of nearest neighbors that SMOTE and its variants use."""
    gan_steps: Count = 1500
    """Maximum number of training steps of the generator."""
    gan_noise: Count = 32
    """Dimensions of the random vector from which the generator makes a row."""
    gan_units: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(as_list)] = (128, 128)
    """Units of the dense layers of generator and critic."""
    gan_critic_steps: Count = 3
    """Training steps of the critic for each training step of the generator."""
    gan_penalty: Positive = 10.0
    """Weight of the critic's gradient penalty (Gulrajani et al. 2017)."""
    gan_learning_rate: Positive = 5e-4
    """Learning rate of generator and critic."""
    augment: Annotated[tuple[AugmentStep, ...], BeforeValidator(_steps)] = ()
    """Methods that write changed copies of comments before tokenizing. Each is a name, or a table of `method`, `copies`
    (number of copies of each comment, default 1), `of` (copy comments of the "rarer" class, the default, or of "all"
    classes), `rate` ("auto", or the share of words or syllables that change) and the method's own options. eda also has
    `similarity` (lowest cosine similarity of synonyms, default 0.6) and `vectors` (word vectors that give synonyms,
    default "ko-comments")."""

    @model_validator(mode="after")
    def _a_ratio_each(self) -> BalanceSection:
        takers = [step.method for step in self.resample if "ratio" in step.component["keys"]]
        if len(self.ratio) not in (1, len(takers)):
            raise ValueError(
                f"balance.ratio has {len(self.ratio)} numbers; give one for all, or one for each resampler that takes a ratio"
                f" ({', '.join(takers) or 'there is none'})"
            )
        return self

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Return lists of keys that have no effect with the other settings, each list with its reason."""
        idle = []
        if self.class_weight != "effective_number":
            idle.append((["effective_number_beta"], "unless balance.class_weight is 'effective_number'"))
        loss = component("loss", self.loss)
        idle.append((keys_of("loss", but=[loss]), f"while balance.loss is '{self.loss}'"))
        names = ", ".join(step.method for step in self.resample)
        cause = f"on balance.resample = {names}" if names else "without balance.resample"
        idle.append((keys_of("resampler", but=[step.component for step in self.resample]), cause))
        return idle

    def without_resampling(self) -> BalanceSection:
        """Return a copy with the keys of resampling reset to their defaults."""
        return self.model_copy(update={key: self.default_of(key) for key in ("resample", *keys_of("resampler"))})

    @property
    def loss_function(self) -> Any:
        """Loss that networks minimize, a :class:`toxiclf.balance.losses.Loss` with the parameters set here."""
        loss = component("loss", self.loss)
        return loss.target(**{key: getattr(self, key) for key in loss["keys"]})

    @property
    def gan(self) -> dict[str, Any]:
        """Parameters of the GAN, by name without ``gan_``; empty if no resampler uses a GAN."""
        keys = [key for step in self.resample for key in step.component["keys"] if key.startswith("gan_")]
        return {key.removeprefix("gan_"): getattr(self, key) for key in keys}


def keys_of(kind: str, *, but: Iterable[Component] = ()) -> list[str]:
    """Return the ``[balance]`` keys that affect components of a kind; leave out those that affect any of ``but``."""
    own = {key for entry in but for key in entry["keys"]}
    return list(dict.fromkeys(key for entry in components(kind).values() for key in entry["keys"] if key not in own))
