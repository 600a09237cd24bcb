"""The content of a figure as plain text and numbers, which either plotly or matplotlib draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.personal import readable

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

BLUE, RED, ORANGE, GREY, PURPLE, PALE = "#2f6db3", "#c8442f", "#d98a1f", "#8a8f98", "#7a5bb0", "#ccd2da"
CLASS_COLOURS = (BLUE, RED)
"""Colors of comments without the label, and of comments with it."""
CLASS_NAMES = ("not toxic", "toxic")

_MOST_CURVE_POINTS = 250
_LONGEST_HOVER = 120  # characters of a comment that are shown on hover


@dataclass(frozen=True)
class Axis:
    """An axis of a panel.

    Attributes
    ----------
    range : lowest and highest value; None for a range that fits the series.
    ticks : names of the positions 0, 1, 2, …; empty for a numeric axis.
    percent : whether values are shares, shown as percentages.
    reversed : whether values increase downward (or to the left on an x axis).
    hidden : whether tick labels are left out, because the values have no meaning.
    whole : whether ticks are only at whole numbers.
    """

    title: str = ""
    range: tuple[float, float] | None = None
    ticks: Sequence[str] = ()
    percent: bool = False
    reversed: bool = False
    hidden: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Series:
    """A series of points, drawn as a line, bars or single points.

    Attributes
    ----------
    kind : "line"; "step", a line that keeps its value until the next point; "bars"; or "points".
    x, y : coordinates, of equal length; None is a gap. Horizontal bars have their lengths in ``x``.
    name : name in the legend; empty for no entry.
    colour : color of all points, or a color for each point.
    dash : style of a line.
    markers : whether a line has a marker at each point.
    cross : whether points are drawn as crosses.
    size : size of points in pixels.
    opacity : opacity of points and bars, from 0 to 1.
    widths : width of each bar; None to choose it automatically.
    lying : whether bars are horizontal.
    labels : text at each bar.
    hover : text for each point, shown when the pointer is on the point.
    hover_is_comments : whether ``hover`` is text of comments, which a page without comments leaves out.
    error_x, error_y : lengths of the error bars below and above each point.
    error_colour : color of error bars; empty for ``colour``.
    second_axis : whether ``y`` belongs to the second y axis of the panel.
    """

    kind: Literal["line", "step", "bars", "points"]
    x: Sequence[Any] | NDArray[Any]
    y: Sequence[Any] | NDArray[Any]
    name: str = ""
    colour: str | Sequence[str] = BLUE
    dash: Literal["solid", "dash", "dot", "dashdot"] = "solid"
    markers: bool = False
    cross: bool = False
    size: int = 6
    opacity: float = 1.0
    widths: Sequence[float] | NDArray[Any] | None = None
    lying: bool = False
    labels: Sequence[str] = ()
    hover: Sequence[str] = ()
    hover_is_comments: bool = False
    error_x: tuple[Sequence[float], Sequence[float]] | None = None
    error_y: tuple[Sequence[float], Sequence[float]] | None = None
    error_colour: str = ""
    second_axis: bool = False


@dataclass(frozen=True)
class HeatMap:
    """A grid of colored cells with text, between two axes with ticks.

    Attributes
    ----------
    shares : rows of values from 0 to 1, which set the colors of the cells.
    texts : rows of texts in the cells, with one or two lines each.
    """

    shares: Sequence[Sequence[float]]
    texts: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Rule:
    """A dashed line across a panel, such as a threshold.

    It is horizontal, at y = ``at``, if ``lying``; else it is vertical, at x = ``at``.
    """

    at: float
    name: str = ""
    lying: bool = False


@dataclass(frozen=True)
class Panel:
    """A pair of axes and what is drawn between them.

    Attributes
    ----------
    second_y : title of a second y axis, at the right; empty for no such axis.
    note : text in the upper left corner, in one or more lines.
    width : width relative to the other panels of the chart.
    bars_overlap : whether bars of several series overlap; False puts them side by side.
    """

    x: Axis = Axis()
    y: Axis = Axis()
    series: Sequence[Series] = ()
    heat_map: HeatMap | None = None
    rules: Sequence[Rule] = ()
    title: str = ""
    second_y: str = ""
    note: str = ""
    width: float = 1.0
    bars_overlap: bool = True


@dataclass(frozen=True)
class Chart:
    """The content of a figure: panels side by side.

    Attributes
    ----------
    height : height on the page in pixels; None for the default height.
    legend : whether to show a legend with the names of series.
    share_y : whether all panels share one y axis, shown once.
    gap : space between panels, as a share of the figure's width.
    note : caption of this chart; empty to use the caption with which the figure is registered.
    """

    panels: Sequence[Panel] = field(default_factory=tuple)
    height: int | None = None
    legend: bool = True
    share_y: bool = False
    gap: float = 0.04
    note: str = ""


UNIT = (-0.01, 1.01)
"""Range of an axis of shares, with a margin."""
UNIT_UP = (-0.01, 1.03)
"""Range of a vertical axis of shares, with space for a line at its top."""


def class_names(report: Report, label: int) -> tuple[str, str]:
    """Return the legend names of comments without a label and of comments with it; ``label`` is its number."""
    if len(report.labels) == 1:
        return CLASS_NAMES
    name = short_name(report.labels[label])
    return f"without '{name}'", f"with '{name}'"


def decides(report: Report, label: str) -> str:
    """Return the legend name of the point where a label's verdicts lie: its threshold, or the highest score."""
    return "highest score" if report.arg_max else f"threshold {report.thresholds[label]:.3f}"


