"""Figures of what a model learned, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from toxiclf.evaluation.evidence import Evidence
from toxiclf.report.figures.shared import (
    BLUE,
    COLOURS,
    COMMENTS,
    NAMES,
    ORANGE,
    PURPLE,
    RED,
    cut,
    escaped,
)
from toxiclf.report.pictures import MOST_POINTS

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report

_BARS = 30
_SHOWN_TEXT = 120  # characters of a comment on hover


def history(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if not report.history:
        return None
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    members = list(dict.fromkeys(row.get("member") for row in report.history))
    for number, member in enumerate(members):
        rows = [row for row in report.history if row.get("member") == member]
        column = next(key for key in rows[0] if key not in ("member", "epoch", "loss"))
        epochs, prefix = [row["epoch"] for row in rows], f"{escaped(member)}: " if member else ""
        dash = ("solid", "dash", "dot", "dashdot")[number % 4]
        for key, name, second, colour in (
            ("loss", "training loss", False, BLUE),
            (column, column.replace("_", " "), True, ORANGE),
        ):
            values = [None if row[key] is None or not np.isfinite(row[key]) else row[key] for row in rows]
            figure.add_scatter(
                x=epochs,
                y=values,
                mode="lines+markers",
                name=prefix + name,
                line={"color": colour, "dash": dash},
                secondary_y=second,
            )
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="training loss", secondary_y=False)
    figure.update_yaxes(title_text="of the validation part", secondary_y=True, showgrid=False)
    return figure


def errors(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "errors" not in evidence.points:
        return None
    picture = evidence.points["errors"]
    raw, classes = np.asarray(picture["raw"]), np.asarray(picture["classes"])
    figure = make_subplots(cols=2, column_widths=[0.65, 0.35], shared_yaxes=True, horizontal_spacing=0.02)
    shown = np.arange(len(raw))
    if len(shown) > MOST_POINTS:
        shown = np.random.default_rng(evidence.seed).choice(shown, MOST_POINTS, replace=False)
    for value, name in enumerate(NAMES):
        rows = np.sort(shown[classes[shown] == value])
        text = [_hover(evidence, picture["texts"][i]) for i in rows]
        figure.add_trace(
            go.Scatter(x=rows, y=raw[rows], mode="markers", name=name, text=text, meta=COMMENTS,
                       marker={"color": COLOURS[value], "size": 5, "opacity": 0.6}),
            row=1, col=1,
        )  # fmt: skip
        of = raw[classes == value]
        counts, edges = np.histogram(of, bins=np.linspace(raw.min(), raw.max() + 1e-9, 41))
        figure.add_trace(
            go.Bar(y=(edges[1:] + edges[:-1]) / 2, x=counts / max(1, len(of)), orientation="h", showlegend=False, opacity=0.6,
                   marker={"color": COLOURS[value]}),
            row=1, col=2,
        )  # fmt: skip
    if picture["threshold"] is not None and raw.min() <= picture["threshold"] <= raw.max():
        figure.add_hline(y=picture["threshold"], line={"dash": "dash", "color": "#333"})
    figure.update_xaxes(title_text="comment", col=1, row=1)
    figure.update_xaxes(title_text="share of comments", col=2, row=1)
    figure.update_yaxes(title_text=picture["call"], col=1, row=1)
    return figure.update_layout(barmode="overlay")


def metric(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "metric" not in evidence.points:
        return None
    picture = evidence.pictures["metric"]
    classes = np.asarray(picture["classes"])
    titles = [f"{key} the metric, {picture['wide'][key]} numbers" for key in ("before", "after")]
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.04)
    for column, key in enumerate(("before", "after"), start=1):
        points = np.round(np.asarray(picture[key], dtype=np.float64), 2)
        for value, name in enumerate(NAMES):
            rows = np.flatnonzero(classes == value)
            trace = go.Scatter(
                x=points[rows, 0], y=points[rows, 1], mode="markers", name=name, legendgroup=name, showlegend=column == 1,
                text=[_hover(evidence, picture["texts"][i]) for i in rows], hoverinfo="text", meta=COMMENTS,
                marker={"color": COLOURS[value], "size": 5, "opacity": 0.6},
            )  # fmt: skip
            figure.add_trace(trace, row=1, col=column)
    figure.update_layout(legend={"y": -0.05, "yanchor": "top"})
    return figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)


def importance(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    facts = report.data.get("details", {}).get("selection")
    if facts is None:
        return None
    shown = facts["importances"][:_BARS][::-1]
    bars = go.Bar(
        x=[entry["importance"] for entry in shown], y=[f"number {entry['number'] + 1}" for entry in shown], orientation="h",
        marker={"color": [BLUE if entry["kept"] else "#ccd2da" for entry in shown]},
    )  # fmt: skip
    return go.Figure(bars).update_layout(
        xaxis={"title": "importance to a forest of the training rows (kept: blue)"}, height=600
    )


def generated(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "gan" not in evidence.points:
        return None
    figure = go.Figure()
    styles = (("generated", "generated", ORANGE, "circle"), ("training", "real, trained on", BLUE, "circle"),
              ("held_out", "real, held out", PURPLE, "x"))  # fmt: skip
    for key, name, colour, symbol in styles:
        points = np.asarray(evidence.points["gan"][key], dtype=np.float64)
        figure.add_scatter(
            x=points[:, 0], y=points[:, 1], mode="markers", name=f"{name} ({len(points):,})",
            marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
        )  # fmt: skip
    return figure.update_layout(
        xaxis={"title": "first principal component of the real rows"}, yaxis={"title": "second"}
    )


def tokens(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    rows = report.analysis.get("tokens")
    if rows is None and evidence is not None and evidence.score is not None:
        rows = evidence.tokens
    figure = make_subplots(cols=2, subplot_titles=["raise the score", "lower the score"], horizontal_spacing=0.14)
    of_label = [row for row in rows or () if row["label"] == report.labels[j]]
    if not of_label:
        return None
    for column, (sign, colour) in enumerate(((1, RED), (-1, BLUE)), start=1):
        shown = sorted((row for row in of_label if row["effect"] * sign > 0), key=lambda row: abs(row["effect"]))
        bars = go.Bar(
            x=[row["effect"] for row in shown], y=list(range(len(shown))), orientation="h", marker={"color": colour},
            text=[f"{row['comments']} comments" for row in shown], textposition="none",
        )  # fmt: skip
        figure.add_trace(bars, row=1, col=column)
        named = [escaped(cut(row["token"], 20)) for row in shown]
        figure.update_yaxes(tickvals=list(range(len(shown))), ticktext=named, automargin=True, row=1, col=column)
    return figure.update_xaxes(title_text="mean change").update_layout(showlegend=False, height=460)


def _hover(evidence: Evidence, text: str) -> str:
    """A comment as plotly shows it: its own markup must not be taken for plotly's."""
    return escaped(cut(evidence.normalizer(text), _SHOWN_TEXT))
