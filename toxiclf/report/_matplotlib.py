"""Draw charts with matplotlib for publication, as SVG, PDF or PNG."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toxiclf._files import writing_bytes
from toxiclf.cache import own_settings_of_libraries
from toxiclf.errors import visible_lines
from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KOREAN_FONTS = (
    "Noto Sans CJK KR",
    "NanumGothic",
    "Nanum Gothic",
    "Malgun Gothic",
    "AppleGothic",
    "UnDotum",
    "Baekmuk Gulim",
)
_BOX = "□"
_LATIN_FONT = "DejaVu Sans"
_MOST_COLUMNS = 3
_WIDTH, _HEIGHT = 5.0, 4.2  # size of a panel in inches
_LEGEND_BELOW = 0.45  # inches from the x axis to the legend
_PIXELS = 100  # pixels of report.html per inch
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_METADATA: dict[str, dict[str, Any]] = {  # leaves out what would differ from run to run
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "png": {"Software": None},
}


def write(path: Path, charts: Sequence[tuple[str, Chart]]) -> bool:
    """Draw charts as one figure and write it to a file, whose ending sets the format.

    Parameters
    ----------
    charts : pairs of a title, such as the name of a label, and its chart; an empty title is left out.

    Returns
    -------
    Whether the fonts of this machine have all characters of the figure; missing ones are drawn as boxes.
    """
    with own_settings_of_libraries():
        import matplotlib.font_manager
        from matplotlib.text import Text

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # it logs each font table that it leaves out of a PDF
    style = {
        "font.family": [*korean_fonts(), _LATIN_FONT], "axes.unicode_minus": False, "text.parse_math": False,
        "svg.hashsalt": "toxiclf", "pdf.fonttype": 42, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    kind = path.suffix.removeprefix(".")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc, of the user or in the working folder, has no effect
        matplotlib.rcParams.update(style)
        figure = draw(charts)
        with writing_bytes(path) as file:
            figure.savefig(file, format=kind, dpi=200, metadata=_METADATA[kind])
    return not any(_BOX in text.get_text() for text in figure.findobj(Text))


def draw(charts: Sequence[tuple[str, Chart]]) -> Figure:
    """Return a figure of all charts, given as pairs of title and chart.

    Charts with one panel are side by side, three per line; charts with several panels are one below the other.
    """
    from matplotlib.figure import Figure

    first = charts[0][1]
    several = len(first.panels)
    columns = several if several > 1 else min(_MOST_COLUMNS, len(charts))
    rows = len(charts) if several > 1 else -(-len(charts) // columns)
    heights = [(chart.height or _HEIGHT * _PIXELS) / _PIXELS for _, chart in charts]
    figure = Figure(figsize=(max(_WIDTH * columns, 6.0), max(heights) * rows), layout="constrained")
    widths = [panel.width for panel in first.panels] if several > 1 else None
    grid = figure.subplots(
        rows, columns, squeeze=False, sharey="row" if first.share_y else False, gridspec_kw={"width_ratios": widths}
    )
    panels = [(title, chart, panel) for title, chart in charts for panel in chart.panels]
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (title, chart, panel) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel, legend=chart.legend)
        axes.set_title(drawable(": ".join(part for part in (title, panel.title) if part)), fontsize=10)
    return figure


def _draw_panel(axes: Axes, panel: Panel, *, legend: bool) -> None:
    from matplotlib.transforms import ScaledTranslation

    if panel.heat_map is not None:
        _draw_cells(axes, panel.heat_map)
    second = axes.twinx() if panel.second_y else None
    for number, series in enumerate(panel.series):
        on = second if second is not None and series.second_axis else axes
        _DRAW[series.kind](on, series, (0, 1) if panel.bars_overlap else (number, len(panel.series)))
    for rule in panel.rules:
        line = axes.axhline if rule.lying else axes.axvline
        line(rule.at, linestyle="--", color="0.3", linewidth=1, label=drawable(rule.name) or None)
    if panel.note:
        axes.text(0.03, 0.97, drawable(panel.note), transform=axes.transAxes, verticalalignment="top", fontsize=8)
    _set_axis(axes, "x", panel.x)
    _set_axis(axes, "y", panel.y)
    handles, names = axes.get_legend_handles_labels()
    if second is not None:
        second.set_ylabel(drawable(panel.second_y))
        second.spines["right"].set_visible(True)
        handles, names = (
            ours + theirs for ours, theirs in zip((handles, names), second.get_legend_handles_labels(), strict=True)
        )
    if names and (legend or panel.rules):
        figure = axes.get_figure()
        assert figure is not None
        below = axes.transAxes + ScaledTranslation(0, -_LEGEND_BELOW, figure.dpi_scale_trans)
        axes.legend(
            handles,
            names,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=below,
            ncols=2,
            frameon=False,
            fontsize=8,
        )


def _draw_line(axes: Axes, series: Series, place: tuple[int, int]) -> None:
    y = [np.nan if value is None else value for value in series.y]
    style: dict[str, Any] = {"drawstyle": "steps-post"} if series.kind == "step" else {}
    axes.plot(
        series.x, y, _DASHES[series.dash], color=series.colour, label=drawable(series.name) or None,
        marker="o" if series.markers else "", markersize=4, linewidth=1.5, **style,
    )  # fmt: skip


def _draw_points(axes: Axes, series: Series, place: tuple[int, int]) -> None:
    axes.scatter(
        series.x, series.y, s=series.size**2 * 0.6, color=series.colour, alpha=series.opacity, zorder=3,
        marker="x" if series.cross else "o", linewidths=1 if series.cross else 0, label=drawable(series.name) or None,
        rasterized=len(series.x) > 500,
    )  # fmt: skip
    if series.error_x is not None or series.error_y is not None:
        axes.errorbar(
            series.x,
            series.y,
            xerr=series.error_x,
            yerr=series.error_y,
            fmt="none",
            ecolor=series.error_colour or series.colour,
            elinewidth=1,
            capsize=2,
        )


def _draw_bars(axes: Axes, series: Series, place: tuple[int, int]) -> None:
    """Draw a series of bars.

    ``place`` is the index of the series, and how many series are side by side; bars are moved sideways accordingly.
    """
    style: dict[str, Any] = {"label": drawable(series.name) or None, "color": series.colour, "alpha": series.opacity}
    if series.lying:
        y = np.asarray(series.y, dtype=np.float64)
        height = 0.8 if len(y) < 2 else 0.9 * float(np.diff(y).min())
        axes.barh(y, series.x, height, **style)
        return
    number, count = place
    if series.widths is not None:
        axes.bar(series.x, series.y, series.widths, **style)
        return
    positions = np.arange(len(series.x)) + (number - (count - 1) / 2) * 0.8 / count
    bars = axes.bar(positions, series.y, 0.8 / count, **style)
    axes.set_xticks(range(len(series.x)), [drawable(str(x)) for x in series.x])
    if series.labels:
        axes.bar_label(bars, series.labels, fontsize=8)
        axes.margins(y=0.1)


def _draw_cells(axes: Axes, heat_map: HeatMap) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("cells", ["#eef3f9", "#7fa8d6"])
    axes.imshow(heat_map.shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(heat_map.texts):
        for j, text in enumerate(row):
            axes.text(j, i, drawable(text), horizontalalignment="center", verticalalignment="center")


def _set_axis(axes: Axes, which: str, axis: Axis) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    ruler = axes.xaxis if which == "x" else axes.yaxis
    ruler.set_label_text(drawable(axis.title))
    if axis.range is not None:
        (axes.set_xlim if which == "x" else axes.set_ylim)(*axis.range)
    if axis.ticks:
        ruler.set_ticks(range(len(axis.ticks)), [drawable(name) for name in axis.ticks])
        ruler.set_tick_params(labelsize=8)
    elif axis.whole:
        ruler.set_major_locator(MaxNLocator(integer=True))
    if axis.percent:
        ruler.set_major_formatter(PercentFormatter(1, decimals=0))
    if axis.reversed and not ruler.get_inverted():
        ruler.set_inverted(True)
    if axis.hidden:
        ruler.set_ticks([])


_DRAW: Mapping[str, Callable[[Axes, Series, tuple[int, int]], None]] = {
    "line": _draw_line,
    "step": _draw_line,
    "points": _draw_points,
    "bars": _draw_bars,
}


@cache
def korean_fonts() -> tuple[str, ...]:
    """Return the names of the known Korean fonts that are installed, in order of preference."""
    with own_settings_of_libraries():
        from matplotlib import font_manager

    known = {font.fname for font in font_manager.fontManager.ttflist}
    for path in set(font_manager.findSystemFonts()) - known:  # fonts that were installed after matplotlib made its list
        with suppress(OSError, RuntimeError):
            font_manager.fontManager.addfont(path)
    present = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _KOREAN_FONTS if name in present)


def drawable(text: str) -> str:
    """Return the text as a figure shows it: invisible characters are escaped, and characters that the fonts lack become boxes."""
    known = _characters()
    return "".join(
        character if ord(character) in known or character == "\n" else _BOX for character in visible_lines(text)
    )


@cache
def _characters() -> frozenset[int]:
    """Return the code points of all characters that the fonts of figures have."""
    from matplotlib import font_manager, ft2font

    paths = [font_manager.findfont(name) for name in (*korean_fonts(), _LATIN_FONT)]
    return frozenset().union(*(ft2font.FT2Font(path).get_charmap() for path in paths))
