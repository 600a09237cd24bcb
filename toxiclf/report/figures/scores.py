"""Figures of scores: how well a model tells comments apart, and of which kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from toxiclf.evaluation.evidence import Evidence
from toxiclf.evaluation.naming import harmless
from toxiclf.report.figures.shared import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    RED,
    bars_of,
    cut,
    escaped,
    names_of,
    thinned,
    unit,
)

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report

_LONGEST = 200  # characters; longer comments share the last bar


def _scored(evidence: Evidence | None, j: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Scores and classes of the evaluated rows, where both classes are there."""
    if evidence is None:
        return None
    scores, toxic = evidence.predictions.scores[:, j], evidence.predictions.targets[:, j] == 1
    return (scores, toxic) if 0 < toxic.sum() < len(toxic) else None


def confusion(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
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
        z=shares, x=["not flagged", "flagged"], y=names_of(report, j), text=text, texttemplate="%{text}", zmin=0, zmax=1,
        colorscale=[[0, "#eef3f9"], [1, "#7fa8d6"]], showscale=False, hoverinfo="skip",
    )  # fmt: skip
    return go.Figure(heat).update_layout(
        yaxis={"autorange": "reversed", "title": "labelled"}, xaxis={"title": "by the model"}
    )


def precision_recall(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    precision, recall, _ = precision_recall_curve(toxic, scores)
    kept = thinned(recall)
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
    return unit(figure, "recall", "precision")


def roc(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    fpr, tpr, _ = roc_curve(toxic, scores)
    kept = thinned(fpr + tpr)
    figure = go.Figure(go.Scatter(x=fpr[kept], y=tpr[kept], mode="lines", name="model", line={"color": BLUE}))
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="guessing", line={"color": GREY, "dash": "dot"})
    counts = report.confusion[report.labels[j]]
    figure.add_scatter(
        x=[counts["fp"] / (counts["fp"] + counts["tn"])], y=[counts["tp"] / (counts["tp"] + counts["fn"])],
        mode="markers", marker={"size": 9, "color": RED}, name=f"threshold {report.thresholds[report.labels[j]]:.3f}",
    )  # fmt: skip
    return unit(figure, "false positive rate", "recall (true positive rate)")


def histogram(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    given = _scored(evidence, j)
    if given is None:
        return None
    scores, toxic = given
    figure = bars_of(scores, toxic, np.linspace(0, 1, 41), "score", names_of(report, j))
    threshold = report.thresholds[report.labels[j]]
    figure.add_vline(x=threshold, line={"dash": "dash", "color": "#333"}, annotation_text=f"threshold {threshold:.3f}")
    return figure


def calibration(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
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
    return unit(figure, "mean score of a group", "share of toxic comments in it")


def threshold(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
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
    return unit(figure, "threshold", "")


def class_balance(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    stages = report.data.get("stages")
    if not stages:
        return None
    label = report.labels[j]
    names = [escaped(stage["name"]) for stage in stages]
    toxic = [stage["classes"][label] for stage in stages]
    others = [stage["rows"] - count for stage, count in zip(stages, toxic, strict=True)]
    figure = go.Figure()
    for name, counts, colour in zip(names_of(report, j), (others, toxic), COLOURS, strict=True):
        figure.add_bar(
            x=names, y=counts, name=name, marker={"color": colour}, text=[f"{n:,}" for n in counts], textposition="auto"
        )
    return figure.update_layout(barmode="group", yaxis={"title": "rows"})


def lengths(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    if evidence is None:
        return None
    lengths = np.minimum([len(text) for text in evidence.comments.texts], _LONGEST)
    edges = np.arange(0, max(20, int(lengths.max())) + 5, 5).astype(np.float64)
    toxic = evidence.predictions.targets[:, j] == 1
    return bars_of(lengths, toxic, edges, f"characters ({_LONGEST}: or more)", names_of(report, j))


def slices(report: Report, evidence: Evidence | None, j: int) -> go.Figure | None:
    rows = [
        r
        for r in report.analysis.get("slices", ())
        if r["label"] == report.labels[j] and r["false_positive_rate"] is not None
    ]
    if not rows:
        return None
    names = [f"{escaped(row['by'])}: {escaped(cut(row['name'], 40))}" for row in rows]
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


def _minus(one: float | None, other: float | None) -> float:
    return 0.0 if one is None or other is None else max(0.0, one - other)
