"""The report of a run: JSON as the source of every number, Markdown for people; both from the same rows."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toxiclf._files import write_text
from toxiclf.bundle.live_rate import in_words
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.metrics import FLAG_RATE, METRICS, SUMMARY, MetricRow

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from toxiclf.evaluation.evidence import Evidence

HEADLINE = ("average_precision", "f1", "precision", "recall", "macro_f1", "accuracy", "roc_auc", "brier")
"""Metrics of the result table, in order."""

BASELINE = "ngram_logistic"
"""The model that every other is judged against."""

METRICS_OF_PAGE = ("precision", "recall", "specificity", "f1", "f2")
"""Metrics that the threshold explorer shows."""

AS_THEY_ARE, LIVE_RATE = "as they are", "at the live rate"
"""How rows of :meth:`Report.frame` count."""

LIVE = ("precision", "recall", "f1", "average_precision", FLAG_RATE, "brier")
"""Metrics of the table at the live rate, in order."""


@dataclass(frozen=True)
class Report:
    """What is known of a trained model.

    Attributes
    ----------
    model : name of the model.
    evaluated_on : which rows the figures come from.
    rows, confusion : see :class:`toxiclf.evaluation.metrics.Evaluation`; empty for a run that diverged.
    baseline_rows : the same for the ngram_logistic model on the same rows; empty where there is none.
    thresholds : one a label.
    data : counts of rows and of classes, class weights, what was detected; ``evaluated_sha256`` is that of the rows that
        figures come from, see :meth:`toxiclf.evaluation.predictions.Predictions.rows_sha256`.
    findings : coded check results.
    recipe, seed, versions : what the run came from; ``data["sha256"]`` is that of its rows.
    timings : seconds of fitting, calibration and thresholds.
    search : the trials that the recipe was chosen from; empty where none was asked for.
    analysis : ``thresholds`` (what each threshold gives on the rows that it may be chosen on), ``calibration``, ``slices``
        (figures of kinds of comments) and, in a saved run, ``label_doubt`` and ``tokens``; see :mod:`toxiclf.evaluation.analysis`.
    live_rate, live_rows : the live rate by label that scores are corrected to, and the figures of the same rows weighted to it;
        empty where none is set.
    history : one row an epoch, of networks; ``history.json`` holds it. Empty for a report that was read back.
    evidence : what figures are drawn from; None for a report that was read back, and for a run that diverged.
    """

    model: str
    evaluated_on: str
    labels: tuple[str, ...]
    rows: list[MetricRow]
    confusion: dict[str, dict[str, int]]
    baseline_rows: list[MetricRow]
    thresholds: dict[str, float]
    data: dict[str, Any]
    findings: list[Finding]
    recipe: dict[str, Any]
    seed: int
    versions: dict[str, str]
    timings: dict[str, float] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    analysis: dict[str, Any] = field(default_factory=dict)
    live_rate: dict[str, float] = field(default_factory=dict)
    live_rows: list[MetricRow] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list, repr=False, compare=False)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def summary(self) -> dict[str, dict[str, float | None]]:
        """Metric name → value, low, high; the mean over labels."""
        return _by_metric(self.rows, SUMMARY)

    def codes(self) -> list[str]:
        """Codes of the findings, in order."""
        return [finding.code for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """The content of ``report.json``."""
        return {
            "model": self.model,
            "evaluated_on": self.evaluated_on,
            "summary": self.summary,
            "labels": {
                label: {**_by_metric(self.rows, label), "threshold": self.thresholds.get(label)}
                for label in self.labels
            },
            "confusion": self.confusion,
            "data": self.data,
            "baseline": {
                "model": BASELINE,
                "summary": _by_metric(self.baseline_rows, SUMMARY),
                "labels": {label: _by_metric(self.baseline_rows, label) for label in self.labels},
            }
            if self.baseline_rows
            else None,
            "findings": [asdict(finding) for finding in self.findings],
            "recipe": self.recipe,
            "seed": self.seed,
            "versions": self.versions,
            "timings": self.timings,
            "search": self.search or None,
            "analysis": self.analysis or None,
            "live_rate": {
                "prior": self.live_rate,
                "summary": _by_metric(self.live_rows, SUMMARY, LIVE),
                "labels": {label: _by_metric(self.live_rows, label, LIVE) for label in self.labels},
            }
            if self.live_rate
            else None,
        }

    def to_json(self) -> str:
        """``report.json``: plain JSON; what is undefined is null."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Report:
        """The report of a run that was saved.

        Raises
        ------
        UsageError, DataError : the folder is no run, or its report was cut or changed.
        """
        from toxiclf.evaluation.saved import read_report  # which makes reports

        return read_report(folder)

    def frame(self) -> DataFrame:
        """Every figure as a table.

        Its columns are ``model``, ``rows`` ("as they are", or "at the live rate"), ``label`` ("" for the mean over labels),
        ``metric``, ``value``, ``low`` and ``high``; what is undefined is NaN.
        """
        from pandas import DataFrame

        columns = ["model", "rows", "label", "metric", "value", "low", "high"]
        parts = [
            (self.model, AS_THEY_ARE, self.rows),
            (BASELINE, AS_THEY_ARE, self.baseline_rows),
            (self.model, LIVE_RATE, self.live_rows),
        ]
        lines = [[model, of, r.label, r.metric, r.value, r.low, r.high] for model, of, rows in parts for r in rows]
        return DataFrame(lines, columns=columns).astype({"value": float, "low": float, "high": float})

    def figures(self) -> list[str]:
        """Names of the figures that :meth:`figure` has for this run."""
        from toxiclf.report.figures import available

        return available(self)

    def figure(self, name: str, label: str | None = None) -> Figure:
        """A figure of ``report.html`` for a notebook, or to be changed: ``report.figure("precision_recall").show()``.

        Parameters
        ----------
        name : one of :meth:`figures`.
        label : of which label; the first where left out.

        Raises
        ------
        UsageError : there is no such figure or label, or this run has none.
        """
        from toxiclf.report.figures import draw

        return draw(self, name, label)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from toxiclf.report.html import in_notebook

        return in_notebook(self)

    def table(self) -> list[list[str]]:
        """The result table, heading first: the model and the baseline, then each label where there are several."""
        heading = ["", *HEADLINE]
        if not self.rows:
            return [heading]
        lines = [[self.model, *_cells(self.rows, SUMMARY)]]
        if self.baseline_rows:
            lines.append([f"{BASELINE} (baseline)", *_cells(self.baseline_rows, SUMMARY)])
        if len(self.labels) > 1:
            lines[0][0] += ", mean of labels"
            lines += [[f"  {label}", *_cells(self.rows, label)] for label in self.labels]
        return [heading, *lines]

    def live_table(self) -> list[list[str]]:
        """Figures at the live rate, heading first: the model, then each label where there are several."""
        lines = [[self.model, *_cells(self.live_rows, SUMMARY, LIVE)]]
        if len(self.labels) > 1:
            lines[0][0] += ", mean of labels"
            lines += [[f"  {label}", *_cells(self.live_rows, label, LIVE)] for label in self.labels]
        return [[f"at the {in_words(self.live_rate)}", *LIVE], *lines]

    def to_markdown(self, figures: Sequence[str] = ()) -> str:
        """``report.md``; ``figures`` are names of pictures beside it."""
        from toxiclf.report.markdown import report_markdown

        return report_markdown(self, figures)

    def members_table(self) -> list[list[str]]:
        """The members of an ensemble, heading first; empty for other models."""
        facts = self.data.get("details", {}).get("ensemble")
        return [] if facts is None else members_table(facts, self.model)

    def search_table(self) -> list[list[str]]:
        """The trials, best first, heading first."""
        trials = sorted(self.search["trials"], key=lambda trial: -(trial["value"] or 0.0))
        keys = list(dict.fromkeys(key for trial in trials for key in trial["settings"]))
        heading = ["trial", *keys, self.search["metric"].replace("_", " "), "deviation", "seconds"]
        lines = []
        for trial in trials:
            settings = [str(trial["settings"].get(key, "")) for key in keys]
            figures = (
                [trial["failure"], ""]
                if trial["value"] is None
                else [f"{trial[k]:.4f}" for k in ("value", "deviation")]
            )
            lines.append([str(trial["number"]), *settings, *figures, f"{trial['seconds']:.1f}"])
        return [heading, *lines]

    def write(self, folder: Path, figures: Sequence[str] = (), *, comments: bool = True) -> None:
        """Write ``report.json``, ``report.md`` and ``report.html``.

        Parameters
        ----------
        figures : names of pictures beside them.
        comments : False leaves every text out.
        """
        from toxiclf.report.html import page

        folder.mkdir(parents=True, exist_ok=True)
        full = self.analysed(comments=comments)
        write_text(folder / "report.html", page(full, comments=comments))
        write_text(folder / "report.md", full.to_markdown(figures))
        write_text(folder / "report.json", full.to_json())

    def analysed(self, *, comments: bool = True) -> Report:
        """The same with what takes a few seconds to work out: labels in doubt and, if ``comments``, the most telling tokens."""
        if self.evidence is None:
            return self
        found = {**self.analysis, "label_doubt": self.evidence.doubt}
        if comments and self.evidence.score is not None:
            found["tokens"] = self.evidence.tokens
        return replace(self, analysis=found)


