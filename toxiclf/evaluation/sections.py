"""Sections of ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, with_config
from typing_extensions import TypedDict

from toxiclf.evaluation.bootstrap import SUMMARY, Evaluation, MetricRow

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Binary = Annotated[int, Field(ge=0, le=1)]
Point = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]


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


class ProductionFigures(BaseModel):
    """The production prevalence of each label, and figures there."""

    model_config = ConfigDict(frozen=True)
    prior: dict[str, Share]
    summary: dict[str, Estimate] = Field(default_factory=dict)
    labels: dict[str, dict[str, Estimate]] = Field(default_factory=dict)


class RowSet(TypedDict):
    """Rows of the training, validation or test set, and how many of them hold each label."""

    rows: int
    classes: dict[str, int]


@with_config(ConfigDict(extra="allow"))
class DataFacts(TypedDict):
    """The data of a run."""

    source: str
    exclusive: NotRequired[bool]
    notes: list[str]
    word_vectors: NotRequired[dict[str, Any]]
    rejected: NotRequired[int]
    leaked: NotRequired[int]
    decision_source: NotRequired[str]
    sets: dict[str, RowSet]
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
    """Curves over thresholds, and which rows they come from."""

    rows: str
    labels: dict[str, Annotated[Curve, AfterValidator(_of_equal_length)]]


class Bin(TypedDict):
    """Rows of about equal scores."""

    score: Share
    share: Share
    rows: Count


class Calibrated(TypedDict):
    """How far mean scores of a label are from the shares of toxic rows."""

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
    target: Binary
    score: Share


class Doubt(TypedDict):
    """How many labels may be wrong, and the most doubtful ones."""

    count: Count
    rows: list[DoubtedRow]


class Token(TypedDict):
    """How a token changes scores of a label."""

    label: str
    token: str
    comments: Count
    effect: FiniteFloat


@with_config(ConfigDict(extra="forbid"))
class Analysis(TypedDict, total=False):
    """All beyond metrics; see :mod:`toxiclf.evaluation.analysis`."""

    calibration: dict[str, Calibrated]
    slices: list[Slice]
    thresholds: Thresholds
    label_doubt: dict[str, Doubt]
    tokens: list[Token]


class GanPoints(TypedDict):
    """Real and generated rows in the plane."""

    training: list[Point]
    held_out: list[Point]
    generated: list[Point]


class MetricPoints(TypedDict):
    """Maps of comments before and after a learned metric; ``wide`` has their original dimensions."""

    before: list[Point]
    after: list[Point]
    wide: dict[str, Count]
    classes: list[Binary]
    rows: list[Count]


class ErrorPoints(TypedDict):
    """Raw outputs of an anomaly model, and the threshold from which a comment is flagged."""

    raw: list[FiniteFloat]
    classes: list[Binary]
    rows: list[Count]
    threshold: FiniteFloat | None
    called: str


class LengthCounts(TypedDict):
    """Histograms of the lengths of comments without each label and with it."""

    edges: list[Count]
    labels: dict[str, Annotated[list[list[Count]], Field(min_length=2, max_length=2)]]


def _of_equal_lengths(points: Any) -> Any:
    series = [value for key, value in points.items() if isinstance(value, list)]
    if len({len(values) for values in series}) > 1:
        raise ValueError("the lists of a figure's points differ in length")
    return points


class FigureData(TypedDict, total=False):
    """Points of figures; see :mod:`toxiclf.evaluation.figure_data`."""

    lengths: LengthCounts
    gan: GanPoints
    metric: Annotated[MetricPoints, AfterValidator(_of_equal_lengths)]
    errors: Annotated[ErrorPoints, AfterValidator(_of_equal_lengths)]


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


def metric_rows(summary: Mapping[str, Estimate], by_label: Mapping[str, Mapping[str, Estimate]]) -> list[MetricRow]:
    """Figures as tidy rows, the mean over labels first."""
    figures_of = {SUMMARY: summary, **by_label}
    return [
        MetricRow(label, metric, **entry) for label, figures in figures_of.items() for metric, entry in figures.items()
    ]
