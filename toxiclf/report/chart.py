"""The content of a figure, whatever library draws it: panels of series, plain text and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report
    from toxiclf.evaluation.scored import ScoredRows

BLUE, RED, ORANGE, GREY, PURPLE, PALE = "#2f6db3", "#c8442f", "#d98a1f", "#8a8f98", "#7a5bb0", "#ccd2da"
CLASS_COLOURS = (BLUE, RED)
"""Of comments without the label, and with it."""
CLASS_NAMES = ("not toxic", "toxic")

_MOST_CURVE_POINTS = 250
_LONGEST_HOVER = 120  # characters of a comment


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes
    ----------
    range : from, to; None to fit the series.
    ticks : names of the places 0, 1, 2, …; empty for numbers.
    percent : whether its numbers are shares, shown as percentages.
    reversed : whether it begins at the top.
    hidden : whether its numbers say nothing, and are left out.
    whole : whether there is nothing between its whole numbers.
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
    """Points of one colour and name.

    Attributes
    ----------
    kind : "line"; "step", a line that holds its value until the next point; "bars"; "points".
    x, y : of equal length; bars that lie have their length in ``x``. None is a gap.
    name : in the legend; empty for none.
    colour : one for all, or one a point.
    dash : of a line.
    markers : whether a line shows its points, too.
    cross : whether points are crosses.
    size : of points, in pixels.
    opacity : from 0 to 1.
    widths : of bars; None to fit.
    lying : whether bars lie.
    labels : text in each bar.
    hover : text where the pointer rests, a point each.
    hover_is_comments : whether that is the text of comments, which a page without comments leaves out.
    error_x, error_y : how far the interval of each point reaches below and above it; in ``error_colour``, if that is given.
    second_axis : whether ``y`` is on the panel's second axis.
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
    """Cells between two axes with ticks.

    Attributes
    ----------
    shares : from 0 to 1, a row of cells each; they give the colour.
    texts : what stands in each cell, of one line or two.
    """

    shares: Sequence[Sequence[float]]
    texts: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Rule:
    """A dashed line across a panel, such as a threshold; ``lying`` at a value of ``y``, else standing at one of ``x``."""

    at: float
    name: str = ""
    lying: bool = False


@dataclass(frozen=True)
class Panel:
    """A pair of axes with what they hold.

    Attributes
    ----------
    second_y : title of the axis at the right; empty for none.
    note : lines of text in the upper left corner.
    width : beside other panels, in their unit.
    bars_overlap : whether bars of several series lie over each other, else beside each other.
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
    """A figure: panels side by side.

    Attributes
    ----------
    height : in pixels of the page; None for the usual one.
    legend : whether names of series are shown.
    share_y : whether panels have the same ``y``, shown once.
    gap : between panels, as a share of the width.
    note : how it is read, where that differs from what the figure's ``note`` says in general.
    """

    panels: Sequence[Panel] = field(default_factory=tuple)
    height: int | None = None
    legend: bool = True
    share_y: bool = False
    gap: float = 0.04
    note: str = ""


UNIT = (-0.01, 1.01)
"""Range of an axis of shares."""
UNIT_UP = (-0.01, 1.03)
"""The same for the vertical axis, with space for a line along its top."""


def class_names(report: Report, label: int) -> tuple[str, str]:
    """Names of comments without the label and with it, for a legend."""
    if len(report.labels) == 1:
        return CLASS_NAMES
    return f"without '{report.labels[label]}'", f"with '{report.labels[label]}'"


def scores_of(scored: ScoredRows | None, label: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Scores of a label, and which rows hold it; None where there are no rows, or none of one class."""
    if scored is None:
        return None
    scores, toxic = scored.predictions.scores[:, label], scored.predictions.targets[:, label] == 1
    return (scores, toxic) if 0 < toxic.sum() < len(toxic) else None


def comment_texts(scored: ScoredRows | None, rows: Sequence[int] | NDArray[np.intp]) -> list[str]:
    """Comments as the model reads them, for points of :attr:`ScoredRows.pointed`; empty where no texts are at hand."""
    if scored is None or scored.pointed is None:
        return []
    return [shortened(text, _LONGEST_HOVER) for text in scored.as_read(scored.pointed, rows)]


def subsampled(along: NDArray[Any]) -> NDArray[np.intp]:
    """Which points of a curve to draw: those far enough apart to be seen, and both ends."""
    if len(along) <= _MOST_CURVE_POINTS:
        return np.arange(len(along))
    steps = np.floor(np.abs(along - along[0]) / (np.abs(along[-1] - along[0]) or 1) * _MOST_CURVE_POINTS)
    visible = np.append(np.flatnonzero(np.append(True, np.diff(steps) != 0)), len(along) - 1)
    return np.unique(visible)


def class_bars(counts: Sequence[NDArray[Any]], edges: NDArray[np.float64], names: Sequence[str]) -> list[Series]:
    """How many comments of each class lie between edges, as shares of their class."""
    return [
        Series(
            "bars", (edges[1:] + edges[:-1]) / 2, of_class / max(1, of_class.sum()), f"{name} ({of_class.sum():,})", colour,
            opacity=0.6, widths=np.diff(edges), hover=[f"{count:,} comments" for count in of_class],
        )
        for of_class, name, colour in zip(counts, names, CLASS_COLOURS, strict=True)
    ]  # fmt: skip


def shortened(text: str, most: int) -> str:
    """The first characters of a text, with a mark if some are left out."""
    return text if len(text) <= most else f"{text[:most]}…"
