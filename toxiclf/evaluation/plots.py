"""Interactive figures of a report, by plotly; each is drawn from the report and its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from sklearn.metrics import precision_recall_curve, roc_curve

from toxiclf.errors import UsageError, unknown_name
from toxiclf.evaluation.evidence import Evidence
from toxiclf.evaluation.naming import harmless
from toxiclf.evaluation.pictures import MOST_POINTS

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report

BLUE, RED, ORANGE, GREY = "#2f6db3", "#c8442f", "#d98a1f", "#8a8f98"
_COLOURS = (BLUE, RED)
_NAMES = ("not toxic", "toxic")
_POINTS = 250  # of a curve at most
_BARS = 30
_SHOWN_TEXT = 120  # characters of a comment on hover
_COMMENTS = "comments"  # marks what shows comments where the pointer rests
_LONGEST = 200  # characters; longer comments share the last bar

_Draw = Callable[["Report", Evidence | None, int], "go.Figure | None"]


def draw(report: Report, name: str, label: str | None = None) -> go.Figure:
    """A figure by name.

    Parameters
    ----------
    label : of which label; the first where left out. Some figures are of the whole run.

    Raises
    ------
    UsageError : there is no such figure or label, or this run has none.
    """
    if name not in FIGURES:
        raise unknown_name("figure", name, list(FIGURES))
    if label is not None and label not in report.labels:
        raise unknown_name("label", label, report.labels)
    figure = drawn(report, name, label)
    if figure is None:
        raise UsageError(f"this run has no figure '{name}'; it has: {', '.join(available(report)) or 'none'}")
    return figure.update_layout(template="plotly_white")


def drawn(report: Report, name: str, label: str | None, *, comments: bool = True) -> go.Figure | None:
    """The same; None where the run has none. Without ``comments`` none is shown where the pointer rests."""
    figure = FIGURES[name](report, report.evidence, report.labels.index(label) if label is not None else 0)
    if figure is None:
        return None
    if not comments:
        for trace in figure.data:
            if trace.meta == _COMMENTS:
                trace.update(text=None, hoverinfo="none")
    return figure.update_layout(margin={"l": 60, "r": 20, "t": 40, "b": 50}, hovermode="closest")


def available(report: Report) -> list[str]:
    """Names of the figures that a run has."""
    return [name for name in FIGURES if drawn(report, name, None) is not None]


def _scored(evidence: Evidence | None, j: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Scores and classes of the evaluated rows, where both classes are there."""
    if evidence is None:
        return None
    scores, toxic = evidence.predictions.scores[:, j], evidence.predictions.targets[:, j] == 1
    return (scores, toxic) if 0 < toxic.sum() < len(toxic) else None


def _confusion(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    counts = report.confusion.get(report.labels[j])
    if counts is None:
        return None
    cells = [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]]
    shares = [[cell / max(1, sum(row)) for cell in row] for row in cells]
    text = [
        [f"<b>{cell:,}</b><br>{share:.1%} of the row" for cell, share in zip(*pair, strict=True)]
        for pair in zip(cells, shares, strict=True)
    ]
    heat = go.Heatmap(
        z=shares, x=["not flagged", "flagged"], y=_names(report, j), text=text, texttemplate="%{text}", zmin=0, zmax=1,
        colorscale=[[0, "#eef3f9"], [1, "#7fa8d6"]], showscale=False, hoverinfo="skip",
    )  # fmt: skip
    return go.Figure(heat).update_layout(
        yaxis={"autorange": "reversed", "title": "labelled"}, xaxis={"title": "by the model"}
    )


