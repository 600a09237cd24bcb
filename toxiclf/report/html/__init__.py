"""``report.html``: one file that people look at, from a report and its evidence.

It opens offline, loads nothing, and runs no script but its own two, whose hashes its content security policy names. Whatever
people wrote (comments, labels, names of files) is put into it as text: by the template with escapes, by its script as text nodes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from toxiclf.evaluation import naming
from toxiclf.evaluation.evidence import KINDS, Evidence
from toxiclf.evaluation.report import METRICS_OF_PAGE, Report, tables
from toxiclf.report import figures as plots
from toxiclf.report.html import words

_LONGEST = 1500  # characters of a comment that are shown
_TITLES = {
    "confusion": (
        "Confusion",
        "What the model says of comments, by how people labelled them; each row adds up to all of its kind.",
    ),
    "precision_recall": (
        "Precision and recall",
        "How many flags are right, against how many toxic comments are found. The dot is this model's threshold.",
    ),
    "roc": (
        "ROC",
        "Toxic comments found, against harmless ones flagged. Where toxic comments are rare it flatters: look at precision first.",
    ),
    "score_histogram": ("Scores by class", "Where the two hills overlap, no threshold tells them apart."),
    "calibration": (
        "Calibration",
        "Of comments with a score of 0.8, eight in ten should be toxic: then the line lies on the diagonal.",
    ),
    "threshold": (
        "Precision and recall by threshold",
        "On the rows that thresholds may be chosen on. The line moves with the slider above.",
    ),
    "slices": ("False alarms by kind of comment", "Where harmless comments are flagged more often than elsewhere."),
    "tokens": (
        "Most telling tokens",
        "How a token changes the score of a comment: the score minus the score without it, in comments drawn at random.",
    ),
    "class_balance": ("Rows that were learned from", "By class; before and after each remedy, where there was one."),
    "lengths": ("Length of comments", "In characters, by class."),
    "history": (
        "Training",
        "Loss of the training rows, and the figure of the validation part that training was stopped by.",
    ),
    "errors": (
        "What the model finds unusual",
        "Each comment by its raw score; flagged above the line. Unusual is not toxic.",
    ),
    "metric": (
        "Comments before and after the metric",
        "A map by t-SNE: neighbours are alike; distances between groups say nothing.",
    ),
    "importance": ("Most important numbers", "Of a comment's vector, to a forest of the training rows."),
    "generated_rows": ("Generated rows", "Beside the real ones that the GAN learned from, and those it never saw."),
}
"""What each figure is called, and how it is read."""


def page(report: Report, *, comments: bool = True) -> str:
    """The whole page.

    Parameters
    ----------
    report : with all of its analysis, see :meth:`toxiclf.evaluation.report.Report.analysed`.
    comments : False leaves every text out.
    """
    data = _data(report, comments=comments)
    script, library = file("page.js"), plotly_library()
    filled: str = _template("page.html.j2").render(
        report=report,
        policy=policy_of(library, script),
        style=Markup(file("page.css")),
        data=Markup(embedded(data)),
        script=Markup(script),
        library=Markup(library),
        words=words,
        naming=naming,
        verdict=words.verdict(report),
        tables=tables(report),
        figures=[(name, *_titled(report, name)) for name in data["figures"]],
        facts=words.facts(report),
        recipe=_recipe(report),
        has=data,
        comments=comments,
    )
    return filled


def _titled(report: Report, name: str) -> tuple[str, str]:
    title, note = _TITLES[name]
    if name == "calibration" and report.live_rate:
        note = "Scores are for live comments, these rows are as they are: where their rates differ, the line leaves the diagonal."
    return title, note


def in_notebook(report: Report) -> str:
    """What a notebook shows of a report: the first screen, without a script."""
    filled: str = _template("notebook.html.j2").render(
        report=report, words=words, verdict=words.verdict(report), tables=tables(report)
    )
    return filled


def _data(report: Report, *, comments: bool) -> dict[str, Any]:
    """All that the page's script draws."""
    evidence, curves = report.evidence, report.analysis.get("thresholds")
    return {
        "labels": list(report.labels),
        "thresholds": [report.thresholds.get(label) for label in report.labels],
        "kinds": [naming.kind(report.labels, label) for label in report.labels],
        "others": [naming.other(report.labels, label) for label in report.labels],
        "doubted": words.doubted(report),
        "rates": words.default_rates(report),
        "curves": None if curves is None else [curves["labels"][label] for label in report.labels],
        "confusion": [report.confusion.get(label) for label in report.labels],
        "metrics": [
            {
                row.metric: [row.value, row.low, row.high]
                for row in report.rows
                if row.label == label and row.metric in METRICS_OF_PAGE
            }
            for label in report.labels
        ],
        "slices": report.analysis.get("slices", []),
        "figures": _figures(report, comments=comments),
        **(
            {"rows": {}, "lists": [], "counts": []} if evidence is None else _lists(report, evidence, comments=comments)
        ),
    }


def _figures(report: Report, *, comments: bool) -> dict[str, list[Any]]:
    """By name a figure a label, or one for all."""
    found = {}
    for name in _TITLES:
        if name == "tokens" and not comments:
            continue
        labels = report.labels if name in plots.OF_A_LABEL else (None,)
        drawn = [plots.drawn(report, name, label, comments=comments) for label in labels]
        if any(figure is not None for figure in drawn):
            found[name] = [None if figure is None else plots.plain(figure) for figure in drawn]
    return found


def _lists(report: Report, evidence: Evidence, *, comments: bool) -> dict[str, Any]:
    """Comments to read: each once in ``rows``; by label and kind their numbers, and how many there are in all."""
    rows: dict[str, Any] = {}
    lists, counts = [], []

    def listed(of: Any, i: int, key: str) -> str:
        if key not in rows:
            text = evidence.normalizer(of.texts[i]) if comments else None
            if text is not None and len(text) > _LONGEST:
                text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"
            rows[key] = [str(of.source), int(of.lines[i]), text]
        return key

    for j, label in enumerate(report.labels):
        kinds: dict[str, list[Any]] = {}
        for kind in KINDS:
            kinds[kind] = []
            for i in evidence.listed[label][kind]:
                of = evidence.occluded.get(i) if comments else None
                spans = [] if of is None else [
                    [a, b, round(float(effect), 4)]
                    for (a, b), effect in zip(of.spans, of.effects[:, j], strict=True) if b <= _LONGEST
                ]  # fmt: skip
                target, score = int(evidence.predictions.targets[i, j]), float(evidence.predictions.scores[i, j])
                kinds[kind].append([listed(evidence.comments, i, str(i)), target, round(score, 6), spans])
        doubt = report.analysis.get("label_doubt", {}).get(label, {"rows": [], "count": 0})
        source = evidence.decided[0] if evidence.decided is not None else evidence.comments
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
                KINDS[2]: len(evidence.comments),
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
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        file(name)
    )
