"""``report.html``: a page in one file, from a report and its scored rows.

It opens offline, loads nothing, and runs no script but its own two, whose hashes its content security policy names. Whatever
people wrote (comments, labels, names of files) is put into it as text: by the template with escapes, by its script as text nodes.
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
from toxiclf.evaluation import slices
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.scored import KINDS, ScoredRows
from toxiclf.report import _plotly
from toxiclf.report.figures import all_charts
from toxiclf.report.html import words
from toxiclf.report.tables import result_tables, sets_table

if TYPE_CHECKING:
    from toxiclf.datasets.comments import Comments
    from toxiclf.report.chart import Chart

_LONGEST = 1500  # characters of a comment that are shown


@register("format", "html", summary="report.html: the page of a run, in one file")
def page(report: Report, *, comments: bool = True) -> str:
    """The whole page.

    Parameters
    ----------
    report : with all of its analysis, see :meth:`toxiclf.evaluation.report.Report.analysed`.
    comments : False leaves every text out.
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
        slices=slices,
        verdict=words.verdict(report),
        tables=result_tables(report),
        sets=sets_table(report),
        figures=[_captioned(name, charts) for name, charts in figures.items()],
        facts=words.facts(report),
        recipe=_recipe(report),
        has=data,
        comments=comments,
    )
    return filled


def _captioned(name: str, charts: Sequence[Chart | None]) -> dict[str, Any]:
    """Title and caption of a figure."""
    figure = component("figure", name)
    note = next(chart for chart in charts if chart is not None).note or figure["note"]
    return {"name": name, "title": figure["title"], "note": note, "wide": figure["wide"]}


@register("format", "notebook", summary="The first screen of a report, for notebooks")
def in_notebook(report: Report) -> str:
    """What a notebook shows of a report: the first screen, without a script."""
    filled: str = _template("notebook.html.j2").render(
        report=report, words=words, verdict=words.verdict(report), tables=result_tables(report)
    )
    return filled


def _data(report: Report, figures: Mapping[str, Sequence[Chart | None]], *, comments: bool) -> dict[str, Any]:
    """All that the page's script draws."""
    scored, curves = report.scored_rows, report.analysis.get("thresholds")
    return {
        "labels": list(report.labels),
        "thresholds": [report.thresholds.get(label) for label in report.labels],
        "kinds": [slices.class_name(report.labels, label) for label in report.labels],
        "others": [slices.other_class_name(report.labels, label) for label in report.labels],
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
        "slices": report.analysis.get("slices", []),
        "figures": {name: [_drawn(chart, comments=comments) for chart in charts] for name, charts in figures.items()},
        **(
            {"rows": {}, "lists": [], "counts": []}
            if scored is None or scored.comments is None
            else _lists(report, scored, scored.comments, comments=comments)
        ),
    }


def _drawn(chart: Chart | None, *, comments: bool) -> dict[str, Any] | None:
    """A figure as the page's script takes it."""
    return None if chart is None else _plotly.draw(chart, comments=comments)


def _lists(report: Report, scored: ScoredRows, rows_of: Comments, *, comments: bool) -> dict[str, Any]:
    """Comments to read: each once in ``rows``; by label and kind their numbers, and how many there are in all."""
    rows: dict[str, Any] = {}
    lists, counts = [], []

    def listed(origin: Comments, i: int, key: str) -> str:
        if key not in rows:
            text = scored.as_read(origin, [i])[0] if comments else None
            if text is not None and len(text) > _LONGEST:
                text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"
            rows[key] = [str(origin.source), int(origin.lines[i]), text]
        return key

    for j, label in enumerate(report.labels):
        kinds: dict[str, list[Any]] = {}
        for kind in KINDS:
            kinds[kind] = []
            for i in scored.listed[label][kind]:
                row_effects = scored.occluded.get(i) if comments else None
                spans = [] if row_effects is None else [
                    [a, b, round(float(effect), 4)]
                    for (a, b), effect in zip(row_effects.spans, row_effects.effects[:, j], strict=True) if b <= _LONGEST
                ]  # fmt: skip
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
    """JSON that may stand in a script element: nothing in it ends the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode()  # lone surrogates
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def policy_of(*scripts: str) -> str:
    """A content security policy under which these scripts run and nothing is loaded."""
    hashes = " ".join(map(_hash, scripts))
    return (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src {hashes}"
    )


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def plotly_library() -> str:
    """plotly's own script."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n").replace("\r", "\n")  # as a browser reads it, and hashes it


def file(name: str) -> str:
    """A file of the page."""
    return files("toxiclf.report.html").joinpath(name).read_text("utf-8")


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        file(name)
    )
