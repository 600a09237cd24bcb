"""A run that was saved, read back: its report and its predictions, which must speak of the same rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from toxiclf.errors import DataError, UsageError
from toxiclf.evaluation import predictions
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.metrics import METRICS, SUMMARY, Evaluation, MetricRow
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import LIVE, Report

_TOLERANCE = 1e-9  # sums of the same numbers in another order


@dataclass(frozen=True)
class SavedRun:
    """A run as ``toxiclf train`` or ``toxiclf evaluate --out`` left it.

    Attributes
    ----------
    folder : where it lies, as it was given.
    report, predictions : of the same rows in the same order.
    """

    folder: Path
    report: Report
    predictions: Predictions

    def check(self, evaluation: Evaluation) -> None:
        """Refuse a report whose figures are not those of the predictions.

        Raises
        ------
        DataError : a metric differs by more than 1e-9.
        """
        for row in self.report.rows:
            found = evaluation.value(row.metric, row.label)
            if row.value is None and found is None:
                continue
            if row.value is None or found is None or abs(row.value - found) > _TOLERANCE:
                of = f" of label '{row.label}'" if row.label else ""
                values = f"{_shown(row.value)} in report.json, but {_shown(found)} by {predictions.FILE}"
                raise _disagreement(self.folder, f"{row.metric}{of} is {values}")


def read_run(path: str | os.PathLike[str]) -> SavedRun:
    """Read a run back.

    Parameters
    ----------
    path : the run's folder, or the bundle in it.

    Raises
    ------
    UsageError : it is no run, or one without scores.
    DataError : its report or its predictions were cut or changed.
    """
    folder = _run_folder(Path(path))
    report = _report(folder / "report.json")
    if "diverged" in report.codes():
        raise UsageError(f"{folder} diverged in training, so there are no scores to compare; leave it out")
    if "evaluated_sha256" not in report.data:
        raise UsageError(
            f"{folder} was made before runs kept {predictions.FILE}, so there are no scores to compare; train it again, "
            "or score its bundle: toxiclf evaluate BUNDLE COMMENTS --out DIR"
        )
    of_rows = predictions.read(folder, report.labels)
    if of_rows.rows_sha256() != report.data["evaluated_sha256"]:
        raise _disagreement(folder, f"{predictions.FILE} holds other rows than report.json speaks of")
    thresholds = np.array([report.thresholds[label] for label in report.labels], dtype=np.float32)
    odd = ((of_rows.scores >= thresholds) != of_rows.flagged).any(axis=1)
    if odd.any():
        line = of_rows.lines[odd.argmax()]
        raise _disagreement(
            folder,
            f"{predictions.FILE} flags the comment of line {line} otherwise than its score and the threshold in report.json",
        )
    return SavedRun(folder, report, of_rows)


def read_report(path: str | os.PathLike[str]) -> Report:
    """The report of a run, of one that diverged, too; parameters and errors as of :func:`read_run`."""
    return _report(_run_folder(Path(path)) / "report.json")


def _run_folder(path: Path) -> Path:
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise UsageError(f"{path} {what}; give the folder of a run, as `toxiclf train` wrote it")
    if (path / "report.json").is_file():
        return path
    if (path / "manifest.json").is_file():
        if (path.resolve().parent / "report.json").is_file():
            return path.resolve().parent
        raise UsageError(
            f"{path} is a bundle, which keeps no scores; give the folder of its run, "
            f"or score it: toxiclf evaluate {path} COMMENTS --out DIR"
        )
    if (path / "recipe.toml").is_file():
        raise UsageError(f"{path} holds no report.json: its training was stopped before the end; train it again")
    raise UsageError(
        f"{path} is no run: it holds no report.json; give a folder that `toxiclf train` or `toxiclf evaluate --out` wrote"
    )


class _Figure(BaseModel):
    value: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None


class _OfLabel(BaseModel):
    """A figure a metric, and the threshold."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Figure]
    threshold: FiniteFloat | None = None


class _Baseline(BaseModel):
    summary: dict[str, _Figure]
    labels: dict[str, _OfLabel]


class _Live(BaseModel):
    """The live rate of each label, and figures there."""

    prior: dict[str, Annotated[float, Field(ge=0, le=1)]]
    summary: dict[str, _Figure]
    labels: dict[str, _OfLabel]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")
    rows: int
    classes: dict[str, int]


_Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
_Count = Annotated[int, Field(ge=0)]


class _Curve(BaseModel):
    """Hits and false alarms of a label at each threshold."""

    toxic: _Count
    others: _Count
    threshold: list[_Share] = Field(min_length=1)
    tp: list[_Count]
    fp: list[_Count]

    @model_validator(mode="after")
    def _of_equal_length(self) -> _Curve:
        if not len(self.threshold) == len(self.tp) == len(self.fp):
            raise ValueError("the lists of a threshold curve differ in length")
        return self


class _Thresholds(BaseModel):
    rows: str
    labels: dict[str, _Curve]


class _Bin(BaseModel):
    score: _Share
    share: _Share
    rows: _Count


class _Calibrated(BaseModel):
    bins: list[_Bin]
    ece: FiniteFloat


