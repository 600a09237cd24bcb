"""Sections of ``report.json``."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, with_config
from typing_extensions import TypedDict

from toxiclf.evaluation.bootstrap import Evaluation

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Estimate(TypedDict):
    """A figure with its 95 % interval; None where it is not defined."""

    value: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None


class LabelFigures(BaseModel):
    """A figure a metric, and the threshold."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Estimate]
    threshold: FiniteFloat | None = None

    @property
    def figures(self) -> dict[str, Estimate]:
        """Metric → value, low, high."""
        return self.__pydantic_extra__

    @classmethod
    def of(cls, evaluation: Evaluation, label: str, threshold: float | None = None) -> LabelFigures:
        """The figures of a label."""
        return cls.model_validate({**estimates(evaluation, label), "threshold": threshold})


class ModelFigures(BaseModel):
    """Figures of another model on the same rows."""

    model_config = ConfigDict(frozen=True)
    model: str = ""
    summary: dict[str, Estimate] = Field(default_factory=dict)
    labels: dict[str, dict[str, Estimate]] = Field(default_factory=dict)


class LiveFigures(BaseModel):
    """The live rate of each label, and figures there."""

    model_config = ConfigDict(frozen=True)
    prior: dict[str, Share]
    summary: dict[str, Estimate] = Field(default_factory=dict)
    labels: dict[str, dict[str, Estimate]] = Field(default_factory=dict)


class Part(TypedDict):
    """Rows of a set, and how many of them hold each label."""

    rows: int
    classes: dict[str, int]


@with_config(ConfigDict(extra="allow"))
class DataFacts(TypedDict):
    """What is known of the data."""

    source: str
    exclusive: NotRequired[bool]
    notes: list[str]
    word_vectors: NotRequired[dict[str, Any]]
    rejected: NotRequired[int]
    leaked: NotRequired[int]
    decision_source: NotRequired[str]
    parts: dict[str, Part]
    stages: NotRequired[list[dict[str, Any]]]
    class_weights: NotRequired[list[dict[str, Any]]]
    details: NotRequired[dict[str, Any]]
    sha256: NotRequired[str]
    augmented: NotRequired[dict[str, int] | None]
    decision_average_precision: NotRequired[float]
    evaluated_sha256: NotRequired[str]
    learned_from: NotRequired[int | None]


class Curve(TypedDict):
    """Hits and false alarms of a label at each threshold."""

    toxic: Count
    others: Count
    threshold: Annotated[list[Share], Field(min_length=1)]
    tp: list[Count]
    fp: list[Count]


def _of_equal_length(curve: Curve) -> Curve:
    if not len(curve["threshold"]) == len(curve["tp"]) == len(curve["fp"]):
        raise ValueError("the lists of a threshold curve differ in length")
    return curve


class Thresholds(TypedDict):
    """Curves of the rows that thresholds may be chosen on, and which these are."""

    rows: str
    labels: dict[str, Annotated[Curve, AfterValidator(_of_equal_length)]]


class Bin(TypedDict):
    """Rows of about equal scores."""

    score: Share
    share: Share
    rows: Count


class Calibrated(TypedDict):
    """How far scores of a label are from shares."""

    bins: list[Bin]
    ece: FiniteFloat


class Slice(TypedDict):
    """Figures of a subgroup and label; see :func:`toxiclf.evaluation.slices.slice_figures`."""

    by: str
    name: str
    label: str
    rows: Count
    toxic: Count
    average_precision: FiniteFloat | None
    precision: FiniteFloat | None
    recall: FiniteFloat | None
    f1: FiniteFloat | None
    false_positive_rate: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None
    gap: FiniteFloat | None
    gap_low: FiniteFloat | None
    gap_high: FiniteFloat | None
    notable: bool


class DoubtedRow(TypedDict):
    """A comment whose label may be wrong."""

    row: Count
    file: str
    line: Count
    target: Annotated[int, Field(ge=0, le=1)]
    score: Share


class Doubt(TypedDict):
    """How many labels may be wrong, and the most doubtful ones."""

    count: Count
    rows: list[DoubtedRow]


class Token(TypedDict):
    """What a token does to scores of a label."""

    label: str
    token: str
    comments: Count
    effect: FiniteFloat


@with_config(ConfigDict(extra="forbid"))
class Analysis(TypedDict, total=False):
    """What there is beyond metrics; see :mod:`toxiclf.evaluation.analysis`."""

    calibration: dict[str, Calibrated]
    slices: list[Slice]
    thresholds: Thresholds
    label_doubt: dict[str, Doubt]
    tokens: list[Token]


def estimates(evaluation: Evaluation, label: str) -> dict[str, Estimate]:
    """Metric → value, low, high of a label, or of the mean over labels."""
    return {
        row.metric: {"value": row.value, "low": row.low, "high": row.high}
        for row in evaluation.rows
        if row.label == label
    }


def undefined(metrics: tuple[str, ...]) -> dict[str, Estimate]:
    """Figures of a run that has none."""
    return {metric: {"value": None, "low": None, "high": None} for metric in metrics}
