"""``[search]``: which keys of a recipe are tried with which values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from toxiclf.recipe.types import Count, Section


class Range(Section):
    """Numbers from ``low`` to ``high``, both included; whole ones where both are. ``log`` draws by order of magnitude."""

    low: int | FiniteFloat
    high: int | FiniteFloat
    log: bool = False
    step: int | FiniteFloat | Literal["none"] = "none"

    @field_validator("low", "high", "step", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"expected a number, not {str(value).lower()}")
        return value

    @model_validator(mode="after")
    def _rises(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}; low must be the smaller one")
        if self.log and (self.low <= 0 or self.step != "none"):
            raise ValueError("log wants a low above 0 and no step")
        if self.step != "none" and self.step <= 0:
            raise ValueError(f"step is {self.step}; expected a number above 0")
        return self

    @property
    def whole(self) -> bool:
        """Whether it holds integers only."""
        return all(isinstance(end, int) for end in (self.low, self.high)) and not isinstance(self.step, float)


Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Space = dict[str, Range | Values]


def _as_spaces(value: Any) -> Any:
    """One table or several; a key may be written ``"model.C"`` or ``model.C``, and one value stands for a list of one."""
    tables = [value] if isinstance(value, Mapping) else value
    if not (isinstance(tables, list | tuple) and all(isinstance(table, Mapping) for table in tables)):
        return value
    return [dict(_flat(table)) for table in tables]


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and not {"low", "high"} & set(value):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value if isinstance(value, list | tuple | Mapping) else [value]


class SearchSection(Section):
    """``[search]``: which recipe keys are tried with which values, by cross-validation inside the training part.

    ``space`` is one table or several (each a grid of its own) of recipe keys: a list of values or, for "optuna",
    ``{low = …, high = …, log = true}``. Keys that fit only some values of another (gamma and the kernel) want tables of their
    own. ``metric`` is the mean over folds (and labels); f1, f2, macro_f1 and accuracy take, for
    each fold, the calibration and the threshold that are best on the other folds' held-out scores. ``trials`` is for "optuna".
    """

    method: Literal["none", "grid", "optuna"] = "none"
    metric: Literal["average_precision", "roc_auc", "f1", "f2", "macro_f1", "accuracy"] = "average_precision"
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    stratified: bool = True
    trials: Count = 50
    space: Annotated[tuple[Space, ...], BeforeValidator(_as_spaces)] = ()

    @model_validator(mode="after")
    def _whole(self) -> SearchSection:
        idle = {"none": ["metric", "folds", "stratified", "trials", "space"], "grid": ["trials"], "optuna": []}
        for key in idle[self.method]:
            if getattr(self, key) != SearchSection.model_fields[key].default:
                raise ValueError(f"search.{key} has no effect while search.method is {self.method!r}; leave it out")
        if self.method != "none" and not (self.space and all(self.space)):
            raise ValueError('search.space names no key to try; write one such as "model.C" = [0.1, 1, 10]')
        for key in (key for space in self.space for key in space):
            if key.split(".")[0] in ("split", "decision", "search") or key.split(".")[-1] == "seed":
                raise ValueError(f"search.space: {key} cannot be searched; set it once, for all trials")
            if key in ("text.repeat_cap", "text.max_chars"):
                raise ValueError(
                    f"search.space: {key} decides which comments are equal, so the folds; set it once, for all trials"
                )
        if self.method == "grid":
            for key in (key for space in self.space for key, values in space.items() if isinstance(values, Range)):
                raise ValueError(
                    f"search.space: a grid wants a list of values for {key}; ranges are for method 'optuna'"
                )
        return self