def scores_of(scored: ScoredRows | None, label: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return a label's scores and whether each row has the label, both (n,); ``label`` is the label's number.

    None if there are no scored rows, or if all rows are of one class.
    """
    if scored is None:
        return None
    scores, toxic = scored.predictions.scores[:, label], scored.predictions.targets[:, label] == 1
    return (scores, toxic) if 0 < toxic.sum() < len(toxic) else None


def comment_texts(scored: ScoredRows | None, rows: Sequence[int] | NDArray[np.intp]) -> list[str]:
    """Return the shortened texts of the comments with these row numbers in ``scored.pointed``; empty without texts."""
    if scored is None or scored.pointed is None:
        return []
    return [shortened(readable(text), _LONGEST_HOVER) for text in scored.as_read(scored.pointed, rows)]


def subsampled(along: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices of the points of a curve that are drawn: about 250 at most, with both ends of the curve.

    They are spread evenly over ``along``, the coordinate of the points along one axis.
    """
    if len(along) <= _MOST_CURVE_POINTS:
        return np.arange(len(along))
    steps = np.floor(np.abs(along - along[0]) / (np.abs(along[-1] - along[0]) or 1) * _MOST_CURVE_POINTS)
    visible = np.append(np.flatnonzero(np.append(True, np.diff(steps) != 0)), len(along) - 1)
    return np.unique(visible)


def class_bars(counts: Sequence[NDArray[Any]], edges: NDArray[np.float64], names: Sequence[str]) -> list[Series]:
    """Return a series of bars for each class: the share of the class's comments in each bin.

    ``counts`` has the number of comments in each bin for each class, ``edges`` the edges of the bins, and ``names`` the
    names of the classes.
    """
    return [
        Series(
            "bars", (edges[1:] + edges[:-1]) / 2, of_class / max(1, of_class.sum()), f"{name} ({of_class.sum():,})", colour,
            opacity=0.6, widths=np.diff(edges), hover=[f"{count:,} comments" for count in of_class],
        )
        for of_class, name, colour in zip(counts, names, CLASS_COLOURS, strict=True)
    ]  # fmt: skip


def short_name(name: str) -> str:
    """Return the first 24 characters of a name, for a chart."""
    return shortened(name, 24)


def shortened(text: str, most: int) -> str:
    """Return the first ``most`` characters of a text, followed by "…" if the text is longer."""
    return text if len(text) <= most else f"{text[:most]}…"