def _precision_recall(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    precision, recall, _ = precision_recall_curve(toxic, scores)
    kept = _thinned(recall)
    share = float(toxic.mean())
    figure = go.Figure(go.Scatter(x=recall[kept], y=precision[kept], mode="lines", name="model", line={"color": BLUE}))
    figure.add_scatter(
        x=[0, 1], y=[share, share], mode="lines", name=f"guessing, {share:.3f}", line={"color": GREY, "dash": "dot"}
    )
    found = {
        m: next(r for r in report.rows if (r.label, r.metric) == (report.labels[j], m)) for m in ("recall", "precision")
    }
    if all(row.value is not None for row in found.values()):
        bars = {
            f"error_{axis}": {"type": "data", "symmetric": False, "array": [_minus(row.high, row.value)],
                              "arrayminus": [_minus(row.value, row.low)], "color": RED}
            for axis, row in zip("xy", found.values(), strict=True)
        }  # fmt: skip
        figure.add_scatter(
            x=[found["recall"].value], y=[found["precision"].value], mode="markers", marker={"size": 9, "color": RED},
            name=f"threshold {report.thresholds[report.labels[j]]:.3f}, 95 % intervals", **bars,
        )  # fmt: skip
    return _unit(figure, "recall", "precision")


def _roc(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    fpr, tpr, _ = roc_curve(toxic, scores)
    kept = _thinned(fpr + tpr)
    figure = go.Figure(go.Scatter(x=fpr[kept], y=tpr[kept], mode="lines", name="model", line={"color": BLUE}))
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="guessing", line={"color": GREY, "dash": "dot"})
    counts = report.confusion[report.labels[j]]
    figure.add_scatter(
        x=[counts["fp"] / (counts["fp"] + counts["tn"])], y=[counts["tp"] / (counts["tp"] + counts["fn"])],
        mode="markers", marker={"size": 9, "color": RED}, name=f"threshold {report.thresholds[report.labels[j]]:.3f}",
    )  # fmt: skip
    return _unit(figure, "false positive rate", "recall (true positive rate)")


def _histogram(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    figure = _bars(scores, toxic, np.linspace(0, 1, 41), "score", _names(report, j))
    threshold = report.thresholds[report.labels[j]]
    figure.add_vline(x=threshold, line={"dash": "dash", "color": "#333"}, annotation_text=f"threshold {threshold:.3f}")
    return figure


def _calibration(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    of = report.analysis.get("calibration", {}).get(report.labels[j])
    if of is None:
        return None
    brier = next(r.value for r in report.rows if (r.label, r.metric) == (report.labels[j], "brier"))
    figure = go.Figure(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="calibrated", line={"color": GREY, "dash": "dot"})
    )
    figure.add_scatter(
        x=[b["score"] for b in of["bins"]], y=[b["share"] for b in of["bins"]], mode="lines+markers", name="model",
        text=[f"{b['rows']:,} comments" for b in of["bins"]], line={"color": BLUE},
    )  # fmt: skip
    figure.add_annotation(
        x=0.02, y=0.98, xref="paper", yref="paper", showarrow=False, align="left", xanchor="left", yanchor="top",
        text=f"Brier score {brier:.4f}<br>expected calibration error {of['ece']:.4f}",
    )  # fmt: skip
    return _unit(figure, "mean score of a group", "share of toxic comments in it")


def _threshold(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    of = report.analysis.get("thresholds", {}).get("labels", {}).get(report.labels[j])
    if of is None:
        return None
    cuts, tp, fp = (np.asarray(of[key], dtype=np.float64) for key in ("threshold", "tp", "fp"))
    with np.errstate(invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / (tp + fp), np.nan)
    figure = go.Figure()
    for name, values, colour in (("precision", precision, BLUE), ("recall", tp / max(1, of["toxic"]), ORANGE)):
        figure.add_scatter(
            x=cuts, y=values, mode="lines", name=name, line={"color": colour, "shape": "hv"}, connectgaps=False
        )
    figure.add_vline(x=report.thresholds[report.labels[j]], line={"dash": "dash", "color": "#333"})
    return _unit(figure, "threshold", "")


def _history(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if not report.history:
        return None
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    members = list(dict.fromkeys(row.get("member") for row in report.history))
    for number, member in enumerate(members):
        rows = [row for row in report.history if row.get("member") == member]
        column = next(key for key in rows[0] if key not in ("member", "epoch", "loss"))
        epochs, prefix = [row["epoch"] for row in rows], f"{_escaped(member)}: " if member else ""
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


def _class_balance(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    stages = report.data.get("stages")
    if not stages:
        return None
    label = report.labels[j]
    names = [_escaped(stage["name"]) for stage in stages]
    toxic = [stage["classes"][label] for stage in stages]
    others = [stage["rows"] - count for stage, count in zip(stages, toxic, strict=True)]
    figure = go.Figure()
    for name, counts, colour in zip(_names(report, j), (others, toxic), _COLOURS, strict=True):
        figure.add_bar(
            x=names, y=counts, name=name, marker={"color": colour}, text=[f"{n:,}" for n in counts], textposition="auto"
        )
    return figure.update_layout(barmode="group", yaxis={"title": "rows"})


def _lengths(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None:
        return None
    lengths = np.minimum([len(text) for text in evidence.comments.texts], _LONGEST)
    edges = np.arange(0, max(20, int(lengths.max())) + 5, 5).astype(np.float64)
    toxic = evidence.predictions.targets[:, j] == 1
    return _bars(lengths, toxic, edges, f"characters ({_LONGEST}: or more)", _names(report, j))


def _slices(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    rows = [
        r
        for r in report.analysis.get("slices", ())
        if r["label"] == report.labels[j] and r["false_positive_rate"] is not None
    ]
    if not rows:
        return None
    names = [f"{_escaped(row['by'])}: {_escaped(_cut(row['name'], 40))}" for row in rows]
    rates = [row["false_positive_rate"] for row in rows]
    bars = {"type": "data", "symmetric": False, "color": GREY, "array": [r["high"] - r["false_positive_rate"] for r in rows],
            "arrayminus": [r["false_positive_rate"] - r["low"] for r in rows]}  # fmt: skip
    figure = go.Figure(
        go.Scatter(
            x=rates, y=list(range(len(rows))), mode="markers", error_x=bars, marker={"color": BLUE, "size": 8},
            text=[f"{r['rows'] - r['toxic']:,} {harmless(report.labels)}" for r in rows],
        )
    )  # fmt: skip
    counts = report.confusion[report.labels[j]]
    overall = counts["fp"] / max(1, counts["fp"] + counts["tn"])
    figure.add_vline(x=overall, line={"dash": "dash", "color": "#333"}, annotation_text=f"all comments, {overall:.3f}")
    return figure.update_layout(
        xaxis={"title": "false positive rate, 95 % intervals"}, height=80 + 26 * len(rows),
        yaxis={"autorange": "reversed", "automargin": True, "tickvals": list(range(len(rows))), "ticktext": names},
        showlegend=False,
    )  # fmt: skip


def _errors(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "errors" not in evidence.points:
        return None
    picture = evidence.points["errors"]
    raw, classes = np.asarray(picture["raw"]), np.asarray(picture["classes"])
    figure = make_subplots(cols=2, column_widths=[0.65, 0.35], shared_yaxes=True, horizontal_spacing=0.02)
    shown = np.arange(len(raw))
    if len(shown) > MOST_POINTS:
        shown = np.random.default_rng(evidence.seed).choice(shown, MOST_POINTS, replace=False)
    for value, name in enumerate(_NAMES):
        rows = np.sort(shown[classes[shown] == value])
        text = [_hover(evidence, picture["texts"][i]) for i in rows]
        figure.add_trace(
            go.Scatter(x=rows, y=raw[rows], mode="markers", name=name, text=text, meta=_COMMENTS,
                       marker={"color": _COLOURS[value], "size": 5, "opacity": 0.6}),
            row=1, col=1,
        )  # fmt: skip
        of = raw[classes == value]
        counts, edges = np.histogram(of, bins=np.linspace(raw.min(), raw.max() + 1e-9, 41))
        figure.add_trace(
            go.Bar(y=(edges[1:] + edges[:-1]) / 2, x=counts / max(1, len(of)), orientation="h", showlegend=False, opacity=0.6,
                   marker={"color": _COLOURS[value]}),
            row=1, col=2,
        )  # fmt: skip
    if picture["threshold"] is not None and raw.min() <= picture["threshold"] <= raw.max():
        figure.add_hline(y=picture["threshold"], line={"dash": "dash", "color": "#333"})
    figure.update_xaxes(title_text="comment", col=1, row=1)
    figure.update_xaxes(title_text="share of comments", col=2, row=1)
    figure.update_yaxes(title_text=picture["call"], col=1, row=1)
    return figure.update_layout(barmode="overlay")


def _metric(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "metric" not in evidence.points:
        return None
    picture = evidence.pictures["metric"]
    classes = np.asarray(picture["classes"])
    titles = [f"{key} the metric, {picture['wide'][key]} numbers" for key in ("before", "after")]
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.04)
    for column, key in enumerate(("before", "after"), start=1):
        points = np.round(np.asarray(picture[key], dtype=np.float64), 2)
        for value, name in enumerate(_NAMES):
            rows = np.flatnonzero(classes == value)
            trace = go.Scatter(
                x=points[rows, 0], y=points[rows, 1], mode="markers", name=name, legendgroup=name, showlegend=column == 1,
                text=[_hover(evidence, picture["texts"][i]) for i in rows], hoverinfo="text", meta=_COMMENTS,
                marker={"color": _COLOURS[value], "size": 5, "opacity": 0.6},
            )  # fmt: skip
            figure.add_trace(trace, row=1, col=column)
    figure.update_layout(legend={"y": -0.05, "yanchor": "top"})
    return figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)


def _importance(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
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


def _generated(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None or "gan" not in evidence.points:
        return None
    figure = go.Figure()
    styles = (("generated", "generated", ORANGE, "circle"), ("training", "real, trained on", BLUE, "circle"),
              ("held_out", "real, held out", "#7a5bb0", "x"))  # fmt: skip
    for key, name, colour, symbol in styles:
        points = np.asarray(evidence.points["gan"][key], dtype=np.float64)
        figure.add_scatter(
            x=points[:, 0], y=points[:, 1], mode="markers", name=f"{name} ({len(points):,})",
            marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
        )  # fmt: skip
    return figure.update_layout(
        xaxis={"title": "first principal component of the real rows"}, yaxis={"title": "second"}
    )


def _tokens(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
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
        named = [_escaped(_cut(row["token"], 20)) for row in shown]
        figure.update_yaxes(tickvals=list(range(len(shown))), ticktext=named, automargin=True, row=1, col=column)
    return figure.update_xaxes(title_text="mean change").update_layout(showlegend=False, height=460)


FIGURES: Mapping[str, _Draw] = {
    "confusion": _confusion,
    "precision_recall": _precision_recall,
    "roc": _roc,
    "score_histogram": _histogram,
    "calibration": _calibration,
    "threshold": _threshold,
    "history": _history,
    "class_balance": _class_balance,
    "lengths": _lengths,
    "slices": _slices,
    "errors": _errors,
    "metric": _metric,
    "importance": _importance,
    "generated_rows": _generated,
    "tokens": _tokens,
}
"""Every figure there may be."""

OF_A_LABEL = frozenset(
    {"confusion", "precision_recall", "roc", "score_histogram", "calibration", "threshold", "class_balance", "lengths", "slices",
     "tokens"}
)  # fmt: skip
"""Those that differ by label."""


def _thinned(along: NDArray[Any]) -> NDArray[np.intp]:
    """Points of a curve that are far enough from each other to be seen, both ends among them."""
    if len(along) <= _POINTS:
        return np.arange(len(along))
    steps = np.floor(np.abs(along - along[0]) / (np.abs(along[-1] - along[0]) or 1) * _POINTS)
    kept = np.append(np.flatnonzero(np.append(True, np.diff(steps) != 0)), len(along) - 1)
    return np.unique(kept)


def _bars(
    values: NDArray[Any], toxic: NDArray[np.bool_], edges: NDArray[np.float64], title: str, names: Sequence[str]
) -> go.Figure:
    """How many comments of each class, as shares of their class."""
    figure = go.Figure()
    for value, name in enumerate(names):
        of = values[toxic == bool(value)]
        counts = np.histogram(of, bins=edges)[0]
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=counts / max(1, len(of)), width=np.diff(edges), name=f"{name} ({len(of):,})",
            marker={"color": _COLOURS[value]}, opacity=0.6, text=[f"{n:,} comments" for n in counts], textposition="none",
        )  # fmt: skip
    return figure.update_layout(
        barmode="overlay", xaxis={"title": title}, yaxis={"title": "share of the class", "tickformat": ".0%"}
    )


def _unit(figure: go.Figure, x: str, y: str) -> go.Figure:
    return figure.update_layout(xaxis={"title": x, "range": [-0.01, 1.01]}, yaxis={"title": y, "range": [-0.01, 1.03]})


def _minus(one: float | None, other: float | None) -> float:
    return 0.0 if one is None or other is None else max(0.0, one - other)


def _hover(evidence: Evidence, text: str) -> str:
    """A comment as plotly shows it: its own markup must not be taken for plotly's."""
    return _escaped(_cut(evidence.normalizer(text), _SHOWN_TEXT))


def _names(report: Report, j: int) -> tuple[str, str]:
    """Without the label, with it."""
    if len(report.labels) == 1:
        return _NAMES
    label = _escaped(report.labels[j])
    return f"without '{label}'", f"with '{label}'"


def _escaped(text: str) -> str:
    """Text that plotly, which knows a few tags, shows as it is."""
    return escape(text, quote=False)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as JSON types."""
    content: dict[str, Any] = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content
