"""Figures of a report: a file each, which says what is shown; how it is drawn is common to all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toxiclf._registry import component, components, register
from toxiclf.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from toxiclf.evaluation.report import Report
    from toxiclf.report.figures._chart import Chart


def charts(report: Report, name: str, label: str | None = None) -> list[Chart | None]:
    """What a figure shows of a run: a chart a label, or one where the figure does not differ by label.

    Parameters
    ----------
    name : of a component of kind "figure".
    label : of that label alone; None for all labels.

    Returns
    -------
    None in place of each that this run does not have.
    """
    figure = component("figure", name)
    labels = range(1)
    if figure["by_label"]:
        labels = range(len(report.labels)) if label is None else [report.labels.index(label)]
    return [figure.target(report, report.scored_rows, number) for number in labels]


def all_charts(report: Report, *, comments: bool = True) -> Iterator[tuple[str, list[Chart | None]]]:
    """Each figure that a run has, in order; without ``comments`` those that quote them are left out."""
    for name, figure in components("figure").items():
        if comments or not figure["quotes_comments"]:
            found = charts(report, name)
            if any(found):
                yield name, found


@register("format", "figures", summary="Names of the figures that a run has")
def available(report: Report) -> list[str]:
    """Names of the figures that a run has."""
    return [name for name, _ in all_charts(report)]


@register("format", "figure", summary="A figure by plotly, for notebooks")
def draw(report: Report, name: str, label: str | None = None) -> go.Figure:
    """A figure by name.

    Parameters
    ----------
    label : of which label; the first where left out. Some figures are of the whole run.

    Raises
    ------
    UsageError : there is no such figure or label, or this run has none.
    """
    if label is not None and label not in report.labels:
        raise unknown_name("label", label, report.labels)
    (chart,) = charts(report, name, label or report.labels[0])
    if chart is None:
        raise UsageError(f"this run has no figure '{name}'; it has: {', '.join(available(report)) or 'none'}")
    from toxiclf.report.figures import _plotly

    return _plotly.draw(chart).update_layout(template="plotly_white")
