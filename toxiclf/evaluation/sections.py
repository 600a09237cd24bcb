"""The schema of the sections of ``report.json``, and functions that fill them."""

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
    """The value of a metric with its 95 % interval; None where undefined."""

    value: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None


class LabelFigures(BaseModel):
    """The metrics of a label, and its decision threshold."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Estimate]
    threshold: FiniteFloat | None = None

    @property
    def figures(self) -> dict[str, Estimate]:
        """Metrics of the label: name → value, low, high."""
        return self.__pydantic_extra__

    @classmethod
    def of(cls, evaluation: Evaluation, label: str, threshold: float | None = None) -> LabelFigures:
        """Take the metrics of a label from an evaluation."""
        return cls.model_validate({**estimates(evaluation, label), "threshold": threshold})


class ModelFigures(BaseModel):
    """The metrics of another model, such as the baseline, on the same rows."""

    model_config = ConfigDict(frozen=True)
    model: str = ""
    summary: dict[str, Estimate] = Field(default_factory=dict)
    labels: dict[str, dict[str, Estimate]] = Field(default_factory=dict)


class ProductionFigures(BaseModel):
    """The production prevalence of each label (``prior``), and the metrics of rows weighted to it.

    ``baseline`` has the metrics of the baseline, weighted likewise; None without a baseline.
    """

    model_config = ConfigDict(frozen=True)
    prior: dict[str, Share]
    summary: dict[str, Estimate] = Field(default_factory=dict)
    labels: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    baseline: ModelFigures | None = None


class RowSet(TypedDict):
    """The number of rows in the training, validation or test set, and the number with each label (``classes``)."""

    rows: int
    classes: dict[str, int]


@with_config(ConfigDict(extra="allow"))
class DataFacts(TypedDict):
    """Facts about the data of a run: its source, sets, rejected rows, class weights and hashes."""

    source: str
    label_options: NotRequired[dict[str, Any]]
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
    read_sha256: NotRequired[list[str]]
    sha256: NotRequired[str]
    augmented: NotRequired[dict[str, int] | None]
    decision_average_precision: NotRequired[float]
    evaluated_sha256: NotRequired[str]
    learned_from: NotRequired[int | None]


class Curve(TypedDict):
    """True and false positives of a label at each threshold, and the number of rows with and without the label."""

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
    """The threshold curve of each label, and a description of the rows it is computed on."""

    rows: str
    labels: dict[str, Annotated[Curve, AfterValidator(_of_equal_length)]]


class Bin(TypedDict):
    """A group of rows with similar scores: mean score, share with the label, and number of rows."""

    score: Share
    share: Share
    rows: Count


class Calibrated(TypedDict):
    """The calibration curve of a label, and its expected calibration error (``ece``)."""

    bins: list[Bin]
    ece: FiniteFloat


class Slice(TypedDict):
    """The metrics of a label in a subgroup; see :func:`toxiclf.evaluation.slices.slice_figures`."""

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
    """A comment whose label may be wrong: its row number, file, line, target and score."""

    row: Count
    file: str
    line: Count
    target: Binary
    score: Share


class Doubt(TypedDict):
    """The number of comments whose label may be wrong, and the most doubtful of them."""

    count: Count
    rows: list[DoubtedRow]


class Token(TypedDict):
    """How much a token changes the score of a label on average, and the number of comments that have the token."""

    label: str
    token: str
    comments: Count
    effect: FiniteFloat


class ClassConfusion(TypedDict):
    """The confusion matrix of exclusive labels.

    ``classes`` names the classes: the value that means not toxic, then the labels. ``counts`` has a row for each labeled
    class, with the number of comments by predicted class.
    """

    classes: Annotated[list[str], Field(min_length=2)]
    counts: list[list[Count]]


def _square(confusion: ClassConfusion) -> ClassConfusion:
    if {len(confusion["classes"])} != {len(confusion["counts"]), *map(len, confusion["counts"])}:
        raise ValueError("the confusion matrix does not have a row and a column for each class")
    return confusion


SquareConfusion = Annotated[ClassConfusion, AfterValidator(_square)]


class OwnShareDecision(TypedDict):
    """Metrics of a label by one way to decide: ``how`` in words, and the threshold, None for the highest score."""

    how: str
    threshold: Share | None
    accuracy: Share
    precision: Share
    recall: Share
    f1: Share


class OwnShare(TypedDict):
    """Metrics of a label whose share in the evaluated rows (``share``) is not that in the calibration rows."""

    label: str
    share: Share
    calibrated_at: Share
    prior: str
    decisions: list[OwnShareDecision]


@with_config(ConfigDict(extra="forbid"))
class Analysis(TypedDict, total=False):
    """The analyses beyond metrics; see :mod:`toxiclf.evaluation.analysis`."""

    calibration: dict[str, Calibrated]
    slices: list[Slice]
    thresholds: Thresholds
    own_share: list[OwnShare]
    label_doubt: dict[str, Doubt]
    tokens: list[Token]


class GanPoints(TypedDict):
    """Real rows (training and held-out) and rows that a GAN generated, as points in two dimensions."""

    training: list[Point]
    held_out: list[Point]
    generated: list[Point]


class MetricPoints(TypedDict):
    """Two-dimensional t-SNE maps of comments before and after a learned metric.

    ``wide`` has the number of dimensions of each before t-SNE; ``classes`` and ``rows`` have the 0/1 class and the row
    number of each comment.
    """

    before: list[Point]
    after: list[Point]
    wide: dict[str, Count]
    classes: list[Binary]
    rows: list[Count]


class ErrorPoints(TypedDict):
    """The raw outputs of an anomaly model, and the threshold: comments whose output reaches it are flagged.

    ``called`` is the name of the raw outputs; ``classes`` and ``rows`` have the 0/1 class and the row number of each
    comment.
    """

    raw: list[FiniteFloat]
    classes: list[Binary]
    rows: list[Count]
    threshold: FiniteFloat | None
    called: str


class LengthCounts(TypedDict):
    """Histograms of comment lengths: bin edges, and for each label the counts of comments without it, then with it."""

    edges: list[Count]
    labels: dict[str, Annotated[list[list[Count]], Field(min_length=2, max_length=2)]]


def _of_equal_lengths(points: Any) -> Any:
    series = [value for key, value in points.items() if isinstance(value, list)]
    if len({len(values) for values in series}) > 1:
        raise ValueError("the lists of a figure's points differ in length")
    return points


class FigureData(TypedDict, total=False):
    """Points of figures that cannot be drawn from a run's other files; see :mod:`toxiclf.evaluation.figure_data`."""

    lengths: LengthCounts
    gan: GanPoints
    metric: Annotated[MetricPoints, AfterValidator(_of_equal_lengths)]
    errors: Annotated[ErrorPoints, AfterValidator(_of_equal_lengths)]


def estimates(evaluation: Evaluation, label: str) -> dict[str, Estimate]:
    """Return metric → value, low, high for a label, or over all labels (:data:`SUMMARY`)."""
    return {
        row.metric: {"value": row.value, "low": row.low, "high": row.high}
        for row in evaluation.rows
        if row.label == label
    }


def undefined(metrics: tuple[str, ...]) -> dict[str, Estimate]:
    """Return an estimate without values (all None) for each metric, as in the report of a run that diverged."""
    return {metric: {"value": None, "low": None, "high": None} for metric in metrics}


def metric_rows(summary: Mapping[str, Estimate], by_label: Mapping[str, Mapping[str, Estimate]]) -> list[MetricRow]:
    """Convert metrics to one row per label and metric, those over all labels first."""
    figures_of = {SUMMARY: summary, **by_label}
    return [
        MetricRow(label, metric, **entry) for label, figures in figures_of.items() for metric, entry in figures.items()
    ]
