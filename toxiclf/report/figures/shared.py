"""Colours, names and shapes that figures share."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report

BLUE, RED, ORANGE, GREY, PURPLE = "#2f6db3", "#c8442f", "#d98a1f", "#8a8f98", "#7a5bb0"
COLOURS = (BLUE, RED)
"""Without the label, with it."""
NAMES = ("not toxic", "toxic")

COMMENTS = "comments"
"""Marks what shows comments where the pointer rests."""

_POINTS = 250  # of a curve at most


def thinned(along: NDArray[Any]) -> NDArray[np.intp]:
    """Points of a curve that are far enough from each other to be seen, both ends among them."""
    if len(along) <= _POINTS:
        return np.arange(len(along))
    steps = np.floor(np.abs(along - along[0]) / (np.abs(along[-1] - along[0]) or 1) * _POINTS)
    kept = np.append(np.flatnonzero(np.append(True, np.diff(steps) != 0)), len(along) - 1)
    return np.unique(kept)


def bars_of(
    values: NDArray[Any], toxic: NDArray[np.bool_], edges: NDArray[np.float64], title: str, names: Sequence[str]
) -> go.Figure:
    """How many comments of each class, as shares of their class."""
    figure = go.Figure()
    for value, name in enumerate(names):
        of = values[toxic == bool(value)]
        counts = np.histogram(of, bins=edges)[0]
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=counts / max(1, len(of)), width=np.diff(edges), name=f"{name} ({len(of):,})",
            marker={"color": COLOURS[value]}, opacity=0.6, text=[f"{n:,} comments" for n in counts], textposition="none",
        )  # fmt: skip
    return figure.update_layout(
        barmode="overlay", xaxis={"title": title}, yaxis={"title": "share of the class", "tickformat": ".0%"}
    )


def unit(figure: go.Figure, x: str, y: str) -> go.Figure:
    return figure.update_layout(xaxis={"title": x, "range": [-0.01, 1.01]}, yaxis={"title": y, "range": [-0.01, 1.03]})


def names_of(report: Report, j: int) -> tuple[str, str]:
    """Without the label, with it."""
    if len(report.labels) == 1:
        return NAMES
    label = escaped(report.labels[j])
    return f"without '{label}'", f"with '{label}'"


def escaped(text: str) -> str:
    """Text that plotly, which knows a few tags, shows as it is."""
    return escape(text, quote=False)


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
