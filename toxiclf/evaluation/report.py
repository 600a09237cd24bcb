"""The class :class:`Report`: the content of ``report.json``, with methods to read, write, tabulate and draw it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from toxiclf._files import write_text
from toxiclf._progress import Bar
from toxiclf._registry import component
from toxiclf.bundle import folder as folders
from toxiclf.bundle import strict_json
from toxiclf.bundle.verdicts import ExclusiveVerdict
from toxiclf.errors import DataError, visible
from toxiclf.evaluation.bootstrap import SUMMARY, MetricRow
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.metrics import Kind, kind_of
from toxiclf.evaluation.older_reports import with_present_names
from toxiclf.evaluation.run_folder import run_folder
from toxiclf.evaluation.sections import (
    Analysis,
    DataFacts,
    Estimate,
    FigureData,
    LabelFigures,
    ModelFigures,
    ProductionFigures,
    SquareConfusion,
    metric_rows,
)
from toxiclf.text.given import path_given

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from toxiclf.evaluation.scored import ScoredRows

FORMAT = 3
"""Format number of ``report.json``. It rises by one when older versions would misread a new report. Version 0.1 wrote
none, which counts as 1."""

BASELINE = "ngram_logistic"
"""Name of the baseline, with which every model is compared."""

UNWEIGHTED, AT_PRODUCTION = "unweighted", "at the production prevalence"
"""Values of the column ``rows`` of :meth:`Report.frame`: unweighted rows, or rows weighted to the production
prevalence."""

_NULL_IF_EMPTY = (
    BeforeValidator(lambda value: {} if value is None else value),
    PlainSerializer(lambda value: value or None),
)


class Report(BaseModel):
    """The report of a trained model: metrics, findings, analyses and run details.

    A report that an older toxiclf wrote may lack metrics or sections. Metrics that this version does not know are kept.

    Attributes
    ----------
    format : int
        Format number of ``report.json``.
    model : str
        Name of the model.
    evaluated_on : str
        Description of the evaluated rows, from which all metrics are computed.
    summary : dict
        Metric → ``value``, ``low`` and ``high``: a metric over all labels with its 95 % interval. Metrics of a single
        label are given as the mean over labels; ``f1_macro``, ``exact_match`` and others are computed over all labels
        or classes at once.
    by_label : dict
        Label → its threshold and its metrics, each with ``value``, ``low`` and ``high``. The key in JSON is ``labels``.
    confusion : dict
        Label → ``tn``, ``fp``, ``fn`` and ``tp``; empty for a run that diverged.
    exclusive_verdict : str
        "arg_max" if the verdict on each comment is the one class with the highest score, else "thresholds".
    class_confusion : dict or None
        With "arg_max": ``classes``, and ``counts`` of comments by labeled class (rows) and class of the
        verdict (columns).
    data : dict
        Facts about the data: source, rows and classes of each set, class weights. ``sha256`` is the hash of all labeled
        rows; ``evaluated_sha256`` is that of the evaluated rows, see
        :meth:`toxiclf.evaluation.predictions.Predictions.rows_sha256`.
    baseline : ModelFigures or None
        Metrics of the baseline, ``ngram_logistic``, on the same rows; None without a baseline.
    findings : list of Finding
        Outcomes of the checks, each with ``code``, ``severity``, ``message`` and ``next_step``.
    recipe, seed, versions : dict, int, dict
        The recipe, the random seed, and the versions of toxiclf and of its libraries.
    timings : dict
        ``fit_seconds``: seconds that fitting, calibration and choosing thresholds took.
    search : dict
        Method and trials of the search that chose the recipe; empty without a search.
    analysis : dict
        ``thresholds`` (true and false positives at each threshold), ``calibration``, ``slices`` (metrics of subgroups)
        and, in a saved run, ``label_doubt`` and ``tokens``; see :mod:`toxiclf.evaluation.analysis`.
    production : ProductionFigures or None
        The production prevalence of each label, and the metrics of the same rows weighted to it, also those of the
        baseline; None without one.
    date : str or None
        Day on which the report was made, as in "2026-11-30"; None in older reports. The environment variable
        ``SOURCE_DATE_EPOCH`` sets it, for reports that are equal to the byte.
    figure_data : dict
        In a saved run, points of figures that cannot be drawn from its other files; see
        :mod:`toxiclf.evaluation.figure_data`.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    format: int = FORMAT
    model: str
    date: str | None = None
    evaluated_on: str
    summary: dict[str, Estimate] = Field(default_factory=dict)
    by_label: dict[str, LabelFigures] = Field(alias="labels", min_length=1)
    confusion: dict[str, dict[str, int]] = Field(default_factory=dict)
    exclusive_verdict: ExclusiveVerdict = "thresholds"
    class_confusion: SquareConfusion | None = None
    data: DataFacts
    baseline: ModelFigures | None = None
    findings: list[Finding] = Field(default_factory=list)
    recipe: dict[str, Any] = Field(default_factory=dict)
    seed: int = Field(ge=0)
    versions: dict[str, str] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)
    search: Annotated[dict[str, Any], *_NULL_IF_EMPTY] = Field(default_factory=dict)
    analysis: Annotated[Analysis, *_NULL_IF_EMPTY] = Field(default_factory=lambda: Analysis())
    production: ProductionFigures | None = Field(default=None, validation_alias=AliasChoices("production", "live_rate"))
    figure_data: Annotated[FigureData, *_NULL_IF_EMPTY] = Field(default_factory=lambda: FigureData())
    _history: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _scored_rows: ScoredRows | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _of_a_known_format(cls, content: Any) -> Any:
        number = content.get("format", 1) if isinstance(content, Mapping) else 1
        if isinstance(number, int) and number > FORMAT:
            raise PydanticCustomError("newer_format", "{number}", {"number": number})
        if not isinstance(content, Mapping) or not isinstance(number, int):
            return content
        return {**with_present_names(content, number), "format": FORMAT}

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Report:
        names = set(self.by_label)
        if len(self.thresholds) < len(names) and "diverged" not in self.codes():
            raise PydanticCustomError("report", "a threshold is missing")
        curves = self.analysis.get("thresholds")
        by_label: list[tuple[str, Collection[str] | None]] = [
            ("confusion", self.confusion or None),
            ("production", None if self.production is None else self.production.prior),
            ("analysis", self.analysis.get("calibration")),
            ("analysis", None if curves is None else curves["labels"]),
            ("analysis", self.analysis.get("label_doubt")),
            ("figure_data", lengths["labels"] if (lengths := self.figure_data.get("lengths")) else None),
        ]
        for section, labels in by_label:
            if labels is not None and set(labels) != names:
                raise PydanticCustomError(
                    "report", "{section}: its labels are not those of the report", {"section": section}
                )
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(self.by_label)

    @property
    def thresholds(self) -> dict[str, float]:
        """Decision threshold of each label; empty for a run that diverged."""
        return {label: entry.threshold for label, entry in self.by_label.items() if entry.threshold is not None}

    @property
    def arg_max(self) -> bool:
        """Whether the verdict on each comment is the one class with the highest score."""
        return self.exclusive_verdict == "arg_max"

    @property
    def kind(self) -> Kind:
        """Kind of the report, on which its metrics depend: "one" label, several "labels", or exclusive "classes"."""
        return kind_of(len(self.labels), arg_max=self.arg_max)

    @property
    def rows(self) -> list[MetricRow]:
        """All metrics as rows, those over all labels first; empty for a run that diverged."""
        if not self.thresholds:
            return []
        return metric_rows(self.summary, {label: entry.figures for label, entry in self.by_label.items()})

    @property
    def baseline_rows(self) -> list[MetricRow]:
        """All metrics of the baseline, ngram_logistic, as rows; empty without a baseline."""
        return [] if self.baseline is None else metric_rows(self.baseline.summary, self.baseline.labels)

    @property
    def production_prevalence(self) -> dict[str, float]:
        """Production prevalence of each label, to which scores are corrected; empty if none is set."""
        return {} if self.production is None else {label: self.production.prior[label] for label in self.by_label}

    @property
    def production_rows(self) -> list[MetricRow]:
        """All metrics of the evaluated rows weighted to the production prevalence; empty if none is set."""
        return [] if self.production is None else metric_rows(self.production.summary, self.production.labels)

    @property
    def production_baseline_rows(self) -> list[MetricRow]:
        """All metrics of the baseline, weighted to the production prevalence; empty if there are none."""
        if self.production is None or self.production.baseline is None:
            return []
        return metric_rows(self.production.baseline.summary, self.production.baseline.labels)

    @property
    def history(self) -> list[dict[str, Any]]:
        """Training history of a network, one entry per epoch; empty for a report that was read from its file."""
        return self._history

    @property
    def scored_rows(self) -> ScoredRows | None:
        """The evaluated rows with their scores; None for a report read from its file, and for a run that diverged."""
        return self._scored_rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Report) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def estimate(self, metric: str, label: str = SUMMARY) -> MetricRow:
        """Return a metric of a label, or over all labels; all values are None if the run lacks this metric."""
        return estimate(self.rows, metric, label)

    def codes(self) -> list[str]:
        """Return the code of each finding, such as "below_baseline"."""
        return [finding.code for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``report.json`` as a dict."""
        return self.model_dump(by_alias=True)

    def to_json(self) -> str:
        """Return the text of ``report.json``; undefined values are null."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Report:
        """Read the report of a saved run, including a run that diverged.

        Parameters
        ----------
        folder : str or path
            Folder of the run, or of the bundle in it.

        Returns
        -------
        Report
            The report without its scored rows; :func:`toxiclf.evaluation.saved.drawable_report` reads those, too.

        Raises
        ------
        UsageError
            The folder is not that of a run.
        DataError
            The report was truncated or changed, or a newer toxiclf wrote it.
        """
        return folders.read(
            [run_folder(path_given(folder, "folder", "the folder of a run"))], "report.json", cls._read, DataError
        )

    @classmethod
    def _read(cls, folder: Path) -> Report:
        path = folder / "report.json"
        try:
            return cls.model_validate(strict_json.loads(path.read_bytes()))
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
        except ValidationError as error:
            complaint = error.errors()[0]
            if complaint["type"] == "newer_format":
                raise DataError(
                    f"{path} has format {complaint['msg']}, this toxiclf reads up to {FORMAT}; install a newer toxiclf"
                ) from None
            where = ".".join(str(part) for part in complaint["loc"])
            reason = f"{where}: {complaint['msg']}" if where else complaint["msg"]
        except (ValueError, RecursionError) as error:
            reason = f"Invalid JSON: {error}"
        raise DataError(f"{path} is not a report as toxiclf writes it ({reason}); train or evaluate again") from None

    def with_rows(self, rows: ScoredRows | None, history: Sequence[Mapping[str, Any]] = ()) -> Report:
        """Return a copy of the report with these scored rows and this training history, which figures need."""
        report = self.model_copy()
        report._scored_rows = rows
        report._history = [dict(row) for row in history]
        return report

    def analysed(self, *, comments: bool = True) -> Report:
        """Return a copy that also has the slow analyses: doubtful labels, points of figures and influential tokens.

        Influential tokens, which are parts of comments, are left out if ``comments`` is False. A report whose rows have
        no texts is returned unchanged.
        """
        rows = self.scored_rows
        if rows is None or rows.comments is None:
            return self
        bar = Bar("", 3, drawn=False)
        bar.update(0)
        analysis: Analysis = {**self.analysis, "label_doubt": rows.doubt}
        bar.update(1)
        if comments and rows.can_explain:
            analysis["tokens"] = rows.tokens
        bar.update(2)
        return self.model_copy(update={"analysis": analysis, "figure_data": rows.figure_data})

    def points(self, figure: str) -> Mapping[str, Any] | None:
        """Return the points of a figure, see :mod:`toxiclf.evaluation.figure_data`; None if the run has none."""
        points = self.figure_data
        if not points and self.scored_rows is not None:
            points = self.scored_rows.figure_data
        return cast(Mapping[str, Any], points).get(figure)

    def frame(self) -> DataFrame:
        """Return all metrics as a table, including those of the baseline and at the production prevalence.

        Returns
        -------
        pandas.DataFrame
            Columns ``model``, ``rows`` ("unweighted", or "at the production prevalence"), ``label`` ("" for all
            labels), ``metric``, ``value``, ``low`` and ``high``; undefined values are NaN.
        """
        from pandas import DataFrame

        columns = ["model", "rows", "label", "metric", "value", "low", "high"]
        parts = [
            (self.model, UNWEIGHTED, self.rows),
            (BASELINE, UNWEIGHTED, self.baseline_rows),
            (self.model, AT_PRODUCTION, self.production_rows),
            (BASELINE, AT_PRODUCTION, self.production_baseline_rows),
        ]
        lines = [[model, how, r.label, r.metric, r.value, r.low, r.high] for model, how, rows in parts for r in rows]
        return DataFrame(lines, columns=columns).astype({"value": float, "low": float, "high": float})

    def figures(self) -> list[str]:
        """Return the names of the figures that :meth:`figure` can draw for this run."""
        names: list[str] = component("format", "figures").target(self)
        return names

    def figure(self, name: str, label: str | None = None) -> Figure:
        """Draw a figure of ``report.html`` with Plotly, for example ``report.figure("precision_recall").show()``.

        Parameters
        ----------
        name : str
            Name of a figure, as :meth:`figures` returns it.
        label : str, optional
            The label to draw; by default the first.

        Returns
        -------
        plotly.graph_objects.Figure

        Raises
        ------
        UsageError
            The figure or the label is unknown, or this run lacks the data of the figure.
        """
        return component("format", "figure").target(self, name, label)

    def __repr__(self) -> str:
        metrics = [f"{metric} {cell}" for metric, cell, *_ in self.table()[1:] if cell != "–"]
        lines = [f"Report of {self.model}, evaluated on {self.evaluated_on}", ", ".join(metrics[:4])]
        if self.findings:
            lines.append(f"findings: {', '.join(self.codes())}")
        return "\n".join(shorten(visible(line), 300, placeholder=" …") for line in lines if line)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook displays."""
        return str(component("format", "notebook").target(self))

    def table(self) -> list[list[str]]:
        """Return the result table: a heading, then a line for each metric, with the values of model and baseline.

        The values are those of the evaluated rows, never weighted.
        """
        table: list[list[str]] = component("format", "table").target(self)
        return table

    def to_markdown(self) -> str:
        """Return the text of ``report.md``."""
        return str(component("format", "markdown").target(self))

    def write(self, folder: str | os.PathLike[str], *, comments: bool = True) -> None:
        """Write ``report.json``, ``report.md`` and ``report.html``; with ``comments=False``, they quote no comment."""
        folder = path_given(folder, "folder", "a folder to write to")
        folder.mkdir(parents=True, exist_ok=True)
        full = self.analysed(comments=comments)
        write_text(folder / "report.html", component("format", "html").target(full, comments=comments))
        write_text(folder / "report.md", full.to_markdown())
        write_text(folder / "report.json", full.to_json())


def estimate(rows: Sequence[MetricRow], metric: str, label: str = SUMMARY) -> MetricRow:
    """Return the row of a metric and label; its values are None if ``rows`` lacks it."""
    matching = (row for row in rows if row.label == label and row.metric == metric)
    return next(matching, MetricRow(label, metric, None, None, None))
