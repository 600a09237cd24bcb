"""Charts by plotly: for ``report.html`` and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, Rule, Series

if TYPE_CHECKING:
    import plotly.graph_objects as go

_RULE = {"dash": "dash", "color": "#333"}


def draw(chart: Chart, *, comments: bool = True) -> go.Figure:
    """A plotly figure; without ``comments`` none is shown where the pointer rests."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    panels = chart.panels
    figure = go.Figure()
    if len(panels) > 1:
        titles = [_text(panel.title) for panel in panels]
        figure = make_subplots(
            cols=len(panels), column_widths=[panel.width for panel in panels], shared_yaxes=chart.share_y,
            horizontal_spacing=chart.gap, subplot_titles=titles if any(titles) else None,
        )  # fmt: skip
    elif panels[0].second_y:
        figure = make_subplots(specs=[[{"secondary_y": True}]])
    named: set[str] = set()
    for column, panel in enumerate(panels, start=1):
        place: dict[str, Any] = {"row": 1, "col": column} if len(panels) > 1 else {}
        if panel.heat_map is not None:
            figure.add_trace(_cells(panel, panel.heat_map), **place)
        for series in panel.series:
            second = {"secondary_y": series.second_axis} if panel.second_y else {}
            trace = _trace(series, panel, comments=comments)
            if place and series.name:  # in several panels, and once in the legend
                trace.update(legendgroup=trace.name, showlegend=series.name not in named)
                named.add(series.name)
            figure.add_trace(trace, **place, **second)
        for rule in panel.rules:
            _add_rule(figure, rule, place)
        if panel.note:
            figure.add_annotation(
                x=0.02, y=0.98, xref="x domain", yref="y domain", showarrow=False, align="left", xanchor="left", yanchor="top",
                text=_text(panel.note), **place,
            )  # fmt: skip
        second = {"secondary_y": False} if panel.second_y else {}
        figure.update_xaxes(_axis(panel.x), **place)
        figure.update_yaxes(_axis(panel.y), **place, **second)
        if panel.second_y:
            figure.update_yaxes(title_text=_text(panel.second_y), showgrid=False, secondary_y=True)
    if any(series.kind == "bars" for panel in panels for series in panel.series):
        figure.update_layout(barmode="overlay" if all(panel.bars_overlap for panel in panels) else "group")
    if any(panel.title for panel in panels):  # where a legend would stand otherwise
        figure.update_layout(legend={"y": -0.05, "yanchor": "top"})
    if not chart.legend:
        figure.update_layout(showlegend=False)
    margin = {"l": 60, "r": 20, "t": 40, "b": 50}
    return figure.update_layout(height=chart.height, margin=margin, hovermode="closest")


def _trace(series: Series, panel: Panel, *, comments: bool) -> Any:
    import plotly.graph_objects as go

    if series.kind == "bars":
        return go.Bar(
            x=_places(series.x), y=_places(series.y), width=series.widths, name=_text(series.name) or None, opacity=series.opacity,
            orientation="h" if series.lying else None, marker={"color": series.colour},
            text=[_text(text) for text in series.labels or series.hover] or None,
            textposition="auto" if series.labels else "none", showlegend=None if series.name else False,
        )  # fmt: skip
    hidden = series.hover_is_comments and not comments
    style: dict[str, Any] = {"mode": "markers"}
    if series.kind == "points":
        style["marker"] = {
            "color": series.colour,
            "size": series.size,
            "opacity": series.opacity,
            "symbol": "x" if series.cross else None,
        }
    else:
        style["mode"] = "lines+markers" if series.markers else "lines"
        shape = "hv" if series.kind == "step" else None
        style["line"] = {
            "color": series.colour,
            "dash": None if series.dash == "solid" else series.dash,
            "shape": shape,
        }
    return go.Scatter(
        x=series.x, y=series.y, name=_text(series.name) or None,
        showlegend=None if series.name else False,
        text=None if hidden or not series.hover else [escaped(text) for text in series.hover],
        hoverinfo="none" if hidden else "text" if panel.x.hidden else None,
        error_x=_reach(series, series.error_x), error_y=_reach(series, series.error_y), **style,
    )  # fmt: skip


def _places(values: Sequence[Any] | NDArray[Any]) -> Any:
    """Where bars stand: at numbers or at names."""
    return (
        [_text(value) if isinstance(value, str) else value for value in values] if isinstance(values, list) else values
    )


def _reach(series: Series, reach: tuple[Sequence[float], Sequence[float]] | None) -> dict[str, Any] | None:
    if reach is None:
        return None
    below, above = reach
    return {
        "type": "data",
        "symmetric": False,
        "arrayminus": below,
        "array": above,
        "color": series.error_colour or series.colour,
    }


def _cells(panel: Panel, heat_map: HeatMap) -> Any:
    import plotly.graph_objects as go

    texts = [[_cell(text) for text in row] for row in heat_map.texts]
    return go.Heatmap(
        z=heat_map.shares, text=texts, texttemplate="%{text}", zmin=0, zmax=1, colorscale=[[0, "#eef3f9"], [1, "#7fa8d6"]],
        showscale=False, hoverinfo="skip",
    )  # fmt: skip


def _cell(text: str) -> str:
    first, *rest = text.split("\n")
    return "<br>".join([f"<b>{escaped(first)}</b>", *map(escaped, rest)])


def _add_rule(figure: go.Figure, rule: Rule, place: dict[str, Any]) -> None:
    add = figure.add_hline if rule.lying else figure.add_vline
    text = {"annotation_text": _text(rule.name)} if rule.name else {}
    add(**{"y" if rule.lying else "x": rule.at}, line=_RULE, **text, **place)


def _axis(axis: Axis) -> dict[str, Any]:
    found: dict[str, Any] = {"title": {"text": _text(axis.title)}} if axis.title else {}
    if axis.range is not None:
        found["range"] = axis.range
    if axis.ticks:
        found |= {
            "tickvals": list(range(len(axis.ticks))),
            "ticktext": [_text(name) for name in axis.ticks],
            "automargin": True,
        }
    if axis.percent:
        found["tickformat"] = ".0%"
    if axis.reversed:
        found["autorange"] = "reversed"
    if axis.hidden:
        found["showticklabels"] = False
    return found


def _text(text: str) -> str:
    """Text in plotly's own tags: what people wrote stays text, and lines stay lines."""
    return escaped(text).replace("\n", "<br>")


def escaped(text: str) -> str:
    """Text that plotly, which knows a few tags, shows as it is."""
    return escape(text, quote=False)
