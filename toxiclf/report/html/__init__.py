"""Render ``report.html``, a page in one file, from a report and its scored rows.

The page works offline: it loads nothing and runs only its own two scripts, whose hashes are in its content security
policy. Comments, labels and file names are inserted as text: the template escapes them, and the script creates text
nodes. Invisible characters and bidirectional controls in names are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from toxiclf._registry import component, register
from toxiclf.errors import visible, visible_lines
from toxiclf.evaluation import slices
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.scored import KINDS, ScoredRows
from toxiclf.report import _plotly
from toxiclf.report import population as people
from toxiclf.report.figures import all_charts
from toxiclf.report.html import words
from toxiclf.report.own_share import own_share_tables
from toxiclf.report.tables import result_tables, sets_table
from toxiclf.text.personal import readable

if TYPE_CHECKING:
    from toxiclf.datasets.comments import Comments
    from toxiclf.report.chart import Chart

_LONGEST = 1500  # characters of a comment that are shown


@register("format", "html", summary="report.html: the page of a run, in one file")
def page(report: Report, *, comments: bool = True) -> str:
    """Return ``report.html`` as text.

    Parameters
    ----------
    report : report with its complete analysis; see :meth:`toxiclf.evaluation.report.Report.analysed`.
    comments : whether the page contains the texts of comments.
    """
    from markupsafe import Markup

    figures = dict(all_charts(report, comments=comments))
    data = _data(report, figures, comments=comments)
    script, library = file("page.js"), plotly_library()
    filled: str = _template("page.html.j2").render(
        report=report,
        policy=policy_of(library, script),
        style=Markup(file("page.css")),
        data=Markup(embedded(data)),
        script=Markup(script),
        library=Markup(library),
        words=words,
        people=people,
        summary=people.population(report),
        slices=slices,
        verdict=words.verdict(report),
        tables=result_tables(report),
        own_share=own_share_tables(report),
        sets=sets_table(report),
        figures=[_captioned(name, charts) for name, charts in figures.items()],
        facts=words.facts(report),
        recipe=_recipe(report),
        has=data,
        comments=comments,
    )
    return filled


def _captioned(name: str, charts: Sequence[Chart | None]) -> dict[str, Any]:
    """Return the name, title and caption of a figure, and whether it takes the whole width of the page."""
    figure = component("figure", name)
    note = next(chart for chart in charts if chart is not None).note or figure["note"]
    return {"name": name, "title": figure["title"], "note": note, "wide": figure["wide"], "rows": figure["rows"]}


@register("format", "notebook", summary="The first screen of a report, for notebooks")
def in_notebook(report: Report) -> str:
    """Return the HTML that a notebook shows for a report: the first screen of the page, without scripts."""
    filled: str = _template("notebook.html.j2").render(
        report=report,
        words=words,
        people=people,
        summary=people.population(report),
        verdict=words.verdict(report),
        tables=result_tables(report),
    )
    return filled


def _data(report: Report, figures: Mapping[str, Sequence[Chart | None]], *, comments: bool) -> dict[str, Any]:
    """Return the data that the page's script reads, as plain JSON types."""
    scored, curves = report.scored_rows, report.analysis.get("thresholds")
    return {
        "labels": list(map(visible, report.labels)),
        "thresholds": [report.thresholds.get(label) for label in report.labels],
        "kinds": [visible(slices.class_name(report.labels, label)) for label in report.labels],
        "others": [visible(slices.other_class_name(report.labels, label)) for label in report.labels],
        "doubted": words.doubted(report),
        "rates": words.default_rates(report),
        "curves": None if curves is None else [curves["labels"][label] for label in report.labels],
        "confusion": [report.confusion.get(label) for label in report.labels],
        "metrics": [
            {
                row.metric: [row.value, row.low, row.high]
                for row in (report.estimate(metric, label) for metric in metric_names("page"))
            }
            for label in report.labels
        ],
        "slices": [
            {**row, **{key: visible(row[key]) for key in ("by", "name", "label")}}
            for row in report.analysis.get("slices", [])
        ],
        "figures": {name: [_drawn(chart, comments=comments) for chart in charts] for name, charts in figures.items()},
        **(
            {"rows": {}, "lists": [], "counts": []}
            if scored is None or scored.comments is None
            else _lists(report, scored, scored.comments, comments=comments)
        ),
    }


