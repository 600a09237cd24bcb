"""Draw charts as Plotly JSON, for ``report.html`` and for notebooks.

The JSON is built without plotly's Python classes, because their checks take longer than the rest of saving a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from toxiclf.errors import visible_lines
from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, Rule, Series

_LINE = {"dash": "dash", "color": "#333"}
_SECOND_AXIS_WIDTH = 0.06  # as a share of the width of the figure
_TITLE_SIZE = 16  # pixels
_DIGITS = 6  # significant digits of numbers: more than a reader can see


def draw(chart: Chart, *, comments: bool = True) -> dict[str, Any]:
    """Return a chart as Plotly JSON (``data`` and ``layout``); without ``comments``, no text of a comment is in it."""
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"margin": {"l": 60, "r": 20, "t": 40, "b": 50}, "hovermode": "closest"}
    annotations: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    named: set[str] = set()
    several = len(chart.panels) > 1
    for number, (panel, domain) in enumerate(zip(chart.panels, _domains(chart), strict=True)):
        suffix = str(number + 1) if number else ""
        x, y = f"x{suffix}", f"y{suffix}"
        layout[f"xaxis{suffix}"] = {**_axis(panel.x), "anchor": y, "domain": domain}
        layout[f"yaxis{suffix}"] = {**_axis(panel.y), "anchor": x, "domain": [0, 1]}
        if chart.share_y and number:
            layout[f"yaxis{suffix}"] |= {"matches": "y", "showticklabels": False}
        if panel.second_y:
            title = {"text": _text(panel.second_y)}
            layout["yaxis2"] = {"title": title, "anchor": x, "overlaying": "y", "side": "right", "showgrid": False}
        if panel.heat_map is not None:
            data.append({**_cells(panel.heat_map), "xaxis": x, "yaxis": y})
        for series in panel.series:
            trace = _trace(series, panel, comments=comments)
            trace |= {"xaxis": x, "yaxis": "y2" if series.second_axis else y}
            if several and series.name:  # a series in several panels has one entry in the legend
                trace |= {"legendgroup": trace["name"], "showlegend": series.name not in named}
                named.add(series.name)
            data.append(trace)
        for rule in panel.rules:
            shapes.append(_shape(rule, x, y))
            if rule.name:
                annotations.append(_rule_name(rule, x, y))
        if panel.note:
            annotations.append(
                {"text": _text(panel.note), "x": 0.02, "y": 0.98, "xref": f"{x} domain", "yref": f"{y} domain",
                 "xanchor": "left", "yanchor": "top", "align": "left", "showarrow": False}
            )  # fmt: skip
        if panel.title:
            annotations.append(
                {"text": _text(panel.title), "x": sum(domain) / 2, "y": 1.0, "xref": "paper", "yref": "paper",
                 "xanchor": "center", "yanchor": "bottom", "showarrow": False, "font": {"size": _TITLE_SIZE}}
            )  # fmt: skip
            layout["legend"] = {"y": -0.05, "yanchor": "top"}  # below the panels: above, it would cover their titles
    if any(series.kind == "bars" for panel in chart.panels for series in panel.series):
        layout["barmode"] = "overlay" if all(panel.bars_overlap for panel in chart.panels) else "group"
    if not chart.legend:
        layout["showlegend"] = False
    if chart.height is not None:
        layout["height"] = chart.height
    return {"data": data, "layout": {**layout, "annotations": annotations, "shapes": shapes}}


def _domains(chart: Chart) -> list[list[float]]:
    """Return the left and right end of each panel, as shares of the figure's width."""
    if len(chart.panels) == 1:
        return [[0.0, 1.0 - _SECOND_AXIS_WIDTH if chart.panels[0].second_y else 1.0]]
    unit = (1 - chart.gap * (len(chart.panels) - 1)) / sum(panel.width for panel in chart.panels)
    domains, start = [], 0.0
    for panel in chart.panels:
        domains.append([start, start + unit * panel.width])
        start += unit * panel.width + chart.gap
    return domains


