"""Figures of a report: each file defines the content of one figure as charts, and common code draws them.

Plotly draws figures on pages and in notebooks, Matplotlib draws them for publication; each is imported at first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toxiclf._registry import component, components, register
from toxiclf.errors import UsageError, unknown_name
from toxiclf.report import _plotly

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from toxiclf.evaluation.report import Report
    from toxiclf.report.chart import Chart

FORMATS = ("svg", "pdf", "png")
"""File formats of figures for publication."""


def charts(report: Report, name: str, label: str | None = None) -> list[Chart | None]:
    """Make the charts of a figure: one for each label, or a single chart if the figure is the same for all labels.

    Parameters
    ----------
    name : name of a component of kind "figure".
    label : make the chart of this label only; None for all labels.

    Returns
    -------
    The charts; a chart is None if this run lacks the data for it.
    """
    figure = component("figure", name)
    labels: Sequence[int] = range(1)
    if figure["by_label"]:
        labels = range(len(report.labels)) if label is None else [report.labels.index(label)]
    return [figure.target(report, report.scored_rows, number) for number in labels]


def all_charts(report: Report, *, comments: bool = True) -> Iterator[tuple[str, list[Chart | None]]]:
    """Yield name and charts of each figure that the run has data for.

    With ``comments=False``, figures that quote comments are skipped.
    """
    for name, figure in components("figure").items():
        if comments or not figure["quotes_comments"]:
            by_label = charts(report, name)
            if any(by_label):
                yield name, by_label


@register("format", "figures", summary="Names of the figures that a run has")
def available(report: Report) -> list[str]:
    """Return the names of the figures that the run has data for, in the order of the page."""
    return [name for name, _ in all_charts(report)]


@register("format", "figure", summary="A figure by plotly, for notebooks")
def draw(report: Report, name: str, label: str | None = None) -> go.Figure:
    """Draw a figure with Plotly.

    Parameters
    ----------
    label : the label to draw; None for the first. No effect on figures that are the same for all labels.

    Raises
    ------
    UsageError : the figure or the label is unknown, or this run lacks the data of the figure.
    """
    _check_label(report, label)
    (chart,) = charts(report, name, report.labels[0] if label is None else label)
    if chart is None:
        raise UsageError(f"this run has no figure '{name}'; it has: {', '.join(available(report)) or 'none'}")
    import plotly.graph_objects as go

    return go.Figure(_plotly.draw(chart)).update_layout(template="plotly_white")


def write_figures(
    report: Report,
    folder: Path,
    names: Sequence[str] = (),
    *,
    label: str | None = None,
    kind: str = "svg",
    say: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Draw figures for publication with Matplotlib, write one file for each, and return the paths of the files.

    Parameters
    ----------
    report : report with its scored rows, if the run has any; see :func:`toxiclf.evaluation.saved.drawable_report`.
    folder : folder of the files; it is created if missing.
    names : names of components of kind "figure"; empty for all figures that the run has.
    label : draw this label only; None for one panel per label.
    kind : file format, one of :data:`FORMATS`.
    say : called with a message for each figure that the run lacks, and if a font lacks characters.

    Raises
    ------
    UsageError : a name, the label or the format is unknown, there is nothing to draw, or the folder cannot be created.
    """
    if kind not in FORMATS:
        raise unknown_name("format", kind, FORMATS)
    _check_label(report, label)
    figures = [component("figure", name) for name in dict.fromkeys(names)] or list(components("figure").values())
    drawable, missing = {}, []
    for figure in figures:
        by_label = charts(report, figure.name, label)
        titles = report.labels if len(by_label) > 1 else [""]
        present = [(title, chart) for title, chart in zip(titles, by_label, strict=True) if chart is not None]
        if present:
            drawable[figure.name] = present
        else:
            missing.append(f"this run has no figure {figure.name}, which needs {figure['needs']}")
    if not drawable:
        raise UsageError(f"there is nothing to draw: {'; '.join(missing)}")
    from toxiclf.report import _matplotlib

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be created ({error.strerror}); choose another folder") from error
    for sentence in missing:
        say(sentence)
    paths = [folder / f"{name}.{kind}" for name in drawable]
    boxed = [
        path.stem
        for path, present in zip(paths, drawable.values(), strict=True)
        if not _matplotlib.write(path, present)
    ]
    if boxed:
        say(
            f"no installed font has all characters of {', '.join(boxed)}, so some appear as boxes; install one, "
            "such as fonts-nanum for Hangul, and draw again"
        )
    return paths


def _check_label(report: Report, label: str | None) -> None:
    if label is not None and label not in report.labels:
        raise unknown_name("label", label, report.labels)
