"""Interactive figures of a report, by plotly; each is drawn from the report and its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from toxiclf.errors import UsageError, unknown_name
from toxiclf.evaluation.evidence import Evidence
from toxiclf.report.figures import learned, scores
from toxiclf.report.figures.shared import COMMENTS

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report

_Draw = Callable[["Report", Evidence | None, int], "go.Figure | None"]


def draw(report: Report, name: str, label: str | None = None) -> go.Figure:
    """A figure by name.

    Parameters
    ----------
    label : of which label; the first where left out. Some figures are of the whole run.

    Raises
    ------
    UsageError : there is no such figure or label, or this run has none.
    """
    if name not in FIGURES:
        raise unknown_name("figure", name, list(FIGURES))
    if label is not None and label not in report.labels:
        raise unknown_name("label", label, report.labels)
    figure = drawn(report, name, label)
    if figure is None:
        raise UsageError(f"this run has no figure '{name}'; it has: {', '.join(available(report)) or 'none'}")
    return figure.update_layout(template="plotly_white")


def drawn(report: Report, name: str, label: str | None, *, comments: bool = True) -> go.Figure | None:
    """The same; None where the run has none. Without ``comments`` none is shown where the pointer rests."""
    figure = FIGURES[name](report, report.evidence, report.labels.index(label) if label is not None else 0)
    if figure is None:
        return None
    if not comments:
        for trace in figure.data:
            if trace.meta == COMMENTS:
                trace.update(text=None, hoverinfo="none")
    return figure.update_layout(margin={"l": 60, "r": 20, "t": 40, "b": 50}, hovermode="closest")


def available(report: Report) -> list[str]:
    """Names of the figures that a run has."""
    return [name for name in FIGURES if drawn(report, name, None) is not None]


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as JSON types."""
    content: dict[str, Any] = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content


FIGURES: Mapping[str, _Draw] = {
    "confusion": scores.confusion,
    "precision_recall": scores.precision_recall,
    "roc": scores.roc,
    "score_histogram": scores.histogram,
    "calibration": scores.calibration,
    "threshold": scores.threshold,
    "history": learned.history,
    "class_balance": scores.class_balance,
    "lengths": scores.lengths,
    "slices": scores.slices,
    "errors": learned.errors,
    "metric": learned.metric,
    "importance": learned.importance,
    "generated_rows": learned.generated,
    "tokens": learned.tokens,
}
"""Every figure there may be."""

OF_A_LABEL = frozenset(
    {"confusion", "precision_recall", "roc", "score_histogram", "calibration", "threshold", "class_balance", "lengths", "slices",
     "tokens"}
)  # fmt: skip
"""Those that differ by label."""