def _trace(series: Series, panel: Panel, *, comments: bool) -> dict[str, Any]:
    trace: dict[str, Any] = {"x": _places(series.x), "y": _places(series.y)}
    trace |= {"name": _text(series.name)} if series.name else {"showlegend": False}
    if series.kind == "bars":
        trace |= {"type": "bar", "opacity": series.opacity, "marker": {"color": series.colour}}
        trace |= (
            {"text": [_text(text) for text in series.labels or series.hover]} if series.labels or series.hover else {}
        )
        trace["textposition"] = "auto" if series.labels else "none"
        if series.widths is not None:
            trace["width"] = _places(series.widths)
        return trace | ({"orientation": "h"} if series.lying else {})
    trace["type"] = "scatter"
    if series.kind == "points":
        marker: dict[str, Any] = {"color": series.colour, "size": series.size, "opacity": series.opacity}
        trace |= {"mode": "markers", "marker": marker | ({"symbol": "x"} if series.cross else {})}
    else:
        trace["mode"] = "lines+markers" if series.markers else "lines"
        trace["line"] = {
            "color": series.colour,
            "dash": series.dash,
            "shape": "hv" if series.kind == "step" else "linear",
        }
    if series.hover_is_comments and not comments:
        trace["hoverinfo"] = "none"
    elif series.hover:
        trace["text"] = [_escaped(text) for text in series.hover]
        trace |= {"hoverinfo": "text"} if panel.x.hidden else {}
    for axis, reach in (("x", series.error_x), ("y", series.error_y)):
        if reach is not None:
            colour = series.error_colour or series.colour
            trace[f"error_{axis}"] = {
                "type": "data", "symmetric": False, "arrayminus": _places(reach[0]), "array": _places(reach[1]), "color": colour
            }  # fmt: skip
    return trace


def _cells(heat_map: HeatMap) -> dict[str, Any]:
    return {
        "type": "heatmap", "z": [_places(row) for row in heat_map.shares], "zmin": 0, "zmax": 1, "showscale": False,
        "text": [[_cell(text) for text in row] for row in heat_map.texts], "texttemplate": "%{text}", "hoverinfo": "skip",
        "colorscale": [[0, "#eef3f9"], [1, "#7fa8d6"]],
    }  # fmt: skip


def _cell(text: str) -> str:
    first, *rest = text.split("\n")
    return "<br>".join([f"<b>{_escaped(first)}</b>", *map(_escaped, rest)])


def _shape(rule: Rule, x: str, y: str) -> dict[str, Any]:
    at = {"type": "line", "line": _LINE}
    if rule.lying:
        return at | {"x0": 0, "x1": 1, "xref": f"{x} domain", "y0": rule.at, "y1": rule.at, "yref": y}
    return at | {"x0": rule.at, "x1": rule.at, "xref": x, "y0": 0, "y1": 1, "yref": f"{y} domain"}


def _rule_name(rule: Rule, x: str, y: str) -> dict[str, Any]:
    at = {"text": _text(rule.name), "showarrow": False}
    if rule.lying:
        return at | {"x": 1, "xref": f"{x} domain", "xanchor": "right", "y": rule.at, "yref": y, "yanchor": "bottom"}
    return at | {"x": rule.at, "xref": x, "xanchor": "left", "y": 1, "yref": f"{y} domain", "yanchor": "top"}


def _axis(axis: Axis) -> dict[str, Any]:
    layout: dict[str, Any] = {"title": {"text": _text(axis.title)}} if axis.title else {}
    if axis.range is not None:
        layout["range"] = list(axis.range)
    if axis.ticks:
        names = [_text(name) for name in axis.ticks]
        layout |= {"tickvals": list(range(len(names))), "ticktext": names, "automargin": True}
    if axis.percent:
        layout["tickformat"] = ".0%"
    if axis.reversed:
        layout["autorange"] = "reversed"
    if axis.hidden:
        layout["showticklabels"] = False
    return layout


def _places(values: Iterable[Any]) -> Sequence[Any]:
    """Return coordinates as JSON types: floats rounded, NaN and infinity as None, text escaped for Plotly."""
    plain = values.tolist() if hasattr(values, "tolist") else values
    return [
        _text(value) if isinstance(value, str) else _rounded(value) if isinstance(value, float) else value
        for value in plain
    ]


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _text(text: str) -> str:
    """Return text that Plotly shows as it is, with ``<br>`` for line breaks."""
    return _escaped(text).replace("\n", "<br>")


def _escaped(text: str) -> str:
    """Escape text, so that Plotly does not interpret tags in it, and characters that are not seen."""
    return escape(visible_lines(text), quote=False)
