"""Makes ``table.html``: sortable tables and plots in one self-contained file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from toxiclf.benchmark.plan import Plan
from toxiclf.benchmark.tables import Line, by_corpus, caption, corpus_tables
from toxiclf.errors import visible
from toxiclf.report.html import embedded, plotly_library, policy_of, template
from toxiclf.report.html import file as report_file

_LEAST_REACH = 0.02  # of a forest plot's axis to both sides, so that tiny differences do not look large


def page(plan: Plan, lines: Sequence[Line]) -> str:
    """Return the result page of a benchmark as HTML: its tables and plots."""
    figures = {
        name: (title, figure)
        for name, title, figure in (*_forests(plan, lines), _rates(plan, lines))
        if figure is not None
    }
    script, library = _file("page.js"), plotly_library()
    filled: str = template(_file("page.html.j2")).render(
        plan=plan, caption=caption(plan, lines), policy=policy_of(library, script), style=Markup(report_file("page.css")),
        tables=list(_tables(plan, lines)), figures=[(name, title) for name, (title, _) in figures.items()],
        data=Markup(embedded({name: _plain(figure) for name, (_, figure) in figures.items()})), library=Markup(library),
        script=Markup(script),
    )  # fmt: skip
    return filled


def _tables(plan: Plan, lines: Sequence[Line]) -> list[tuple[str, list[str], list[list[str]], list[str]]]:
    tables = []
    for corpus, corpus_lines in by_corpus(lines).items():
        failures = [
            f"{line.entry}, {count} runs failed: {reason}"
            for line in corpus_lines
            for reason, count in line.failures.items()
        ]
        for i, (title, (heading, *rest)) in enumerate(corpus_tables(plan, corpus, corpus_lines)):
            tables.append((title, heading, rest, failures if i == 0 else []))
    return tables


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Convert a Plotly figure to JSON types for the page's script, without the default template."""
    content: dict[str, Any] = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content


def _forests(plan: Plan, lines: Sequence[Line]) -> Iterator[tuple[str, str, go.Figure]]:
    """Yield name, title and content of a forest plot for each corpus: differences of the first metric with intervals.

    An entry without an interval, for example because there is only one seed, is left out.
    """
    metric = plan.metrics[0]
    references = {entry.name: plan.reference_of(entry) for entry in plan.entries}
    shared = len(set(references.values())) == 1
    for number, (corpus, corpus_lines) in enumerate(by_corpus(lines).items()):
        compared = [
            (line.entry if shared else f"{line.entry} − {references[line.entry]}", line.figures[metric])
            for line in reversed(corpus_lines)
            if metric in line.figures and line.figures[metric].difference_low is not None
        ]
        if not compared:
            continue
        names, figures = zip(*compared, strict=True)
        differences = [figure.difference or 0.0 for figure in figures]
        ends = [(figure.difference_low or 0.0, figure.difference_high or 0.0) for figure in figures]
        figure = go.Figure()
        figure.add_scatter(
            x=differences, y=list(map(_shown, names)), mode="markers", marker={"size": 9},
            error_x={"type": "data", "symmetric": False, "thickness": 2,
                     "array": [high - value for value, (_, high) in zip(differences, ends, strict=True)],
                     "arrayminus": [value - low for value, (low, _) in zip(differences, ends, strict=True)]},
        )  # fmt: skip
        reach = 1.05 * max(_LEAST_REACH, *(abs(end) for pair in ends for end in pair))
        figure.update_layout(
            xaxis={"title": "difference, 95 % interval", "range": [-reach, reach], "nticks": 6, "tickangle": 0,
                   "zeroline": True, "zerolinecolor": "#888", "zerolinewidth": 2},
            yaxis={"showgrid": False}, height=120 + 30 * len(names), showlegend=False, margin={"t": 10, "r": 10},
        )  # fmt: skip
        against = plan.reference if shared else "the entry after the minus sign"
        yield f"forest{number}", f"{corpus}: {metric.replace('_', ' ')} compared with {against}", figure


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
            name=_shown(entry), text=[_shown(line.corpus) for line in entry_lines],
        )  # fmt: skip
    figure.update_layout(
        xaxis={"type": "log", "title": "share of toxic comments in training", "tickformat": ".1%"},
        yaxis={"title": metric.replace("_", " ")}, height=560,
    )  # fmt: skip
    return "rates", "Quality against the rate of toxic comments", figure if len(rates) > 1 else None


def _shown(name: str) -> str:
    """Return a name as Plotly takes it, which interprets tags."""
    return escape(visible(name), quote=False)


def _file(name: str) -> str:
    return files("toxiclf.benchmark").joinpath(name).read_text("utf-8")