def members_table(facts: Mapping[str, Any], model: str) -> list[list[str]]:
    """The members, how much each of them says, and what each is worth alone, heading first."""
    lines = [
        [m["name"], ", ".join(f"{weight:.3f}" for weight in m["weights"]), f"{m['average_precision']:.3f}"]
        for m in facts["members"]
    ]
    heading = ["member", said_of_members(model), "average precision"]
    return [heading, *lines, ["together", "", f"{facts['average_precision']:.3f}"]]


def said_of_members(model: str) -> str:
    return "weight" if model == "voting" else "coefficient"


def tables(report: Report) -> list[list[list[str]]]:
    """The result tables of a report, each heading first: as they are and, where one is set, at the live rate."""
    if not report.rows:
        return []
    return [report.table(), report.live_table()] if report.live_rate else [report.table()]


def remove_report(folder: Path) -> None:
    """Take an earlier report out of a folder, and what it speaks of, before anything new is written.

    So a process that is killed on the way leaves no report, and never one beside another run's predictions or bundle.
    """
    for name in (
        "report.json",
        "report.md",
        "report.html",
        "predictions.csv",
        "learned.csv",
        "rejected.csv",
        "augmented.csv",
    ):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "figures", ignore_errors=True)


def figure_row(rows: Sequence[MetricRow], label: str, metric: str) -> MetricRow:
    return next(row for row in rows if row.label == label and row.metric == metric)


def _by_metric(
    rows: Sequence[MetricRow], label: str, metrics: Sequence[str] = METRICS
) -> dict[str, dict[str, float | None]]:
    found = {row.metric: {"value": row.value, "low": row.low, "high": row.high} for row in rows if row.label == label}
    return {metric: found.get(metric, {"value": None, "low": None, "high": None}) for metric in metrics}


def _cells(rows: Sequence[MetricRow], label: str, metrics: Sequence[str] = HEADLINE) -> list[str]:
    return [figure(figure_row(rows, label, metric)) for metric in metrics]


def figure(row: MetricRow) -> str:
    """A figure as tables show it: value (low–high)."""
    if row.value is None:
        return "–"
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f}–{row.high:.3f})"