def _drawn(chart: Chart | None, *, comments: bool) -> dict[str, Any] | None:
    """Return the chart as Plotly JSON for the page's script, or None without a chart."""
    return None if chart is None else _plotly.draw(chart, comments=comments)


def _lists(report: Report, scored: ScoredRows, rows_of: Comments, *, comments: bool) -> dict[str, Any]:
    """Return the lists of comments to read, such as false positives, as plain JSON types.

    ``rows_of`` are the evaluated comments. The result has three keys. ``rows`` maps the key of a comment to its file,
    line and text. ``lists`` has, for each label and kind of list, the keys of the listed comments, each with target,
    score and effects of tokens. ``counts`` has, for each label and kind, how many comments a complete list would have.
    """
    rows: dict[str, Any] = {}
    lists, counts = [], []

    def listed(origin: Comments, i: int, key: str) -> str:
        if key not in rows:
            text = readable(scored.as_read(origin, [i])[0]) if comments else None
            if text is not None and len(text) > _LONGEST:
                text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"
            rows[key] = [visible(str(origin.source)), int(origin.lines[i]), text]
        return key

    for j, label in enumerate(report.labels):
        kinds: dict[str, list[Any]] = {}
        for kind in KINDS:
            kinds[kind] = []
            for i in scored.listed[label][kind]:
                row_effects = scored.occluded.get(i) if comments else None
                spans = [] if row_effects is None else [
                    [*(len(readable(row_effects.text[:at])) for at in (a, b)), round(float(effect), 4)]
                    for (a, b), effect in zip(row_effects.spans, row_effects.effects[:, j], strict=True)
                ]  # fmt: skip
                spans = [span for span in spans if span[1] <= _LONGEST]
                target, score = int(scored.targets[i, j]), float(scored.scores[i, j])
                kinds[kind].append([listed(rows_of, i, str(i)), target, round(score, 6), spans])
        doubt = report.analysis.get("label_doubt", {}).get(label, {"rows": [], "count": 0})
        source = rows_of if scored.decided is None else scored.decided[0]
        kinds["label_doubt"] = [
            [listed(source, entry["row"], f"d{entry['row']}"), entry["target"], round(entry["score"], 6), []]
            for entry in doubt["rows"]
        ]
        lists.append(kinds)
        of_label = report.confusion[label]
        counts.append(
            {
                KINDS[0]: of_label["fp"],
                KINDS[1]: of_label["fn"],
                KINDS[2]: len(scored),
                "label_doubt": doubt["count"],
            }
        )
    return {"rows": rows, "lists": lists, "counts": counts}


def _recipe(report: Report) -> str:
    if not report.recipe:
        return ""
    import tomli_w

    return tomli_w.dumps(report.recipe)


def embedded(data: Any) -> str:
    """Return data as JSON for a script element; ``&``, ``<`` and ``>`` are escaped, so no text ends the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode()  # replaces lone surrogates
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def policy_of(*scripts: str) -> str:
    """Return a content security policy that lets only these scripts run, and forbids loading anything."""
    hashes = " ".join(map(_hash, scripts))
    return (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src {hashes}"
    )


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def plotly_library() -> str:
    """Return the source of plotly's JavaScript library; each of its lines ends with a line feed alone."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n").replace("\r", "\n")  # as browsers do before they hash it


def file(name: str) -> str:
    """Return the text of a file in this package, such as ``page.js``."""
    return files("toxiclf.report.html").joinpath(name).read_text("utf-8")


@cache
def _template(name: str) -> Any:
    return template(file(name))


def template(source: str) -> Any:
    """Return a template that escapes every inserted string, including invisible characters."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return visible_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        autoescape=True, finalize=shown, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(source)