class _Slice(BaseModel):
    by: str
    name: str
    label: str
    rows: _Count
    toxic: _Count
    notable: bool
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


class _Doubted(BaseModel):
    row: _Count
    file: str
    line: _Count
    target: Annotated[int, Field(ge=0, le=1)]
    score: _Share


class _Doubt(BaseModel):
    count: _Count
    rows: list[_Doubted]


class _Token(BaseModel):
    label: str
    token: str
    comments: _Count
    effect: FiniteFloat


class _Analysis(BaseModel):
    """See :mod:`toxiclf.evaluation.analysis`."""

    model_config = ConfigDict(extra="forbid")
    calibration: dict[str, _Calibrated]
    slices: list[_Slice]
    thresholds: _Thresholds | None = None
    label_doubt: dict[str, _Doubt] | None = None
    tokens: list[_Token] | None = None

    def labels(self) -> list[set[str]]:
        """The labels that each part speaks of."""
        parts = [self.calibration, None if self.thresholds is None else self.thresholds.labels, self.label_doubt]
        return [set(part) for part in parts if part is not None]


class _Data(BaseModel):
    """What is read of the facts about the data; all of them are kept."""

    model_config = ConfigDict(extra="allow")
    source: str
    notes: list[str]
    parts: dict[str, _Part]


class _Content(BaseModel):
    """The schema of ``report.json``; see :meth:`toxiclf.evaluation.report.Report.to_dict`."""

    model: str
    evaluated_on: str
    summary: dict[str, _Figure]
    labels: dict[str, _OfLabel] = Field(min_length=1)
    confusion: dict[str, dict[str, int]]
    data: _Data
    baseline: _Baseline | None
    findings: list[Finding]
    recipe: dict[str, Any]
    seed: int = Field(ge=0)
    versions: dict[str, str]
    timings: dict[str, float]
    search: dict[str, Any] | None = None  # of runs that looked for their recipe
    live_rate: _Live | None = None  # of runs with one
    analysis: _Analysis | None = None  # of runs since there is a page
    figure_data: dict[str, Any] = {}


def _report(path: Path) -> Report:
    try:
        content = _Content.model_validate_json(path.read_bytes())
        rows = _rows(content.summary, content.labels)
        baseline = [] if content.baseline is None else _rows(content.baseline.summary, content.baseline.labels)
        live = content.live_rate
        live_rows = [] if live is None else _rows(live.summary, live.labels, LIVE)
        if content.analysis is not None and any(of != set(content.labels) for of in content.analysis.labels()):
            raise _unlike(path, "analysis: its labels are not those of the report")
        live_rate = {} if live is None else {label: live.prior[label] for label in content.labels}
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); see to it that you may") from error
    except ValidationError as error:
        complaint = error.errors()[0]
        where = ".".join(str(part) for part in complaint["loc"])
        raise _unlike(path, f"{where}: {complaint['msg']}" if where else complaint["msg"]) from None
    except KeyError as error:
        raise _unlike(path, f"{error.args[0]} is missing") from None
    thresholds = {label: of.threshold for label, of in content.labels.items() if of.threshold is not None}
    if len(thresholds) < len(content.labels) and "diverged" not in [finding.code for finding in content.findings]:
        raise _unlike(path, "a threshold is missing")
    if content.confusion and set(content.confusion) != set(content.labels):
        raise _unlike(path, "confusion: its labels are not those of the report")
    return Report(
        model=content.model,
        evaluated_on=content.evaluated_on,
        labels=tuple(content.labels),
        rows=rows,
        confusion=content.confusion,
        baseline_rows=baseline,
        thresholds=thresholds,
        data=content.data.model_dump(),
        findings=content.findings,
        recipe=content.recipe,
        seed=content.seed,
        versions=content.versions,
        timings=content.timings,
        search=content.search or {},
        analysis={} if content.analysis is None else content.analysis.model_dump(exclude_unset=True),
        live_rate=live_rate,
        live_rows=live_rows,
        figure_data=content.figure_data,
    )


def _rows(
    summary: Mapping[str, _Figure], labels: Mapping[str, _OfLabel], metrics: Sequence[str] = METRICS
) -> list[MetricRow]:
    by_label = [(SUMMARY, summary), *((label, of.__pydantic_extra__) for label, of in labels.items())]
    return [
        MetricRow(label, metric, of[metric].value, of[metric].low, of[metric].high)
        for label, of in by_label
        for metric in metrics
    ]


def _disagreement(folder: Path, reason: str) -> DataError:
    return DataError(
        f"{folder}: {reason}; one of the two was cut or changed after it was written: train or evaluate again"
    )


def _unlike(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is not a report as toxiclf writes it ({reason}); train or evaluate again")


def _shown(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.6f}"


def drawable_report(path: str | os.PathLike[str]) -> Report:
    import json
    from dataclasses import replace
    from types import SimpleNamespace

    folder = _run_folder(Path(path))
    report = _report(folder / "report.json")
    history = json.loads((folder / "history.json").read_text("utf-8")) if (folder / "history.json").is_file() else []
    if "diverged" in report.codes():
        return replace(report, history=history)
    rows = SimpleNamespace(predictions=read_run(folder).predictions, pointed=None, can_explain=False)
    return replace(report, history=history, evidence=rows)
