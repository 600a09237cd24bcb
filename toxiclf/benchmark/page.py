"""Makes ``table.html``: sortable tables and two plots in one self-contained file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from toxiclf.benchmark.plan import Plan
from toxiclf.benchmark.tables import Line, caption, table
from toxiclf.report.html import embedded, plotly_library, policy_of
from toxiclf.report.html import file as report_file


def page(plan: Plan, lines: Sequence[Line]) -> str:
    """Return the result page of a benchmark as HTML: its tables and plots."""
    figures = {
        name: (title, figure)
        for name, title, figure in (_latency(plan, lines), _rates(plan, lines))
        if figure is not None
    }
    script, library = _file("page.js"), plotly_library()
    filled: str = _template().render(
        plan=plan, caption=caption(plan, lines), policy=policy_of(library, script), style=Markup(report_file("page.css")),
        tables=list(_tables(plan, lines)), figures=[(name, title) for name, (title, _) in figures.items()],
        data=Markup(embedded({name: _plain(figure) for name, (_, figure) in figures.items()})), library=Markup(library),
        script=Markup(script),
    )  # fmt: skip
    return filled


def _tables(plan: Plan, lines: Sequence[Line]) -> list[tuple[str, list[str], list[list[str]], list[str]]]:
    tables = []
    for corpus in dict.fromkeys(line.corpus for line in lines):
        corpus_lines = [line for line in lines if line.corpus == corpus]
        failures = [
            f"{line.entry}, {count} runs failed: {reason}"
            for line in corpus_lines
            for reason, count in line.failures.items()
        ]
        for part, title in (
            ("figures", corpus),
            ("at_rate", f"{corpus}, test set weighted to the training prevalence"),
        ):
            if part == "figures" or any(line.at_rate for line in corpus_lines):
                heading, *rest = table(plan, corpus_lines, part)
                tables.append((title, heading, rest, failures if part == "figures" else []))
    return tables


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Convert a Plotly figure to JSON types for the page's script, without the default template."""
    content: dict[str, Any] = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content


def _latency(plan: Plan, lines: Sequence[Line]) -> tuple[str, str, go.Figure | None]:
    metric = plan.metrics[0]
    figure = go.Figure()
    for corpus in dict.fromkeys(line.corpus for line in lines):
        corpus_lines = [line for line in lines if line.corpus == corpus and line.latency_ms and metric in line.figures]
        figure.add_scatter(
            x=[line.latency_ms for line in corpus_lines], y=[line.figures[metric].mean for line in corpus_lines],
            mode="markers+text",
            name=corpus.replace("<", "&lt;"), text=[line.entry.replace("<", "&lt;") for line in corpus_lines],
            textposition="top center", marker={"size": 9},
        )  # fmt: skip
    figure.update_layout(
        xaxis={"type": "log", "title": "one comment, milliseconds"}, yaxis={"title": metric.replace("_", " ")}, height=560,
        legend={"orientation": "h"},
    )  # fmt: skip
    return "latency", "Quality against latency", figure if any(len(trace.x) for trace in figure.data) else None


def _rates(plan: Plan, lines: Sequence[Line]) -> tuple[str, str, go.Figure | None]:
    """Return the name, title and content of the plot of the first metric against the share of toxic comments.

    The content is None if all corpora have the same share of toxic comments in training.
    """
    metric = plan.metrics[0]
    rates = {line.toxic for line in lines if line.toxic is not None}
    figure = go.Figure()
    for entry in dict.fromkeys(line.entry for line in lines):
        entry_lines = sorted(
            (line for line in lines if line.entry == entry and line.toxic and metric in line.figures),
            key=lambda line: line.toxic or 0.0,
        )
        figure.add_scatter(
            x=[line.toxic for line in entry_lines], y=[line.figures[metric].mean for line in entry_lines], mode="lines+markers",
            name=entry.replace("<", "&lt;"), text=[line.corpus.replace("<", "&lt;") for line in entry_lines],
        )  # fmt: skip
    figure.update_layout(
        xaxis={"type": "log", "title": "share of toxic comments in training", "tickformat": ".1%"},
        yaxis={"title": metric.replace("_", " ")}, height=560,
    )  # fmt: skip
    return "rates", "Quality against the rate of toxic comments", figure if len(rates) > 1 else None


def _file(name: str) -> str:
    return files("toxiclf.benchmark").joinpath(name).read_text("utf-8")


def _template() -> Any:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        _file("page.html.j2")
    )
