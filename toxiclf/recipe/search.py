"""The ``[search]`` table: which recipe keys a search varies, and which values it tries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, ValidationError, field_validator, model_validator

from toxiclf.errors import unknown_name
from toxiclf.recipe.types import Count, Section


class Range(Section):
    """Numbers from ``low`` to ``high``, both included; only integers unless a bound or the step is a float."""

    low: int | FiniteFloat
    """The lowest value."""
    high: int | FiniteFloat
    """The highest value."""
    log: bool = False
    """Whether values are drawn on a logarithmic scale."""
    step: int | FiniteFloat | Literal["none"] = "none"
    """Distance from one value to the next; "none" allows every number."""

    @field_validator("low", "high", "step", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, Real | str):
            raise ValueError(f"expected a number, not {value!r}")
        return value

    @model_validator(mode="after")
    def _rises(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}; low must be below high")
        if self.log and (self.low <= 0 or self.step != "none"):
            raise ValueError("log = true needs a low above 0 and no step")
        if self.step != "none":
            steps = (self.high - self.low) / self.step if self.step > 0 else 0.0
            if steps < 1 or abs(steps - round(steps)) > 1e-9:
                raise ValueError(f"step is {self.step}; expected a number that divides high - low into whole steps")
        return self

    @property
    def whole(self) -> bool:
        """Whether the range holds only integers."""
        return all(isinstance(end, int) for end in (self.low, self.high)) and not isinstance(self.step, float)


Space = dict[str, Range | tuple[Any, ...]]
_TABLE = 'expected a table such as {"model.C" = [0.1, 1, 10]}'


def _as_spaces(value: Any) -> Any:
    """Convert one or several TOML tables, with quoted or dotted keys, to dicts: values or a range by recipe key."""
    tables = [value] if isinstance(value, Mapping) else value
    if not (isinstance(tables, list | tuple) and all(isinstance(table, Mapping) for table in tables)):
        raise ValueError(f"{_TABLE}, or a list of such tables")
    spaces = []
    for table in tables:
        space: Space = {}
        for key, values in _flat(table):
            if key in space:
                raise ValueError(f"{key} is named twice in one table")
            if "." not in key and key != "seed":
                raise ValueError(f"{key} is not a recipe key; write it as SECTION.KEY, such as model.C")
            space[key] = (
                values
                if isinstance(values, Range)
                else _range(key, values)
                if _is_range(values)
                else _list(key, values)
            )
        spaces.append(space)
    return tuple(spaces)


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and not _is_range(value):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _is_range(value: Any) -> bool:
    return isinstance(value, Mapping) and bool({"low", "high"} & set(value))


def _range(key: str, table: Mapping[str, Any]) -> Range:
    try:
        return Range.model_validate(dict(table))
    except ValidationError as error:
        complaint = error.errors()[0]
        where = complaint["loc"][0] if complaint["loc"] else ""
        if complaint["type"] == "extra_forbidden":
            raise ValueError(str(unknown_name(f"key of the range of {key}", where, Range.model_fields))) from None
        if complaint["type"] == "missing":
            raise ValueError(f"the range of {key} has no {where}; write it as {{low = 0.1, high = 10}}") from None
        message = complaint["msg"].removeprefix("Value error, ")
        raise ValueError(f"the range of {key}: {f'{where}: ' if where else ''}{message}") from None


def _list(key: str, values: Any) -> tuple[Any, ...]:
    listed: tuple[Any, ...] = tuple(values) if isinstance(values, list | tuple) else (values,)
    if not listed:
        raise ValueError(f"the list of {key} is empty; give it a value to try")
    return listed


class SearchSection(Section):
    """``[search]``: which recipe keys a search varies; recipes are compared by cross-validation in the training set."""

    method: Literal["none", "grid", "optuna"] = "none"
    """No search, a grid of all combinations, or proposals by optuna."""
    metric: Literal["average_precision", "roc_auc", "f1", "f2", "f1_macro", "accuracy"] = "average_precision"
    """Metric that picks the best recipe, by its mean over folds; over all labels, as in a report. For f1, f2,
    f1_macro and accuracy, calibration and threshold of each fold are chosen on the held-out scores of the other
    folds."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of the cross-validation."""
    stratified: bool = True
    """Whether each fold has the same share of each class."""
    trials: Count = 50
    """Number of recipes that optuna tries."""
    space: Annotated[tuple[Space, ...], BeforeValidator(_as_spaces)] = ()
    """Recipe keys with a list of values each or, for optuna, a range such as `{low = 0.1, high = 10, log = true}`;
    several tables are searched separately, for keys that fit only some values of another key (gamma fits only some
    kernels)."""

    @model_validator(mode="after")
    def _whole(self) -> SearchSection:
        idle = {"none": ["metric", "folds", "stratified", "trials", "space"], "grid": ["trials"], "optuna": []}
        for key in idle[self.method]:
            if getattr(self, key) != SearchSection.model_fields[key].default:
                raise ValueError(f"search.{key} has no effect while search.method is {self.method!r}; leave it out")
        if self.method != "none" and not (self.space and all(self.space)):
            raise ValueError(f"search.space names no key to try; {_TABLE}")
        for key in (key for space in self.space for key in space):
            if key.split(".")[0] in ("split", "decision", "search") or key.split(".")[-1] == "seed":
                raise ValueError(f"search.space: {key} cannot be searched; set it once, for all trials")
            if key in ("text.repeat_cap", "text.max_chars"):
                raise ValueError(
                    f"search.space: {key} decides which comments are equal and so changes the folds; set it "
                    "once, for all trials"
                )
        if self.method == "grid":
            for key in (key for space in self.space for key, values in space.items() if isinstance(values, Range)):
                raise ValueError(
                    f"search.space: a grid needs a list of values for {key}; use method 'optuna' for ranges"
                )
        return self
